/* Escape closes the help of a view, by mouse and by keyboard, before anything else. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./page.mjs";

/* A page with one question mark, whose help is open. */
async function opened() {
  const { closeHelp } = await open(["panels/chapters"]);
  const classes = new Set();
  const leave = {};
  const mark = {
    classList: { add: (name) => classes.add(name), remove: (name) => classes.delete(name) },
    addEventListener: (name, act) => { leave[name] = act; },
  };
  document.querySelectorAll = /** @type {any} */ ((selector) => (
    selector.startsWith(".about-mark") && !classes.has("closed") ? [mark] : []));
  return { closeHelp, classes, leave };
}

["pointerleave", "focusout"].forEach((name) => test(`help that was closed opens again after ${name}`, async () => {
  const { closeHelp, classes, leave } = await opened();
  assert.equal(closeHelp(), true);
  assert.deepEqual([...classes], ["closed"]);
  assert.equal(closeHelp(), false, "then Escape is for what lies below");
  leave[name]();
  assert.deepEqual([...classes], []);
}));
