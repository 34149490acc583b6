/* The table of numbers: rows, errors and differences, as they are written. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbersTable } from "../../assets/fast/numbers.mjs";

/* An element that keeps what it is given. */
globalThis.document = /** @type {any} */ ({
  createElement: (tag) => ({
    tag, parts: [], attributes: {},
    setAttribute(name, value) { this.attributes[name] = value; },
    append(...parts) { this.parts.push(...parts); },
  }),
});

const text = (part) => (typeof part === "string" ? part : part.textContent ?? part.parts.map(text).join(""));
const all = (part) => (typeof part === "string" ? [] : [part, ...part.parts.flatMap(all)]);
const rowsOf = (table) => all(table).filter(({ tag }) => tag === "tr").map((row) => row.parts.map(text));

const side = (change = {}) => ({
  steps: 3990, switches: [12.25, 0.5], leave: [[0.0421, 0.003], [0.05, 0.004]], time: [[60, 2], [40, 2]],
  "transition-error": [0.0214, null], ...change,
});
const written = (before, now, more = {}) => rowsOf(numbersTable({ of: "model=x", kept: false, before, now, ...more }));

test("before and now stand beside each other with errors and the difference", () => {
  const now = side({ switches: [10, 0.25], leave: [[0.01, 0.001], [0.06, 0.004]], "transition-error": [0.1, null] });
  assert.deepEqual(written(side(), now), [
    ["Measure", "Intact", "Now", "Difference"],
    ["Switches / 1,000 steps", "12.3 ± 0.5", "10.0 ± 0.3", "-2.3"],
    ["Leave rate of 0", "0.0421 ± 0.0030", "0.0100 ± 0.0010", "-0.0321"],
    ["Leave rate of 1", "0.0500 ± 0.0040", "0.0600 ± 0.0040", "+0.0100"],
    ["Time in 0, %", "60.0 ± 2.0", "60.0 ± 2.0", "+0.0"],
    ["Time in 1, %", "40.0 ± 2.0", "40.0 ± 2.0", "+0.0"],
    ["Transition error", "0.021", "0.100", "+0.079"],
  ]);
});

test("only what differs is marked, and the number of steps is said", () => {
  const table = numbersTable({ of: "model=x", kept: false, before: side(), now: side({ switches: [10, 0.25] }) });
  const marked = all(table).filter(({ className }) => className === "changed").map(text);
  assert.deepEqual(marked, ["-2.3"]);
  assert.match(text(table), /Counted over the 3,990 steps shown; ±/);
  const some = numbersTable({ of: "model=x", kept: false, runs: "3 of 10 runs", before: side(), now: side() });
  assert.match(text(some), /Counted over the 3,990 steps shown, 3 of 10 runs; ±/);
  assert.equal(table.attributes["data-of"], "model=x");
});

test("an output that is no longer visited says so, and one that neither visits is left out", () => {
  const gone = side({ leave: [[0.04, 0.003], null], time: [[100, 0], [0, 0]] });
  const rows = Object.fromEntries(written(side(), gone).map(([name, ...cells]) => [name, cells]));
  assert.deepEqual(rows["Leave rate of 1"], ["0.0500 ± 0.0040", "not visited", "n/a"]);
  assert.equal(rows["Time in 1, %"][1], "0.0 ± 0.0");
  assert.equal(written(gone, gone).filter(([name]) => name.includes("1,") || name.endsWith(" 1")).length, 1);
});

test("a single run has no error, and a network without a target no transition error", () => {
  const { "transition-error": _, ...plain } = side({ switches: [12, null] });
  const rows = written(plain, plain);
  assert.deepEqual(rows[1], ["Switches / 1,000 steps", "12.0", "12.0", "+0.0"]);
  assert.ok(!rows.flat().includes("Transition error"));
});

test("what is pinned is named A", () => {
  assert.deepEqual(written(side(), side(), { kept: true })[0], ["Measure", "A", "B, now", "Difference"]);
});
