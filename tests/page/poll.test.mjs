/* A page that is watched: of a long table the blocks that have changed come, and the table is set whole and once. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./page.mjs";

const AGAIN_MS = 2000;

/* A watched page with an answer for each poll; `sets` are the rows that its table got, one list for each time. */
async function watched() {
  const { page, WatchedPage } = await open(["core/poll"]);
  const sets = [];
  window.dash_clientside.set_props = (id, props) => sets.push([id, props]);
  const watch = new WatchedPage({ question: () => ({ path: "/watch", body: {} }), unknown: () => {}, shown: () => {} });
  watch.ask();
  await page.wait(0);
  const answer = async (parts) => {
    await page.asked.at(-1).answer({ again: AGAIN_MS / 1000, parts });
    await page.wait(AGAIN_MS);
    return page.asked.at(-1).body.seen;
  };
  return { page, sets, answer };
}

const block = (number, of, items, stamp) => ({
  stamp, updates: [["table", { rowData: { block: number, of, items } }]],
});

test("blocks are put together, and only what has changed need come", async () => {
  const { sets, answer } = await watched();
  assert.deepEqual(await answer({ "rows-0": block(0, 2, ["a", "b"], 1), "rows-1": block(1, 2, ["c"], 2) }), { "rows-0": 1, "rows-1": 2 });
  assert.deepEqual(sets, [["table", { rowData: ["a", "b", "c"] }]]);
  await answer({ "rows-1": block(1, 2, ["d"], 3) });
  assert.deepEqual(sets.at(-1), ["table", { rowData: ["a", "b", "d"] }]);
  await answer({ head: { stamp: 4, updates: [["title", { children: "words" }]] } });
  assert.equal(sets.length, 3);
});

test("a shorter table between two looks at a longer one loses nothing", async () => {
  const { sets, answer } = await watched();
  await answer({ "rows-0": block(0, 2, ["a"], 1), "rows-1": block(1, 2, ["b"], 2) });
  await answer({ "rows-0": block(0, 1, ["x"], 3) });
  assert.deepEqual(sets.at(-1), ["table", { rowData: ["x"] }]);
  /* The page says that it has the second block. */
  await answer({ "rows-0": block(0, 2, ["a"], 1) });
  assert.deepEqual(sets.at(-1), ["table", { rowData: ["a", "b"] }]);
});

test("a table that comes whole is set as it is", async () => {
  const { sets, answer } = await watched();
  await answer({ rows: { stamp: 1, updates: [["table", { rowData: ["a"] }]] } });
  assert.deepEqual(sets, [["table", { rowData: ["a"] }]]);
});

test("a part that cannot be shown does not end the watch, and is asked for again", async () => {
  const { page, sets, answer } = await watched();
  const { set_props: plain } = window.dash_clientside;
  const reported = [];
  window.reportError = (error) => reported.push(error.message);
  window.dash_clientside.set_props = () => { throw new TypeError("there is no such component"); };
  const part = { head: { stamp: 1, updates: [["title", { children: "words" }]] } };
  await answer(part);
  await page.wait(AGAIN_MS);
  assert.deepEqual(page.asked.at(-1).body.seen, {});
  assert.deepEqual(reported, ["there is no such component"]);
  window.dash_clientside.set_props = plain;
  assert.deepEqual(await answer(part), { head: 1 });
  assert.deepEqual(sets, [["title", { children: "words" }]]);
});
