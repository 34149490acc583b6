/* The buttons that silence: each kick group, all of them, as many random neurons, the noise of each integrating population.
 * A button is pressed while what it does is done. */

import { element } from "../core/configuration.mjs";
import { on } from "../core/events.mjs";
import { make } from "../core/elements.mjs";
import { counted } from "../core/words.mjs";
import { searchWords } from "../core/kick-groups.mjs";
import { kickGroups, present, store } from "../core/page.mjs";
import { entering, isOn, nameOfNeurons, randomNeurons, withGroup } from "../core/scenario.mjs";

const HELP = {
  kick: "All input to these neurons is set to zero; press again to bring it back.",
  all: "All input to the neurons of every kick group is set to zero. Then no cluster holds the state: it stays near the fixed point between them, where noise alone decides the output, and it may switch more often than the intact network.",
  control: "As many neurons drawn at random outside the kick groups: a control. Press again to bring them back.",
  input: "The noise input of the neurons that feed this kick group is set to zero; press again to bring it back.",
};

/* The control that this page drew: one, replaced. */
let control = null;
let shown = null;

const percent = (ratio) => `${Math.round(100 * ratio)} %`;

function evidence(group) {
  const random = group.control_median === null ? "" : ` (random groups: ${percent(group.control_median)})`;
  const way = group.to === null ? `the leave rate of ${group.output}` : `switches ${group.output} → ${group.to}`;
  return `${counted(group.neurons.length, "neuron")}: ${way} falls to ${percent(group.ratio)}${random}${group.proven ? "" : "; no small group found"}`;
}

function button(kind, label, neurons, target, small = "") {
  const made = make("button", { type: "button", className: "silence", "data-kind": kind, title: HELP[kind], "aria-pressed": "false" },
    make("span", { textContent: label }), small && make("small", { textContent: small }));
  made.neurons = neurons;
  made.target = target;
  return made;
}

/* The neurons of all kick groups, each once. */
export const allKick = (kick) => [...new Set(kick.groups.flatMap((group) => group.neurons))].sort((a, b) => a - b);

function build() {
  const place = element("GROUP_BUTTONS");
  if (!place || !present()) return;
  const kick = kickGroups();
  const of = JSON.stringify([present().model, entering(present()), Boolean(kick)]);
  if (of !== shown) {
    shown = of;
    control = null;
    place.replaceChildren(...(kick ? buttons(kick) : [make("p", { "data-search": "", textContent: searchWords() || "Searching for kick neurons…" })]));
  }
  press(place);
}

function buttons(kick) {
  const groups = kick.groups.filter((group) => group.neurons.length);
  const made = groups.map((group) => button("kick", group.name, group.neurons, "unit", evidence(group)));
  if (groups.length > 1) made.push(button("all", "All kick groups", allKick(kick), "unit"));
  made.push(button("control", "Random control", null, "unit", `${counted(randomNeurons(kick).length, "neuron")} outside the kick groups`));
  kick.integrating.forEach((item) => made.push(button("input", `Noise of the ${item.name}`, item.neurons, "input")));
  const none = groups.length ? [] : [make("p", { className: "note", textContent: kick.reason || "No kick neurons were found in this network." })];
  return [...none, ...made];
}

function press(place) {
  place.querySelectorAll(".silence").forEach((one) => {
    const neurons = one.neurons || control;
    one.setAttribute("aria-pressed", String(Boolean(neurons) && isOn(present(), neurons, one.target)));
  });
}

function clicked(one) {
  const now = present();
  if (one.dataset.kind !== "control") {
    store.change(withGroup(now, one.neurons, one.target));
    return;
  }
  if (control && isOn(now, control, "unit")) {
    store.change(withGroup(now, control, "unit"));
    return;
  }
  /* One control at a time: the one before is replaced. */
  const before = control && nameOfNeurons(control);
  const rest = now.interventions.filter((item) => nameOfNeurons(item.neurons) !== before);
  control = randomNeurons(kickGroups());
  store.change(withGroup({ ...now, interventions: rest }, control, "unit"));
}

export function start() {
  on("scenario", build);
  on("kick", build);
  document.addEventListener("click", (event) => {
    const one = event.target.closest(".silence");
    if (one) clicked(one);
  });
}
