/* The list of networks: what another user has removed meanwhile is not opened, and the list says so. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { element, open, turns } from "./page.mjs";

const [{ scenario: start }] = numbers("scenario").scenarios;

test("a network that is gone is not opened, and the panel says why", async () => {
  const { page, store, start: startPanel } = await open(["core/page", "panels/networks"]);
  store.open(start);
  const made = [];
  document.createElement = () => {
    const one = Object.assign(element(), { heard: {}, addEventListener: (name, act) => { one.heard[name] = act; } });
    made.push(one);
    return one;
  };
  document.body.append = () => {};
  startPanel();
  const words = made.find(({ className }) => className === "page-note");
  made.find(({ textContent }) => textContent === "Later").heard.click();
  await page.asked[0].answer({ rows: [{ name: "gone", label: "gone: N = 3", changeable: false }], count: 1, pages: 1, megabytes: 0, most: 1 });
  made.find(({ textContent }) => textContent === "gone: N = 3").heard.click();
  await page.asked[1].answer({ refused: "There is no network gone." });
  await page.asked[2].answer({ rows: [], count: 0, pages: 0, megabytes: 0, most: 1 });
  await turns();
  assert.equal(words.textContent, "There is no network gone.");
  assert.deepEqual(store.present, start);
});
