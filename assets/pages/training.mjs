/* The training pages: which of them is open, the HMM as it is typed, and the requests for how a training goes.
 *
 *     /train         the form                 /train/<id>    a training
 *
 * The pages of sweeps belong to Train as well; what is on them is the work of sweeps.mjs.
 *
 * The matrices are plain inputs in a plain table: the page answers to each key without waiting for the server, which
 * checks the whole form again, whenever it has settled and before anything is trained.
 */

import { address, configuration } from "../core/configuration.mjs";
import { apply, no, set } from "../core/dash.mjs";
import { make as makeElement } from "../core/elements.mjs";
import { on } from "../core/events.mjs";
import { ask } from "../core/net.mjs";
import { say, scheme } from "../core/page.mjs";
import { WatchedPage } from "../core/poll.mjs";
import { go, place, placeBefore } from "../core/router.mjs";
import { same } from "../core/scenario.mjs";
import { openNetwork } from "../core/opening.mjs";

const FORM_KEY = "hmmrnn-training";
const SETTLE_MS = 200;
const OWN = "own";
const DIGITS = 4;
const ROOMY_COLUMNS = 6;

const { ids } = configuration();
const byId = (id) => document.getElementById(id);

/* ---- which page is open, and how trainings go ------------------------------------------------------------------- */

let setup = null;

const isOurs = () => ["form", "job"].includes(place().page);

const watch = new WatchedPage({
  question: () => (setup && isOurs() ? {
    path: address("watch-training"), body: { job: place().item, theme: scheme() } } : null),
  unknown: (sentence) => {
    say(sentence);
    go("/train", { replace: true });
  },
  shown: () => byId(ids.JOB).classList.remove("arriving"),
});

function arrived({ before }) {
  if (!setup || !isOurs()) {
    watch.rest();
    return;
  }
  byId(ids.JOB).classList.add("arriving");
  if (place().page === "form") offer();
  watch.ask();
  if (before) window.setTimeout(() => document.querySelector(`.training-${place().page} h2`).focus(), 0);
}

/* ---- the form ------------------------------------------------------------------------------------------------------- */

/* A cell holds a number, or the text that is none. `own` is the HMM that was typed, while a family is shown. */
let form = null;
let own = null;
const judged = { problem: "", shown: null, timer: null };

const states = () => form.A.length;
const symbols = () => form.B[0].length;
const columns = (name) => form[name][0].length;
const copy = (matrix) => matrix.map((row) => [...row]);

/* What was cut off comes back if the matrix grows again before anything else is done to it: to type 12 is to type 1
 * on the way. */
let cutOff = null;

function resized(matrix, before, rows, cols, newRow) {
  return Array.from({ length: rows }, (_, i) => Array.from({ length: cols }, (_, j) => {
    if (i < matrix.length && j < matrix[0].length) return matrix[i][j];
    if (before && i < before.length && j < before[0].length) return before[i][j];
    return i < matrix.length ? 0 : newRow;
  }));
}

/* A state that is new leads anywhere and emits anything; the states that were there do not lead to it yet. */
function resize(rows, cols, from = "") {
  const [K, O] = [Math.min(rows, setup.max.states), Math.min(cols, setup.max.outputs)];
  if (K === states() && O === symbols()) return;
  const kept = cutOff || {};
  const larger = states() * symbols() > K * O && !cutOff ? { A: copy(form.A), B: copy(form.B) } : cutOff;
  if (K !== states()) delete form.start;
  delete form.name;
  form.A = resized(form.A, kept.A, K, K, 1 / K);
  form.B = resized(form.B, kept.B, K, O, 1 / O);
  cutOff = larger;
  becomeOwn();
  draw(from);
}

function becomeOwn() {
  const { start, name } = form;
  own = { A: copy(form.A), B: copy(form.B), ...(start ? { start: [...start] } : {}), ...(name ? { name } : {}) };
  if (form.family !== OWN) set(ids.TRAIN_FAMILY, { value: OWN });
  form.family = OWN;
}

