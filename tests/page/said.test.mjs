/* The live view in words: only what matters now is said, and counts name how sure they are. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { countRows, divergedWords, storyOf } from "../../assets/live/said.mjs";

const status = {
  step: 12345, count: 10, output: 2, rate: { steps: 12 }, sinceSwitch: 7, hold: false, size: 3.14159, twin: true, parted: null,
  together: null, pulse: 0, zoom: 1,
};

test("the story has the step, the last switch, and the control copy", () => {
  assert.equal(storyOf(status, 12), "Step 12,345; run 1: 7 steps since the last switch; still with its control copy.");
});

test("a run that is slower than was asked for says so, and one at full speed how fast it is", () => {
  assert.match(storyOf(status, 20), /^Step 12,345, 12 of 20 steps\/s: it goes no faster here;/);
  assert.match(storyOf(status, null), /^Step 12,345, 12 steps\/s;/);
});

test("noise off, a parted copy, a pulse and longer axes are named", () => {
  const words = storyOf({ ...status, sinceSwitch: null, hold: true, parted: 12001, pulse: 1, zoom: 1.5 }, 12);
  assert.equal(words, "Step 12,345; run 1 has not switched in 12,345 steps; no noise, largest activity 3.1; "
    + "parted from its control copy at step 12,001; pulse, 1 step to go; axes 1.5 times as long as the intact network's.");
});

test("counts name their error, or what they stay below, and leave out what neither network visits", () => {
  const found = (value, error, below = null) => ({ value, error, below });
  const [head, rows] = countRows({
    intact: { switches: found(0.0311, 0.0015), leave: [found(0.03, 0.002), null, null], steps: 2000 },
    now: { switches: found(0, null, 0.0004), leave: [null, null, found(0.1, null)], steps: 640 },
  });
  assert.deepEqual(head, ["Per step", "Intact (2.0k steps)", "Now (640 steps)"]);
  assert.deepEqual(rows, [
    ["Switches per 1,000", "31.1 ± 1.5", "0 (< 0.4)", "switches"],
    ["Leave rate of 0", "0.0300 ± 0.0020", "not visited", "leave-0"],
    ["Leave rate of 2", "not visited", "0.1000", "leave-2"],
  ]);
});

test("a run that left all bounds says which, when, and what helps", () => {
  assert.match(divergedWords({ step: 1500, run: 3, neuron: 41, who: "run" }), /^Stopped: run 4 left all bounds at step 1,500, neuron 41 .* Lower a gain/);
  assert.match(divergedWords({ step: 9, run: 0, neuron: 1, who: "control copy of run" }), /Untick the control copy/);
});
