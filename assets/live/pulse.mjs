/* The row of controls of a pulse: whom it goes to, how strong it is and how long it lasts. */

import { make } from "../core/elements.mjs";
import { counted } from "../core/words.mjs";

const ONE = "one";
const MOST_STEPS = 1000;
const STRENGTH = "Strength of the pulse, in units of pre-activation";
const inOrder = (neurons) => [...neurons].sort((a, b) => a - b).join();

export class Pulse {
  /* give: ({neurons, strength, steps}) => void; say: (sentence) => void. */
  constructor({ give, say }) {
    this.give = give;
    this.say = say;
    this.neurons = 0;
    /* The kick groups that have neurons. */
    this.groups = [];
    const number = (label, value, min, max, title = label) => (
      make("input", { type: "number", value, min, max, className: "live-number", "aria-label": label, title }));
    const button = make("button", { type: "button", className: "live-button", textContent: "Pulse",
      title: "Push neurons: an input that is added for some steps, as noise is" });
    button.addEventListener("click", () => this.press());
    this.who = make("select", { className: "live-select", "aria-label": "What the pulse goes to" });
    this.who.addEventListener("change", () => this.choose(this.who.value));
    this.neuron = number("Neuron to pulse", 0, 0, 0);
    this.strength = number(STRENGTH, 5, -1000, 1000);
    this.steps = number("Length of the pulse, in steps", 5, 1, MOST_STEPS);
    this.row = make("div", { className: "live-row" }, button, this.who, this.neuron, this.strength, this.steps,
      make("span", {}, "steps"));
    this.fill([], 0);
  }

  choose(value) {
    this.chosen = value;
    this.neuron.hidden = value !== ONE;
  }

  /* The groups of a network of so many neurons. What the user has chosen is kept; otherwise it is the first group. */
  fill(groups, neurons) {
    [this.groups, this.neurons] = [groups, neurons];
    this.neuron.max = Math.max(0, neurons - 1);
    this.who.replaceChildren(
      ...groups.map((group, i) => make("option", { value: String(i), textContent: group.name })),
      make("option", { value: ONE, textContent: "one neuron" }));
    if ([...this.who.options].some((option) => option.value === this.chosen)) this.who.value = this.chosen;
    this.neuron.hidden = this.who.value !== ONE;
  }

  /* The neurons that it goes to; null where the field names none. */
  selected() {
    if (this.who.value !== ONE) return this.groups[Number(this.who.value)].neurons;
    const index = Number(this.neuron.value);
    return this.neuron.value !== "" && Number.isInteger(index) && index >= 0 && index < this.neurons ? [index] : null;
  }

  /* Choose a kick group by its neurons, or one neuron; what is neither is left. */
  select(neurons) {
    const group = this.groups.findIndex((item) => inOrder(item.neurons) === inOrder(neurons));
    if (group < 0 && neurons.length !== 1) return;
    if (group < 0) [this.neuron.value] = neurons;
    this.who.value = group < 0 ? ONE : String(group);
    this.choose(this.who.value);
  }

  press() {
    const neurons = this.selected();
    const [strength, steps] = [Number(this.strength.value), Math.round(Number(this.steps.value))];
    if (!neurons) {
      this.say(`Neuron ${this.neuron.value || "without a number"} does not exist: this network has ${this.neurons}, numbered 0 to `
        + `${this.neurons - 1}.`);
    } else if (!Number.isFinite(strength) || this.strength.value === "" || !(steps >= 1 && steps <= MOST_STEPS)) {
      this.say(`A pulse has a strength and lasts 1 to 1,000 steps; got ${this.strength.value || "no strength"} and `
        + `${this.steps.value || "no"} steps.`);
    } else {
      this.give({ neurons, strength, steps });
      const whom = this.who.value === ONE ? `neuron ${neurons[0]}` : this.groups[Number(this.who.value)].name;
      this.say(`Pulse of ${strength} to ${whom} for ${counted(steps, "step")}, in every run.`);
    }
  }
}
