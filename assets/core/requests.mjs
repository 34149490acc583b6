/* What is requested for the views that are shown: the fast ones one request at a time, the newest state last; the slow ones
 * one after the other, once the scenario has settled. What the page can answer by itself it does, and asks the server for
 * the rest.
 *
 * A view is drawn of a key: the scenario as far as the view depends on it, the theme, and whether the kick neurons are
 * known. A view whose key is the present one is not requested again. */

import { address, configuration, element, idOf } from "./configuration.mjs";
import { apply } from "./dash.mjs";
import { emit, on } from "./events.mjs";
import { ask } from "./net.mjs";
import { kickGroups, present, presentKey, sayRefusal, scheme, store, viewsOf } from "./page.mjs";
import { drawOwn, leaveToDash, passedData } from "./plotly.mjs";
import { isInChapter, shownViews } from "./router.mjs";
import { drawn, same } from "./scenario.mjs";
import { answer as answerHere, canAnswer, isOpening, isThere, startAnswers } from "../fast/answers.mjs";
import { drawDraft, endDraft } from "../fast/draft.mjs";
import { numbersTable } from "../fast/numbers.mjs";

const SETTLE_MS = 250;
/* A moment in which the next of several changes may come. */
const GATHER_MS = 12;
const BUSY_MS = 500;
const LOOK_MS = 50;
/* A pointer that has not moved for so long rests. */
const REST_MS = 150;

const state = {
  timer: null, settleTimer: null, look: null, asked: 0, slow: 0, rests: false,
  slowEnded: 0, good: null, turning: false, owed: [],
};
/* Who answers for fast views: each is asked one thing at a time. */
const PAGE = {
  takes: (view) => isThere(view) && canAnswer(view, present()), ask: (wanted, of) => answerHere(wanted, of, store.held), asking: false, again: false };
const SERVER = {
  takes: (view) => !PAGE.takes(view), ask: (wanted, of) => askFor(wanted, of, false, { few: !hasFirst(wanted) }), asking: false, again: false };
const lanes = [PAGE, SERVER];
/* Of each view: the key of what it shows, and the number of the question that this answers. */
const shown = {};
const answered = {};
/* Of each view of a large network: the key of which its first runs are shown, before all are. */
const begun = {};
/* Of each graph: the figure that it was last given. */
const figures = {};
/* Of each graph: the timer of what is drawn when the pointer rests. */
const resting = {};
const CAPTIONS = () => ["STATE_SPACE", "ORBIT"].map((name) => `${idOf(name)}-caption`);
const views = () => Object.fromEntries(configuration().views.map((view) => [view.id, view]));

export const rests = () => state.rests;
export const isFresh = (view) => !document.getElementById(`${view}-body`)?.hasChildNodes();
export const markShown = (view) => { shown[view] = keyOf(view); };

/* What a view is of: the network, the plane that it is seen in, or the scenario. */
const networkKey = () => JSON.stringify([present().model, present().input, present().sequence]);
const SUBJECTS = { network: networkKey, plane: () => JSON.stringify([networkKey(), present().pair]), scenario: presentKey };
export const subjectOf = (view) => SUBJECTS[views()[view].of]();

export const keyOf = (view, isRefined = false) => (
  JSON.stringify([subjectOf(view), scheme(), Boolean(kickGroups()), isRefined]));

const hasFirst = (wanted) => wanted.some((view) => begun[view] === keyOf(view));

const isDue = (view) => shown[view] !== keyOf(view) && shown[view] !== keyOf(view, true);
const waits = (view) => views()[view].needsKickNeurons && !kickGroups();
const cardOf = (view) => document.getElementById(`${view}-card`);

function due(kind) {
  const always = kind === "fast" ? [idOf("NUMBERS")] : [];
  const kinds = viewsOf(kind);
  return [...shownViews(), ...always].filter((view) => kinds.includes(view) && isDue(view) && !waits(view));
}

/* ---- fast ---- */

/* The page begins at once. */
export function requestSoon() {
  window.clearTimeout(state.settleTimer);
  state.timer ??= window.setTimeout(() => {
    state.timer = null;
    request(SERVER);
  }, GATHER_MS);
  request(PAGE);
}

