/* A change whose link no server could read is refused in words before it is made. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open } from "./page.mjs";

const { limits } = numbers("configuration");
const [{ scenario: start }] = numbers("scenario").scenarios;

const acting = (count) => ({
  ...start, interventions: Array.from({ length: count }, (_, i) => ({ neurons: [i], mu: 0.25, target: "recurrent" })),
});

test("two hundred interventions have a link", async () => {
  const page = await open(["core/page"]);
  page.store.open(start);
  page.store.change(acting(200));
  assert.equal(page.present().interventions.length, 200);
});

test("a change with a longer link is refused, and nothing is changed", async () => {
  const page = await open(["core/page"]);
  page.store.open(start);
  page.store.change(acting(500));
  assert.deepEqual(page.present(), start);
  const notice = Object.values(page.page.props).map((props) => props.children).find((text) => text);
  assert.match(notice, new RegExp(`^This change would make a link of \\d+ characters; expected at most ${limits.link}`));
  assert.equal(page.store.history().past.length, 0);
});

test("of a drag the address and the storage get the first step, and the last one when it is let go", async () => {
  const { page, store, emit, startRouter, window } = await open(["core/page", "core/router", "core/events"]);
  startRouter(() => {});
  store.open(start);
  store.hold(true);
  const kept = () => [page.visited.length, window.location.search, JSON.parse(page.session.getItem("hmmrnn-history")).present.sigma];
  const addresses = [0.5, 0.6, 0.7].map((sigma) => {
    store.change({ ...store.present, sigma }, { gesture: "sigma" });
    return kept();
  });
  assert.match(addresses[0][1], /sigma=0.5&/);
  assert.deepEqual(addresses, [addresses[0], addresses[0], addresses[0]]);
  store.hold(false);
  emit("released");
  assert.equal(kept()[0], addresses[0][0], "it is one step of the browser's history");
  assert.match(kept()[1], /sigma=0.7&/);
  assert.equal(kept()[2], 0.7);
});

test("a network that is renamed stays as it is, and undo and redo reach it under its new name", async () => {
  const { store } = await open(["core/page"]);
  const silenced = { ...start, interventions: [{ neurons: [3], mu: 0, target: "unit" }] };
  store.open(start);
  store.change({ ...start, model: "other" });
  store.change(start);
  store.change(silenced);
  store.jump(-1);
  store.rename(start.model, "mine");
  assert.deepEqual(store.present, { ...start, model: "mine" });
  assert.deepEqual(store.history().past.map(({ model }) => model), ["mine", "other"]);
  store.jump(1);
  assert.deepEqual(store.present, { ...silenced, model: "mine" });
});

test("the browser's back over a network that was renamed leads to it, under the address of its new name", async () => {
  const { store, on } = await open(["core/page", "core/events"]);
  const told = [];
  store.open(start);
  store.change({ ...start, model: "other" });
  store.rename(start.model, "mine");
  store.rename("mine", "ours");
  on("scenario", (how) => told.push(how));
  store.arrive(start);
  assert.deepEqual(store.present, { ...start, model: "ours" });
  assert.equal(told[0].replaceAddress, true);
  store.arrive({ ...start, model: "other" });
  assert.equal(told[1].keepAddress, true);
  store.rename("ours", start.model);
  store.arrive(start);
  assert.deepEqual(store.present, start, "a network can get its name back");
});
