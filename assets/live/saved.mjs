/* A live view by itself: a page from disk, a part of the report, or a notebook. What is changed is listed here. */

import { make } from "../core/elements.mjs";
import { LiveView } from "./view.mjs";

const MAX_MU = 2;
const MAX_SIGMA = 5;

/* root: the element to fill; the network and the worker's script are in the page. */
export function openSaved(root) {
  const textOf = (id) => document.getElementById(id).textContent;
  return openLive(root, JSON.parse(textOf("hmmrnn-live-data")), textOf("hmmrnn-live-worker")).view;
}

/* data: the network; worker: the script of the worker. Returns the view, and the controls above it. */
export function openLive(root, data, worker) {
  const script = new Blob([worker], { type: "text/javascript" });
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const scheme = () => root.dataset.scheme || (dark.matches ? "dark" : "light");
  const board = make("div");
  const view = new LiveView(board, {
    /* Joined to one script that imports nothing: from disk, a browser starts no other kind. */
    startWorker: () => new Worker(URL.createObjectURL(script)), scheme: scheme(),
  });
  const controls = new Controls(view, data);
  root.replaceChildren(controls.element, board);
  view.open(data, controls.scenario, data.groups || []);
  if (data.backdrop) view.setBackdrop(data.backdrop);
  controls.show();
  dark.addEventListener("change", () => view.setScheme(scheme()));
  /* Out of sight it need not run. */
  new IntersectionObserver((entries) => view.setShown(entries[entries.length - 1].isIntersecting)).observe(board);
  return { view, controls };
}

/* Noise and interventions of a page without a server. */
class Controls {
  constructor(view, data) {
    this.view = view;
    /* Called with each scenario that is chosen here. */
    this.onChange = (_scenario) => {};
    this.data = data;
    this.scenario = { ...data.scenario };
    this.groups = (data.groups || []).filter((group) => group.neurons.length);
    this.sigma = make("input", {
      type: "range", min: 0, max: MAX_SIGMA, step: 0.05, value: this.scenario.sigma, "aria-label": "Noise sigma" });
    this.sigmaText = make("output", {});
    this.sigma.addEventListener("input", () => this.change({ sigma: Number(this.sigma.value) }));
    this.neuron = make("input", {
      type: "number", min: 0, max: data.neurons - 1, value: 0, className: "live-number", "aria-label": "Neuron to silence" });
    this.list = make("div", { className: "live-list" });
    this.buttons = make("div", { className: "live-row" });
    this.element = make("div", { className: "live-controls" },
      make("div", { className: "live-row" }, make("label", { className: "live-check" }, "Noise sigma ", this.sigma, this.sigmaText),
        this.button("New noise", () => this.change({ seed: (this.scenario.seed + 1) % 2 ** 31 })),
        this.button("Reset", () => this.change({ ...data.scenario, interventions: [] }))),
      this.buttons,
      this.list);
    this.known = this.groups.map((group) => [group, this.button(`Silence ${group.name}`, () => this.toggle(group.neurons))]);
    this.buttons.append(...this.known.map(([, button]) => button), this.neuron,
      this.button("Silence this neuron", () => this.one()));
  }

  button(textContent, act) {
    const made = make("button", { type: "button", className: "live-button", textContent });
    made.addEventListener("click", act);
    return made;
  }

  change(change) {
    this.put({ ...this.scenario, ...change });
    this.onChange(this.scenario);
  }

  /* A scenario that comes from elsewhere. */
  put(scenario) {
    this.scenario = scenario;
    this.view.change(scenario);
    this.show();
  }

  same(item, neurons) {
    return item.neurons.length === neurons.length && item.neurons.every((i) => neurons.includes(i));
  }

  /* Silence a group, or bring it back. */
  toggle(neurons) {
    const { interventions } = this.scenario;
    const rest = interventions.filter((item) => !this.same(item, neurons));
    const gone = rest.length < interventions.length;
    this.change({ interventions: gone ? rest : [...rest, { neurons: [...neurons], mu: 0, target: "unit" }] });
  }

  one() {
    const index = Number(this.neuron.value);
    if (this.neuron.value !== "" && Number.isInteger(index) && index >= 0 && index < this.data.neurons) this.toggle([index]);
    else this.view.say(`There are neurons 0 to ${this.data.neurons - 1}; got ${this.neuron.value || "none"}.`);
  }

  /* The list is built anew only when its entries change, so that a slider can be dragged on. */
  show() {
    const { interventions, sigma } = this.scenario;
    this.sigma.value = sigma;
    this.sigmaText.textContent = sigma.toFixed(2);
    this.known.forEach(([group, button]) => button.setAttribute("aria-pressed",
      String(interventions.some((item) => this.same(item, group.neurons)))));
    const key = JSON.stringify(interventions.map((item) => [item.neurons, item.target]));
    if (key === this.key) return;
    this.key = key;
    this.list.replaceChildren(...interventions.map((item, i) => this.entry(item, i)));
  }

  entry(item, index) {
    const group = this.groups.find((one) => this.same(item, one.neurons));
    const listed = item.neurons.length > 6 ? `${item.neurons.slice(0, 6).join(", ")} …` : item.neurons.join(", ");
    const name = group ? `${group.name} (${listed})` : `${item.neurons.length > 1 ? "neurons" : "neuron"} ${listed}`;
    const text = make("output", { textContent: `mu ${item.mu.toFixed(2)}` });
    const slider = make("input", {
      type: "range", min: 0, max: MAX_MU, step: 0.05, value: item.mu, "aria-label": `mu of ${name}` });
    slider.addEventListener("input", () => {
      text.textContent = `mu ${Number(slider.value).toFixed(2)}`;
      this.change({ interventions: this.scenario.interventions.map((one, i) => (
        i === index ? { ...one, mu: Number(slider.value) } : one)) });
    });
    const remove = this.button("×", () => this.change({
      interventions: this.scenario.interventions.filter((_, i) => i !== index) }));
    remove.setAttribute("aria-label", `Remove the intervention on ${name}`);
    const kind = item.target === "unit" ? "" : `, ${item.target} only`;
    return make("div", { className: "live-entry" }, make("span", {}, `${name}${kind}`), slider, text, remove);
  }
}
