/* The views as one instrument: one moment marked in all of them, a selection that restricts them. All of it happens in
 * the page, of runs that it has made or that the server gives once; the server says which neurons differ. */

import { on } from "../core/events.mjs";
import { link } from "../core/link.mjs";
import { present, scheme, store, viewsOf } from "../core/page.mjs";
import { rests } from "../core/requests.mjs";
import { isInChapter } from "../core/router.mjs";
import { make } from "../core/elements.mjs";
import { attachCamera, follow, startCamera } from "./camera.mjs";
import { afterFigures, boxOf, changeFigures, graphOf, layoutOf } from "../core/plotly.mjs";
import { makeOverlays, each } from "./overlays.mjs";
import { address, configuration, element, idOf } from "../core/configuration.mjs";
import { summariesOf } from "../fast/answers.mjs";
import { cornersOf, ellipse } from "./areas.mjs";
import { Moments } from "./moments.mjs";
import { Timeline } from "./timeline.mjs";
import { hideContrast, showContrast } from "./contrast-columns.mjs";
import { describeFigures } from "./descriptions.mjs";
import { showPicked, startPicking } from "./picked.mjs";

const PLANES = ["STATE_SPACE", "REGION_MAP"].map(idOf);
const RANKED = 5;
const ASK_MS = 150;
/* In standard deviations of each axis. */
const AROUND_SD = 0.5;
const AROUND_GROWTH = 1.5;
/* As far as Plotly's own labels reach, in pixels. */
const REACH = 20;
/* What Plotly takes for a drag, in pixels. */
const DRAG_PX = 8;

const state = {
  moments: null, reference: null, shown: null, hovered: null, chosen: null, area: null, span: null, picked: null, pointed: null,
  touched: new Set(), colours: null, of: null, ranked: null,
};
let timeline = null;
let overlays = [];
let asked = 0;
const describe = describeFigures(() => state.moments);

/* What the runs depend on, and with them every moment. */
const runsOf = ({ model, pair, input, sequence, start, seed, sigma, interventions, steps, trajectories, against }) => (
  JSON.stringify([model, pair, input, sequence, start, seed, sigma, interventions, steps, trajectories, against]));

export function start() {
  window.hmmrnnLinked = state;
  overlays = makeOverlays(state);
  startCamera();
  /* Dash draws the page when it likes; from the first scenario on it is there. */
  on("scenario", changed);
  on("settled", settled);
  on("scheme", recolour);
  on("drawn", attach);
  changeFigures(withoutSelections);
  afterFigures(attach);
  document.addEventListener("keydown", key);
  startPicking(pointAtNeuron);
  /* These events may have passed while this module was on its way. */
  if (!present()) return;
  attach();
  changed();
  if (rests()) settled();
}

/* ---- what is shown ---- */

function changed() {
  const scenario = present();
  if (!timeline && element("TIMELINE")) begin();
  if (runsOf(scenario) !== state.of) forgetRuns();
  const touched = new Set(scenario.interventions.flatMap((item) => item.neurons));
  Object.assign(state, { area: scenario.area, span: scenario.span, picked: scenario.picked, touched });
  choose();
  showPicked(scenario);
  PLANES.forEach(follow);
  refresh();
  /* With nothing on its way to the server, nothing will settle. */
  if (state.moments) window.setTimeout(rank, ASK_MS);
}

function begin() {
  timeline = new Timeline(element("TIMELINE"), {
    moved: (moment) => {
      state.shown = moment;
      state.hovered = null;
      refreshMoment();
    },
    selected: (span) => store.change({ ...present(), span }),
  });
  window.hmmrnnTimeline = timeline;
}

function forgetRuns() {
  Object.assign(state, { moments: null, reference: null, chosen: null, hovered: null, of: null, ranked: null });
  hideContrast();
}

async function settled() {
  const scenario = present();
  const of = runsOf(scenario);
  if (of === state.of) {
    rank();
    return;
  }
  asked += 1;
  const turn = asked;
  const found = await summarised(scenario) ?? await sent(scenario);
  if (turn !== asked || runsOf(present()) !== of || !found) return;
  Object.assign(state, { of, ...found });
  recolour();
  choose();
  refresh();
  rank();
}

/* Moments of a scenario and of what it is compared with: of runs that the page has, or of the server's; null where there are none. */
async function summarised(scenario) {
  const runs = await summariesOf(scenario);
  return runs && bothOf(runs, Moments.summarised);
}

