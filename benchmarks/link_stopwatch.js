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

    /* In how many frames the state space shows another scenario, until stop() is called. */
    count() {
      const { on } = window.dash_clientside.hmmrnn;
      const view = "state-space";
      let [seen, isNew, counts] = [0, false, true];
      on("drawn", (views) => { if (views.includes(view)) isNew = true; });
      const look = () => {
        if (isNew) seen += 1;
        isNew = false;
        if (counts) requestAnimationFrame(look);
      };
      look();
      this.stop = () => {
        counts = false;
        return seen;
      };
    },
  };
}());
