/* Leave rates and switches that are counted while the runs go on are those that Python counts. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Network } from "../../assets/engine/network.mjs";
import { Runs } from "../../assets/engine/runs.mjs";
import { assertClose, numbers } from "./numbers.mjs";

const { others, pieces } = numbers("counts");

function counted({ network, interventions = [], steps, runs }, seed) {
  const going = new Runs(new Network(network), { seed, sigma: 1, interventions, runs, twin: true, groups: [] });
  for (let t = 0; t < steps; t++) going.advance();
  return { intact: going.intact.result(), now: going.now.result() };
}

others.forEach((given) => test(`under other noise, rates of ${given.name} are within four standard errors`, () => {
  const found = counted(given, 2);
  ["intact", "now"].forEach((side) => {
    const wanted = given[side];
    const compare = (rate, value, error) => {
      assert.equal(rate === null, value === null);
      if (rate) assertClose([rate.value], [value], { absolute: 4 * Math.hypot(rate.error, error) }, side);
    };
    found[side].leave.forEach((rate, a) => compare(rate, wanted.leave[a], wanted.leave_error[a]));
    compare(found[side].switches, wanted.switches, wanted.switches_error);
    assert.equal(found[side].steps, wanted.steps);
  });
}));

pieces.forEach((given) => test(`under the same noise, rates of ${given.name} and their errors are the same`, () => {
  const { intact } = counted({ ...given, steps: 501, runs: 12 }, 3);
  const compare = (rate, value, error) => {
    assert.equal(rate === null, value === null);
    if (rate) assertClose([rate.value, rate.error], [value, error], { relative: 1e-9 });
  };
  compare(intact.switches, given.switches, given.switches_error);
  intact.leave.forEach((rate, a) => compare(rate, given.leave[a], given.leave_error[a]));
}));