async function sent(scenario) {
  const answer = await fetched(address("moments"), scenario);
  return answer && !answer.refused ? bothOf(answer, Moments.sent) : null;
}

const bothOf = ({ now, reference, scale }, make) => (
  { moments: make(now, scale), reference: reference && make(reference, scale) });

/* Null where the server does not answer: the page says so elsewhere, and asks again when it is back. */
async function fetched(path, scenario) {
  try {
    const answer = await fetch(`${path}${link(scenario)}`);
    return answer.ok ? await answer.json() : null;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return null;
  }
}

function recolour() {
  state.colours = configuration().colours[scheme()];
  if (timeline) timeline.show(state.moments, state.colours, state.span);
  refresh();
}

function refresh() {
  if (state.colours) overlays.forEach((overlay) => overlay.refresh());
}

/* The selection is a thousand strokes that do not change with the moment. */
function refreshMoment() {
  if (state.colours) overlays.filter((overlay) => overlay.ofMoment).forEach((overlay) => overlay.refresh());
}

function attach() {
  overlays.forEach((overlay) => overlay.attach());
  PLANES.forEach((view) => {
    listenTo(view, inPlane);
    followPointer(view);
  });
  listenTo(idOf("ORBIT"), onOrbit);
  listenTo("activity", inActivity);
  viewsOf("task").forEach((view) => {
    listenTo(view, inLens);
    followPointer(view);
  });
  attachCamera();
  describe();
}

/* ---- hovering ---- */

const heard = new WeakSet();
const followed = new WeakSet();

function listenTo(view, handlers) {
  const graph = graphOf(view);
  if (!graph || !graph.on || heard.has(graph)) return;
  heard.add(graph);
  Object.entries(handlers).forEach(([name, act]) => graph.on(`plotly_${name}`, (event) => act(event, graph)));
}

const momentOf = ({ customdata }) => (
  Array.isArray(customdata) || ArrayBuffer.isView(customdata) ? { run: customdata[0], step: customdata[1] } : null);

/* What is pointed at is shown as long as it is pointed at. */
function point(moment) {
  if (!state.moments || !timeline || timeline.playing) return;
  const { run, step } = state.shown || {};
  if (run === moment.run && step === moment.step) return;
  state.shown = moment;
  timeline.describe(state.moments.at(moment));
  refreshMoment();
}

/* Plotly looks no more than twenty times a second for what is under the mouse, and takes a while to find it; its label may
 * come later than the mark. */
function followPointer(view) {
  const graph = graphOf(view);
  if (!graph || followed.has(graph)) return;
  followed.add(graph);
  let pointing = false;
  const letGoOf = () => {
    /* Where Plotly has a label it says itself when that goes. */
    if (pointing && !(graph._hoverdata || []).length) away();
    pointing = false;
  };
  graph.addEventListener("mousemove", (/** @type {any} */ { clientX, clientY, buttons }) => {
    if (buttons || !state.moments) return;
    const { left, top } = graph.getBoundingClientRect();
    const boxes = planesIn(view, graph).map(([x, y]) => boxOf(graph, x, y)).filter(Boolean);
    if (!boxes.length) return;
    const moment = boxes.map((box) => underPointer(box, clientX - left, clientY - top)).find(Boolean);
    if (!moment) {
      letGoOf();
      return;
    }
    pointing = true;
    point({ run: moment.run, step: moment.step });
  });
  graph.addEventListener("mouseleave", letGoOf);
}

/* The axes of the planes in a figure: those of a lens are named by it. */
const planesIn = (view, graph) => (PLANES.includes(view) ? [["xaxis", "yaxis"]] : graph.layout.meta?.plane ?? []);

function underPointer(box, x, y) {
  const [across, down] = [x - box.left, y - box.top];
  if (across < 0 || across > box.width || down < 0 || down > box.height) return null;
  const place = [box.fromX(x), box.fromY(y)];
  const unit = [box.toX(1) - box.toX(0), box.toY(1) - box.toY(0)];
  const found = [state.moments, state.reference].map((runs) => runs && runs.nearest(place, unit, REACH)).filter(Boolean);
  return found.sort((a, b) => a.distance - b.distance)[0];
}

