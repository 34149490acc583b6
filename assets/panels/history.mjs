/* Every change so far, by name; a click goes back to any of them, or on again. */

import { on } from "../core/events.mjs";
import { store } from "../core/page.mjs";
import { same } from "../core/scenario.mjs";
import { make } from "../core/elements.mjs";
import { TARGETS, isGroup, nameOf } from "./now.mjs";
import { panel } from "./panel.mjs";

const SHOWN = 4;

export function start() {
  const list = panel({ id: "history-panel", button: "HISTORY", title: "History", fill: (body) => fill(body) });
  const fill = (body) => {
    const { past, present, future } = store.history();
    const all = [...past, present, ...future];
    const entries = all.map((scenario, i) => entry(i ? changeName(all[i - 1], scenario) : opened(scenario), i - past.length, i));
    const ordered = make("ol", { className: "history-list" }, ...entries);
    body.replaceChildren(
      make("p", { className: "page-note", textContent: "The newest is at the end. Going back loses nothing until something else is changed." }),
      ordered);
    const now = ordered.querySelector("[aria-current]");
    window.requestAnimationFrame(() => now.scrollIntoView({ block: "nearest" }));
  };
  const entry = (name, offset, i) => {
    const button = make("button", { type: "button", className: "history-entry", textContent: `${i + 1}. ${name}` });
    if (!offset) button.setAttribute("aria-current", "step");
    button.addEventListener("click", () => {
      store.jump(offset);
    });
    return make("li", {}, button);
  };
  on("scenario", () => { if (list.isOpen()) list.refill(); });
}

/* ---- names ---- */

const opened = (scenario) => `Opened ${scenario.model}${scenario.interventions.length ? `, ${itemsName(scenario.interventions)}` : ""}`;

const neuronsName = (neurons) => (isGroup(neurons) ? nameOf(neurons)
  : `${neurons.length} neurons (${neurons.slice(0, SHOWN).join(", ")}${neurons.length > SHOWN ? ", …" : ""})`);

/* An intervention in words. */
export function itemName({ neurons, mu, target }) {
  const whom = neuronsName(neurons);
  const what = target === "unit" ? "" : ` (${TARGETS[target]})`;
  return mu === 0 ? `${whom} silenced${what}` : `${whom} at mu ${Number(mu.toFixed(4))}${what}`;
}

export const itemsName = (items) => (items.length ? items.map(itemName).join("; ") : "intact");

const key = ({ neurons, target }) => JSON.stringify([neurons, target]);

function interventionsName(before, after) {
  if (!after.length) return "All interventions removed";
  const there = new Map(before.map((item) => [key(item), item]));
  const kept = new Set(after.map(key));
  const added = after.filter((item) => !there.has(key(item)));
  const gone = before.filter((item) => !kept.has(key(item)));
  const moved = after.filter((item) => there.has(key(item)) && there.get(key(item)).mu !== item.mu);
  const words = [
    ...added.map(itemName), ...moved.map(itemName), ...gone.map((item) => `${neuronsName(item.neurons)} left alone`)];
  const text = words.slice(0, 2).join("; ") + (words.length > 2 ? `; ${words.length - 2} more` : "");
  return text ? text[0].toUpperCase() + text.slice(1) : "Interventions in another order";
}

const onOff = (words) => (before, after) => (after ? words : `${words}: off`);

const NAMES = {
  model: (a, b) => `Opened ${b}`,
  interventions: interventionsName,
  sigma: (a, b) => `Sigma ${a} to ${b}`,
  seed: (a, b) => `Other noise: seed ${b}`,
  steps: (a, b) => `Window of ${b} steps`,
  trajectories: (a, b) => `${b} trajectories`,
  colour: (a, b) => `Coloured by ${b}`,
  neuron: (a, b) => `Coloured by neuron ${b}`,
  pair: (a, b) => (b ? `PCA fitted on outputs ${b[0]} and ${b[1]}` : "PCA fitted on all states"),
  dimensions: (a, b) => `State space in ${b} dimensions`,
  map: (a, b) => `Region map by ${b.replace("_", " ")}`,
  without_noise: onOff("Runs without noise"),
  paths: onOff("Ways between outputs"),
  area: (a, b) => (b ? "States selected in the plane" : "Selection in the plane cleared"),
  span: (a, b) => (b ? `Steps ${b[0]} to ${b[1]} selected` : "Selection in time cleared"),
  picked: (a, b) => (b === null ? "Picked neuron cleared" : `Neuron ${b} picked`),
  camera: (a, b) => (b ? "Axes moved" : "Axes as they were"),
  against: (a, b) => (b ? "Pinned as A" : "A cleared"),
  beside: onOff("A and B beside each other"),
  input: (a, b) => (b ? `Constant input ${b.slice(0, SHOWN).join(", ")}${b.length > SHOWN ? ", …" : ""}` : "No constant input"),
  sequence: (a, b) => (b ? `Table of inputs ${b.slice(0, 8)}` : "No table of inputs"),
  start: (a, b) => `Start: ${b}`,
};

/* What has changed from one scenario to the next, in the order of what matters. */
export function changeName(before, after) {
  const fields = Object.keys(NAMES).filter((field) => !same(before[field], after[field]));
  if (!fields.length) return "The same again";
  if (fields[0] === "model") return NAMES.model(before.model, after.model);
  const [first, ...others] = fields.map((field) => NAMES[field](before[field], after[field]));
  return others.length ? `${first}, and ${others.length} more` : first;
}
