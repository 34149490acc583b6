/* Items of the page that compares networks: how they are written in its address, and how they are called. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "./page.mjs";

const { itemOf, labelOf, spread, unescaped } = await open(["pages/sides"]);

test("the open network is written with its interventions, and called by them", () => {
  const silenced = { neurons: [13, 22], mu: 0, target: "unit" };
  const scaled = { neurons: [5], mu: 0.5, target: "recurrent" };
  const item = itemOf({ model: "linear-2", interventions: [silenced, scaled] });
  assert.equal(item, "linear-2!13.22+5:0.5:recurrent");
  assert.equal(labelOf(item), "linear-2; 13, 22 silenced; 5 at mu 0.5 (recurrent)");
  assert.equal(itemOf({ model: "cyclic", interventions: [] }), "cyclic");
  assert.equal(labelOf("linear-2@step-00304"), "linear-2, step 304");
});

test("of a long training some snapshots are added, the first and the last among them", () => {
  const all = Array.from({ length: 44 }, (_, i) => i);
  assert.deepEqual(spread(all, 8), [0, 6, 12, 18, 25, 31, 37, 43]);
  assert.deepEqual(spread([1, 2], 8), [1, 2]);
});

test("what an address escapes is read, letters of several bytes too; what nobody has escaped stays", () => {
  assert.equal(unescaped("gr%C3%B6%C3%9Fe,linear-2%3Bkick"), "größe,linear-2;kick");
  assert.equal(unescaped("%ff,100%"), "%ff,100%");
});
