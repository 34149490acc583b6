/* What the page shows of a scenario by itself is what Python computes of it: the same outputs and counts, the same places,
 * orbit and rates, and figures with the same data in them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Network, unpacked } from "../../assets/engine/network.mjs";
import { Summaries } from "../../assets/engine/summary.mjs";
import { orbit, orbitCaption, stateSpace, stateSpaceCaption } from "../../assets/fast/figures.mjs";
import { numbersOf } from "../../assets/fast/numbers.mjs";
import { Moments } from "../../assets/linking/moments.mjs";
import { assertClose, numbers } from "./numbers.mjs";

const { parts, asked } = numbers("summary");
const CLOSE = { absolute: 1e-4 };
const summaries = {};
const summarised = (name) => {
  summaries[name] ??= new Summaries(new Network(parts[name].network), parts[name].target);
  return summaries[name];
};

/* Numbers of a list, of a typed array or of what Python has packed; a NaN has its place. */
function assertSame(found, wanted, what) {
  const known = (value) => (Number.isFinite(value) ? value : -1e3);
  const plain = (list) => Array.from(list.bdata === undefined ? list : unpacked(list), known);
  assertClose(plain(found), plain(wanted), CLOSE, what);
}

function assertSameFigure(found, wanted) {
  assert.deepEqual(found.data.map((trace) => trace.name), wanted.data.map((trace) => trace.name));
  found.data.forEach((trace, i) => {
    const other = wanted.data[i];
    ["x", "y"].forEach((axis) => assertSame(trace[axis], other[axis], `${trace.name} ${axis}`));
    if (typeof trace.marker?.color === "object") {
      assertSame(trace.marker.color, other.marker.color, trace.name);
      ["cmin", "cmax"].filter((end) => end in other.marker).forEach((end) => (
        assertSame([trace.marker[end]], [other.marker[end]], end)));
    }
    if (other.customdata) assertSame(trace.customdata.flat(), other.customdata, `moments of ${trace.name}`);
    const style = ({ x, y, customdata, marker, ...rest }) => ({ ...rest, marker: marker && looks(marker) });
    assert.deepEqual(style(trace), style(other), trace.name);
  });
  const layout = ({ xaxis, yaxis, ...rest }) => ({ ...rest, xaxis: still(xaxis), yaxis: still(yaxis) });
  assert.deepEqual(layout(found.layout), layout(wanted.layout));
  ["xaxis", "yaxis"].forEach((axis) => assertSame(found.layout[axis].range, wanted.layout[axis].range, axis));
}

function assertSameMoments(found, wanted) {
  ["runs", "steps", "dimensions", "outputs", "scale"].forEach((name) => assert.deepEqual(found[name], wanted[name], name));
  assert.deepEqual(found.output, wanted.output);
  ["points", "probabilities"].forEach((name) => assertSame(found[name], wanted[name], `${name} of moments`));
}

const still = ({ range, ...axis }) => axis;
const looks = ({ color, cmin, cmax, ...rest }) => ({ ...rest, ...(typeof color === "string" && { color }) });

asked.forEach(({ name, scenario, parts: key, now, reference, figures, captions, values }) => test(`${name} is as in Python`, () => {
  const { figures: drawn, target, rest, network: { plane: { scale } } } = parts[key];
  const make = (one, neuron = null) => summarised(key).of({ ...scenario, ...one }, neuron);
  const found = make({}, scenario.colour === "neuron" ? scenario.neuron : null);
  const intact = make(scenario.against ?? { interventions: [] });
  [[found, now], [intact, reference]].forEach(([one, wanted]) => {
    assert.deepEqual([...one.valid], wanted.valid);
    assert.equal(one.largestNeuron, wanted.largest_neuron);
    const outputs = unpacked(wanted.output);
    one.valid.forEach((end, run) => {
      const part = [run * one.steps, run * one.steps + end];
      assert.deepEqual(one.output.slice(...part), outputs.slice(...part), "the same outputs");
    });
    ["points", "probabilities", "speed"].forEach((field) => assertSame(one[field], wanted[field], field));
    assert.deepEqual([...one.profile.counts], wanted.counts, "the same counts");
    assertSameMoments(Moments.summarised(one, scale), Moments.sent(wanted.moments, scale));
  });
  const behind = scenario.interventions.length || scenario.against ? intact : null;
  assertSameFigure(stateSpace(drawn.light, scenario, found, behind), figures["state-space"]);
  assertSameFigure(orbit(drawn.light, found, behind), figures.orbit);
  assert.deepEqual([stateSpaceCaption(scenario, found, rest), orbitCaption(scenario, found)], captions);
  [[intact, values.before], [found, values.now]].forEach(([one, wanted]) => {
    const own = numbersOf(one, Boolean(target));
    assert.deepEqual(Object.keys(own), Object.keys(wanted));
    Object.keys(own).forEach((key) => assertSame([own[key]].flat(2), [wanted[key]].flat(2), key));
  });
}));

test("what is come back to is the same, and noise is drawn anew only for another seed or window", () => {
  const [{ scenario, parts: key }] = asked;
  const made = summarised(key);
  const first = made.of(scenario);
  const input = made.noise;
  assert.deepEqual(made.of({ ...scenario, sigma: 0.5, interventions: [] }).runs, first.runs);
  assert.equal(made.noise, input);
  made.of({ ...scenario, seed: scenario.seed + 1 });
  assert.notEqual(made.noise, input);
  assert.deepEqual(made.of(scenario), first);
});

test("where no step can be drawn there is no summary", () => {
  const { scenario, parts: key } = asked.find(({ name }) => name.includes("diverges"));
  assert.equal(summarised(key).of({ ...scenario, pair: [90, 91] }), null);
});
