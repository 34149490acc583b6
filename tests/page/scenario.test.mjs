/* The page writes the links that the server writes, and loses no change of the scenario. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open, turns } from "./page.mjs";

const { scenarios } = numbers("scenario");
const [{ scenario: start }] = scenarios;
const kick = {
  model: start.model, groups: [{ output: 0, to: null, neurons: [2, 4] }],
  integrating: [{ output: 1, neurons: [5, 6] }], others: [0, 1, 3, 5, 6, 7],
};
const A_WHILE = 10_000;
const silenced = (...neurons) => neurons.map((neuron) => ({ neurons: [neuron], mu: 0, target: "unit" }));

/* A page that shows a scenario; each change comes a while after the one before. */
async function shown(scenario = start, how = {}) {
  const found = await open(["core/page", "core/router", "core/link", "core/scenario", "core/controls", "core/table"], how);
  const { page, store, startRouter, arrive, setKick } = found;
  startRouter(() => {});
  arrive();
  setKick({ ...kick, model: scenario.model });
  store.open(scenario);
  const change = (next, more) => {
    page.now += A_WHILE;
    store.change(next, more);
  };
  const toggle = (neuron) => change(found.toggled(store.present, neuron));
  return { ...found, change, toggle, past: () => store.past };
}

scenarios.forEach(({ scenario, link }) => test(`the link of the server: ${link}`, async () => {
  const { link: linkOf, window } = await shown(scenario);
  assert.equal(linkOf(scenario), link);
  assert.equal(window.location.search, new URL(link, "http://localhost").search);
}));

test("undo and redo go through every change, one at a time", async () => {
  const { store, toggle, change, past, page, link } = await shown();
  const seen = [store.present];
  [() => toggle(3), () => change({ ...store.present, seed: 1 }), () => toggle(5)].forEach((act) => {
    act();
    seen.push(store.present);
  });
  assert.deepEqual(past(), seen.slice(0, 3));
  [2, 1, 0, 0].forEach((back) => {
    store.jump(-1);
    assert.deepEqual(store.present, seen[back]);
  });
  [1, 2, 3].forEach((forth) => {
    store.jump(1);
    assert.deepEqual(store.present, seen[forth]);
  });
  store.jump(-2);
  assert.deepEqual(store.history(), { past: seen.slice(0, 1), present: seen[1], future: seen.slice(2) });
  assert.equal(page.visited.at(-1), `/bench${link(seen[1])}`);
});

test("a change after undo forgets what was undone", async () => {
  const { store, toggle } = await shown();
  toggle(3);
  store.jump(-1);
  toggle(4);
  assert.equal(store.history().future.length, 0);
  store.jump(1);
  assert.deepEqual(store.present.interventions, silenced(4));
});

test("what changes nothing is no change", async () => {
  const { store, change, past, fieldFunctions } = await shown();
  change({ ...store.present });
  fieldFunctions().set_seed(store.present.seed);
  assert.deepEqual(past(), []);
});

test("a drag is one change, and a pause between keys ends it", async () => {
  const { store, page, past, toggle, change, withEntry } = await shown();
  toggle(3);
  const mu = (value) => withEntry(store.present, 0, { mu: value });
  [0.2, 0.4, 0.6].forEach((value) => {
    store.change(mu(value), { gesture: "mu-0" });
    page.now += 500;
  });
  assert.equal(past().length, 2);
  change(mu(0.8), { gesture: "mu-0" });
  assert.equal(past().length, 3);
  store.jump(-1);
  assert.equal(store.present.interventions[0].mu, 0.6);
  store.jump(-1);
  assert.deepEqual(store.present.interventions, silenced(3));
});

test("the history keeps two hundred changes", async () => {
  const { store, change, past } = await shown();
  for (let i = 0; i < 250; i++) change({ ...store.present, seed: store.present.seed + 1 });
  assert.deepEqual(past().map(({ seed }) => seed), Array.from({ length: 200 }, (_, i) => 50 + i));
});

