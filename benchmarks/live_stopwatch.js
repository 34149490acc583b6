/* When has the live view drawn, and how often? All times are milliseconds; those that workers tell count from 1970. */
window.liveStopwatch = (function () {
  "use strict";

  /* The live view counts its frames over a second or a little more; after a pause, the first two counts hold some of it. */
  const COUNTED_MS = 1200;
  const SETTLED_MS = 2 * COUNTED_MS;
  const absolute = (time) => performance.timeOrigin + time;
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const root = () => document.getElementById("live");
  let lap = null;

  /* A worker that draws nothing may get no frame at all; the page gets the next one. */
  function begin(event) {
    if (event.button) return;
    const since = absolute(event.timeStamp);
    lap = { since, empty: frame().then(() => absolute(performance.now()) - since) };
    lap.shown = new Promise((resolve) => { lap.show = resolve; });
  }

  return {
    /* From now on, each time that the mouse is let go begins a lap. */
    watch() {
      window.addEventListener("pointerup", begin, true);
      root().addEventListener("live-shown", ({ detail }) => { if (lap) lap.show(detail.at - lap.since); });
    },

    /* Of the last click, to: the first frame with its change, the next frame of the page. */
    async lap() {
      const shown = await stopwatch.within(lap.shown, "the live view");
      return [shown, await stopwatch.within(lap.empty, "a frame of the page")];
    },

    /* Frames per second of the live view, so many counts, one after the other. */
    frames(count) {
      return stopwatch.within(new Promise((resolve) => {
        const found = [];
        let due = performance.now() + SETTLED_MS;
        root().addEventListener("live-status", function hear({ detail }) {
          if (performance.now() < due || !detail.rate) return;
          due = performance.now() + COUNTED_MS;
          if (found.push(detail.rate.frames) < count) return;
          root().removeEventListener("live-status", hear);
          resolve(found);
        });
      }), "the live view");
    },

    /* The same of a loop that does nothing. */
    async emptyFrames(count) {
      const found = [];
      while (found.length < count) {
        const start = await frame();
        let [last, frames] = [start, 0];
        for (; last - start < 1000; frames++) last = await frame();
        found.push((frames * 1000) / (last - start));
      }
      return found;
    },
  };
})();
