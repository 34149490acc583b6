/* The pages of sweeps: which of them is open, and the questions about how a sweep goes.
 *
 *     /sweep         the list                 /sweep/<name>    a sweep
 */
(function () {
  "use strict";

  const TICK_MS = 250;
  /* A question that was lost on its way is asked again after so long. */
  const PATIENCE_MS = 5000;

  const client = window.dash_clientside.hmmrnn;
  const no = () => window.dash_clientside.no_update;
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const byId = (id) => document.getElementById(id);
  const scheme = () => document.documentElement.dataset.scheme;

  const watch = { page: null, sweep: "", seen: {}, turn: 0, asking: false, at: 0, again: null };
  const shown = { measure: null, across: null };

  function placed() {
    const found = window.location.pathname.match(/^\/sweep(?:\/([^/]*))?\/?$/);
    if (!found) return { page: null, sweep: "" };
    return { page: found[1] ? "page" : "start", sweep: found[1] || "" };
  }

  function arrived() {
    const { page, sweep } = placed();
    if (page === watch.page && sweep === watch.sweep) return;
    const first = !watch.turn;
    Object.assign(watch, { page, sweep, asking: false });
    if (!page || !shown.measure) return;
    byId("sweep").classList.add("arriving");
    ask();
    if (!first) window.setTimeout(() => document.querySelector(`.sweep-${page} h2`).focus(), 0);
  }

  /* One question at a time, while somebody looks. */
  function ask() {
    if (!shown.measure) return;
    Object.assign(watch, { turn: watch.turn + 1, asking: true, at: Date.now() });
    set("sweep-asked", {
      data: { turn: watch.turn, sweep: watch.sweep, theme: scheme(), seen: watch.seen, ...shown },
    });
  }

  function tick() {
    if (!watch.page || document.hidden) return;
    const waited = Date.now() - watch.at;
    if (watch.asking ? waited > PATIENCE_MS : watch.again === null || waited >= 1000 * watch.again) ask();
  }

  /* ---- the links of the table ---- */

  const link = (text, title, attributes) => window.React.createElement("a", { title, ...attributes }, text);

  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions || {}, {
    TrainingLink: ({ value }) => (value
      ? link("progress", "How this training goes", { href: `/train/${value}`, className: "page-link cell-link" }) : ""),
    NetworkLink: ({ value, data }) => (value
      ? link("explore", `Open ${value} in all views`, {
        href: `/?model=${value}`, className: "cell-link", "data-training": data.id,
      }) : ""),
  });

  /* A network is opened without leaving the page, unless it is to be opened in another tab. */
  document.addEventListener("click", (event) => {
    const of = event.target.closest("a[data-training]");
    if (!of || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    client.wish("explore", of.dataset.training);
  });

  /* ---- what Dash calls ---- */

  Object.assign(client, {
    sweepShown: (measure, across) => {
      Object.assign(shown, { measure, across });
      arrived();
      if (watch.page) ask();
      return { ...shown };
    },

    sweepAnswered: (answer) => {
      /* Only the answer to the last question counts: another one may be of the page that was open before. */
      if (!answer || answer.turn !== watch.turn || !watch.page) return no();
      if (answer.unknown) {
        client.say(answer.unknown);
        client.go("/sweep", { replace: true });
        return no();
      }
      Object.assign(watch, { asking: false, at: Date.now(), again: answer.again });
      Object.entries(answer.parts).forEach(([name, part]) => {
        watch.seen[name] = part.stamp;
        part.draws.forEach(([id, props]) => set(id, props));
      });
      byId("sweep").classList.remove("arriving");
      return no();
    },

    sweepTheme: () => {
      if (watch.page) ask();
      return no();
    },
  });

  window.addEventListener("hmmrnn-arrived", arrived);
  window.setInterval(tick, TICK_MS);
})();