/* The distribution of the first state, and a name, belong to an HMM that was pasted with them; they have no cells. */
function take(hmm) {
  form.A = copy(hmm.A);
  form.B = copy(hmm.B);
  if (hmm.start) form.start = [...hmm.start];
  else delete form.start;
  if (hmm.name) form.name = hmm.name;
  else delete form.name;
  cutOff = null;
  draw();
}

/* ---- cells: text and numbers ---- */

function read(text) {
  const plain = text.trim().replace(",", ".");
  const parts = plain.match(/^([-+]?(?:\d*\.?\d+(?:e[-+]?\d+)?|\d+\.))\s*(%|\/\s*(\d*\.?\d+))?$/i);
  if (!parts) return text;
  if (parts[2] === "%") return Number(parts[1]) / 100;
  return parts[3] ? Number(parts[1]) / Number(parts[3]) : Number(parts[1]);
}

const rounded = (value) => String(Number(value.toPrecision(DIGITS)));
const shown = (cell) => (typeof cell === "number" ? rounded(cell) : cell);
const fits = (cell) => typeof cell === "number" && cell >= -setup.tolerance && cell <= 1 + setup.tolerance;
const total = (row) => row.reduce((sum, value) => sum + value, 0);

/* By how much the sum of a row may differ from 1: half a unit of its last decimal for each number, as the server judges. */
function rounding(row) {
  const has = (decimals) => row.every((value) => Math.abs(value - Number(value.toFixed(decimals))) < 1e-12);
  const decimals = setup.rounded.find(has);
  return setup.tolerance + (decimals && !has(setup.rounded[0] - 1) ? 0.5 * row.length * 10 ** -decimals : 0);
}

/* Why a row is no distribution, in short and as the end of a sentence; null if it is one. */
function fault(row) {
  if (!row.every((cell) => typeof cell === "number" && Number.isFinite(cell))) {
    return { short: "no number", long: "must hold numbers in all cells" };
  }
  if (!row.every(fits)) return { short: "not 0 to 1", long: "must hold values from 0 to 1" };
  const over = total(row) - 1;
  if (Math.abs(over) <= rounding(row)) return null;
  const short = `${rounded(Math.abs(over))} ${over > 0 ? "over" : "short"}`;
  return { short, long: `must sum to 1; it is ${short}` };
}

function problem() {
  for (const name of ["A", "B"]) {
    const wrong = form[name].map(fault).findIndex(Boolean);
    if (wrong >= 0) return `Row ${wrong} of ${name} ${fault(form[name][wrong]).long}.`;
  }
  return judged.problem;
}

/* ---- the tables ---- */

const CAPTIONS = { A: "A: probability of the next state", B: "B: probability of each symbol" };

/* An element with attributes alone. */
function make(tag, attributes, ...children) {
  const made = makeElement(tag, {}, ...children);
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  return made;
}

function cell(name, i, j) {
  const label = name === "A" ? `A, from state ${i} to state ${j}` : `B, symbol ${j} in state ${i}`;
  return make("td", {}, make("input", {
    id: `cell-${name}-${i}-${j}`, type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false",
    "aria-label": label, "aria-describedby": `sum-${name}-${i}`,
  }));
}

function table(name) {
  const many = columns(name) > ROOMY_COLUMNS;
  const words = many ? "" : { A: "to ", B: "symbol " }[name];
  const head = form[name][0].map((_, j) => make("th", { scope: "col" }, `${words}${j}`));
  const rows = form[name].map((row, i) => make("tr", {},
    make("th", { scope: "row" }, many ? String(i) : `state ${i}`), ...row.map((_, j) => cell(name, i, j)),
    make("td", { id: `sum-${name}-${i}`, class: "sum" })));
  return make("div", { class: many ? "matrix many" : "matrix" }, make("table", {},
    make("caption", {}, CAPTIONS[name]),
    make("thead", {}, make("tr", {}, make("td", {}), ...head, make("th", { scope: "col", class: "sum" }, "Sum"))),
    make("tbody", {}, ...rows)));
}

let drawn = "";