test("a reload keeps the way back and on, another link forgets it", async () => {
  const first = await shown();
  first.toggle(3);
  first.change({ ...first.store.present, seed: 1 });
  first.store.jump(-1);
  const { session } = first.page;
  const again = await shown(first.store.present, { session });
  assert.deepEqual(again.store.history(), first.store.history());
  const [, other] = scenarios;
  assert.deepEqual((await shown(other.scenario, { session })).past(), []);
});

test("a session from elsewhere comes after what was here", async () => {
  const { store, past } = await shown();
  const here = store.present;
  const [one, two, three] = [1, 2, 3].map((seed) => ({ ...start, seed }));
  store.restore({ past: [one], present: two, future: [three] });
  assert.deepEqual(past(), [here, one]);
  assert.deepEqual(store.present, two);
  store.jump(1);
  assert.deepEqual(store.present, three);
  assert.equal(store.history().future.length, 0);
});

test("a neuron is silenced and brought back, alone or out of a group", async () => {
  const { store, toggle, tableFunctions } = await shown({ ...start, interventions: [{ neurons: [2, 4], mu: 0, target: "unit" }] });
  tableFunctions.ticked([{ data: { neuron: 9 }, value: true }]);
  assert.deepEqual(store.present.interventions, [{ neurons: [2, 4], mu: 0, target: "unit" }, ...silenced(9)]);
  tableFunctions.ticked([{ data: { neuron: 2 }, value: false }, { data: { neuron: 9 }, value: false }]);
  assert.deepEqual(store.present.interventions, [{ neurons: [4], mu: 0, target: "unit" }]);
  toggle(4);
  assert.deepEqual(store.present.interventions, []);
});

test("a click in the connectivity means the neuron of the row, or of the column where the row is none", async () => {
  const { neuronAt } = await shown();
  const meta = { labels: ["neuron 7", "neuron 3"], order: [7, 3] };
  assert.equal(neuronAt({ x: "neuron 3", y: "neuron 7" }, meta), 7);
  assert.equal(neuronAt({ x: "neuron 3", y: "output 1" }, meta), 3);
  assert.equal(neuronAt({ x: "input 0", y: "output 1" }, meta), null);
});

test("a group is silenced and let be, in any order of its neurons, and a control is drawn outside the groups", async () => {
  const { store, change, withGroup, isOn, randomNeurons } = await shown();
  change(withGroup(store.present, [2, 4], "unit"));
  assert.deepEqual(store.present.interventions, [{ neurons: [2, 4], mu: 0, target: "unit" }]);
  assert.ok(isOn(store.present, [4, 2], "unit"));
  assert.ok(!isOn(store.present, [4, 2], "input"));
  change(withGroup(store.present, [4, 2], "unit"));
  assert.deepEqual(store.present.interventions, []);
  const control = randomNeurons(kick);
  assert.equal(new Set(control).size, 2);
  assert.ok(control.every((neuron) => kick.others.includes(neuron)));
});

test("a network that is chosen beside a training is looked at on the bench, and in a chapter in that chapter", async () => {
  for (const [path, then] of [["/train/0123456789ab", "/bench"], ["/regions", "/regions"]]) {
    const { store, window, fieldFunctions } = await shown(start, { path });
    fieldFunctions().set_model("cyclic");
    assert.deepEqual([store.present.model, window.location.pathname], ["cyclic", then]);
  }
});

test("another network keeps nothing that belonged to the one before", async () => {
  const full = Object.assign({}, ...scenarios.map(({ scenario }) => scenario), { large: "readout", interventions: silenced(1) });
  const { store, fieldFunctions } = await shown({ ...full, picked: 4, area: [0, 0, 1, 0, 1, 1], pair: [0, 2], against: null });
  fieldFunctions().set_model("cyclic");
  const { interventions, picked, area, pair, camera, neuron, against, beside, model, large } = store.present;
  assert.deepEqual({ interventions, picked, area, pair, camera, neuron, against, beside, model, large }, {
    interventions: [], picked: null, area: null, pair: null, camera: null, neuron: 0, against: null, beside: false,
    model: "cyclic", large: "readout",
  });
});

