/* A network that is renamed or removed elsewhere while this page shows it: the page says so once, and goes on. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open, turns } from "./page.mjs";

const [{ scenario: start }] = numbers("scenario").scenarios;
const { ids } = numbers("configuration");
const GONE = { refused: "There is no network mine here.", gone: "mine" };
const READ = {
  scenario: start, defaults: start, message: "This link could not be opened.", choices: [{ value: start.model, label: start.model }],
};

async function opened(scenario) {
  const parts = await open(["core/page", "core/net", "core/opening", "core/router"]);
  parts.watchRequests({ tell() {}, ended() {} });
  parts.arrive();
  parts.startOpening();
  parts.store.open(scenario);
  const { page } = parts;
  page.ask = async (answer) => {
    const answered = parts.ask("/views", {});
    await turns();
    await page.asked.pop().answer(answer);
    await answered;
    await page.wait(0);
  };
  return parts;
}

test("what is open goes on with the network that links begin with, and keeps its noise", async () => {
  const { page, store } = await opened({ ...start, model: "mine", sigma: 0.5, seed: 7 });
  await page.ask(GONE);
  const link = page.asked.pop();
  assert.match(link.path, /model=mine$/);
  await link.answer(READ);
  assert.equal(store.present.model, start.model);
  assert.deepEqual([store.present.sigma, store.present.seed], [0.5, 7]);
  assert.equal(page.props[ids.NOTICE_TEXT].children, `There is no network mine any more: it was renamed or removed. ${start.model} is open in its place.`);
  assert.deepEqual(page.props[ids.MODEL].data, READ.choices);
  assert.equal(store.history().past.at(-1).model, "mine", "it is a change as any other");
});

test("what is taken back meanwhile stays open", async () => {
  const { page, store } = await opened(start);
  await page.ask(GONE);
  await page.asked.pop().answer(READ);
  assert.deepEqual(store.present, start);
  assert.match(page.props[ids.NOTICE_TEXT].children, new RegExp(`${start.model} stays open.$`));
});

test("several questions about it are one change and one sentence", async () => {
  const { page, store } = await opened({ ...start, model: "mine" });
  await page.ask(GONE);
  const link = page.asked.pop();
  await page.ask(GONE);
  assert.equal(page.asked.length, 0);
  await link.answer(READ);
  assert.equal(store.history().past.length, 1);
});

test("where no network is left, the page says what to do", async () => {
  const { page, store } = await opened({ ...start, model: "mine" });
  await page.ask(GONE);
  await page.asked.pop().answer({ scenario: null, message: "No network could be read: train one.", choices: [] });
  assert.equal(store.present.model, "mine");
  assert.match(page.props[ids.NOTICE_TEXT].children, /train one/);
});
