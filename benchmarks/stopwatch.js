/* When is a view drawn? Plotly says so; the page's own clock takes the time, in milliseconds. */
window.stopwatch = (function () {
  "use strict";

  const PATIENCE_MS = 120000;

  let views = [];
  let lap = null;
  /* The figures of all views as the last two laps left them: what a redraw goes from and to. */
  let before = null;
  let now = null;

  const graphOf = (view) => document.querySelector(`#${view} .js-plotly-plot`);
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const within = (promise, what) => Promise.race([promise, new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${what} was not drawn within ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  })]);
  const figures = () => views.map((view) => {
    const { data, layout } = graphOf(view);
    return structuredClone({ data, layout });
  });
  /* Graphs of the same size with nothing around them, which the page does not know. */
  const bare = {};
  function bareOf(view) {
    if (!bare[view]) {
      const { width, height } = graphOf(view).getBoundingClientRect();
      bare[view] = document.createElement("div");
      Object.assign(bare[view].style, {
        position: "fixed", left: 0, top: 0, width: `${width}px`, height: `${height}px`, zIndex: -1 });
      document.body.append(bare[view]);
    }
    return bare[view];
  }
  const draw = (shown) => Promise.all(
    views.map((view, i) => window.Plotly.react(bareOf(view), shown[i].data, shown[i].layout)));

  function begin(since) {
    lap = { since, missing: new Set(views) };
    lap.done = new Promise((resolve) => { lap.resolve = resolve; });
  }

  function drawn(view) {
    /* A view that is drawn a second time is drawn for a slow answer. */
    if (lap && lap.missing.delete(view) && !lap.missing.size) lap.resolve(performance.now() - lap.since);
  }

  return {
    graphOf,
    within,

    /* From now on, each time that the mouse is let go begins a lap, and all of these views being drawn ends it. */
    watch(watched) {
      views = watched;
      now = figures();
      window.addEventListener("mouseup", (event) => begin(event.timeStamp), true);
      views.forEach((view) => graphOf(view).on("plotly_afterplot", () => drawn(view)));
    },

    /* Length of the lap that the last click began. */
    async lap() {
      const length = await within(lap.done, views.join(" or "));
      [before, now] = [now, figures()];
      return length;
    },

    /* How long Plotly alone takes for the change of the last lap, in the bare graphs. */
    async redraw() {
      const [from, to] = structuredClone([before, now]);
      await draw(from);
      await frame();
      await frame();
      const since = performance.now();
      await within(draw(to), views.join(" or "));
      return performance.now() - since;
    },

    /* Wait until a view is drawn with data in it, on a page that is still being set up. */
    firstDrawing(view) {
      return within(new Promise((resolve) => {
        const look = () => {
          const graph = graphOf(view);
          if (!graph || !graph.data) requestAnimationFrame(look);
          else if (graph.data.length) requestAnimationFrame(resolve);
          else graph.on("plotly_afterplot", () => { if (graph.data.length) resolve(); });
        };
        look();
      }), view);
    },
  };
})();
