/* Beside a verdict: what of the open scenario it was not judged under. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open } from "./page.mjs";

const [{ scenario }] = numbers("scenario").scenarios;
const plain = { ...scenario, ...numbers("configuration").defaults, model: "linear-2" };

test("verdicts stand alone where they were judged under what is shown", async () => {
  const { conditionsOf } = await open(["panels/chapters"]);
  assert.equal(conditionsOf(plain), "");
  assert.equal(conditionsOf({ ...plain, seed: 5, steps: 900, colour: "speed" }), "", "what makes no difference");
});

test("what a verdict was not judged under is said", async () => {
  const { conditionsOf } = await open(["panels/chapters"]);
  const silenced = [{ neurons: [3], mu: 0, target: "unit" }];
  const said = [
    [{ input: [0.5] }, "judged without the constant input"],
    [{ sequence: "ab12" }, "judged without the table of inputs"],
    [{ interventions: silenced }, "judged without interventions"],
    [{ sigma: 0.5 }, "judged at sigma 1"],
    [{ start: "random" }, "judged with runs from zero"],
    [{ interventions: silenced, input: [1], sigma: 2 }, "judged without interventions, without the constant input, at sigma 1"],
  ];
  said.forEach(([change, words]) => assert.equal(conditionsOf({ ...plain, ...change }), words));
});
