/* Fast views have two lanes, the page's own answers and the server's: neither waits for the other, cancels it, or draws an
 * older scenario over a newer one. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { element, open, turns } from "./page.mjs";

const [{ scenario: start }] = numbers("scenario").scenarios;
const MODULES = ["core/page", "core/router", "core/requests", "core/events", "core/plotly"];
/* Longer than the page waits for anything that it then requests. */
const A_WHILE = 10_000;
const [PLANE, ORBIT, NUMBERS] = ["state-space", "orbit", "numbers"];

/* What the worker finds of any scenario: one run of two steps, with the seed in its place. */
const summaryOf = ({ seed, trajectories }) => ({
  points: Float32Array.of(seed, 0, seed, 1), runs: trajectories, steps: 2, valid: [2], drawn: 2, outputs: 1, output: [0, 0], speed: [1, 1], probabilities: [1, 1],
  switching: { steps: 2, switches: { value: seed, error: null } }, transitionError: NaN,
});
const figure = { data: [{ name: "ghost" }, { name: "output 0" }, { name: "run 1" }], layout: { xaxis: {}, yaxis: {} } };
const PARTS = { network: { neurons: 3 }, target: null, figures: { light: { output: figure } } };

/* The chapter of the dynamics, where the page answers for the plane and the numbers, and the server for the rest. */
async function opened() {
  const found = await open(MODULES, { path: "/dynamics" });
  const { page, store, window } = found;
  const worker = { asked: [] };
  const axis = { _offset: 0, _length: 100, l2p: (value) => value };
  const graph = {
    _fullLayout: { _size: {}, xaxis: axis, yaxis: axis }, closest: () => ({ id: PLANE }), data: [], on() {}, parentElement: element(),
    classList: { toggle: (name, isOn) => { drawn[name] = isOn; } },
  };
  document.querySelector = (selector) => (selector.includes(PLANE) ? graph : null);
  globalThis.Worker = window.Worker = /** @type {any} */ (class {
    constructor() {
      worker.hear = (id, summary) => this.onmessage({ data: { id, summary } });
      worker.fail = () => this.onerror();
    }
    postMessage(message) { if (message.kind === "ask") worker.asked.push(message); }
    terminate() {}
  });
  const drawn = { plane: [], numbers: [], drafted: false };
  window.Plotly = { react: async (_graph, { data }) => { drawn.plane.push(data.find(({ name }) => name === "run 1").x[0]); } };
  document.createElement = () => Object.assign(element(), { append() {}, setAttribute(name, value) { this[name] = value; } });
  page.cards[NUMBERS] = Object.assign(element(), {
    replaceChildren: (table) => drawn.numbers.push(Number(new URLSearchParams(table["data-of"]).get("seed"))) });
  page.cards["state-space-caption"] = {};
  found.startRouter(() => {});
  found.startRequests();
  found.arrive();
  const asked = (path) => page.asked.filter((one) => one.path === path);
  const server = () => asked("/views").filter(({ body }) => !body.settled);
  /* The worker answers what it was asked of scenarios with a seed. */
  const work = async (seed) => {
    worker.asked.filter(({ scenario }) => scenario.seed === seed).forEach(({ id, scenario }) => worker.hear(id, summaryOf(scenario)));
    worker.asked = worker.asked.filter(({ scenario }) => scenario.seed !== seed);
    await turns();
  };
  const change = async (fields) => {
    store.change({ ...store.present, ...fields });
    await page.wait(A_WHILE);
  };
  /* The server answers what it was first asked: then the page hears what it needs to answer by itself. */
  store.open(start);
  await page.wait(A_WHILE);
  await server().at(-1).answer({ updates: [] });
  await page.wait(A_WHILE);
  await asked("/parts").at(-1).answer(PARTS);
  await page.wait(A_WHILE);
  await work(start.seed);
  await page.wait(A_WHILE);
  const state = () => ({ plane: drawn.plane, numbers: drawn.numbers, orbit: page.props[ORBIT]?.figure });
  drawn.plane.length = drawn.numbers.length = 0;
  return { ...found, server, work, change, state, worker, isDrafted: () => drawn.drafted };
}

