/* Present mode: view by view, chapter by chapter with the arrow keys, and back to the intact network with one button. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open } from "./page.mjs";

const [{ scenario: start }] = numbers("scenario").scenarios;
const { chapters } = numbers("configuration");
const paths = chapters.map(({ path }) => path);
const slides = chapters.flatMap(({ path, views }) => views.map((view) => `${path} ${view}`));

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

test("arrow keys go from the first view of the first chapter to the last of the last and back, with the scenario", async () => {
  const { press, window, store } = await opened(paths[0]);
  document.documentElement.dataset.present = "on";
  const slide = (key) => `${press(key)} ${store.present.large}`;
  assert.deepEqual(slides.map(() => slide("ArrowRight")), slides);
  assert.equal(slide("ArrowRight"), slides.at(-1), "after the last there is none");
  const link = new URLSearchParams(window.location.search);
  assert.deepEqual([link.get("model"), link.get("large")], [start.model, slides.at(-1).split(" ")[1]]);
  assert.deepEqual(slides.slice(1).map(() => slide("ArrowLeft")), slides.slice(0, -1).toReversed());
  assert.equal(slide("ArrowLeft"), slides[0]);
});

test("type grows with the room that figures keep for it", async () => {
  const { scaled } = await open(["panels/guide-figures"]);
  const layout = { height: 700, margin: { l: 54, t: 4 }, width: 300, xaxis: { domain: [0, 0.5], tickfont: { size: 14 }, title: { standoff: 6 } } };
  assert.deepEqual(scaled({ ...layout, annotations: [{ text: "a", yshift: 40 }] }, 1.5), {
    height: 700, margin: { l: 81, t: 6 }, width: 300, xaxis: { domain: [0, 0.5], tickfont: { size: 21 }, title: { standoff: 9 } },
    annotations: [{ text: "a", yshift: 60 }],
  });
});

test("arrow keys turn no page where they mean something else, nor outside present mode", async () => {
  const { press, store } = await opened(paths[1]);
  assert.equal(press("ArrowRight"), paths[1]);
  store.look({ large: chapters[1].views.at(-1) });
  document.documentElement.dataset.present = "on";
  ["input", "canvas", "[role=toolbar]", ".ag-root"].forEach((where) => assert.equal(press("ArrowRight", where), paths[1], where));
  assert.equal(press("ArrowRight"), paths[2]);
});
