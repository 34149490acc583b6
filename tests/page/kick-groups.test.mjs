/* The search for kick neurons is followed until it has ended, and no longer where it is refused. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open } from "./page.mjs";

const [{ scenario: start }] = numbers("scenario").scenarios;
const A_WHILE = 10_000;

async function opened() {
  const found = await open(["core/page", "core/kick-groups", "core/events"]);
  found.startSearch();
  found.store.open(start);
  found.emit("settled");
  return found;
}

test("a search that goes on is followed, and what it finds is known", async () => {
  const { page, kickGroups, searchWords } = await opened();
  await page.asked[0].answer({ key: "k", words: "Searching: 40 %" });
  assert.equal(searchWords(), "Searching: 40 %");
  await page.wait(A_WHILE);
  await page.asked[1].answer({ key: "", found: { model: start.model, input: null, sequence: null, groups: [] } });
  await page.wait(A_WHILE);
  assert.equal(page.asked.length, 2);
  assert.deepEqual(kickGroups().groups, []);
});

test("a search that is refused is not asked for again until the scenario next rests, and says why", async () => {
  const { page, searchWords, emit } = await opened();
  await page.asked[0].answer({ refused: "There is no such network." });
  await page.wait(A_WHILE);
  assert.equal(page.asked.length, 1);
  assert.equal(searchWords(), "There is no such network.");
  emit("settled");
  assert.equal(page.asked.length, 2);
});
