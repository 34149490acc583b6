/* The figures of the state space and the orbit: those that Python has drawn, with the data of summaries in their place
 * (hmmrnn/dashboard/own_answers.py). Nothing here knows of the page. */

import { counted } from "../core/words.mjs";
import { BINS, quantile } from "../engine/profile.mjs";

const MARGIN = 0.04;
/* The few extreme states would leave the rest without contrast. */
const EXTREME = 0.98;
const CENTRES = Float64Array.from({ length: BINS }, (_, bin) => ((bin + 0.5) * 360) / BINS);

/* Drawn as Python has drawn it. */
const REST = ["fixed point", "saddle", "repellor", "unstable direction"];

const named = (figure, name) => figure.data.find((trace) => trace.name === name);

/* ---- state space ---- */

/* drawn: figures of a theme; now, reference: summaries, the second null where nothing is compared. */
export function stateSpace(drawn, scenario, now, reference) {
  const values = valuesOf(scenario, now);
  const isSigned = values?.values.some((value) => value < 0);
  const figure = drawn[values ? (isSigned ? "neuron" : "speed") : "output"];
  const states = values ? [byValue(figure.data[1], values, isSigned, now)] : byOutput(figure, now);
  const ghost = reference && placed(figure.data[0], kept(reference), { name: scenario.against ? "A" : "intact" });
  const path = { x: column(now, 0).subarray(0, now.steps), y: column(now, 1).subarray(0, now.steps) };
  const rest = REST.map((name) => named(figure, name));
  const data = [ghost, ...states, placed(named(figure, "run 1"), path), ...rest].filter(Boolean);
  const layout = { ...figure.layout };
  ["xaxis", "yaxis"].forEach((name, axis) => {
    layout[name] = { ...layout[name], range: rangeOf([now, reference], axis) };
  });
  return { data, layout };
}

const placed = (trace, { x, y }, more = {}) => ({ ...trace, x, y, ...more });

/* What is worked out of a summary once: a trace whose arrays are the same ones is not drawn anew. */
const memory = new WeakMap();
function once(summary, name, make) {
  if (!memory.has(summary)) memory.set(summary, {});
  const known = memory.get(summary);
  known[name] ??= make();
  return known[name];
}

const column = (summary, axis) => once(summary, `column ${axis}`, () => (
  Float32Array.from({ length: summary.points.length / 2 }, (_, i) => summary.points[2 * i + axis])));

/* The states that are drawn, of those that `isChosen`. */
function chosen(summary, isChosen) {
  const { points, steps } = summary;
  const at = [];
  for (let i = 0; 2 * i < points.length; i++) if (points[2 * i] === points[2 * i] && isChosen(i)) at.push(i);
  return {
    x: Float32Array.from(at, (i) => points[2 * i]), y: Float32Array.from(at, (i) => points[2 * i + 1]),
    customdata: at.map((i) => [Math.floor(i / steps), (i % steps) + 1]), at,
  };
}

const kept = (summary) => once(summary, "drawn", () => chosen(summary, () => true));

function byOutput(figure, now) {
  return Array.from({ length: now.outputs }, (_, k) => {
    const { x, y, customdata } = once(now, `output ${k}`, () => chosen(now, (i) => now.output[i] === k));
    return x.length ? { ...named(figure, `output ${k}`), x, y, customdata } : null;
  });
}

function valuesOf({ colour, neuron }, now) {
  if (colour === "speed") return { values: now.speed, label: "speed (plane units per step)" };
  if (colour === "neuron") return { values: now.pre, label: `pre-activation of neuron ${neuron}` };
  return null;
}

function byValue(trace, { values, label }, isSigned, now) {
  const { x, y, customdata, at } = chosen(now, (i) => values[i] === values[i]);
  const color = Float32Array.from(at, (i) => values[i]);
  const bound = isSigned && (quantile(color.map(Math.abs).sort(), EXTREME) || 1);
  const { colorbar } = trace.marker;
  return {
    ...trace, x, y, customdata, name: label, hovertemplate: label + trace.hovertemplate,
    marker: {
      ...trace.marker, color, ...(isSigned && { cmin: -bound, cmax: bound }),
      colorbar: { ...colorbar, title: { ...colorbar.title, text: label } },
    },
  };
}

