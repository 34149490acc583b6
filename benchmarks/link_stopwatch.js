/* When does the page show what a hand did, without a server? From the event to the frame after it was drawn. */
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

    /* How often the state space shows another scenario until stop() is called: by the server, and by the page itself. */
    count() {
      const graph = document.querySelector("#state-space .js-plotly-plot");
      const seen = { server: 0, page: 0 };
      let last = graph.layout.meta;
      const drawn = () => {
        if (graph.layout.meta !== last) seen.server += 1;
        last = graph.layout.meta;
      };
      graph.on("plotly_afterplot", drawn);
      const overlay = window.hmmrnnOverlay;
      const { drawStates } = overlay.constructor.prototype;
      overlay.drawStates = function counted() {
        seen.page += 1;
        drawStates.call(overlay);
      };
      this.stop = () => {
        graph.removeListener("plotly_afterplot", drawn);
        delete overlay.drawStates;
        return seen;
      };
    },
  };
}());