/* `from` is the field that is being typed into: it is not written to meanwhile. */
function draw(from = "") {
  const shape = `${states()} ${symbols()}`;
  if (shape !== drawn) {
    byId(ids.TRAIN_MATRICES).replaceChildren(table("A"), table("B"));
    if (from !== "states") set(ids.TRAIN_STATES, { value: states() });
    if (from !== "outputs") set(ids.TRAIN_OUTPUTS, { value: symbols() });
    drawn = shape;
  }
  ["A", "B"].forEach((name) => form[name].forEach((row, i) => {
    row.forEach((value, j) => write(name, i, j, value));
    judge(name, i);
  }));
}

function write(name, i, j, value) {
  const input = byId(`cell-${name}-${i}-${j}`);
  input.value = shown(value);
  input.title = String(value);
}

function judge(name, i) {
  const wrong = fault(form[name][i]);
  const sign = byId(`sum-${name}-${i}`);
  sign.textContent = wrong ? `✗ ${wrong.short}` : "✓ 1";
  sign.classList.toggle("wrong", Boolean(wrong));
  form[name][i].forEach((value, j) => {
    const input = byId(`cell-${name}-${i}-${j}`);
    input.setAttribute("aria-invalid", String(Boolean(wrong)));
    input.classList.toggle("no-number", !fits(value));
  });
}

function normalise() {
  ["A", "B"].forEach((name) => {
    form[name] = form[name].map((row) => {
      const values = row.map((value) => (typeof value === "number" && value > 0 ? value : 0));
      const sum = total(values);
      return fault(row) ? values.map((value) => (sum > 0 ? value / sum : 1 / row.length)) : row;
    });
  });
  changed();
  draw();
}

/* What is changed by hand is another HMM than the one of that name. */
function changed() {
  delete form.name;
  edited();
}

function edited() {
  cutOff = null;
  becomeOwn();
  offer();
}

/* ---- what is done in the tables ---- */

function position(input) {
  const [, name, i, j] = input.id.split("-");
  return { name, i: Number(i), j: Number(j) };
}

function typed(event) {
  const { name, i, j } = position(event.target);
  form[name][i][j] = read(event.target.value);
  event.target.title = event.target.value;
  judge(name, i);
  changed();
}

/* What is pasted is put into the form in the order of pasting, whichever answer comes first. */
let pastes = Promise.resolve();

/* One number goes into the cell; any other text is read by the server. */
function pasted(event) {
  const text = event.clipboardData.getData("text");
  if (typeof read(text) === "number" || text.trim() === "") return;
  event.preventDefault();
  const at = position(event.target);
  const answer = ask(address("read-paste"), { matrix: at.name, text });
  pastes = pastes.then(async () => put(at, await answer));
}

function put({ name, i, j }, answer) {
  if (!answer) return;
  if (answer.refused) say(answer.refused);
  else if (answer.hmm) {
    take(answer.hmm);
    edited();
    if (answer.note) say(answer.note);
  } else if (answer.name === name) fill(name, i, j, answer.rows);
  else fill(answer.name, 0, 0, answer.rows);
}

/* A block that is pasted where a matrix begins is the whole matrix; anywhere else it fills from there, and the matrix
 * grows as far as it must. */
function fill(name, top, left, rows) {
  const [height, width] = [rows.length, Math.max(...rows.map((row) => row.length))];
  const whole = top === 0 && left === 0 && height > 1;
  const bottom = whole && name === "A" && height === width ? height : Math.max(states(), top + height);
  const right = whole && (name === "A" ? height === width : height >= states())
    ? width : Math.max(columns(name), left + width);
  const K = name === "A" ? Math.max(bottom, right) : bottom;
  const O = name === "A" ? symbols() : right;
  if (K > setup.max.states || O > setup.max.outputs) {
    say(`At most ${setup.max.states} states and ${setup.max.outputs} symbols are supported; `
      + `the block that was pasted has ${height} rows and ${width} columns.`);
    return;
  }
  resize(K, O);
  rows.forEach((row, i) => row.forEach((value, j) => {
    form[name][top + i][left + j] = value;
  }));
  changed();
  draw();
}