async function request(lane) {
  window.clearTimeout(state.settleTimer);
  if (!present() || !isInChapter()) return;
  if (lane.asking) {
    lane.again = true;
    return;
  }
  lane.again = false;
  const wanted = due("fast").filter(lane.takes);
  const waits = lane === PAGE && store.held && wanted.length && hasFirst(wanted);
  if (waits) return;
  if (wanted.length) {
    lane.asking = true;
    const of = present();
    const keys = wanted.map((view) => keyOf(view));
    const key = presentKey();
    state.asked += 1;
    const number = state.asked;
    const answer = await lane.ask(wanted, of);
    lane.asking = false;
    /* The worker computes the newest state while this one is drawn. */
    if (lane === PAGE && lane.again && presentKey() !== key) request(lane);
    if (answer) take(answer, wanted, keys, of, { number, isOwn: lane === PAGE });
    /* What is dragged is drawn whole when it is let go. */
    if (answer?.more) lane.again = lane === SERVER || !store.held;
    /* What this has drawn of an older state may be the other's to draw anew. */
    else request(lane === PAGE ? SERVER : PAGE);
  }
  if (lane.again) request(lane);
  else if (!state.timer && !lanes.some(({ asking }) => asking)) rest();
}

function rest() {
  window.clearTimeout(state.settleTimer);
  state.settleTimer = window.setTimeout(settle, SETTLE_MS);
}

const askFor = (wanted, scenario, settled, more = {}) => ask(address("views"), {
  scenario, views: wanted, theme: scheme(), settled, fresh: wanted.filter(isFresh), ...more,
});

/* What cannot be shown is taken back: the address, the controls and the history are those of what is there. */
function take(answer, wanted, keys, of, how) {
  if (answer.refused) {
    sayRefusal(answer);
    if (state.good && same(drawn(of), drawn(present())) && !same(drawn(state.good), drawn(of))) store.takeBack(state.good);
    return;
  }
  state.good = of;
  /* A view of an older state is drawn all the same where it is newer than what is there. */
  show(answer, wanted, keys, of, how);
}

function show(answer, wanted, keys, of, { number, isOwn } = { number: state.asked, isOwn: false }) {
  const isLate = (view) => answered[view] > number;
  const late = wanted.filter(isLate).flatMap((view) => [view, `${view}-caption`]);
  answer.updates.filter(([id]) => !late.includes(id)).forEach(([id, props]) => (
    isOwn ? giveOwn(id, props) : update(id, props, of)));
  wanted.forEach((view, i) => {
    if (isLate(view)) return;
    answered[view] = number;
    if (answer.more?.includes(view)) begun[view] = keys[i];
    else shown[view] = keys[i];
    const card = cardOf(view);
    if (card && !isDue(view)) card.classList.remove("stale");
  });
  emit("drawn", wanted);
}

/* A state space that is being turned would jump back: it is drawn when it is released. */
function update(id, props, scenario) {
  if (id === idOf("STATE_SPACE") && state.turning && scenario.dimensions === 3) state.owed.push([id, props, scenario]);
  else give(id, props);
}

function give(id, props) {
  if (props.figure) {
    if (id === idOf("STATE_SPACE")) endDraft();
    figures[id] = props.figure;
    leaveToDash(id);
  }
  if (!writes(id, props)) apply([[id, props]]);
}

function giveOwn(id, props) {
  if (writes(id, props)) return;
  const { figure } = props;
  figures[id] = figure;
  const waits = store.held && (id !== idOf("STATE_SPACE") || drawDraft(figure));
  if (waits) drawWhenResting(id, figure);
  else drawWhole(id, figure);
}

function drawWhole(id, figure) {
  if (id === idOf("STATE_SPACE")) endDraft();
  drawOwn(id, figure);
}

/* While the user drags, a figure is drawn once the pointer rests, if it is still new and no newer one is on its way. */
function drawWhenResting(id, figure) {
  window.clearTimeout(resting[id]);
  resting[id] = window.setTimeout(() => {
    if (figures[id] !== figure) return;
    if (PAGE.asking) drawWhenResting(id, figure);
    else drawWhole(id, figure);
  }, REST_MS);
}

/* Numbers, and captions of views that the page can answer: written here and not by Dash, also where the server answers. */
function writes(id, { values, children }) {
  if (values) document.getElementById(id).replaceChildren(numbersTable(values));
  else if (CAPTIONS().includes(id)) document.getElementById(id).textContent = children;
  else return false;
  return true;
}

