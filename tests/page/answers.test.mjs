/* One request at a time, the newest scenario last; an answer for a scenario that is no longer shown is not drawn. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open } from "./page.mjs";

const [{ scenario: start }] = numbers("scenario").scenarios;
const MODULES = ["core/page", "core/router", "core/requests", "core/events"];
/* Longer than the page waits for anything that it then requests. */
const A_WHILE = 10_000;
const MAP = "region-map";

/* A page on the bench whose first scenario has been answered. */
async function opened(how) {
  const found = await open(MODULES, how);
  const { page, store, startRouter, startRequests, arrive } = found;
  startRouter(() => {});
  startRequests();
  arrive();
  store.open(start);
  const views = (settled) => page.asked.filter(({ path, body }) => path === "/views" && body.settled === settled);
  const fast = () => views(false).map(({ body }) => body.scenario.seed);
  const slow = () => views(true).filter(({ body }) => body.views[0] === MAP).map(({ body }) => body.scenario.seed);
  const seed = async (value) => {
    store.change({ ...store.present, seed: value });
    await page.wait(A_WHILE);
  };
  const answer = (settled, found_ = { updates: [] }) => views(settled).at(-1).answer(found_);
  await page.wait(A_WHILE);
  return { ...found, fast, slow, seed, answer, views };
}

test("only the views of the chapter are requested, and not again while they are of now", async () => {
  const { page, answer, views, go, store, window } = await opened({ path: "/dynamics" });
  assert.deepEqual(views(false)[0].body.views.toSorted(), ["numbers", "orbit", "readout", "state-space"]);
  await answer(false);
  await page.wait(A_WHILE);
  const refined = () => views(true).flatMap(({ body }) => body.views);
  assert.deepEqual(refined(), ["orbit"], "no slow view is in this chapter, only what fast ones gain");
  store.change({ ...store.present, colour: "region" });
  await page.wait(A_WHILE);
  await answer(false);
  await page.wait(A_WHILE);
  assert.equal(refined().at(-1), "state-space", "a colour that slow results alone know");
  store.jump(-1);
  await page.wait(A_WHILE);
  await answer(false);
  go("/regions");
  assert.equal(window.location.pathname, "/regions");
  await page.wait(A_WHILE);
  await page.wait(A_WHILE);
  assert.equal(views(false).length, 3);
  assert.deepEqual(views(true).at(-1).body.views, [MAP]);
});

test("while a request is on its way only the newest scenario waits", async () => {
  const { page, seed, answer, fast, slow } = await opened();
  for (const value of [1, 2, 3, 4]) await seed(value);
  assert.deepEqual(fast(), [0]);
  await answer(false);
  assert.deepEqual(fast(), [0, 4]);
  assert.deepEqual(slow(), []);
  await answer(false);
  await page.wait(A_WHILE);
  assert.deepEqual([fast(), slow()], [[0, 4], [4]]);
});

test("a scenario that is come back to before its answer settles with that answer", async () => {
  const { page, seed, answer, fast, slow } = await opened();
  for (const value of [1, 0]) await seed(value);
  await answer(false);
  await page.wait(A_WHILE);
  assert.deepEqual([fast(), slow()], [[0], [0]]);
});

test("a slow answer is drawn only over its own scenario", async () => {
  const { page, seed, answer } = await opened();
  await answer(false);
  await page.wait(A_WHILE);
  await seed(1);
  await answer(true, { updates: [[MAP, { figure: "of seed 0" }]] });
  assert.equal(page.props[MAP], undefined);
  await answer(false);
  await page.wait(A_WHILE);
  await answer(true, { updates: [[MAP, { figure: "of seed 1" }]] });
  assert.deepEqual(page.props[MAP], { figure: "of seed 1" });
});

test("a busy server is asked again, unless the scenario has changed", async () => {
  const { page, seed, answer, slow } = await opened();
  await answer(false);
  await page.wait(A_WHILE);
  await answer(true, { busy: true });
  await page.wait(A_WHILE);
  assert.deepEqual(slow(), [0, 0]);
  await answer(true, { busy: true });
  await seed(1);
  assert.deepEqual(slow(), [0, 0]);
});

test("while a slow answer is computed the page asks again at once, unless the scenario has changed", async () => {
  const { page, seed, answer, slow } = await opened();
  await answer(false);
  await page.wait(A_WHILE);
  await answer(true, { computing: true });
  assert.deepEqual(slow(), [0, 0]);
  await answer(true, { computing: true });
  assert.deepEqual(slow(), [0, 0, 0]);
  await seed(1);
  await answer(true, { computing: true });
  assert.deepEqual(slow(), [0, 0, 0]);
});

test("what the server refuses is taken back", async () => {
  const { page, store, answer, seed } = await opened();
  await answer(false);
  await seed(5);
  await answer(false, { refused: "Steps times trajectories must be at most 32,000." });
  assert.equal(store.present.seed, 0);
  assert.deepEqual(store.past, []);
  assert.match(page.props["notice-text"].children, /at most 32,000/);
});

test("a view that needs kick neurons waits for those of this network", async () => {
  const { page, views, answer, setKick, present } = await opened({ path: "/kick-neurons" });
  assert.ok(!views(false)[0].body.views.includes("activity"));
  await answer(false);
  setKick({ model: "another", groups: [], integrating: [], others: [] });
  await page.wait(A_WHILE);
  assert.ok(!views(false).at(-1).body.views.includes("activity"));
  setKick({ model: present().model, groups: [], integrating: [], others: [] });
  await page.wait(A_WHILE);
  assert.ok(views(false).at(-1).body.views.includes("activity"));
});
