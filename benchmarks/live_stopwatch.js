/* When has the live view drawn, and how often? All times are milliseconds; those that workers tell count from 1970. */
window.liveStopwatch = (function () {
  "use strict";

  /* The live view counts its frames over a second or a little more; after a pause, the first two counts hold some of it. */
  const COUNTED_MS = 1200;
  const SETTLED_MS = 2 * COUNTED_MS;
  /* An empty loop, on a canvas of its own as the live view's: asked for a time, it tells that of its next frame. */
  const EMPTY_LOOP = `
    let asked = false;
    onmessage = ({ data }) => {
      if (data) requestAnimationFrame(frame);
      else asked = true;
    };
    function frame() {
      if (asked) postMessage(performance.timeOrigin + performance.now());
      asked = false;
      requestAnimationFrame(frame);
    }`;

  const absolute = (time) => performance.timeOrigin + time;
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const root = () => document.getElementById("live");
  let lap = null;

  function emptyLoop() {
    const canvas = document.createElement("canvas").transferControlToOffscreen();
    const worker = new Worker(URL.createObjectURL(new Blob([EMPTY_LOOP], { type: "text/javascript" })));
    worker.postMessage(canvas, [canvas]);
    return worker;
  }

  /* What a lap waits for, and what may come in the meantime. */
  function begin(event, loop) {
    if (event.button) return;
    lap = { since: absolute(event.timeStamp), foreseen: null };
    lap.empty = new Promise((resolve) => { lap.tick = resolve; });
    lap.shown = new Promise((resolve) => { lap.show = resolve; });
    loop.postMessage(null);
  }

  function sawSheet(changes) {
    const isSheet = (node) => node.nodeType === Node.ELEMENT_NODE && node.matches(".live-overlay");
    if (!lap || lap.foreseen !== null || !changes.some(({ addedNodes }) => [...addedNodes].some(isSheet))) return;
    lap.foreseen = absolute(performance.now()) - lap.since;
  }

  return {
    /* From now on, each time that the mouse is let go begins a lap. `views`: those that may be laid over. */
    watch(views) {
      const loop = emptyLoop();
      loop.onmessage = ({ data }) => lap.tick(data - lap.since);
      window.addEventListener("pointerup", (event) => begin(event, loop), true);
      root().addEventListener("live-shown", ({ detail }) => { if (lap) lap.show(detail.at - lap.since); });
      /* Whoever watches is called after the drawing that follows the laying over. */
      const observer = new MutationObserver(sawSheet);
      views.forEach((view) => observer.observe(stopwatch.graphOf(view).parentElement, { childList: true }));
    },

    /* Of the last click, to: the first frame with its change, the next frame of an empty loop, the first view laid over
     * (null if none has been: the server was sooner). To be asked once the server's answer has been drawn. */
    async lap() {
      const shown = await stopwatch.within(lap.shown, "the live view");
      return [shown, await stopwatch.within(lap.empty, "a frame of an empty loop"), lap.foreseen];
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