function rangeOf(summaries, axis) {
  const both = [0, 1].map((one) => (
    summaries.filter(Boolean).map((summary) => once(summary, `ends ${one}`, () => endsOf(column(summary, one))))));
  const low = Math.min(...both[axis].map((end) => end[0]));
  const high = Math.max(...both[axis].map((end) => end[1]));
  /* At least half as wide as the states are far from the centre: a network at rest is a point in the plane. */
  const least = Math.max(...both.flat(2).map(Math.abs)) / 2 || 1;
  const margin = Math.max(MARGIN * (high - low), (least - (high - low)) / 2);
  return [low - margin, high + margin];
}

function endsOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return [low, high];
}

/* ---- orbit ---- */

export function orbit(drawn, now, reference) {
  const figure = drawn.orbit;
  const data = [];
  for (let k = 0; k < now.outputs; k++) {
    const { lower, median, upper } = now.profile;
    data.push(placed(named(figure, `output ${k}, quartiles`), once(now, `band ${k}`, () => band(lower[k], upper[k]))));
    data.push(placed(named(figure, `output ${k}`), { x: CENTRES, y: median[k] }));
    if (reference) data.push(placed(named(figure, `intact, output ${k}`), { x: CENTRES, y: reference.profile.median[k] }));
  }
  if (reference) data.push(placed(named(figure, "intact"), { x: CENTRES, y: share(reference) }));
  data.push(placed(named(figure, "occupancy"), { x: CENTRES, y: share(now) }));
  return { data, layout: figure.layout };
}

const share = (summary) => once(summary, "share", () => (
  Float64Array.from(summary.profile.counts, (count) => (100 * count) / summary.drawn)));

/* The area between two curves, a part for each stretch without a gap. */
function band(low, high) {
  const x = [];
  const y = [];
  for (let bin = 0; bin < BINS;) {
    let end = bin;
    while (end < BINS && low[end] === low[end]) end += 1;
    if (end > bin) {
      const there = Array.from({ length: end - bin }, (_, i) => bin + i);
      const around = [...there, ...there.toReversed()];
      if (x.length) x.push(NaN), y.push(NaN);
      x.push(...around.map((i) => CENTRES[i]));
      y.push(...there.map((i) => high[i]), ...there.toReversed().map((i) => low[i]));
    }
    bin = end + 1;
  }
  return { x, y };
}

/* ---- captions ---- */

/* How many runs are shown, of those that the scenario has: "10 runs", or "3 of 10 runs". */
export const runsInWords = (shown, wanted) => (
  shown < wanted ? `${shown} of ${counted(wanted, "run")}` : counted(shown, "run"));

/* rest: what Python says of the fixed points. */
export function stateSpaceCaption({ sigma, trajectories, steps, pair }, now, rest = "") {
  const valid = now.valid.reduce((sum, end) => sum + end, 0);
  const words = now.drawn === valid ? counted(valid, "state") : `${now.drawn.toLocaleString("en")} of ${counted(valid, "state")}`;
  const ended = now.valid.filter((end) => end < steps);
  return [
    `${words}: ${runsInWords(now.runs, trajectories)} of ${steps} steps, sigma ${Number(sigma.toPrecision(6))}`,
    pair ? `, plane of the intact network's stretches with outputs ${pair[0]} and ${pair[1]} only, `
      + "steps with other outputs left out" : "",
    ended.length ? `; ${counted(ended.length, "run")} ${ended.length === 1 ? "diverges," : "diverge, the first"} at step ${Math.min(...ended) + 1} `
      + `(neuron ${now.largestNeuron})` : "",
    rest,
  ].join("");
}

export const orbitCaption = ({ trajectories }, now) => (
  `median and quartiles of ${counted(now.drawn, "state")} in ${BINS} bins`
  + (now.runs < trajectories ? `, of ${runsInWords(now.runs, trajectories)}` : ""));
