/* Present mode: chapter by chapter with the arrow keys, and back to the intact network with one button. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open } from "./page.mjs";

const [{ scenario: start }] = numbers("scenario").scenarios;
const paths = numbers("configuration").chapters.map(({ path }) => path);

/* A page in a chapter, and keys that are pressed in it. */
async function opened(path) {
  const found = await open(["core/page", "core/router", "panels/guide", "panels/guide-present"], { path });
  const { store, window, startRouter, arrive } = found;
  const heard = [];
  document.body.append = () => {};
  window.addEventListener = /** @type {any} */ ((name, act) => heard.push({ name, act }));
  startRouter(() => {});
  arrive();
  store.open(start);
  found.start();
  const press = (key, where = "") => {
    const event = { key, preventDefault() {}, target: { closest: (what) => (what.split(", ").includes(where) ? {} : null) } };
    heard.filter(({ name }) => name === "keydown").forEach(({ act }) => act(event));
    return window.location.pathname;
  };
  return { ...found, press };
}

test("arrow keys go from the first chapter to the last and back, with the scenario", async () => {
  const { press, window } = await opened(paths[0]);
  document.documentElement.dataset.present = "on";
  const seen = paths.slice(1).map(() => press("ArrowRight"));
  assert.deepEqual(seen, paths.slice(1));
  assert.equal(press("ArrowRight"), paths.at(-1), "after the last there is none");
  assert.equal(new URLSearchParams(window.location.search).get("model"), start.model);
  assert.deepEqual(paths.slice(1).map(() => press("ArrowLeft")), paths.slice(0, -1).toReversed());
  assert.equal(press("ArrowLeft"), paths[0]);
});

test("arrow keys turn no page where they mean something else, nor outside present mode", async () => {
  const { press } = await opened(paths[1]);
  assert.equal(press("ArrowRight"), paths[1]);
  document.documentElement.dataset.present = "on";
  ["input", "canvas", "[role=toolbar]", ".ag-root"].forEach((where) => assert.equal(press("ArrowRight", where), paths[1], where));
  assert.equal(press("ArrowRight"), paths[2]);
});
