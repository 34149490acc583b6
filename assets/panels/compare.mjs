/* A against B: what is shown is pinned as A, and stays in sight, behind or beside, while one goes on with B. */

import { on } from "../core/events.mjs";
import { kickGroups, present, store } from "../core/page.mjs";
import { randomNeurons, withGroup } from "../core/scenario.mjs";
import { make } from "../core/elements.mjs";
import { itemsName } from "./history.mjs";
import { panel } from "./panel.mjs";
import { allKick } from "./silence.mjs";


export function start() {
  const shown = panel({ id: "compare-panel", button: "COMPARE", title: "Compare", fill: (body) => fill(body) });
  const fill = (body) => body.replaceChildren(...(present() ? parts() : []));
  const apply = (change) => store.change({ ...present(), ...change });

  /** @type {(text: string, title: string, act: () => void, how?: {pressed?: boolean, disabled?: boolean}) => any} */
  const button = (text, title, act, { pressed, disabled = false } = {}) => {
    const made = make("button", { type: "button", className: "page-button", textContent: text, title, disabled });
    if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
    made.addEventListener("click", act);
    return made;
  };

  const parts = () => {
    const { against, beside, interventions, sigma, dimensions } = present();
    const kept = against || { interventions: [], sigma };
    return [
      make("p", { className: "page-note", textContent:
        "A and B are the same network with the same seed and window, drawn on the same axes. The table of numbers "
        + "gives their differences." }),
      make("dl", { className: "compare-two" },
        make("dt", { textContent: "A" }), make("dd", { id: "compare-a", textContent: words(kept) }),
        make("dt", { textContent: "B, now" }), make("dd", { id: "compare-b", textContent: words({ interventions, sigma }) })),
      make("div", { className: "page-row" },
        button("Pin this as A", "What is shown now becomes A", () => apply({ against: { interventions, sigma } })),
        button("Clear A", "Compare with the intact network again", () => apply({ against: null, beside: false }), { disabled: !against }),
        button("Swap A and B", "A becomes what is shown, and the other way round", () => apply({
          against: { interventions, sigma }, interventions: kept.interventions, sigma: kept.sigma }))),
      make("div", { className: "page-row", role: "group", "aria-label": "How A is drawn" },
        button("A behind B", "A as a grey ghost", () => apply({ beside: false }), { pressed: !beside }),
        button("Beside each other", "A on the left, B on the right, in the state space",
          () => apply({ beside: true }), { pressed: beside, disabled: dimensions === 3 || !(against || interventions.length) })),
      make("h3", { textContent: "Set B to" }),
      ...presets(),
    ];
  };

  const words = ({ interventions, sigma }) => `${itemsName(interventions)}; sigma ${Number(sigma.toFixed(4))}`;

  const presets = () => {
    const kick = kickGroups();
    const set = (interventions) => () => apply({ interventions });
    const off = (neurons, target = "unit") => [{ neurons: [...neurons], mu: 0, target }];
    const intact = button("Intact", "No intervention", set([]));
    if (!kick) return [make("div", { className: "page-row" }, intact), make("p", { className: "page-note", textContent: "Kick neurons are being sought; the other presets follow." })];
    const groups = kick.groups.filter((group) => group.neurons.length);
    const largest = Math.max(0, ...groups.map((group) => group.neurons.length));
    return [make("div", { className: "page-row" },
      intact,
      ...groups.map((group) => button(`${group.name} silenced`, "All that reaches these neurons is set to zero", set(off(group.neurons)))),
      ...(groups.length > 1 ? [button("All kick groups silenced", "Then no cluster holds the state: noise alone decides the output", set(off(allKick(kick))))] : []),
      button(`Control silenced (${largest || 3})`, "As many random neurons outside the kick groups",
        () => apply(withGroup({ ...present(), interventions: [] }, randomNeurons(kickGroups()), "unit"))),
      ...kick.integrating.map((item) => button(`Noise of the ${item.name} silenced`,
        "The noise input of the neurons that feed this kick group is set to zero", set(off(item.neurons, "input")))))];
  };

  on("scenario", () => { if (shown.isOpen()) shown.refill(); });
  on("kick", () => { if (shown.isOpen()) shown.refill(); });
}
