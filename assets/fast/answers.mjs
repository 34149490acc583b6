/* Answers that the page gives by itself: state space, orbit and numbers of a small network, from runs that a worker makes.
 *
 * The server says once for a network and a plane what is needed (hmmrnn/dashboard/own_answers.py). What the page cannot
 * show, or cannot make quickly, stays the server's.
 */

import { address, configuration, element, idOf } from "../core/configuration.mjs";
import { on } from "../core/events.mjs";
import { drawnKey } from "../core/link.mjs";
import { ask } from "../core/net.mjs";
import { present, scheme } from "../core/page.mjs";
import { graphOf } from "../core/plotly.mjs";
import { orbit, orbitCaption, runsInWords, stateSpace, stateSpaceCaption } from "./figures.mjs";
import { numbersOf } from "./numbers.mjs";

/* The input of all runs is kept: at most so many numbers of eight bytes. */
const MOST_NUMBERS = 5e6;
/* Summaries that are kept, so that what is come back to is there at once. */
const MOST_SUMMARIES = 12;
/* While the user drags, so many runs are shown, and all when it is let go; see FIRST_RUNS on the server. */
const FIRST_RUNS = 3;

const state = {
  of: null, parts: null, worker: null, opening: false, asked: 0, waiting: new Map(), kept: new Map(), failed: new Set(),
};

const planeOf = ({ model, pair, input, sequence }) => JSON.stringify([model, pair, input, sequence]);
const views = () => [idOf("STATE_SPACE"), idOf("ORBIT"), idOf("NUMBERS")];

export const isOpening = () => state.opening;

/* ---- the network ---- */

/* opened: called when the page can answer. */
export function startAnswers(opened) {
  on("settled", async () => {
    const scenario = present();
    if (!window.Worker || planeOf(scenario) === state.of) return;
    close();
    state.of = planeOf(scenario);
    const { of } = state;
    state.opening = true;
    const { model, pair, input, sequence } = scenario;
    const parts = await ask(address("parts"), { model, pair, input, sequence });
    if (of !== state.of) return;
    state.opening = false;
    /* Without an answer, it is asked again. */
    if (!parts) state.of = null;
    else if (parts.network) open(parts, opened);
  });
}

function open(parts, opened) {
  const { network, target } = parts;
  const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
  Object.assign(state, { parts, worker });
  worker.onmessage = ({ data }) => {
    state.waiting.get(data.id)(data.summary);
    state.waiting.delete(data.id);
  };
  /* Without it the server answers. */
  worker.onerror = close;
  worker.postMessage({ kind: "open", network, target });
  opened();
}

function close() {
  state.worker?.terminate();
  Object.assign(state, { parts: null, worker: null, opening: false });
  state.waiting.forEach((resolve) => resolve(null));
  [state.waiting, state.kept, state.failed].forEach((items) => items.clear());
}

/* ---- what can be answered ---- */

/* Whether a view is in the page, with its figure drawn. */
export const isThere = (view) => Boolean(view === idOf("NUMBERS") ? element("NUMBERS") : graphOf(view));

export function canAnswer(view, scenario) {
  if (!state.parts || planeOf(scenario) !== state.of || !views().includes(view)) return false;
  if (!isSound(scenario) || state.failed.has(drawnKey(scenario))) return false;
  return view !== idOf("STATE_SPACE") || isPlane(scenario);
}

const isCompared = ({ interventions, against }) => interventions.length > 0 || against !== null;

const isPlane = (scenario) => (
  scenario.dimensions === 2 && !scenario.without_noise && !scenario.paths && !(scenario.beside && isCompared(scenario)));

/* What is beyond any of these, the server refuses in words. */
function isSound(scenario) {
  const { limits } = configuration();
  const { steps, trajectories, seed, colour, neuron, start } = scenario;
  const { neurons, start: learned } = state.parts.network;
  const states = steps * trajectories;
  const within = (value, [least, most]) => Number.isInteger(value) && value >= least && value <= most;
  return within(steps, limits.steps) && within(trajectories, limits.trajectories) && within(seed, [0, limits.seed])
    && states <= limits.states && states * neurons <= MOST_NUMBERS
    && (start !== "learned" || Boolean(learned)) && (colour !== "neuron" || within(neuron, [0, neurons - 1]))
    && [scenario, scenario.against].every((side) => !side || isSoundSide(side, limits, neurons));
}