test("each lane is asked for its views at once", async () => {
  const { change, server, work, state } = await opened();
  await change({ seed: 1 });
  assert.deepEqual(server().at(-1).body.views, [ORBIT]);
  await work(1);
  assert.deepEqual(state(), { plane: [1], numbers: [1], orbit: undefined }, "the page waits for no server");
});

test("the worker has the newest scenario before the page draws an older one", async () => {
  const { change, work, state, worker, window } = await opened();
  const waiting = [];
  const { react } = window.Plotly;
  window.Plotly.react = (...given) => {
    waiting.push(worker.asked.map(({ scenario }) => scenario.seed));
    return react(...given);
  };
  await change({ seed: 1 });
  await change({ seed: 2 });
  await change({ seed: 3 });
  assert.deepEqual(worker.asked.map(({ scenario }) => scenario.seed), [1], "one at a time");
  await work(1);
  assert.deepEqual(waiting, [[3]], "asked while the first is drawn, the second never");
  await work(3);
  assert.deepEqual(state().plane, [1, 3]);
  assert.equal(waiting.length, 2, "with nothing new, nothing is asked");
});

test("an answer of one lane does not cancel the other's", async () => {
  const { page, change, server, work, state } = await opened();
  await change({ seed: 1 });
  const theirs = server().at(-1);
  await work(1);
  await page.wait(A_WHILE);
  assert.equal(server().at(-1), theirs, "what is on its way is not asked again");
  await theirs.answer({ updates: [[ORBIT, { figure: "of seed 1" }]] });
  assert.deepEqual(state(), { plane: [1], numbers: [1], orbit: "of seed 1" });
  await change({ seed: 2 });
  await server().at(-1).answer({ updates: [[ORBIT, { figure: "of seed 2" }]] });
  assert.deepEqual(state(), { plane: [1], numbers: [1], orbit: "of seed 2" });
  await work(2);
  assert.deepEqual(state(), { plane: [1, 2], numbers: [1, 2], orbit: "of seed 2" });
});

test("an answer of the server that comes late is not drawn over a newer one of the page", async () => {
  const { page, change, server, work, state } = await opened();
  await change({ seed: 1, dimensions: 3 });
  await work(1);
  const late = server().at(-1);
  assert.ok(late.body.views.includes(PLANE), "a space is the server's");
  await change({ dimensions: 2 });
  await work(1);
  assert.deepEqual(state().plane, [1]);
  await late.answer({ updates: [[PLANE, { figure: "a space" }], [ORBIT, { figure: "of seed 1" }]] });
  assert.equal(page.props[PLANE], undefined);
  assert.equal(state().orbit, "of seed 1", "its other views are new");
  await page.wait(A_WHILE);
  await page.wait(A_WHILE);
  assert.deepEqual(state().plane, [1]);
});

test("what a late answer of the server draws of an older scenario the page draws anew", async () => {
  const { page, change, server, work, state } = await opened();
  await change({ dimensions: 3 });
  await work(start.seed);
  const late = server().at(-1);
  assert.ok(late.body.views.includes(PLANE), "a space is the server's");
  await change({ dimensions: 2 });
  const drawnBefore = state().plane.length;
  await late.answer({ updates: [[PLANE, { figure: "a space" }]] });
  await work(start.seed);
  await page.wait(A_WHILE);
  assert.deepEqual(state().plane.slice(drawnBefore), [start.seed]);
});

test("an answer of the page that comes late is not drawn over a newer one of the server", async () => {
  const { page, change, server, work, state } = await opened();
  await change({ seed: 1 });
  await server().at(-1).answer({ updates: [] });
  await change({ dimensions: 3 });
  const newer = server().at(-1);
  assert.ok(newer.body.views.includes(PLANE));
  await newer.answer({ updates: [[PLANE, { figure: "a space" }]] });
  assert.deepEqual(page.props[PLANE], { figure: "a space" });
  await work(1);
  await page.wait(A_WHILE);
  assert.deepEqual(state().plane, [], "the plane was asked for before the space");
  assert.equal(state().numbers.at(-1), 1, "its other view is new");
});

