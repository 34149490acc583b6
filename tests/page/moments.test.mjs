/* Phase, profile along the orbit and selections of the runs that a page holds are those of Python. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { unpacked } from "../../assets/engine/network.mjs";
import { Moments } from "../../assets/linking/moments.mjs";
import { assertClose, numbers } from "./numbers.mjs";

const given = numbers("moments");
const moments = Moments.sent(given, given.scale);
const [, steps] = given.points.shape;

test("each moment has the phase of Python", () => {
  const phase = unpacked(given.phase);
  for (let i = 0; i < phase.length; i += 7) {
    const found = moments.at({ run: Math.floor(i / steps), step: (i % steps) + 1 });
    assertClose([found.phase], [(180 / Math.PI) * phase[i]], { absolute: 1e-6 }, `moment ${i}`);
  }
});

test("medians along the orbit are those of Python", () => {
  const found = moments.medians(new Uint8Array(unpacked(given.phase).length).fill(1));
  assert.equal(found.length, given.median.length);
  found.forEach((median, bin) => {
    assert.equal(median === null, given.median[bin] === null, `bin ${bin}`);
    if (median) assertClose(median, given.median[bin], { absolute: 1e-6 }, `bin ${bin}`);
  });
});

test("medians of a selection are those of its moments alone", () => {
  const chosen = moments.chosen(given.polygon, null);
  moments.medians(chosen).forEach((median, bin) => {
    const inside = [...moments.atPhase((360 * (bin + 0.5)) / 48)].some((one, i) => one && chosen[i]);
    assert.equal(median !== null, inside, `bin ${bin}`);
  });
});

test("a polygon holds the states that it holds in Python", () => {
  assert.deepEqual([...moments.chosen(given.polygon, null)], given.within);
});

test("a span holds its steps of every run", () => {
  moments.chosen(null, [20, 80]).forEach((one, i) => (
    assert.equal(Boolean(one), i % steps >= 19 && i % steps <= 79)));
});

test("the next switch is the next change of the output", () => {
  const found = [];
  for (let step = 1; step !== null;) {
    step = moments.switchFrom({ run: 0, step }, 1);
    if (step !== null) found.push(step);
  }
  assert.deepEqual(found, given.switches);
  assert.equal(moments.switchFrom({ run: 0, step: found.at(-1) }, -1), found.at(-2));
});

test("each step is so far from the nearest switch of its run", () => {
  for (let step = 1; step <= steps; step++) {
    const expected = given.switches.map((at) => step - at).sort((a, b) => Math.abs(a) - Math.abs(b))[0];
    const found = moments.fromSwitch({ run: 0, step });
    assert.equal(Math.abs(found), Math.abs(expected), `step ${step}`);
    assert.ok(given.switches.includes(step - found));
  }
  const still = Moments.sent(given, given.scale);
  still.output = new Int8Array(still.output.length);
  assert.equal(still.fromSwitch({ run: 0, step: 5 }), null, "a run without a switch");
});

test("the nearest moment is nearest in pixels, and none lies beyond the reach", () => {
  const there = moments.at({ run: 2, step: 40 });
  const found = moments.nearest(there.place, [100, 50], 20);
  assert.deepEqual([found.run, found.step, found.distance], [2, 40, 0]);
  assert.equal(moments.nearest([1e3, 1e3], [100, 50], 20), null);
});
