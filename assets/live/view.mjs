/* The live view as one sees and touches it: its controls, its canvases, its words. What it shows is a worker's. */

import { make } from "../core/elements.mjs";
import { Pulse } from "./pulse.mjs";
import { countRows, divergedWords, planeWords, storyOf, whole } from "./said.mjs";

const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 300, 1000];
const NORMAL_SPEED = 20;
const NORMAL_RUNS = 10;
const MOST_RUNS = 200;
const LOW_BATTERY = 0.2;
/* An arrow key moves the place that is pushed to so far, in pixels. */
const STRIDE = 16;
const PICTURES = ["plane", "strip", "traces"];

export class LiveView {
  /* Made by name in build(). */
  /** @type {any} */ runButton;
  /** @type {any} */ stepButton;
  /** @type {any} */ runs;
  /** @type {any} */ twin;
  /** @type {any} */ hold;

  /* root: an empty element. startWorker: makes a new worker. scheme: "light" or "dark". */
  constructor(root, { startWorker, scheme }) {
    this.root = root;
    this.startWorker = startWorker;
    this.scheme = scheme;
    this.wanted = true;
    this.rest = "";
    this.shown = true;
    this.groups = null;
    this.changes = 0;
    this.settings = { runs: NORMAL_RUNS, twin: true, hold: false, speed: NORMAL_SPEED };
    this.scenario = null;
    this.network = null;
    this.backdrop = null;
    this.status = null;
    this.build();
    this.listen();
    this.considerRest();
  }

  /* ---- what is there ------------------------------------------------------------------------------------------ */

  build() {
    const button = (name, text, title, act) => {
      this[name] = make("button", { type: "button", className: "live-button", textContent: text, title });
      this[name].addEventListener("click", act);
      return this[name];
    };
    const number = (name, label, value, min, max, act, title = "") => {
      this[name] = make("input", { type: "number", value, min, max, className: "live-number", "aria-label": label, title });
      this[name].addEventListener("change", act);
      return this[name];
    };
    const check = (name, text, title, act) => {
      this[name] = make("input", { type: "checkbox", checked: this.settings[name] });
      this[name].addEventListener("change", act);
      return make("label", { className: "live-check", title }, this[name], text);
    };
    this.speed = make("select", { className: "live-select", "aria-label": "Speed of the live view" },
      ...SPEEDS.map((steps) => make("option", {
        value: steps, textContent: `${whole(steps)} steps/s`, selected: steps === NORMAL_SPEED })),
      make("option", { value: "", textContent: "as fast as it goes" }));
    this.speed.addEventListener("change", () => this.set({ speed: this.speed.value ? Number(this.speed.value) : null }));
    this.pulse = new Pulse({ give: (pulse) => this.send("pulse", pulse), say: (text) => this.say(text) });
    this.bar = make("div", { className: "live-bar" },
      make("div", { className: "live-row" },
        button("runButton", "Pause", "Let the network run, or let it wait (space bar)", () => this.toggle()),
        button("stepButton", "Step", "One step, then wait", () => this.step()),
        button("restartButton", "Restart", "From the first step: the start and the noise of the seed", () => this.restart()),
        this.speed),
      make("div", { className: "live-row" },
        make("label", { className: "live-check" }, "Runs ",
          number("runs", "Runs", this.settings.runs, 1, MOST_RUNS, () => this.setRuns(), "1 to 200; the first one is the bright one")),
        check("twin", "control copy", "The network without your changes, under the same noise, as a grey ghost",
          () => this.set({ twin: this.twin.checked })),
        check("hold", "noise off", "No noise (sigma = 0): watch where the network falls",
          () => this.set({ hold: this.hold.checked }))),
      this.pulse.row);
    this.frames = Object.fromEntries(PICTURES.map((name) => [name, make("div", { className: `live-${name}` })]));
    this.counts = make("table", { className: "live-counts" });
    this.story = make("p", { className: "live-story" });
    this.said = make("p", { className: "live-said", role: "status" });
    const side = make("div", { className: "live-side" }, this.bar, this.frames.strip, this.frames.traces, this.counts,
      this.story, this.said);
    this.root.classList.add("live");
    this.root.replaceChildren(this.frames.plane, side);
  }

  /* New canvases each time: those that were given to a worker are gone with it. */
  buildCanvases() {
    this.canvases = Object.fromEntries(PICTURES.map((name) => [name, make("canvas", { role: "img" })]));
    PICTURES.forEach((name) => this.frames[name].replaceChildren(this.canvases[name]));
    const { plane } = this.canvases;
    plane.tabIndex = 0;
    plane.setAttribute("aria-describedby", "live-plane-help");
    this.frames.plane.append(make("p", { id: "live-plane-help", className: "live-hidden" },
      "Press or drag to push the first run to the nearest visited state, with Shift all runs; the arrow keys do the same, "
      + "Enter lets go."));
  }

