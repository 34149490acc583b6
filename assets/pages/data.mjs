/* The page of own data: a table is opened, its HMM is chosen, a network is trained; the server says how far each is.
 *
 *     /data           where a table is opened
 *     /data/<what>    <table>.<most states>.<states>.<neurons>.<steps>, 0 for what is not chosen
 */

import { address, configuration } from "../core/configuration.mjs";
import { no } from "../core/dash.mjs";
import { make } from "../core/elements.mjs";
import { on } from "../core/events.mjs";
import { ask } from "../core/net.mjs";
import { say, scheme } from "../core/page.mjs";
import { WatchedPage } from "../core/poll.mjs";
import { go, place, placeBefore } from "../core/router.mjs";

const { ids } = configuration();
const byId = (id) => document.getElementById(id);
const PARTS = ["table", "most", "states", "neurons", "steps"];

const isOurs = () => place().page === "data";

/* What the address names, with some of it changed. */
function item(changes = {}) {
  const now = Object.fromEntries(place().item.split(".").map((value, i) => [PARTS[i], value]));
  return PARTS.map((name) => changes[name] ?? now[name] ?? "0").join(".");
}

/* What is open where its fit was cancelled. */
let cancelled = "";

const watch = new WatchedPage({
  question: () => (isOurs() && place().item ? {
    path: address("watch-data"), body: { of: place().item, theme: scheme(), cancelled: cancelled === place().item } } : null),
  unknown: (sentence) => {
    say(sentence);
    go("/data", { replace: true });
  },
  shown: () => {},
});

function arrived({ before }) {
  if (!isOurs()) {
    watch.rest();
    return;
  }
  document.querySelector(".data").classList.toggle("opened", Boolean(place().item));
  watch.seen = {};
  watch.ask();
  if (before && before.page !== "data") window.setTimeout(() => document.querySelector(".data h2").focus(), 0);
}

/* ---- what is done ---- */

const number = (id) => String(Math.max(0, Math.round(Number(byId(id).value)) || 0));

async function read(file) {
  const problem = byId(ids.DATA_PROBLEM);
  problem.textContent = "";
  const answer = await ask(address("read-data"), {
    name: file.name, text: await file.text(), symbols: byId(ids.DATA_SYMBOLS).value, sequence: byId(ids.DATA_SEQUENCE).value,
  });
  if (!answer) return;
  if (answer.refused) problem.textContent = answer.refused;
  else go(`/data/${[answer.table, number(ids.DATA_MOST), 0, 0, 0].join(".")}`);
}

/* The table in behaviour.csv, read like any file. */
async function openExample() {
  const url = new URL("behaviour.csv", import.meta.url);
  const table = await window.fetch(url).catch(() => null);
  if (table?.ok) await read({ name: "behaviour.csv", text: () => table.text() });
  else byId(ids.DATA_PROBLEM).textContent = "The example could not be fetched from the server; try again.";
}

async function train() {
  const of = item({ neurons: number(ids.DATA_NEURONS), steps: number(ids.DATA_STEPS) });
  const answer = await ask(address("data-command"), { command: "train", of });
  if (!answer) return;
  if (answer.refused) {
    say(answer.refused);
    return;
  }
  go(`/data/${of}`);
  watch.ask();
}

/* Cancel the fit, or begin it again. */
async function toggleFit() {
  if (cancelled === place().item) cancelled = "";
  else {
    cancelled = place().item;
    await ask(address("data-command"), { command: "cancel-fit", of: cancelled });
  }
  watch.ask();
}

async function cancelTraining(job) {
  const { command } = await import("./training.mjs");
  await command("cancel", job);
  watch.ask();
}

function clicked(event) {
  const states = event.target.closest("[data-states]")?.dataset.states;
  if (states) go(`/data/${item({ states, neurons: "0", steps: "0" })}`);
  if (event.target.closest(`#${ids.DATA_EXAMPLE}`)) openExample();
  if (event.target.closest(`#${ids.DATA_TRAIN}`)) train();
  if (event.target.closest(`#${ids.DATA_FIT_CANCEL}`)) toggleFit();
  const training = event.target.closest(`#${ids.DATA_TRAIN_CANCEL}`)?.dataset.job;
  if (training) cancelTraining(training);
  const { job } = event.target.closest(`#${ids.DATA_EXPLORE}`)?.dataset ?? {};
  if (job) import("./training.mjs").then(({ command }) => command("explore", job));
}

/* ---- what Dash calls ---- */

let isConnected = false;

export const functions = {
  dataReady: () => {
    if (isConnected) return no();
    isConnected = true;
    const input = make("input", { type: "file", id: "data-file-input", accept: ".csv,.tsv,.txt,text/csv,text/plain" });
    input.addEventListener("change", () => {
      const [file] = input.files;
      if (file) read(file);
      input.value = "";
    });
    byId(ids.DATA_FILE).append(make("label", { for: input.id }, "File"), input);
    document.querySelector(".data").addEventListener("click", clicked);
    on("arrived", arrived);
    on("scheme", () => watch.ask());
    if (isOurs()) arrived({ before: placeBefore() });
    return no();
  },
};
