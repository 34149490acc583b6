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
