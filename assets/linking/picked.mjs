/* A neuron that is picked, in the table of neurons or elsewhere: what can be done with it, beside the views that mark it. */

import { element, idOf } from "../core/configuration.mjs";
import { make } from "../core/elements.mjs";
import { present, store } from "../core/page.mjs";
import { toggled, withPicked } from "../core/scenario.mjs";

/* point: (neuron or null) => void, called with the neuron that the pointer is at in the table. */
export function startPicking(point) {
  document.addEventListener("mouseover", ({ target }) => {
    const isInTable = target.closest?.(`#${idOf("NEURON_TABLE")}`);
    if (isInTable) point(rowNeuron(target));
    else if (wasInTable) point(null);
    wasInTable = Boolean(isInTable);
  });
  document.addEventListener("click", clickedInTable);
  document.addEventListener("keydown", enteredInTable);
}

let wasInTable = false;
const pick = (neuron) => store.change(withPicked(present(), neuron));

export function showPicked(scenario) {
  const place = element("PICKED");
  if (!place) return;
  const { picked: neuron } = scenario;
  const key = JSON.stringify([neuron, scenario.colour, scenario.neuron, scenario.interventions]);
  if (place.dataset.of === key) return;
  place.dataset.of = key;
  place.hidden = neuron === null;
  if (neuron === null) {
    place.replaceChildren();
    return;
  }
  const button = (text, title, act, pressed) => {
    const made = make("button", { type: "button", className: "page-button", textContent: text, title });
    if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
    made.addEventListener("click", act);
    return made;
  };
  const touched = scenario.interventions.some((item) => item.neurons.includes(neuron));
  const coloured = scenario.colour === "neuron" && scenario.neuron === neuron;
  place.replaceChildren(
    make("h2", { textContent: `Neuron ${neuron}` }),
    make("div", { className: "page-row" },
      button("Colour by", "Colour the state space by its pre-activation",
        () => store.change({ ...present(), ...(coloured ? { colour: "output" } : { colour: "neuron", neuron }) }), coloured),
      button(touched ? "Bring back" : "Silence", "Silence it, or leave it alone again", () => store.change(toggled(present(), neuron))),
      button("Clear", "Pick no neuron", () => pick(neuron))));
}

const rowNeuron = (target) => {
  const row = target.closest && target.closest(`#${idOf("NEURON_TABLE")} .ag-center-cols-container .ag-row, #${idOf("NEURON_TABLE")} .ag-pinned-left-cols-container .ag-row`);
  const cell = row && target.closest(".ag-cell");
  return cell && cell.getAttribute("col-id") !== "silenced" ? Number(row.getAttribute("row-id")) : null;
};

function clickedInTable(event) {
  const neuron = rowNeuron(event.target);
  if (neuron !== null) pick(neuron);
}

function enteredInTable(event) {
  if (event.key !== "Enter") return;
  const neuron = rowNeuron(event.target);
  if (neuron !== null) pick(neuron);
}
