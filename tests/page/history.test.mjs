/* Every change of the scenario has a name. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open } from "./page.mjs";

const { scenarios } = numbers("scenario");
const [{ scenario: start }] = scenarios;
const { changeName, itemsName, setKick, store } = await open(["panels/history", "core/page"]);
store.open(start);
setKick({
  model: start.model, groups: [{ neurons: [4, 2], name: "kick neurons for leaving 0" }],
  integrating: [{ output: 1, neurons: [5, 6], name: "integrating population of output 1" }],
});
const silenced = (...neurons) => ({ neurons, mu: 0, target: "unit" });

test("interventions are named by their neurons, or by the group that these are", () => {
  assert.equal(itemsName([]), "intact");
  assert.equal(itemsName([silenced(3), silenced(2, 4)]), "neuron 3 silenced; kick neurons for leaving 0 silenced");
  assert.equal(itemsName([{ ...silenced(5, 6), mu: 1 / 3, target: "input" }]), "integrating population of output 1 at mu 0.3333 (noise only)");
  assert.equal(itemsName([silenced(1, 2, 3, 4, 5)]), "5 neurons (1, 2, 3, 4, …) silenced");
});

test("what comes, changes and goes is named", () => {
  const change = (before, after) => changeName({ ...start, interventions: before }, { ...start, interventions: after });
  assert.equal(change([], [silenced(3)]), "Neuron 3 silenced");
  assert.equal(change([silenced(3)], [{ ...silenced(3), mu: 0.5 }]), "Neuron 3 at mu 0.5");
  assert.equal(change([silenced(3), silenced(4)], [silenced(4)]), "Neuron 3 left alone");
  assert.equal(change([silenced(3)], []), "All interventions removed");
});

test("each field has a name of its own", () => {
  const seen = new Set();
  scenarios.forEach(({ scenario }) => Object.keys(scenario).forEach((field) => {
    /* An enlarged view is no change that could be undone. */
    if (field !== "large" && JSON.stringify(scenario[field]) !== JSON.stringify(start[field])) {
      const name = changeName(start, { ...start, [field]: scenario[field] });
      assert.doesNotMatch(name, /undefined|The same again|\[object/, field);
      seen.add(`${field}: ${name}`);
    }
  }));
  assert.ok(seen.size > 15);
  assert.equal(changeName(start, { ...start, seed: 1 }), "Other noise: seed 1");
  assert.equal(changeName(start, { ...start, seed: 1, sigma: 2 }), "Sigma 1 to 2, and 1 more");
  assert.equal(changeName(start, start), "The same again");
});
