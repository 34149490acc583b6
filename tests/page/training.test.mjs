/* The matrices of the form of a training: each key is judged, blocks are pasted, states come and go. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";
import { open } from "./page.mjs";

const { ids } = numbers("configuration");
const { setup, pastes } = numbers("training");
const A_WHILE = 10_000;
const JOB = "0123456789ab";

/* As much of an element as the tables need. */
class Element {
  constructor(tag) {
    Object.assign(this, { tag, attributes: {}, children: [], listeners: {}, value: "", textContent: "", isConnected: true });
    this.classes = new Set();
    this.classList = {
      add: (name) => this.classes.add(name), remove: (name) => this.classes.delete(name),
      toggle: (name, on) => (on ? this.classes.add(name) : this.classes.delete(name)),
    };
  }
  get id() { return this.attributes.id; }
  setAttribute(name, value) { this.attributes[name] = value; }
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  addEventListener(event, hear) { this.listeners[event] = hear; }
  matches(tag) { return this.tag === tag; }
  focus() { this.focused = true; }
  all() { return [this, ...this.children.flatMap((child) => (child.all ? child.all() : []))]; }
}

/* The form of a page that has just been opened. */
async function opened({ session, path = "/train" } = {}) {
  const { page, arrive, functions } = await open(["pages/training", "core/router"], { session, path });
  const matrices = new Element("div");
  const form = new Element("form");
  const others = document.getElementById;
  Object.assign(document, {
    createElement: (tag) => new Element(tag), querySelector: () => form,
    getElementById: (id) => (id === ids.TRAIN_MATRICES ? matrices : matrices.all().find((each) => each.id === id))
      ?? others(id),
  });
  arrive();
  functions.trainingReady(setup);
  const find = (id) => matrices.all().find((each) => each.id === id);
  const send = (event, id, how = {}) => matrices.listeners[event]({ target: find(id), preventDefault() {}, ...how });
  const asked = (address) => page.asked.filter((each) => each.path === address);
  return {
    page, functions, find, send,
    type: (id, text) => { find(id).value = text; send("input", id); },
    paste: async (id, text) => {
      send("paste", id, { clipboardData: { getData: () => text } });
      const question = asked("/train/paste").at(-1);
      const [, , answer] = pastes.find(([matrix, known]) => matrix === question.body.matrix && known === text);
      await question.answer(answer);
    },
    sum: (name, row) => find(`sum-${name}-${row}`).textContent,
    wrong: () => matrices.all().filter(({ classes, id }) => id?.startsWith("sum") && classes.has("wrong")).length,
    matrix: (name) => matrices.all().filter(({ tag, id }) => tag === "tr" && id === undefined)
      .map((row) => row.all().filter(({ id }) => id?.startsWith(`cell-${name}-`)).map(({ value }) => value))
      .filter((row) => row.length),
    problem: () => page.props[ids.TRAIN_PROBLEM].children, disabled: () => page.props[ids.TRAIN_START].disabled,
    family: () => page.props[ids.TRAIN_FAMILY].value, said: () => page.props[ids.NOTICE_TEXT]?.children,
    checks: () => asked("/train/check"), commands: () => asked("/train/command"), watched: () => asked("/watch/training"),
  };
}

test("a row is judged at every key, and cannot be trained until it sums to 1", async () => {
  const { type, sum, problem, disabled, family, find, functions, matrix } = await opened();
  assert.deepEqual([sum("A", 1), disabled(), family()], ["✓ 1", false, "linear-2"]);
  Object.entries({ 0: "✗ 0.95 short", "0.": "✗ 0.95 short", "0.9": "✗ 0.05 short", "0.9x": "✗ no number" })
    .forEach(([text, words]) => {
      type("cell-A-1-1", text);
      assert.deepEqual([sum("A", 1), disabled()], [words, true], text);
    });
  assert.equal(problem(), "Row 1 of A must hold numbers in all cells.");
  assert.equal(find("cell-A-1-1").attributes["aria-invalid"], "true");
  assert.equal(family(), "own");
  type("cell-A-1-1", "1,5");
  assert.equal(problem(), "Row 1 of A must hold values from 0 to 1.");
  type("cell-A-1-1", "0.9");
  assert.equal(problem(), "Row 1 of A must sum to 1; it is 0.05 short.");
  functions.normalise(1);
  assert.deepEqual([sum("A", 1), problem(), disabled()], ["✓ 1", "", false]);
  assert.equal(matrix("A")[1][1], "0.9474");
});