test("while a lane is asked only the newest scenario waits in it", async () => {
  const { change, server, work, state } = await opened();
  for (const seed of [1, 2, 3]) await change({ seed });
  assert.deepEqual(server().map(({ body }) => body.scenario.seed), [start.seed, 1]);
  await work(1);
  await work(2);
  await work(3);
  assert.deepEqual(state().numbers, [1, 3]);
  await server().at(-1).answer({ updates: [] });
  assert.deepEqual(server().map(({ body }) => body.scenario.seed), [start.seed, 1, 3]);
});

test("of a large network the first runs are drawn, then all, and of a newer scenario the first again", async () => {
  const { page, change, server, work, state } = await opened();
  await change({ seed: 1 });
  await work(1);
  const first = server().at(-1);
  assert.equal(first.body.few, true);
  await first.answer({ updates: [[ORBIT, { figure: "three runs" }]], more: [ORBIT] });
  assert.equal(state().orbit, "three runs");
  const all = server().at(-1);
  assert.deepEqual([all.body.views, all.body.few, all.body.scenario.seed], [[ORBIT], false, 1]);
  await change({ seed: 2 });
  await work(2);
  await all.answer({ updates: [[ORBIT, { figure: "ten runs" }]] });
  assert.deepEqual([server().at(-1).body.few, server().at(-1).body.scenario.seed], [true, 2]);
  await server().at(-1).answer({ updates: [[ORBIT, { figure: "all at once" }]] });
  const asked = server().length;
  await page.wait(A_WHILE);
  assert.equal(server().length, asked, "what is whole is not asked for again");
});

test("while the pointer is down the page drafts the first runs, draws them when it rests, and all when it is up", async () => {
  const { page, store, change, server, work, state, worker, emit, isDrafted } = await opened();
  store.hold(true);
  await change({ seed: 1 });
  assert.deepEqual(worker.asked.map(({ scenario }) => scenario.trajectories), [3]);
  await work(1);
  assert.match(page.cards["state-space-caption"].textContent, /: 3 of 10 runs of /);
  store.change({ ...store.present, seed: 2 });
  await turns();
  await work(2);
  assert.deepEqual([state().plane, state().numbers, isDrafted()], [[], [1, 2], true], "Plotly waits");
  await change({ seed: 3 });
  assert.deepEqual([state().plane, isDrafted()], [[], true], "a newer one is on its way");
  await work(3);
  await page.wait(A_WHILE);
  assert.deepEqual([state().plane, isDrafted()], [[3], false]);
  await change({ seed: 4 });
  await work(4);
  assert.deepEqual([worker.asked, isDrafted()], [[], true], "no more than that as long as it is down");
  store.hold(false);
  emit("released");
  await page.wait(0);
  assert.deepEqual(worker.asked.map(({ scenario }) => [scenario.seed, scenario.trajectories]), [[4, 10]]);
  await work(4);
  assert.deepEqual([state().plane, isDrafted()], [[3, 4], false]);
  assert.match(page.cards["state-space-caption"].textContent, /: 10 runs of /);
  assert.ok(server().every(({ body }) => body.scenario.trajectories === 10));
});

test("where the worker fails while the pointer is down, the server answers, and the scenario settles", async () => {
  const { page, on, store, change, server, worker } = await opened();
  const settled = [];
  on("settled", () => settled.push(store.present.seed));
  store.hold(true);
  await change({ seed: 1 });
  worker.fail();
  store.hold(false);
  await server().at(-1).answer({ updates: [] });
  assert.ok(server().at(-1).body.views.includes(PLANE));
  await server().at(-1).answer({ updates: [] });
  await page.wait(A_WHILE);
  assert.deepEqual(settled, [1]);
});
