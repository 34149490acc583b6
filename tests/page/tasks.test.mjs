/* A task is requested for the scenario that is shown, polled until it is done, and not drawn over another scenario. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open } from "./page.mjs";

const [{ scenario: start }] = numbers("scenario").scenarios;
const MODULES = ["core/page", "core/router", "core/requests", "core/tasks"];
const POLL_MS = 700;
const A_WHILE = 10_000;

/* A page of a chapter whose fast views have been answered; `requests` are the questions for the task `noise`. */
async function opened(path = "/dynamics", IntersectionObserver = undefined) {
  const found = await open(MODULES, { path });
  found.window.IntersectionObserver = IntersectionObserver;
  const { page, store, startRouter, startRequests, startTasks, arrive } = found;
  startRouter(() => {});
  startRequests();
  startTasks();
  arrive();
  store.open(start);
  const settle = async () => {
    await page.wait(A_WHILE);
    for (const one of page.asked.filter(({ path: to, done }) => to === "/views" && !done)) {
      one.done = true;
      await one.answer({ updates: [] });
    }
    await page.wait(A_WHILE);
  };
  const requests = () => page.asked.filter(({ path: to, body }) => to === "/tasks" && body.view === "noise");
  const answer = (unfinished, words = "") => requests().at(-1).answer({
    unfinished, key: `key ${requests().length}`, updates: [["noise-caption", { children: words }]],
  });
  await settle();
  return { ...found, settle, requests, answer, caption: () => page.props["noise-caption"]?.children };
}

test("a task is polled until it is done", async () => {
  const { page, requests, answer, settle, caption } = await opened();
  assert.deepEqual(requests().map(({ body }) => [body.wanted, body.again]), [[true, false]]);
  await answer(true, "computing");
  await page.wait(POLL_MS - 1);
  assert.equal(requests().length, 1);
  await page.wait(1);
  assert.equal(requests().length, 2);
  await answer(false, "done");
  await settle();
  assert.equal(requests().length, 2);
  assert.equal(caption(), "done");
});

test("a request that was lost is repeated", async () => {
  const { page, requests } = await opened();
  await requests()[0].lose();
  await page.wait(A_WHILE);
  assert.equal(requests().length, 2);
});

test("nothing is requested in another chapter, and the poll goes on when one comes back", async () => {
  const { page, requests, answer, go } = await opened("/connectivity");
  assert.deepEqual(requests(), []);
  go("/dynamics");
  await page.wait(A_WHILE);
  assert.equal(requests().length, 1);
  go("/connectivity");
  await answer(true);
  await page.wait(A_WHILE);
  assert.equal(requests().length, 1);
  go("/dynamics");
  await page.wait(A_WHILE);
  assert.equal(requests().length, 2);
});

test("an answer for another scenario is not drawn, and its task is left", async () => {
  const { store, requests, answer, settle, caption } = await opened();
  await answer(true, "seed 0");
  const { key } = { key: "key 1" };
  store.change({ ...store.present, seed: 7 });
  await settle();
  assert.equal(requests().at(-1).body.scenario.seed, 7);
  assert.deepEqual(requests().at(-1).body.leave, [key]);
  await answer(false, "seed 7");
  assert.equal(caption(), "seed 7");
});

test("a chapter of many tasks requests those whose cards are in sight", async () => {
  let sight;
  const watched = [];
  class Observer {
    constructor(act) { sight = (view, isIntersecting) => act([{ isIntersecting, target: { id: `${view}-card` } }]); }
    observe() { watched.push(this); }
  }
  const { page, store, settle } = await opened("/lenses", Observer);
  const requested = () => page.asked.filter(({ path }) => path === "/tasks").map(({ body }) => body.view);
  assert.ok(watched.length > 8);
  assert.deepEqual(requested(), []);
  sight("lens-current", true);
  await page.wait(A_WHILE);
  assert.deepEqual([...new Set(requested())], ["lens-current"]);
  await page.asked.findLast(({ path }) => path === "/tasks").answer({ unfinished: true, key: "one", updates: [] });
  /* What is looked at no longer goes on, and is asked for anew only where the user looks again. */
  sight("lens-current", false);
  store.change({ ...store.present, seed: 7 });
  await settle();
  sight("lens-rank", true);
  await settle();
  const last = page.asked.findLast(({ path }) => path === "/tasks").body;
  assert.deepEqual([last.view, last.scenario.seed], ["lens-rank", 7]);
  assert.ok(requested().filter((view) => view === "lens-current").length >= 1);
  assert.ok(!page.asked.some(({ body }) => body && body.view === "lens-current" && body.scenario.seed === 7));
});
