/* Questions that a worker answers: asked once the hand rests on an open tab, looked after while it is open, cancelled.
 *
 * Nothing waits for an answer on the server: this script asks again until it has come. An inquiry that this page no
 * longer waits for is left; it goes on for whoever else asks for it.
 */
(function () {
  "use strict";

  const VIEWS = ["kick-proof", "gain-sweep", "noise", "emergence", "report"];
  const TICK_MS = 200;
  const POLL_MS = 700;
  /* A question that was lost on its way is asked again after so long. */
  const PATIENCE_MS = 15_000;
  /* Of the inquiries that this page began and does not look at, so many go on. */
  const MOST_UNWATCHED = 1;

  const client = () => window.dash_clientside.hmmrnn;
  const no = () => window.dash_clientside.no_update;
  const set = (id, props) => window.dash_clientside.set_props(id, props);

  /* Of each view: what it was last asked about, whether it is still wanted, and when to look again. */
  const lines = {};
  VIEWS.forEach((view) => {
    lines[view] = { scenario: null, turn: 0, key: null, unfinished: false, wanted: true, asking: false, at: 0 };
  });

  function open() {
    const view = client() && client().openTab && client().openTab();
    return VIEWS.includes(view) ? view : null;
  }

  /* Whatever tab is open, and whatever is selected or picked: the answer is the same. */
  const drawn = (scenario) => client().drawnAddress(scenario);
  const isOfNow = (line) => Boolean(line.scenario) && drawn(line.scenario) === drawn(client().present());

  function ask(view, { wanted = true, anew = false } = {}) {
    const line = lines[view];
    const leave = line.unfinished && !(wanted && isOfNow(line)) ? [line.key] : [];
    const unwatched = VIEWS.filter((other) => other !== view && lines[other].unfinished)
      .sort((a, b) => lines[b].at - lines[a].at).slice(MOST_UNWATCHED);
    unwatched.forEach((other) => {
      leave.push(lines[other].key);
      lines[other].unfinished = false;
    });
    Object.assign(line, { scenario: client().present(), turn: line.turn + 1, wanted, asking: true, at: Date.now() });
    set(`${view}-asked`, { data: { scenario: line.scenario, turn: line.turn, leave, wanted, anew } });
  }

  /* The hand rests, or a tab was opened. What was cancelled stays so until the scenario is another one. */
  function settled() {
    const view = open();
    if (!view) return;
    if (!isOfNow(lines[view]) || (lines[view].unfinished && !lines[view].asking)) ask(view);
  }

  function tick() {
    const view = open();
    if (!view || document.hidden || !isOfNow(lines[view])) return;
    const line = lines[view];
    const waited = Date.now() - line.at;
    if (line.asking ? waited > PATIENCE_MS : line.unfinished && waited >= POLL_MS) ask(view, { wanted: line.wanted });
  }

  const answered = (view) => (answer) => {
    const line = lines[view];
    if (!answer || answer.turn !== line.turn) return no();
    Object.assign(line, { asking: false, at: Date.now(), key: answer.key, unfinished: answer.unfinished });
    if (!isOfNow(line)) return no();
    answer.draws.forEach(([id, props]) => set(id, props));
    document.getElementById(`${view}-card`).classList.toggle("stale", answer.unfinished);
    return no();
  };

  const cancel = (view) => (clicks) => {
    if (clicks) ask(view, { wanted: false });
    return no();
  };

  const compute = (view) => (clicks) => {
    if (clicks) ask(view, { anew: true });
    return no();
  };

  const functions = {};
  VIEWS.forEach((view) => {
    functions[`answered_${view}`] = answered(view);
    functions[`cancel_${view}`] = cancel(view);
    functions[`compute_${view}`] = compute(view);
  });
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.hmmrnn = Object.assign(window.dash_clientside.hmmrnn || {}, functions);

  window.addEventListener("hmmrnn-settled", settled);
  window.setInterval(tick, TICK_MS);
})();