function away() {
  if (!timeline || timeline.playing) return;
  state.hovered = null;
  state.shown = timeline.moment;
  if (state.moments) timeline.describe(state.moments.at(timeline.moment));
  refreshMoment();
}

const inPlane = {
  hover: ({ points: [at] }) => {
    const moment = momentOf(at);
    spatial = isSpatial(at) ? moment : null;
    if (moment) point(moment);
  },
  unhover: () => {
    spatial = null;
    away();
  },
  click: ({ points: [at] }) => {
    const moment = momentOf(at);
    if (moment && timeline && !isSpatial(at)) timeline.goTo(moment);
  },
  selected: (event, graph) => {
    /* The old selection is taken away when the next one begins. */
    if (!event) return;
    if (press.selects) selectArea(event, graph);
    press.selects = false;
  },
};

/* In three dimensions Plotly reports a click a frame after the mouse is pressed, also where the plot is turned then, and
 * none where it is released sooner. So the moment that is pointed at is kept, and a press that stays in its place is a click. */
let spatial = null;
const isSpatial = ({ data }) => data.type === "scatter3d";

/* Plotly reports an old selection again whenever it draws anew or another tool is chosen: only a drag selects. */
const press = { selects: false, moment: null, x: 0, y: 0 };
document.addEventListener("pointerdown", (event) => {
  const target = /** @type {Element} */ (event.target);
  const isInSpace = !event.button && !target.closest?.(".modebar") && PLANES.map(graphOf)
    .some((graph) => graph && layoutOf(graph).scene && graph.contains(target));
  Object.assign(press, {
    selects: Boolean(target.closest?.(".draglayer")), moment: isInSpace ? spatial : null, x: event.clientX, y: event.clientY,
  });
}, true);
document.addEventListener("pointerup", ({ clientX, clientY }) => {
  if (press.moment && Math.hypot(clientX - press.x, clientY - press.y) <= DRAG_PX) timeline?.goTo(press.moment);
  press.moment = null;
}, true);

const onOrbit = {
  hover: (event) => {
    if (!state.moments || timeline.playing) return;
    state.hovered = state.moments.atPhase(event.points[0].x);
    refresh();
  },
  unhover: away,
};

const inActivity = {
  hover: (event) => point({ run: 0, step: event.points[0].x }),
  unhover: away,
  click: (event) => timeline && timeline.goTo({ run: 0, step: event.points[0].x }),
};

/* A neuron that is pointed at is marked in the other figures as one that is picked is. */
function pointAtNeuron(neuron) {
  if (neuron === state.pointed) return;
  state.pointed = neuron;
  if (state.colours) overlays.filter((overlay) => overlay.ofNeuron).forEach((overlay) => overlay.refresh());
}

/* The neuron of a point in a figure of a lens; of a pair the one that is silenced. Null in other panels. */
function neuronOf({ x, xaxis, customdata }, graph) {
  const isIn = (kind) => (graph.layout.meta?.[kind] ?? []).some(([axis]) => axis === xaxis?._name);
  if (isIn("neurons")) return x;
  return isIn("pairs") && customdata ? customdata[1] : null;
}

const inLens = {
  hover: ({ points: [at] }, graph) => pointAtNeuron(neuronOf(at, graph)),
  unhover: () => {
    pointAtNeuron(null);
    away();
  },
};

/* ---- selecting ---- */

function selectArea(drawn, graph) {
  const area = cornersOf(drawn);
  /* Plotly's own marks of a selection are not needed: the glass shows it. */
  window.setTimeout(() => {
    window.Plotly.update(graph, { selectedpoints: [null] }, { selections: [] });
  }, 0);
  if (area) store.change({ ...present(), area });
}

/* Dash draws with the selection that Plotly wrote into the figure: the next drag would move that one. */
const withoutSelections = (_graph, figure) => (
  figure.layout?.selections ? { ...figure, layout: { ...figure.layout, selections: [] } } : figure);

/* What the lasso does, without a mouse: the states around the moment of the strip of time, each time some more. */
let around = { area: null, radius: 0 };
function selectAround() {
  const there = state.moments && state.moments.at(timeline.moment);
  if (!there || present().dimensions === 3) return;
  const isMore = JSON.stringify(present().area) === JSON.stringify(around.area) && around.of === nameOf(there);
  const radius = isMore ? around.radius * AROUND_GROWTH : AROUND_SD;
  const area = ellipse(there.place, state.moments.scale.map((scale) => radius * scale));
  around = { area, radius, of: nameOf(there) };
  store.change({ ...present(), area });
}

