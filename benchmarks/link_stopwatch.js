/* When does the page show what the user did, without a server? From the event to the frame after it was drawn. */
window.linkStopwatch = (function () {
  "use strict";

  const PATIENCE_MS = 5000;
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  let at = null;

  return {
    /* The next event of this kind begins; what is shown being another one ends it. */
    begin(kind) {
      const before = JSON.stringify(window.hmmrnnLinked.shown);
      at = new Promise((resolve) => {
        window.addEventListener(kind, async function heard(event) {
          while (JSON.stringify(window.hmmrnnLinked.shown) === before) {
            if (performance.now() - event.timeStamp > PATIENCE_MS) {
              window.removeEventListener(kind, heard, true);
              resolve(null);
              return;
            }
            await frame();
          }
          window.removeEventListener(kind, heard, true);
          await frame();
          resolve(performance.now() - event.timeStamp);
        }, true);
      });
    },

    lap: () => at,

    /* An empty event, for comparison: two frames from now. */
    async frames() {
      const since = performance.now();
      await frame();
      await frame();
      return performance.now() - since;
    },

    /* How often the state space shows another scenario until stop() is called. */
    count() {
      const graph = document.querySelector("#state-space .js-plotly-plot");
      let seen = 0;
      let last = graph.data;
      const drawn = () => {
        if (graph.data !== last) seen += 1;
        last = graph.data;
      };
      graph.on("plotly_afterplot", drawn);
      this.stop = () => {
        graph.removeListener("plotly_afterplot", drawn);
        return seen;
      };
    },
  };
}());
