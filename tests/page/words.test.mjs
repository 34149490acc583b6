/* Numbers in words. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { counted } from "../../assets/core/words.mjs";

test("one is singular, and so is what is shown as one", () => {
  assert.deepEqual([0, 1, 1.2, 2, 12345].map((n) => counted(n, "step")), ["0 steps", "1 step", "1 step", "2 steps", "12,345 steps"]);
});