  listen() {
    this.observer = new ResizeObserver(() => PICTURES.forEach((name) => this.resize(name)));
    PICTURES.forEach((name) => this.observer.observe(this.frames[name]));
    const { plane } = this.frames;
    const place = (event) => {
      const box = plane.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top, all: event.shiftKey };
    };
    plane.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      plane.setPointerCapture(event.pointerId);
      this.pin(place(event));
    });
    plane.addEventListener("pointermove", (event) => {
      if (this.place && event.buttons) this.pin(place(event));
    });
    ["pointerup", "pointercancel", "lostpointercapture"].forEach((name) => plane.addEventListener(name, () => this.pin(null)));
    plane.addEventListener("keydown", (event) => this.key(event));
    plane.addEventListener("focusout", () => this.pin(null));
    document.addEventListener("visibilitychange", () => this.run());
  }

  resize(name) {
    const { width, height } = this.frames[name].getBoundingClientRect();
    if (!this.worker || !width || !height) return;
    this.send("resize", { name, size: { width, height, ratio: window.devicePixelRatio || 1 } });
  }

  /* ---- the worker ---------------------------------------------------------------------------------------------- */

  /* False, and a sentence, where this browser cannot do it. */
  start() {
    if (this.worker) return true;
    if (typeof Worker === "undefined" || typeof OffscreenCanvas === "undefined"
      || !HTMLCanvasElement.prototype.transferControlToOffscreen) {
      this.fail("This browser runs no network in a page (it lacks workers that draw). The other views come from the "
        + "server as always.");
      return false;
    }
    this.buildCanvases();
    try {
      this.worker = this.startWorker();
    } catch (error) {
      this.fail(`This page may not start a worker (${error.message}). The other views come from the server as always.`);
      return false;
    }
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => this.broke(event.message || "its script could not be loaded");
    return true;
  }

  send(kind, content = {}, transfer = []) {
    if (this.worker) this.worker.postMessage({ kind, ...content }, transfer);
  }

  /* A network, what is done to it, and the noise. `groups`: kick groups, or null while they are not known. */
  open(network, scenario, groups = null) {
    this.network = network;
    this.scenario = scenario;
    this.backdrop = null;
    this.pulse.strength.value = Number((network.plane.scale[0] || 1).toPrecision(1));
    const fresh = !this.worker;
    if (!this.start()) return;
    this.say(this.wanted ? "" : this.rest);
    this.send("open", { network, ...scenario, runs: this.settings.runs, twin: this.settings.twin, groups: groups || [] });
    if (fresh) this.giveCanvases();
    this.send("theme", this.colours());
    this.send("change", { hold: this.settings.hold, speed: this.settings.speed });
    this.root.style.setProperty("--live-outputs", network.outputs);
    this.setGroups(groups);
    PICTURES.forEach((name) => this.resize(name));
    this.run();
  }

  giveCanvases() {
    const given = Object.fromEntries(PICTURES.map((name) => [name, this.canvases[name].transferControlToOffscreen()]));
    this.send("canvases", given, Object.values(given));
  }

  /* End it for good. */
  stop() {
    if (this.worker) this.worker.terminate();
    this.worker = null;
  }

  broke(reason) {
    this.stop();
    this.fail(`The live view has stopped (${reason}). Restart starts it anew; the other views are not touched.`);
  }

  /* A network that the engine does not step: nothing but the sentence is shown. */
  refuse(text) {
    this.root.dataset.state = "refused";
    this.say(text);
  }

  fail(text) {
    this.root.dataset.state = "unavailable";
    this.say(text);
    this.runButton.disabled = true;
    this.stepButton.disabled = true;
  }

  /* ---- what is wanted ------------------------------------------------------------------------------------------ */

  /* The scenario has changed: only the difference is sent. Returns a number that comes back once a step with it is seen. */
  change(scenario) {
    const before = this.scenario;
    const differs = (name) => JSON.stringify(before[name]) !== JSON.stringify(scenario[name]);
    const told = Object.fromEntries(["seed", "sigma", "interventions", "start"].filter(differs).map((name) => [name, scenario[name]]));
    this.scenario = scenario;
    if (!Object.keys(told).length) return this.changes;
    this.changes += 1;
    this.send("change", { ...told, id: this.changes });
    /* What diverged may not do so any more. */
    if (this.status && this.status.diverged) this.restart();
    return this.changes;
  }

  set(settings) {
    Object.assign(this.settings, settings);
    this.changes += 1;
    this.send("change", { ...settings, id: this.changes });
  }

  setRuns() {
    const wanted = Math.round(Number(this.runs.value));
    const runs = Math.min(MOST_RUNS, Math.max(1, wanted || 1));
    if (runs !== wanted) this.say(`The live view has 1 to ${MOST_RUNS} runs; it shows ${runs}.`);
    this.runs.value = runs;
    this.set({ runs });
  }

  setGroups(groups, words = "Kick neurons are being sought: their traces appear here.") {
    this.groups = groups;
    const found = (groups || []).filter((group) => group.neurons.length);
    this.pulse.fill(found, this.network?.neurons ?? 0);
    const none = groups ? "No kick neurons are known of this network: there is nothing to trace." : words;
    this.send("groups", { groups: found, words: found.length ? "" : none });
  }

  setBackdrop(backdrop) {
    this.backdrop = backdrop;
    this.send("backdrop", { backdrop });
  }

  setScheme(scheme) {
    this.scheme = scheme;
    if (this.network) this.send("theme", this.colours());
  }

  colours() {
    return { theme: this.network.themes[this.scheme], labels: this.network.region_labels };
  }

  /* Another network is on its way: the one that is there is no longer the right one. */
  wait() {
    this.send("pause");
    this.network = null;
    this.root.dataset.state = "loading";
    this.say("Another network is on its way.");
  }

  setShown(shown) {
    if (shown === this.shown) return;
    this.shown = shown;
    this.run();
  }

  /* ---- run and wait ---------------------------------------------------------------------------------------------- */

  toggle() {
    this.wanted = !this.wanted;
    this.say("");
    this.run();
  }

  run() {
    if (!this.network) return;
    const running = this.wanted && this.shown && !document.hidden;
    this.root.dataset.hidden = String(document.hidden);
    if (this.wanted && document.hidden) this.say("Paused while this tab is hidden.");
    else if (this.wanted && this.said.textContent.startsWith("Paused while")) this.say("");
    this.runButton.textContent = this.wanted ? "Pause" : "Run";
    this.send(running ? "run" : "pause");
  }

  step(steps = 1) {
    this.wanted = false;
    this.run();
    this.send("step", { steps });
  }

  restart() {
    this.runButton.disabled = false;
    this.stepButton.disabled = false;
    this.say("");
    if (!this.worker) {
      const { backdrop } = this;
      this.open(this.network, this.scenario, this.groups);
      this.setBackdrop(backdrop);
      return;
    }
    this.send("restart");
    this.run();
  }

  /* Where little motion is wanted, or little power is left, the network waits to be started. */
  considerRest() {
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.wanted = false;
      this.rest = "Your system asks for little motion: press Run or Step.";
      this.say(this.rest);
    }
    if (navigator.getBattery) {
      navigator.getBattery().then((battery) => {
        if (battery.charging || battery.level > LOW_BATTERY || !this.wanted) return;
        this.wanted = false;
        this.rest = `The battery is at ${Math.round(100 * battery.level)} %: the network waits. Press Run to start it all the same.`;
        this.say(this.rest);
        this.run();
      });
    }
    this.runButton.textContent = this.wanted ? "Pause" : "Run";
  }

  /* ---- the pointer in the plane --------------------------------------------------------------------------------------- */

  pin(place) {
    if (!place && !this.place) return;
    this.place = place;
    this.send("pin", { place });
  }

  key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Enter" || event.key === "Escape") this.pin(null);
    if (event.key === " ") this.toggle();
    if (way || event.key === " ") event.preventDefault();
    if (!way) return;
    const { width, height } = this.frames.plane.getBoundingClientRect();
    const from = this.place || { x: width / 2, y: height / 2 };
    this.pin({ x: from.x + STRIDE * way[0], y: from.y + STRIDE * way[1], all: event.shiftKey });
  }

  /* ---- what the worker says ------------------------------------------------------------------------------------------ */

  hear(data) {
    if (data.kind === "said") this.say(data.text);
    if (data.kind === "status") this.show(data);
    if (data.kind === "shown") {
      this.root.dataset.shown = data.id;
      this.root.dispatchEvent(new CustomEvent("live-shown", { detail: data }));
    }
  }

  say(text) {
    if (this.said.textContent !== text) this.said.textContent = text;
  }

  show(status) {
    if (!this.network) return;
    this.status = status;
    const { dataset } = this.root;
    dataset.step = status.step;
    dataset.state = status.diverged ? "diverged" : status.running ? "running" : "paused";
    this.fillTable(...countRows(status.counts));
    this.story.textContent = storyOf(status, this.settings.speed);
    this.canvases.plane.setAttribute("aria-label", planeWords(status));
    this.canvases.strip.setAttribute("aria-label",
      `Probabilities of the symbols in run 1: ${status.probabilities.map((p, k) => `${k}: ${p.toFixed(2)}`).join(", ")}; `
      + `last emission ${status.emission}`);
    this.canvases.traces.setAttribute("aria-label", "Pre-activation of the kick neurons in run 1 over the last 300 steps");
    this.runButton.disabled = Boolean(status.diverged);
    this.stepButton.disabled = Boolean(status.diverged);
    if (status.diverged) this.say(divergedWords(status.diverged));
    this.root.dispatchEvent(new CustomEvent("live-status", { detail: status }));
  }

  /* Only what has changed is written. */
  fillTable(head, rows) {
    const wanted = JSON.stringify(rows.map((row) => row[3]));
    if (this.counts.dataset.rows !== wanted) {
      this.counts.dataset.rows = wanted;
      this.counts.replaceChildren(
        make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { textContent: text })))),
        make("tbody", {}, ...rows.map((row) => make("tr", { "data-measure": row[3] },
          make("th", { role: "rowheader", textContent: row[0] }), make("td"), make("td")))));
    }
    const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };
    [...this.counts.tHead.rows[0].cells].forEach((cell, i) => write(cell, head[i]));
    [...this.counts.tBodies[0].rows].forEach((row, i) => [1, 2].forEach((j) => write(row.cells[j], rows[i][j])));
  }
}