test("rows that were made to sum to 1 keep every digit, whatever the cells show", async () => {
  const { page, type, checks, functions, matrix } = await opened();
  type("cell-A-1-1", "0.9");
  functions.normalise(1);
  await page.wait(A_WHILE);
  assert.equal(matrix("A")[1][1], "0.9474");
  const { A } = checks().at(-1).body;
  assert.equal(A[1][1], 0.9 / (0.05 + 0.9));
  assert.ok(Math.abs(A[1][0] + A[1][1] - 1) < 1e-12);
});

test("what the server says of a form counts as long as the form is that one", async () => {
  const { page, type, checks, problem, disabled } = await opened();
  type("cell-A-0-0", "1");
  type("cell-A-0-1", "0");
  await page.wait(A_WHILE);
  assert.equal(checks().length, 1, "what is typed in one go is sent once");
  await checks()[0].answer({ problem: "It never leaves.", updates: [] });
  assert.deepEqual([problem(), disabled()], ["It never leaves.", true]);
  type("cell-A-0-0", "0.6");
  type("cell-A-0-1", "0.4");
  await page.wait(A_WHILE);
  type("cell-A-0-0", "0.5");
  type("cell-A-0-1", "0.5");
  await page.wait(A_WHILE);
  const [, older, newest] = checks();
  assert.deepEqual([older.body.A[0], newest.body.A[0]], [[0.6, 0.4], [0.5, 0.5]]);
  await older.answer({ problem: "Something older.", updates: [[ids.TRAIN_FACTS, { children: "older" }]] });
  assert.equal(page.props[ids.TRAIN_FACTS], undefined);
  await newest.answer({ problem: "", updates: [[ids.TRAIN_FACTS, { children: "newest" }]] });
  assert.deepEqual([problem(), disabled(), page.props[ids.TRAIN_FACTS].children], ["", false, "newest"]);
});

test("what the server refuses to check cannot be trained", async () => {
  const { page, checks, problem, disabled } = await opened();
  await page.wait(A_WHILE);
  await checks()[0].answer({ refused: "A question must be smaller." });
  assert.deepEqual([problem(), disabled()], ["A question must be smaller.", true]);
});

test("a training that is begun is opened, and one that is refused is said", async () => {
  const { page, functions, commands, watched, said } = await opened();
  functions.command_train(0);
  assert.deepEqual(commands(), [], "nothing was clicked");
  functions.command_train(1);
  assert.equal(commands()[0].body.command, "train");
  assert.deepEqual(commands()[0].body.of.A, setup.families["linear-2"].A);
  await commands()[0].answer({ refused: "Too many trainings wait." });
  assert.equal(said(), "Too many trainings wait.");
  assert.deepEqual(page.visited, []);
  functions.command_train(2);
  await commands()[1].answer({ job: JOB });
  assert.deepEqual(page.visited, [`/train/${JOB}`]);
  assert.equal(watched().at(-1).body.job, JOB);
});

test("a training is watched by its parts, and one that is not there leads to the form", async () => {
  const { page, watched, said } = await opened({ path: `/train/${JOB}` });
  const part = { stamp: 5, updates: [[ids.JOB_TITLE, { children: "linear-2" }]] };
  await watched()[0].answer({ parts: { head: part }, again: 2 });
  assert.equal(page.props[ids.JOB_TITLE].children, "linear-2");
  await page.wait(1999);
  assert.equal(watched().length, 1);
  await page.wait(1);
  assert.deepEqual(watched().map(({ body }) => body.seen), [{}, { head: 5 }]);
  await watched()[1].answer({ unknown: "There is no such training." });
  assert.deepEqual([said(), page.visited], ["There is no such training.", ["/train"]]);
});

