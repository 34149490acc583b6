/* The bar of interventions: each as a chip with its target, its gain mu and a way to remove it. */

import { configuration, element } from "../core/configuration.mjs";
import { on } from "../core/events.mjs";
import { make } from "../core/elements.mjs";
import { kickGroups, present, store } from "../core/page.mjs";
import { nameOfNeurons, same, withEntry } from "../core/scenario.mjs";

const NAMES_SHOWN = 4;
/* What mu scales. */
export const TARGETS = { unit: "all input", recurrent: "recurrent only", input: "noise only" };

/* The name of some neurons: of their group, if they are one. */
export function nameOf(neurons) {
  const known = groupOf(neurons);
  if (known) return known.name;
  return neurons.length === 1 ? `neuron ${neurons[0]}` : `${neurons.length} neurons`;
}

/* Whether they have a name of their own. */
export const isGroup = (neurons) => neurons.length === 1 || Boolean(groupOf(neurons));

function groupOf(neurons) {
  const kick = kickGroups();
  const key = nameOfNeurons(neurons);
  return kick && [...kick.groups, ...kick.integrating].find((item) => nameOfNeurons(item.neurons) === key);
}

function listed(neurons) {
  const more = neurons.length > NAMES_SHOWN ? `, and ${neurons.length - NAMES_SHOWN} more` : "";
  return neurons.slice(0, NAMES_SHOWN).join(", ") + more;
}

const bar = { shown: null, isDragged: false };

function chip(item, index) {
  const name = nameOf(item.neurons);
  const target = make("select", { className: "chip-target", "aria-label": `What is scaled in ${name}` },
    ...Object.entries(TARGETS).map(([value, text]) => make("option", { value, textContent: text })));
  target.value = item.target;
  target.addEventListener("change", () => store.change(withEntry(present(), index, { target: target.value })));
  const most = configuration().limits.mu;
  const mu = make("input", {
    type: "range", min: 0, max: most, step: 0.05, value: item.mu, className: "chip-mu", "aria-label": `Gain mu of ${name}`,
  });
  const shown = make("output", { className: "chip-value", textContent: item.mu.toFixed(2) });
  mu.addEventListener("input", () => {
    shown.textContent = Number(mu.value).toFixed(2);
    bar.isDragged = true;
    store.change(withEntry(present(), index, { mu: Number(mu.value) }), { gesture: `mu-${index}` });
    bar.isDragged = false;
  });
  const remove = make("button", { type: "button", className: "remove", textContent: "×", "aria-label": `Remove the intervention on ${name}` });
  remove.addEventListener("click", () => {
    store.change({ ...present(), interventions: present().interventions.filter((_, i) => i !== index) });
  });
  const title = `${name}: ${item.neurons.join(", ")}`;
  return make("li", { className: "intervention", title },
    make("span", { className: "intervention-name" }, make("strong", { textContent: name }),
      item.neurons.length > 1 ? ` ${listed(item.neurons)}` : ""), target, mu, shown, remove);
}

function show() {
  const place = element("INTERVENTIONS");
  if (!place || !present() || bar.isDragged) return;
  const { interventions } = present();
  const of = JSON.stringify([interventions, present().model, Boolean(kickGroups())]);
  if (of === bar.shown) return;
  bar.shown = of;
  const focused = [...place.querySelectorAll("select, input, button")].indexOf(document.activeElement);
  place.replaceChildren(interventions.length
    ? make("ul", {}, ...interventions.map(chip))
    : make("span", { className: "intact", textContent: "The network is intact. Silence a group in the column on the left, or neurons in the connectivity or the table." }));
  if (focused >= 0) place.querySelectorAll("select, input, button")[focused]?.focus();
}

export function start() {
  on("scenario", ({ before, now }) => {
    if (!before || before.model !== now.model || !same(before.interventions, now.interventions)) show();
  });
  on("kick", show);
}