export function turn(turning) {
  state.turning = turning;
  if (turning) return;
  state.owed.splice(0).forEach(([id, props, scenario]) => {
    if (same(drawn(scenario), drawn(present()))) give(id, props);
  });
}

/* ---- slow ---- */

/* Whether slow results add to a fast view: where a field has one of some values, or everywhere if no field is named. */
function isRefined({ refined }, scenario) {
  const conditions = Object.entries(refined ?? {});
  return Boolean(refined) && (!conditions.length || conditions.some(([name, values]) => values.includes(scenario[name])));
}

function settle() {
  if (!present() || !isInChapter()) return;
  state.rests = true;
  requestSlow();
  emit("settled");
}

/* The slow views that are shown, one after the other; then the fast ones that slow results add to. */
async function requestSlow() {
  state.slow += 1;
  const turn = state.slow;
  const of = present();
  const isStill = () => turn === state.slow && same(drawn(of), drawn(present()));
  const refined = shownViews().filter((view) => isRefined(views()[view], of));
  for (const view of [...due("slow"), ...refined]) {
    const isRefined = refined.includes(view);
    const key = keyOf(view, isRefined);
    if (shown[view] === key) continue;
    const answer = await askUntilThere([view], of, isStill);
    if (!isStill()) return;
    if (answer && answer.refused) sayRefusal(answer);
    else if (answer) show(answer, [view], [key], of);
  }
  state.slowEnded = turn;
}

/* While the answer is computed, again at once: the server waits a moment by itself. While it computes for others, after a
 * random time, so that not all pages come back together. */
async function askUntilThere(wanted, of, isStill) {
  for (;;) {
    const answer = await askFor(wanted, of, true);
    if (!(answer?.busy || answer?.computing) || !isStill()) return answer;
    if (answer.busy) await new Promise((resolve) => { window.setTimeout(resolve, BUSY_MS * (1 + Math.random())); });
    if (!isStill()) return null;
  }
}

/* ---- whether all is there ---- */

/* Whether every view that is shown, but for those that a worker computes, shows the present scenario. */
export function isSettled() {
  return Boolean(present()) && state.rests && !lanes.some(({ asking }) => asking) && !state.timer && !state.look && !isOpening()
    && state.slowEnded === state.slow
    && !due("fast").length && !due("slow").length && shownViews().every(isDrawn);
}

const isDrawn = (view) => [...document.querySelectorAll(`#${view}-card .js-plotly-plot`)].every((graph) => {
  const figure = figures[graph.closest("[id]:not(.js-plotly-plot)").id];
  return !figure || passedData(graph) === figure.data;
});

/* Whether the table of numbers belongs to what is shown now. */
export const areNumbersOfNow = () => (
  /** @type {HTMLElement | null} */ (element("NUMBERS")?.querySelector("[data-of]"))?.dataset.of === presentKey());

/* ---- when ---- */

export function startRequests() {
  on("scenario", ({ before, now }) => {
    if (before && same(drawn(before), drawn(now)) && before.large === now.large) return;
    if (!before || !same(drawn(before), drawn(now))) {
      state.rests = false;
      /* What is come back to may be shown still. */
      [...viewsOf("slow"), ...viewsOf("task")].forEach((view) => cardOf(view)?.classList.toggle("stale", isDue(view)));
    }
    requestSoon();
  });
  on("released", () => { if (due("fast").some((view) => hasFirst([view]))) requestSoon(); });
  ["arrived", "kick", "scheme"].forEach((name) => on(name, () => { if (present()) requestSoon(); }));
  on("back", () => {
    SERVER.asking = false;
    if (present()) request(SERVER);
  });
  startAnswers(drawAgain);
}

/* From now on every picture of these views is the page's, so that one can be compared with the next. */
function drawAgain() {
  const wanted = viewsOf("fast").filter((view) => canAnswer(view, present()) && !isDue(view));
  /* The first picture may still be on its way to the screen. */
  const isLate = wanted.some((view) => !isThere(view) && shownViews().includes(view));
  state.look = isLate ? window.setTimeout(drawAgain, LOOK_MS) : null;
  if (isLate) return;
  wanted.forEach((view) => { delete shown[view]; });
  /* What slow results add comes again, too. */
  state.rests = false;
  requestSoon();
}
