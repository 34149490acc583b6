/* What is filled anew while it is used keeps the focus; a file that is saved can be read. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./page.mjs";

/* A list of controls by their names; it is filled anew with other ones. */
async function opened(names) {
  const { keepFocus } = await open(["core/elements"]);
  const control = (name) => ({ id: "", disabled: name.endsWith("(off)"), getAttribute: () => null, textContent: name, focus() { document.activeElement = this; } });
  let controls = names.map(control);
  const root = { querySelectorAll: () => controls };
  return (focused, next) => {
    controls[focused].focus();
    keepFocus(root, () => { controls = next.map(control); });
    assert.ok(controls.includes(document.activeElement));
    return document.activeElement.textContent;
  };
}

test("the focus stays on the control of the same name", async () => {
  const refill = await opened(["a", "b", "c"]);
  assert.equal(refill(2, ["new", "a", "b", "c"]), "c");
});

test("in place of a control that is gone, the next one has it", async () => {
  const refill = await opened(["a", "b", "c"]);
  assert.equal(refill(1, ["a", "c"]), "c");
  assert.equal(refill(1, ["a", "start (off)", "clear"]), "clear");
  assert.equal(refill(1, ["a"]), "a");
});

test("a file is there for a browser that reads it after the click, and is let go later", async () => {
  const { page, download } = await open(["core/elements"]);
  const kept = new Set();
  Object.assign(URL, { createObjectURL: (content) => { kept.add(content); return content; }, revokeObjectURL: (content) => kept.delete(content) });
  download("a.csv", "a table");
  await page.wait(1000);
  assert.deepEqual([...kept], ["a table"]);
  await page.wait(600_000);
  assert.deepEqual([...kept], []);
});
