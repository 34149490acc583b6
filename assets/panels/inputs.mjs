/* What enters the network beside the noise, a constant or a table of inputs, and where runs begin. */

import { address, element } from "../core/configuration.mjs";
import { make } from "../core/elements.mjs";
import { on } from "../core/events.mjs";
import { ask } from "../core/net.mjs";
import { follow, present, say, store } from "../core/page.mjs";
import { withInput } from "../core/scenario.mjs";
import { openNetwork } from "./badge.mjs";

const STARTS = { zero: "Zero", random: "Random", learned: "Learned with the weights" };
/* Of tables that were brought here: what is said of them, by their names. */
const brought = {};

const values = make("input", {
  type: "text", id: "input-values", autocomplete: "off", spellcheck: false, inputMode: "decimal", "aria-describedby": "input-note",
});
const file = make("input", { type: "file", id: "input-file", accept: ".csv,.tsv,.txt,text/csv,text/plain", hidden: true });
const bring = make("button", { type: "button", className: "page-button", textContent: "Table…",
  title: "A CSV with a column for each input and a row for each step; it begins anew after its last row" });
const remove = make("button", { type: "button", className: "page-button", textContent: "Remove", hidden: true });
const note = make("p", { id: "input-note", className: "note", role: "status" });
const begin = make("select", { id: "input-start" });

function build() {
  element("INPUTS").replaceChildren(
    make("label", { for: values.id }, "Constant input"), values,
    make("div", { className: "inputs-row" }, bring, remove, file), note,
    make("label", { for: begin.id }, "Runs begin at"), begin);
}

/* ---- what is shown ---- */

function show() {
  const { input, sequence, start } = present();
  const network = openNetwork();
  values.value = input ? input.join(", ") : "";
  values.placeholder = network ? `none; one number, or ${network.inputs.toLocaleString("en")}` : "none";
  remove.hidden = !sequence;
  note.textContent = sequence ? saidOf(sequence) : "";
  const known = ["zero", "random", ...(network?.learned || start === "learned" ? ["learned"] : [])];
  begin.replaceChildren(...known.map((value) => make("option", { value, textContent: STARTS[value], selected: value === start })));
}

const saidOf = (sequence) => {
  const table = brought[sequence] ?? `Table ${sequence.slice(0, 8)}`;
  if (sequence.endsWith("c")) return `${table}: one row, a constant.`;
  return `${table}, again and again. Kick neurons are those without it.`;
};

/* ---- what is done ---- */

/* Numbers with commas or blanks between; null where there are none, undefined where it is something else. */
export function readValues(text) {
  const parts = text.split(/[,;\s]+/).filter(Boolean);
  const numbers = parts.map((part) => Number(Number(part).toFixed(4)));
  if (numbers.some((number) => !Number.isFinite(number))) return undefined;
  return numbers.some((number) => number !== 0) ? numbers : null;
}

function typed() {
  const input = readValues(values.value);
  const inputs = openNetwork()?.inputs;
  if (input === undefined) say(`A constant input is one number, or one for each input with commas between; got ${values.value.slice(0, 60)}.`);
  else if (input && inputs && ![1, inputs].includes(input.length)) {
    say(`A constant input is one number, or ${inputs.toLocaleString("en")}, one for each input of this network; got ${input.length}.`);
  } else if (input || present().input) store.change(withInput(present(), { input }));
}

async function take(table) {
  const { model } = present();
  const found = await ask(address("inputs"), { model, name: table.name.slice(0, 200), text: await table.text() });
  if (!found || model !== present().model) return;
  if (found.refused) {
    say(found.refused);
    return;
  }
  brought[found.sequence] = `${table.name}: ${found.rows.toLocaleString("en")} × ${found.columns.toLocaleString("en")}`;
  store.change(withInput(present(), { sequence: found.sequence }));
}

export function start() {
  build();
  values.addEventListener("change", typed);
  bring.addEventListener("click", () => file.click());
  remove.addEventListener("click", () => store.change(withInput(present(), {})));
  begin.addEventListener("change", () => store.change({ ...present(), start: begin.value }));
  file.addEventListener("change", () => {
    const [table] = file.files;
    if (table) take(table);
    file.value = "";
  });
  on("network", () => { if (present()) show(); });
  follow(show);
}
