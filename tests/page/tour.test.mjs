/* The tour says what holds for the network that is open, and its card covers nothing that it points at. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { placeBeside } from "../../assets/panels/tour-place.mjs";
import { caseOf, control, filled, scenarioOf, valuesOf } from "../../assets/panels/tour-scenes.mjs";
import { numbers } from "./numbers.mjs";

const { steps, defaults } = numbers("tour");
const stepOf = (key) => steps.find((step) => step.key === key);
const present = { ...defaults, seed: 5, large: "readout", interventions: [{ neurons: [9], mu: 0, target: "unit" }] };

const GROUP = {
  output: 0, to: null, neurons: [2, 4, 6], name: "kick neurons for leaving 0", ratio: 0.05, proven: true, controls: 40,
  control_median: 0.98, percentile: 0, closed_by: null,
};
const kickOf = (groups, { integrating = [{ output: 0, neurons: [7, 8] }], reason = "" } = {}) => (
  { model: "linear-2", groups, integrating, reason, others: [0, 1, 3, 5, 7, 8, 9, 10] });
const said = (key, kick, outputs = ["0", "1"]) => (
  filled(stepOf(key).texts[caseOf(stepOf(key), kick, outputs)], valuesOf(stepOf(key), kick)));
const silencedIn = (key, kick) => scenarioOf(stepOf(key), present, defaults, kick).interventions;

test("a step changes the network that it begins with, and nothing else of what is open", () => {
  const weaker = { ...GROUP, output: 1, neurons: [1, 3], ratio: 0.1 };
  const kick = kickOf([weaker, GROUP]);
  assert.deepEqual(silencedIn("silence", kick), [{ neurons: GROUP.neurons, mu: 0, target: "unit" }]);
  const { interventions, ...rest } = scenarioOf(stepOf("silence"), present, defaults, kick);
  const { interventions: __, ...wanted } = { ...defaults, seed: 5 };
  assert.deepEqual(rest, wanted);
  assert.ok(scenarioOf(stepOf("rest"), present, defaults, kick).without_noise);
});

test("the control is as large as the group, outside all groups, and the same each time", () => {
  const kick = kickOf([GROUP]);
  const [{ neurons, mu, target }] = silencedIn("control", kick);
  assert.deepEqual([new Set(neurons).size, mu, target], [3, 0, "unit"]);
  assert.ok(neurons.every((neuron) => kick.others.includes(neuron)));
  assert.deepEqual(control(kick, 5), neurons);
  assert.notDeepEqual(control(kick, 6), neurons);
});

test("a proven group is quoted with its numbers", () => {
  const text = said("silence", kickOf([GROUP]));
  assert.match(text, /0\.05 times as often/);
  assert.match(text, /are now silent/);
  assert.doesNotMatch(text, /\{/);
});

test("where silencing closes some exits alone, the tour says so", () => {
  const groups = [[1, 0.79], [2, 0.08], [3, 0.13]].map(([to, ratio]) => (
    { ...GROUP, to, ratio, proven: ratio < 0.15, name: `kick neurons for 0 → ${to}` }));
  const text = said("silence", kickOf(groups));
  assert.match(text, /2 of 3 exits need/);
  assert.match(text, /output 0 went to 2 0\.08 times/);
  assert.match(text, /may fall only in part/);
});

test("where no group is proven, the tour says so", () => {
  const text = said("silence", kickOf([{ ...GROUP, proven: false }, { ...GROUP, output: 1, proven: false }]));
  assert.match(text, /no small group was found for any of its 2/);
  assert.match(text, /Nothing else that was tried closes this exit\./);
});

test("where no group is found, the tour gives the reason and goes on", () => {
  const none = kickOf([], { integrating: [], reason: "This network never leaves an output." });
  assert.match(said("silence", none), /This network never leaves an output\./);
  assert.deepEqual(silencedIn("silence", none), []);
  assert.match(said("control", none), /drawn at random are silent/);
  assert.equal(silencedIn("control", none)[0].neurons.length, 3);
  const [after] = steps.slice(steps.findIndex(({ key }) => key === "control") + 1);
  assert.match(said(after.key, none), /nothing is cut off/);
  assert.deepEqual(silencedIn(after.key, none), []);
});

test("while the kick neurons are sought, nothing is silenced and the tour says so", () => {
  assert.match(said("silence", null), /still being sought/);
  assert.deepEqual(silencedIn("silence", null), []);
});

test("a window with a single output is spoken of as such", () => {
  assert.equal(caseOf(stepOf("clusters"), kickOf([GROUP]), ["1"]), "one_output");
});

test("every text of every step is filled in", () => {
  const values = { badge: "", rest: "", search: "", outputs: "", ...valuesOf(stepOf("silence"), kickOf([GROUP])) };
  steps.forEach((step) => Object.values(step.texts).forEach((text) => (
    [...text.matchAll(/\{(\w+)\}/g)].forEach(([, name]) => assert.ok(name in values, `${step.key}: ${name}`)))));
});

test("the card covers no target where there is room beside it", () => {
  const size = { width: 360, height: 260 };
  const room = { width: 1024, height: 768, top: 60 };
  const boxes = [[10, 80, 500, 400], [530, 80, 480, 680], [10, 500, 1000, 250], [300, 90, 300, 500]];
  boxes.forEach(([left, top, width, height]) => {
    const place = placeBeside(size, [{ left, top, right: left + width, bottom: top + height }], room);
    assert.equal(place.covered, 0);
    assert.ok(place.left >= 0 && place.left + size.width <= room.width);
    assert.ok(place.top >= room.top && place.top + size.height <= room.height);
  });
});