function moved(event) {
  const step = { ArrowUp: -1, ArrowDown: 1, Enter: 1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const { name, i, j } = position(event.target);
  const next = byId(`cell-${name}-${i + step}-${j}`);
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function listen(container) {
  const of = (work) => (event) => event.target.matches("input") && work(event);
  container.addEventListener("input", of(typed));
  container.addEventListener("paste", of(pasted));
  container.addEventListener("keydown", of(moved));
  container.addEventListener("focusin", of((event) => event.target.select()));
  container.addEventListener("focusout", of((event) => {
    const { name, i, j } = position(event.target);
    /* The table may have shrunk under the cell that had the focus. */
    if (event.target.isConnected) write(name, i, j, form[name][i][j]);
  }));
}

/* ---- the form as a whole ---- */

/* The server's check. A response for a form that is no longer there is left alone: the one that fits is on its way. */
async function check() {
  const of = structuredClone(form);
  const response = await ask(address("check-form"), of);
  if (!response || !same(of, form)) return;
  judged.problem = response.problem ?? response.refused ?? "";
  apply(response.updates || []);
  showProblem();
}

/* Remembered at once, and sent to the server when it has settled. */
function offer() {
  showProblem();
  remember();
  window.clearTimeout(judged.timer);
  judged.timer = window.setTimeout(() => {
    if (place().page === "form") check();
  }, SETTLE_MS);
}

function showProblem() {
  const words = problem();
  if (words === judged.shown) return;
  judged.shown = words;
  set(ids.TRAIN_PROBLEM, { children: words });
  set(ids.TRAIN_START, { disabled: words !== "" });
  document.querySelector(".training-form").classList.toggle("wrong", words !== "");
}

function remember() {
  try {
    window.sessionStorage.setItem(FORM_KEY, JSON.stringify({ form, own }));
  } catch (error) {
    /* Storage is full or forbidden: what was typed then lasts until the page is reloaded. */
    if (!(error instanceof DOMException)) throw error;
  }
}

function recall() {
  const kept = JSON.parse(window.sessionStorage.getItem(FORM_KEY) || "null");
  const { family } = setup.first;
  const { A, B } = setup.families[family];
  form = kept ? kept.form : { ...setup.first, ...setup.families[family], A: copy(A), B: copy(B) };
  own = kept && kept.own;
  ["family", "recipe", "neurons", "inputs", "seed", "steps"].forEach((name) => {
    set(ids[`TRAIN_${name.toUpperCase()}`], { value: form[name] });
  });
  draw();
}

/* ---- what Dash calls -------------------------------------------------------------------------------------------------- */

export async function command(name, of) {
  const result = await ask(address("train-command"), { command: name, of });
  if (!result) return;
  if (result.refused) say(result.refused);
  else if (result.job) go(`/train/${result.job}`);
  else if (result.network) openNetwork(result.network, result.choices);
  else watch.ask();
}

const button = (name, of) => (clicks) => {
  if (clicks) command(name, of());
  return no();
};
const field = (name) => (value) => {
  if (form && value !== undefined && value !== form[name]) {
    form[name] = value;
    offer();
  }
  return no();
};

export const functions = {
  trainingReady: (given) => {
    setup = given;
    listen(byId(ids.TRAIN_MATRICES));
    recall();
    on("arrived", arrived);
    on("scheme", () => watch.ask());
    if (isOurs()) arrived({ before: placeBefore() });
    return no();
  },

  form_family: (name) => {
    if (!form || name === form.family) return no();
    form.family = name;
    if (name !== OWN) take(setup.families[name]);
    else if (own) take(own);
    offer();
    return no();
  },

  form_states: (value) => {
    if (form && value > 0) {
      resize(value, symbols(), "states");
      offer();
    }
    return no();
  },

  form_outputs: (value) => {
    if (form && value > 0) {
      resize(states(), value, "outputs");
      offer();
    }
    return no();
  },

  form_neurons: field("neurons"),
  form_inputs: field("inputs"),
  form_recipe: field("recipe"),
  form_seed: field("seed"),
  form_steps: field("steps"),

  normalise: (clicks) => {
    if (clicks) normalise();
    return no();
  },

  command_train: button("train", () => ({ ...form })),
  command_cancel: button("cancel", () => place().item),
  command_resume: button("resume", () => place().item),
  command_explore: button("explore", () => place().item),
};