const isSoundSide = ({ sigma, interventions }, limits, neurons) => (
  sigma >= 0 && sigma <= limits.sigma && interventions.length <= limits.interventions
  && interventions.every((item) => item.mu >= 0 && item.mu <= limits.mu
    && item.neurons.length && item.neurons.every((i) => i >= 0 && i < neurons)));

/* ---- answering ---- */

/* As the server answers: updates of components, for those of the views that are wanted. Null where it has to. `few`: of the
 * first runs alone, and all are to be asked for next. */
export async function answer(wanted, scenario, few = false) {
  const { of, parts } = state;
  const trajectories = few ? Math.min(FIRST_RUNS, scenario.trajectories) : scenario.trajectories;
  const shown = { ...scenario, trajectories };
  const neuron = scenario.colour === "neuron" && wanted.includes(idOf("STATE_SPACE")) ? scenario.neuron : null;
  const [reference, now] = await Promise.all([summaryOf(referenceOf(shown), null), summaryOf(shown, neuron)]);
  if (!reference || !now || of !== state.of) {
    if (trajectories < scenario.trajectories && state.worker && of === state.of) return answer(wanted, scenario);
    state.failed.add(drawnKey(scenario));
    return null;
  }
  const behind = isCompared(scenario) ? reference : null;
  const updates = wanted.flatMap((view) => updatesOf(view, parts, scenario, now, behind, reference));
  return trajectories < scenario.trajectories ? { updates, more: wanted } : { updates };
}

/* What a scenario is compared with. */
function referenceOf(scenario) {
  const { interventions, sigma } = scenario.against ?? { interventions: [], sigma: scenario.sigma };
  return { ...scenario, interventions, sigma };
}

/* All runs of a scenario and of what it is compared with, for Moments; null where the server has to send them. */
export async function summariesOf(scenario) {
  const { of, parts } = state;
  if (!parts || planeOf(scenario) !== of || !isSound(scenario) || state.failed.has(drawnKey(scenario))) return null;
  const summaries = [scenario, ...(isCompared(scenario) ? [referenceOf(scenario)] : [])].map((one) => summaryOf(one, null));
  const [now, reference = null] = await Promise.all(summaries);
  return now && of === state.of ? { now, reference, scale: parts.network.plane.scale } : null;
}

function updatesOf(view, { figures, target, rest }, scenario, now, behind, reference) {
  const drawn = figures[scheme()];
  const caption = (children) => [`${view}-caption`, { children }];
  if (view === idOf("ORBIT")) return [[view, { figure: orbit(drawn, now, behind) }], caption(orbitCaption(scenario, now))];
  if (view === idOf("STATE_SPACE")) {
    return [[view, { figure: stateSpace(drawn, scenario, now, behind) }], caption(stateSpaceCaption(scenario, now, rest))];
  }
  const [before, after] = [reference, now].map((summary) => numbersOf(summary, Boolean(target)));
  const of = drawnKey({ ...scenario, trajectories: now.runs });
  const runs = now.runs < scenario.trajectories ? runsInWords(now.runs, scenario.trajectories) : undefined;
  return [[view, { values: { of, runs, kept: scenario.against !== null, before, now: after } }]];
}

/* The summary of a scenario: kept, or of the worker. */
function summaryOf({ seed, sigma, steps, trajectories, pair, interventions, start }, neuron) {
  const wanted = { seed, sigma, steps, trajectories, pair, interventions, start };
  const key = JSON.stringify([wanted, neuron]);
  const known = state.kept.get(key) ?? fromWorker(wanted, neuron);
  /* The last one is the one that was last looked at. */
  state.kept.delete(key);
  state.kept.set(key, known);
  if (state.kept.size > MOST_SUMMARIES) state.kept.delete(state.kept.keys().next().value);
  return known;
}

function fromWorker(scenario, neuron) {
  state.asked += 1;
  const id = state.asked;
  state.worker.postMessage({ kind: "ask", id, scenario, neuron });
  return new Promise((resolve) => { state.waiting.set(id, resolve); });
}
