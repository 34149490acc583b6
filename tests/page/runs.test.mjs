/* The runs of the live view follow Python through interventions, pulses, pushes and a divergence. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Network } from "../../assets/engine/network.mjs";
import { Stream } from "../../assets/engine/random.mjs";
import { Runs } from "../../assets/engine/runs.mjs";
import { assertClose, numbers } from "./numbers.mjs";

const { walks, divergence, pool, kick } = numbers("runs");

const open = (network, how = {}) => new Runs(
  new Network(network), { seed: 0, sigma: 1, interventions: [], runs: 10, twin: true, groups: [], ...how });

const ACTS = {
  intervene: (runs, interventions) => runs.intervene(interventions),
  hold: (runs, held) => runs.setHold(held),
  sigma: (runs, sigma) => runs.setSigma(sigma),
  twin: (runs, wanted) => runs.setTwin(wanted),
  count: (runs, count) => runs.setCount(count),
  pulse: (runs, { neurons, strength, steps }) => runs.setPulse(neurons, strength, steps),
  go: (runs, steps) => { for (let t = 0; t < steps; t++) assert.ok(runs.advance()); },
};

/* What is known of the runs, by the names of the status that the page hears. */
const KNOWN = {
  step: (runs) => runs.step,
  output: (runs) => runs.states[0].output,
  twin: (runs) => Boolean(runs.twins),
  parted: (runs) => runs.parted && runs.parted.step,
  together: (runs) => runs.together,
  pulse: (runs) => (runs.pulse ? runs.pulse.left : 0),
  lastSwitch: (runs) => runs.lastSwitch,
};

function follow(runs, { do: act, value, there }) {
  ACTS[act](runs, value);
  if (!there) return;
  const { h, probabilities, ...known } = there;
  const [first] = runs.states;
  assertClose(first.h, h, { absolute: 1e-6 }, `h at step ${there.step}`);
  assertClose(first.probabilities, probabilities, { absolute: 1e-6 }, `probabilities at step ${there.step}`);
  Object.entries(known).forEach(([name, wanted]) => (
    assert.equal(KNOWN[name](runs), wanted, `${name} at step ${there.step}`)));
}

walks.forEach(({ name, network, seed, acts }) => test(name, () => {
  const runs = open(network, { seed });
  acts.forEach((act) => follow(runs, act));
  /* From the first step it is the same again. */
  const { interventions } = { interventions: [], ...acts.find(({ do: act }) => act === "intervene") };
  if (interventions.length) return;
  runs.restart();
  assert.deepEqual([runs.step, runs.twins && runs.parted, runs.now.result().steps], [0, runs.twins && null, 0]);
}));

divergence.forEach(({ network, interventions, who, step, run, neuron }) => {
  test(`${who} that leaves all bounds stops everything at the step where Python's does`, () => {
    const runs = open(network, { interventions });
    while (runs.advance());
    assert.deepEqual(runs.diverged, { step, run, neuron, who });
    assert.equal(runs.advance(), false);
    assert.equal(runs.step, step);
  });
});

test("a twin that leaves all bounds can be left out", () => {
  const { network, interventions, step } = divergence[1];
  const runs = open(network, { interventions, twin: false });
  for (let t = 0; t < step + 20; t++) assert.ok(runs.advance());
});

test("a push leads to the nearest of the states that Python visits", () => {
  pool.nearest.forEach(({ place: [x, y], h, distance }) => {
    const runs = open(pool.network, { runs: 5 });
    while (runs.visited.count < pool.count) runs.visited.advance();
    const found = runs.pin({ x, y, all: false });
    assertClose([found.distance], [distance], { absolute: 1e-5 });
    assertClose(runs.states[0].h, h, { absolute: 1e-5 });
    assert.equal(found.of, pool.count);
    /* It is held there while the others go on. */
    runs.advance();
    assertClose(runs.states[0].h, h, { absolute: 1e-5 });
    assert.notDeepEqual(runs.states[1].h, runs.states[0].h);
    runs.pin({ x, y, all: true });
    runs.states.forEach((state) => assertClose(state.h, h, { absolute: 1e-5 }));
    runs.pin(null);
    assert.ok(runs.twins);
    runs.advance();
    assert.notDeepEqual(runs.states[0].h, runs.states[1].h);
  });
});

test("without its kick group an output is hardly left, and with it as before", () => {
  const runs = open(kick.network);
  const rateOf = (counts) => counts.events / counts.steps;
  const counted = (interventions) => {
    runs.intervene(interventions);
    for (let t = 0; t < 1000; t++) runs.advance();
    return runs.now.result();
  };
  const intact = counted([]);
  const silenced = counted([{ neurons: kick.group, mu: 0, target: "unit" }]);
  assert.ok(rateOf(silenced.leave[0]) < 0.15 * rateOf(intact.leave[0]));
  assert.ok(rateOf(silenced.switches) < 0.36 * rateOf(intact.switches));
  assert.ok(rateOf(runs.intact.result().leave[0]) > 0.5 * rateOf(intact.leave[0]));
  assert.ok(rateOf(counted([]).switches) > 0.5 * rateOf(intact.switches));
});

test("two thousand neurons step", () => {
  const [n, m, o] = [2000, 100, 3];
  const stream = new Stream(1, 0, 0);
  const drawn = (kind, count, scale) => kind.from({ length: count }, () => scale * stream.normal());
  const runs = open({
    neurons: n, inputs: m, outputs: o,
    weights: {
      W_hh: drawn(Float32Array, n * n, 0.02), W_ih: drawn(Float32Array, n * m, 0.1),
      W_out: drawn(Float32Array, o * n, 0.05), b_h: new Float32Array(n), b_out: new Float32Array(o),
    },
    plane: { mean: new Float64Array(n), components: drawn(Float64Array, 2 * n, 0.02), scale: [1, 1] },
  }, { runs: 2 });
  for (let t = 0; t < 3; t++) assert.ok(runs.advance());
  const [{ h, probabilities }] = runs.states;
  assert.ok(Math.max(...h) > 0 && Math.max(...h) < 1e3);
  assertClose([probabilities.reduce((sum, p) => sum + p, 0)], [1], { absolute: 1e-12 });
});

test("runs that go on take no more memory", () => {
  const runs = open(walks[1].network, {
    runs: 4, interventions: [{ neurons: [0], mu: 0, target: "unit" }], groups: [{ neurons: [1, 2] }] });
  const heap = () => {
    for (let t = 0; t < 20_000; t++) runs.advance();
    globalThis.gc();
    return process.memoryUsage().heapUsed;
  };
  const first = heap();
  assert.ok(heap() - first < 2 * 2 ** 20);
  assert.equal(runs.step, 40_000);
});