test("a block is pasted as spreadsheets and programs write it", async () => {
  const { paste, matrix, family, said, commands, functions, send, page, type } = await opened();
  const [wide, shares, nested, scientific, tall, whole, named, other, rounded, none] = pastes.map(([, text]) => text);
  await paste("cell-A-0-0", wide);
  await paste("cell-B-0-0", shares);
  assert.equal(family(), "own");
  assert.deepEqual(matrix("A"), [["0.9", "0.1", "0"], ["0", "0.9", "0.1"], ["0.1", "0", "0.9"]]);
  assert.deepEqual(matrix("B"), [["0.9", "0.1"], ["0.5", "0.5"], ["0.25", "0.75"]]);
  await paste("cell-A-0-0", nested);
  assert.deepEqual(matrix("A"), [["0.5", "0.5", "0"], ["0", "1", "0"], ["0", "0", "1"]]);
  await paste("cell-A-0-0", scientific);
  assert.deepEqual(matrix("A"), [["0.9999", "0.0001"], ["0", "1"]], "the larger matrix is gone");
  await paste("cell-A-0-0", tall);
  assert.match(said(), /At most 70 states and 32 symbols/);
  await paste("cell-A-0-0", none);
  assert.match(said(), /expected numbers/);
  assert.equal(matrix("A").length, 2);
  await paste("cell-B-1-1", other);
  assert.deepEqual(matrix("A"), [["0.7", "0.3"], ["0.4", "0.6"]], "the name of a matrix counts, not the cell");
  await paste("cell-B-1-1", whole);
  assert.deepEqual([matrix("A"), matrix("B")], [[["0.9", "0.1"], ["0.2", "0.8"]], [["1", "0"], ["0", "1"]]]);
  functions.command_train(1);
  assert.deepEqual(commands()[0].body.of.start, [1, 0]);
  await paste("cell-B-0-0", rounded);
  assert.equal(said(), "1 of 2 rows of A divided by the sum, which is 0.999 by rounding.");
  await paste("cell-B-0-0", whole);
  functions.form_states(3);
  functions.command_train(2);
  assert.equal(commands()[1].body.of.start, undefined, "the start belongs to two states");
  await paste("cell-A-0-0", named);
  functions.command_train(3);
  functions.form_family("linear-2");
  functions.form_family("own");
  functions.command_train(4);
  assert.deepEqual(commands().slice(2).map(({ body }) => body.of.name), ["mouse 7", "mouse 7"]);
  type("cell-A-0-0", "0.9");
  functions.command_train(5);
  assert.equal(commands()[4].body.of.name, undefined, "what is changed by hand is another HMM");
  const before = page.asked.length;
  send("paste", "cell-A-0-0", { clipboardData: { getData: () => "2.5e-01" } });
  assert.equal(page.asked.length, before, "one number goes into its cell");
});

test("a rounded row is a distribution, and one that is short is none", async () => {
  const { type, sum } = await opened();
  [["0.333333", "0.666666", "✓ 1"], ["0.33", "0.66", "✗ 0.01 short"], ["1e+00", "-2.8e-17", "✓ 1"]]
    .forEach(([first, second, words]) => {
      type("cell-A-0-0", first);
      type("cell-A-0-1", second);
      assert.equal(sum("A", 0), words);
    });
});

test("states and symbols come and go", async () => {
  const { functions, matrix, wrong, sum, disabled } = await opened();
  const before = matrix("A");
  functions.form_states(12);
  functions.form_outputs(8);
  assert.deepEqual([matrix("A").length, matrix("B")[0].length, wrong(), disabled()], [12, 8, 0, false]);
  functions.form_states(2);
  assert.deepEqual(matrix("A"), before);
  functions.form_outputs(2);
  assert.equal(sum("B", 1), "✗ 0.99 short", "the share of the symbol that is gone is missing");
  functions.form_outputs(3);
  assert.equal(wrong(), 0);
});

test("what is typed does not change the family that it began as", async () => {
  const { functions, type, matrix } = await opened();
  const before = matrix("A");
  type("cell-A-0-0", "0.7");
  functions.form_family("linear-2");
  assert.deepEqual(matrix("A"), before);
});

test("what was typed outlives a family and a reload", async () => {
  const { functions, type, matrix, page } = await opened();
  type("cell-A-0-0", "0.7");
  type("cell-A-0-1", "0.3");
  const typed = matrix("A");
  functions.form_family("linear-5");
  assert.equal(matrix("A").length, 5);
  functions.form_family("own");
  assert.deepEqual(matrix("A"), typed);
  assert.deepEqual((await opened({ session: page.session })).matrix("A"), typed);
});

test("the arrow keys go up and down", async () => {
  const { send, find } = await opened();
  send("keydown", "cell-A-0-0", { key: "ArrowDown" });
  assert.ok(find("cell-A-1-0").focused);
  send("keydown", "cell-A-1-1", { key: "ArrowUp" });
  assert.ok(find("cell-A-0-1").focused);
});