/* A page whose controls have seed 2 and then 3 written to them, by ids. */
async function written() {
  const found = await shown();
  const { store, page, change, startControls } = found;
  const control = (id) => ({ closest: () => null, contains: (part) => part === page.cards[id] });
  Object.values(numbers("configuration").fields).forEach(({ control: id }) => { page.cards[id] = control(id); });
  startControls();
  for (const seed of [2, 3]) {
    change({ ...store.present, seed });
    await page.wait(200);
    assert.equal(page.props.seed.value, seed);
  }
  return { ...found, set: (value) => found.fieldFunctions().set_seed(value) };
}

test("a value that the page writes to a control comes back as no change, however late", async () => {
  const { store, page, past, set } = await written();
  await page.wait(1_000_000);
  set(2);
  assert.equal(store.present.seed, 3, "the echo of what was written before");
  assert.deepEqual([past().length, page.props.seed.value], [2, 3]);
});

test("what the user sets is a change, also where the page has written the same before", async () => {
  const { store, page, set } = await written();
  page.fire("pointerdown", { target: page.cards.steps });
  set(2);
  assert.equal(store.present.seed, 3, "another control was touched");
  page.fire("keydown", { target: page.cards.seed, ctrlKey: true });
  set(2);
  assert.equal(store.present.seed, 3, "undo is not meant for the control in which it is pressed");
  page.fire("pointerdown", { target: page.cards.seed });
  set(2);
  assert.equal(store.present.seed, 2);
});

test("colouring by a neuron takes the one that is picked", async () => {
  const { store, fieldFunctions } = await shown({ ...start, picked: 9 });
  fieldFunctions().set_colour("neuron");
  assert.equal(store.present.neuron, 9);
});

test("a shorter window lets go of a stretch that it does not hold", async () => {
  const { store, fieldFunctions } = await shown({ ...start, span: [20, 80] });
  fieldFunctions().set_steps(100);
  assert.deepEqual(store.present.span, [20, 80]);
  fieldFunctions().set_steps(60);
  assert.equal(store.present.span, null);
});

test("a view is enlarged in the link, and that is nothing to be undone", async () => {
  const { store, window, past, shownViews } = await shown();
  assert.ok(shownViews().length > 3);
  store.look({ large: "orbit" });
  assert.match(window.location.search, /large=orbit/);
  assert.deepEqual(past(), []);
  assert.deepEqual(shownViews(), ["orbit"]);
});

test("every chapter has its path, and trainings and sweeps have theirs", async () => {
  const { placeOf, chapterOf } = await shown();
  numbers("configuration").chapters.forEach(({ id, path, views }) => {
    assert.equal(placeOf(path).chapter.id, id);
    views.forEach((view) => assert.ok(chapterOf(view).views.includes(view)));
  });
  assert.equal(placeOf("/nowhere").page, "start");
  assert.deepEqual(placeOf("/train/0123"), { page: "job", item: "0123", chapter: null });
  assert.deepEqual(placeOf("/sweep"), { page: "sweeps", item: "", chapter: null });
});

test("a link without a chapter opens the bench, or the chapter of the view that an older link names", async () => {
  const at = async (path, search, view) => {
    const found = await open(["core/opening", "core/page"], { path, search });
    found.open({ scenario: start, defaults: start, message: "", kick: null, view });
    await turns();
    return found.window.location.pathname;
  };
  assert.equal(await at("/", "?model=linear-2", null), "/bench");
  assert.equal(await at("/", "?model=linear-2&tab=readout", "readout"), "/dynamics");
  assert.equal(await at("/", "", null), "/");
  assert.equal(await at("/regions", "?model=linear-2", null), "/regions");
});

test("what a figure tells of its place counts where the scenario has as many dimensions", async () => {
  const { withCamera } = await import("../../assets/core/scenario.mjs");
  const [ends, camera] = [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9]];
  const places = (dimensions, place) => withCamera({ dimensions, camera: "before" }, place).camera;
  assert.deepEqual([places(2, ends), places(3, camera)], [ends, camera]);
  assert.deepEqual([places(2, camera), places(3, ends)], ["before", "before"]);
  assert.deepEqual([places(2, null), places(3, null)], [null, null]);
});