const nameOf = ({ run, step }) => `${run} ${step}`;

function choose() {
  const { moments, area, span } = state;
  const of = JSON.stringify([area, span, state.of]);
  if (!moments || (!area && !span)) state.chosen = null;
  else if (state.chosenOf !== of || !state.chosen) state.chosen = moments.chosen(area, span);
  state.chosenOf = of;
  if (timeline && state.colours) timeline.show(moments, state.colours, span);
  showSelection();
}

function letGo() {
  store.change({ ...present(), area: null, span: null });
}

/* How the outputs share the selection, and which neurons differ. */
function showSelection() {
  const place = document.getElementById("selection");
  if (!place) return;
  const { moments, chosen, ranked } = state;
  if (!chosen) {
    place.replaceChildren();
    place.hidden = true;
    return;
  }
  const counts = new Array(moments.outputs).fill(0);
  let inside = 0;
  each(chosen, (i) => {
    counts[moments.output[i]] += 1;
    inside += 1;
  });
  const all = moments.output.reduce((sum, output) => sum + (output >= 0), 0);
  const shares = counts.map((n, output) => [n, output]).filter(([n]) => n)
    .map(([n, output]) => `${output}: ${((100 * n) / inside).toFixed(0)} %`).join(", ");
  const close = make("button", {
    type: "button", className: "page-button", textContent: "×", title: "Select nothing (Escape)",
    "aria-label": "Clear the selection",
  });
  close.addEventListener("click", letGo);
  const words = `${inside.toLocaleString("en")} of ${all.toLocaleString("en")} states`;
  place.hidden = false;
  place.title = `${words} selected. Output ${shares}. ${rankedWords(ranked)}`;
  place.replaceChildren(make("strong", { textContent: words }), make("span", { textContent: `output ${shares}` }), close);
}

function rankedWords(ranked) {
  if (!ranked) return "";
  if (ranked.refused) return ranked.refused;
  const first = ranked.order.slice(0, RANKED).map((neuron) => `${neuron} (d ${size(ranked.effect[neuron])})`);
  return `Neurons that differ most, inside against outside: ${first.join(", ")}; all of them are in the table.`;
}

const size = (effect) => (effect === null ? "jumps" : `${effect > 0 ? "+" : ""}${effect.toFixed(1)}`);

async function rank() {
  const scenario = present();
  const of = JSON.stringify([scenario.area, scenario.span, runsOf(scenario)]);
  if (!state.chosen) {
    /* Even if nothing is ranked now: what is shown may be of a selection before the last one. */
    hideContrast();
    state.ranked = null;
    return;
  }
  if (state.ranked && state.ranked.of === of) return;
  state.ranked = { of, refused: "Neurons are being compared." };
  const answer = await fetched(address("contrast"), scenario);
  const now = present();
  if (!answer || JSON.stringify([now.area, now.span, runsOf(now)]) !== of) {
    if (state.ranked && state.ranked.of === of) state.ranked = null;
    return;
  }
  const strength = (i) => (answer.effect[i] === null ? Infinity : Math.abs(answer.effect[i]));
  state.ranked = answer.refused ? { of, refused: answer.refused } : {
    of, ...answer, order: answer.effect.map((_, i) => i).sort((a, b) => strength(b) - strength(a)),
  };
  if (!answer.refused) showContrast(state.ranked);
  showSelection();
}

/* ---- keys ---- */

/* Where a key already means something else. */
const BUSY = "input, select, textarea, button, summary, a, [role=slider], [role=tab], [role=grid], .ag-root, canvas, dialog, .panel";

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !timeline) return;
  const isBusy = event.target.closest && event.target.closest(BUSY);
  if (event.key === "Escape" && !document.querySelector(":popover-open") && !event.target.closest("input, select, textarea")) {
    const { area, span } = present() || {};
    if (area || span) letGo();
    return;
  }
  if (isBusy || !isInChapter()) return;
  const act = {
    " ": () => timeline.toggle(), ArrowLeft: () => timeline.go(-1), ArrowRight: () => timeline.go(1),
    n: () => timeline.toSwitch(1), p: () => timeline.toSwitch(-1), s: selectAround,
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
}
