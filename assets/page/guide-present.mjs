/* How is the page read from the last row of a room? Larger type, the views alone, and one line that says what is done. */

import { make } from "../live/elements.mjs";
import { enlargeFigures } from "./guide-figures.mjs";
import { areNew, quoted, watch } from "./guide-numbers.mjs";

const client = () => window.dash_clientside.hmmrnn;
const root = document.documentElement;

const bar = { root: null, stop: null, opener: null };

export const isPresenting = () => root.dataset.present === "on";

export function present(wanted) {
  if (wanted === isPresenting()) return;
  if (wanted && (root.dataset.page !== "views" || !client().present())) {
    client().say("Present mode shows the views of a network: open one first.");
    return;
  }
  if (wanted) enter();
  else leave();
  window.dispatchEvent(new Event("hmmrnn-present"));
  /* Plotly looks at its room when the window changes. */
  window.dispatchEvent(new Event("resize"));
  enlargeFigures(wanted);
}

function enter() {
  if (!bar.root) build();
  bar.opener = document.activeElement;
  root.dataset.present = "on";
  bar.root.hidden = false;
  bar.stop = watch(say);
  say();
  /* Not out of the hands of the tour. */
  if (!document.getElementById("tour")?.contains(bar.opener)) document.getElementById("present-leave").focus();
}

function leave() {
  delete root.dataset.present;
  bar.root.hidden = true;
  bar.stop();
  if (bar.root.contains(document.activeElement) || document.activeElement === document.body) {
    document.getElementById("help-open").focus();
  }
}

function build() {
  const button = make("button", {
    id: "present-leave", type: "button", className: "page-button", textContent: "Leave", title: "Back to the whole page (Esc)" });
  button.addEventListener("click", () => present(false));
  bar.name = make("strong");
  bar.done = make("span", { className: "present-done", "aria-live": "polite" });
  bar.number = make("span", { className: "present-number" });
  bar.root = make("section", { className: "present-bar", hidden: true, "aria-label": "Present mode" },
    bar.name, bar.done, bar.number, button);
  document.body.append(bar.root);
  ["hmmrnn-scenario", "hmmrnn-kick"].forEach((name) => window.addEventListener(name, () => { if (isPresenting()) say(); }));
  window.addEventListener("hmmrnn-arrived", () => { if (root.dataset.page !== "views") present(false); });
}

function say() {
  const scenario = client().present();
  write(bar.name, scenario.model);
  write(bar.done, done(scenario, client().kickGroups()));
  const isIntact = !scenario.interventions.length;
  write(bar.number, areNew() ? quoted(["switches"], isIntact).join("") : "");
}

/* Only what has changed, so that it is not read out again. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/* ---- in words ---- */

const key = (neurons) => [...neurons].sort((a, b) => a - b).join();

function name(neurons, kick) {
  if (neurons.length === 1) return `neuron ${neurons[0]}`;
  const group = kick?.groups.find((item) => key(item.neurons) === key(neurons));
  const population = kick?.integrating.find((item) => key(item.neurons) === key(neurons));
  const known = group?.name || (population && `integrating population of output ${population.output}`);
  return known ? `${known} (${neurons.length} neurons)` : `${neurons.length} neurons`;
}

const REACHES = { unit: "all input", recurrent: "recurrent input", input: "noise input" };

const silences = ({ mu, target }) => mu === 0 && target === "unit";
const isAlone = (item) => item.neurons.length === 1 && silences(item);

function entry({ neurons, mu, target }, kick) {
  if (silences({ mu, target })) return `${name(neurons, kick)} silenced`;
  return `${name(neurons, kick)}: ${REACHES[target]} ${mu === 0 ? "off" : `times ${mu}`}`;
}

/* What is done to the network, in one line. */
export function done(scenario, kick) {
  const alone = scenario.interventions.filter(isAlone).flatMap((item) => item.neurons);
  const together = alone.length > 1 ? [`neurons ${alone.join(", ")} silenced`] : [];
  const rest = scenario.interventions.filter((item) => !(together.length && isAlone(item)));
  const entries = [...together, ...rest.map((item) => entry(item, kick))];
  const touched = entries.length ? entries.join("; ") : "intact";
  return `${touched[0].toUpperCase()}${touched.slice(1)}; noise sigma ${scenario.sigma}.`;
}
