/* The network that runs in the page draws NumPy's random numbers and takes Python's steps. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Drive, Gains, Network, State, unpacked } from "../../assets/engine/network.mjs";
import { Stream } from "../../assets/engine/random.mjs";
import { assertClose, numbers } from "./numbers.mjs";

const { drawn, networks, stepped, responded } = numbers("engine");

drawn.forEach(({ seed, normal, uniform }) => test(`random numbers of seed ${seed} are those of NumPy`, () => {
  const { length } = unpacked(normal);
  const from = (purpose, draw) => {
    const stream = new Stream(seed, purpose, 2);
    return Float64Array.from({ length }, () => stream[draw]());
  };
  assertClose(from(0, "normal"), normal, { relative: 1e-13 });
  assert.deepEqual(from(1, "uniform"), unpacked(uniform));
}));

/* h, output and emission of every step of a run; `enter` draws or gives what enters the neurons at a step. */
function walk(network, gains, drive, steps, enter) {
  const state = new State(network);
  const taken = { h: new Float64Array(steps * network.n), output: [], emission: [] };
  for (let t = 0; t < steps; t++) {
    enter(drive, t);
    state.step(gains, drive);
    taken.h.set(state.h, t * network.n);
    taken.output.push(state.output);
    taken.emission.push(state.emission);
  }
  return taken;
}

stepped.forEach(({ network: name, kind, interventions, sigma, seed, h, output, emission }) => {
  test(`every step is that of Python: ${name}, ${kind}`, () => {
    const network = new Network(networks[name]);
    const gains = Gains.of(network, interventions);
    const wanted = unpacked(h);
    output.forEach((outputs, run) => {
      const steps = outputs.length;
      const found = walk(network, gains, new Drive(network, seed, run), steps, (drive) => drive.next(sigma));
      const size = steps * network.n;
      assertClose(found.h, wanted.subarray(run * size, (run + 1) * size), { absolute: 1e-6 }, `run ${run}`);
      assert.deepEqual(found.output, outputs);
      assert.deepEqual(found.emission, emission[run]);
    });
  });
});

test("on given noise it responds as Python does", () => {
  const network = new Network(networks.shipped);
  const noise = unpacked(responded.noise);
  const enter = (drive, t) => drive.enter(noise.subarray(t * network.m, (t + 1) * network.m));
  const found = walk(network, new Gains(network), new Drive(network, 4, 0), responded.output.length, enter);
  assertClose(found.h, responded.h, { absolute: 1e-6 });
  assert.deepEqual(found.output, responded.output);
});
