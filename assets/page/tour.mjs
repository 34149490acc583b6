/* How does one come to see the argument? Step by step: each sets the scenario, points at what to see, and says it. */

import { make } from "../live/elements.mjs";
import { areNew, outputs, quoted, watch } from "./guide-numbers.mjs";
import { placeBeside } from "./tour-place.mjs";
import { caseOf, filled, scenarioOf, strongest, valuesOf } from "./tour-scenes.mjs";

const KEPT = "hmmrnn-tour";
const WAITING = "The numbers are being computed…";

const client = () => window.dash_clientside.hmmrnn;
const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });

export class Tour {
  /* steps: as the server gives them. */
  constructor(steps) {
    this.steps = steps;
    this.at = null;
    this.model = null;
    this.marked = [];
    this.build();
    this.sizes = new ResizeObserver(() => this.place());
  }

  isOn() {
    return this.at !== null;
  }

  build() {
    const button = (name, text, act) => {
      this[name] = make("button", { type: "button", className: "page-button", textContent: text });
      this[name].addEventListener("click", act);
      return this[name];
    };
    this.count = make("p", { className: "tour-count" });
    this.title = make("h2", { id: "tour-title" });
    this.text = make("p", { id: "tour-text" });
    this.numbers = make("div", { className: "tour-numbers" });
    this.said = make("div", { className: "tour-said", "aria-live": "polite" }, this.title, this.text, this.numbers);
    this.card = make("section", {
      id: "tour", className: "tour-card", hidden: true, role: "dialog", "aria-modal": "false",
      "aria-labelledby": "tour-title", "aria-describedby": "tour-text",
    }, make("div", { className: "tour-head" }, this.count, button("leaveButton", "Leave", () => this.leave())), this.said,
    make("div", { className: "page-row" }, button("backButton", "Back", () => this.show(this.at - 1)),
      button("nextButton", "Next", () => this.next())));
    document.body.append(this.card);
    const onward = { "hmmrnn-scenario": () => this.follow(), "hmmrnn-kick": () => this.again() };
    Object.entries(onward).forEach(([name, act]) => window.addEventListener(name, () => { if (this.isOn()) act(); }));
    ["resize", "hmmrnn-settled", "hmmrnn-present"].forEach((name) => (
      window.addEventListener(name, () => { if (this.isOn()) this.point(); })));
    document.addEventListener("scroll", () => this.place(), true);
  }

  /* ---- from step to step ---------------------------------------------------------------------------------------- */

  start(at) {
    if (!client().present()) {
      client().say("The tour needs an open network: open one first.");
      return;
    }
    client().go("/");
    this.card.hidden = false;
    if (!this.isOn()) {
      const stops = [watch(() => this.say()), watchCaptions(() => this.say())];
      this.stop = () => stops.forEach((end) => end());
    }
    this.show(at);
    this.nextButton.focus({ preventScroll: true });
  }

  show(at) {
    this.at = at;
    this.step = this.steps[at];
    window.sessionStorage.setItem(KEPT, at);
    makeRoom(Boolean(this.step.tab));
    this.set();
    this.count.textContent = `Step ${at + 1} of ${this.steps.length}`;
    this.title.textContent = this.step.title;
    this.backButton.disabled = at === 0;
    this.nextButton.textContent = at === this.steps.length - 1 ? "Finish" : "Next";
    this.said.scrollTop = 0;
    this.say();
    this.point({ scrolls: true });
  }

  /* The scenario of this step, from whatever network is open now. */
  set() {
    this.model = client().present().model;
    client().apply(scenarioOf(this.step, client().present(), client().defaults(), client().kickGroups()));
  }

  /* A scenario may have come from elsewhere: the words follow it. That of another network is taken up, once this change
   * is complete. */
  follow() {
    if (client().present().model !== this.model) this.again();
    else this.say();
  }

  again() {
    this.model = client().present().model;
    queueMicrotask(() => { if (this.isOn()) this.show(this.at); });
  }

  next() {
    if (this.at < this.steps.length - 1) {
      this.show(this.at + 1);
      return;
    }
    this.leave();
    window.sessionStorage.removeItem(KEPT);
  }

  /* What is shown stays as it is, and the step is kept for going on. */
  leave() {
    this.stop();
    this.at = null;
    this.card.hidden = true;
    this.unmark();
    this.point();
    byId(root.dataset.present ? "present-leave" : "help-open").focus();
  }

  /* ---- what is said ---------------------------------------------------------------------------------------------- */

  say() {
    if (!this.isOn()) return;
    const kick = client().kickGroups();
    const known = areNew();
    const which = caseOf(this.step, kick, known ? outputs() : []);
    const values = { ...valuesOf(this.step, kick), ...seen(), outputs: known ? outputs().join(" and ") : "" };
    write(this.text, filled(this.step.texts[which], values));
    this.quote(known, kick);
    this.place();
  }

  quote(known, kick) {
    const lines = this.step.rows.length && !known ? [WAITING] : quoted(this.keys(kick), isIntact());
    if (this.step.caption) lines.push(captionOf(this.step.caption));
    if (this.said.dataset.quoted === JSON.stringify(lines)) return;
    this.said.dataset.quoted = JSON.stringify(lines);
    this.numbers.replaceChildren(...lines.map((line) => make("p", { textContent: line })));
  }

  /* Of the rows of the table, those that this step speaks of. */
  keys(kick) {
    const group = kick && strongest(kick);
    const meant = {
      time: outputs().map((output) => `time-${output}`),
      leave: group ? [`leave-${group.output}`] : outputs().map((output) => `leave-${output}`),
    };
    return this.step.rows.flatMap((row) => meant[row] || [row]);
  }

  /* ---- what is pointed at ---------------------------------------------------------------------------------------- */

  targets() {
    return this.step.targets.map((selector) => document.querySelector(selector)).filter((found) => found && isSeen(found));
  }

  point({ scrolls = false } = {}) {
    root.toggleAttribute("data-tour-below", this.isOn() && this.step.targets.some((one) => /tabs-card|numbers-card/.test(one)));
    if (!this.isOn()) return;
    const targets = this.targets();
    if (targets.length !== this.marked.length || targets.some((target, i) => target !== this.marked[i])) {
      this.unmark();
      this.marked = targets;
      targets.forEach((target) => {
        target.classList.add("tour-target");
        this.sizes.observe(target);
      });
    }
    /* The most important one last, so that it is what stays in sight. The head of the page is always there. */
    if (scrolls) {
      targets.filter((target) => target.closest(".main, .rail")).reverse()
        .forEach((target) => target.scrollIntoView({ block: "nearest", inline: "nearest" }));
    }
    this.place();
  }

  unmark() {
    this.sizes.disconnect();
    this.marked.forEach((target) => target.classList.remove("tour-target"));
    this.marked = [];
  }

  place() {
    if (!this.isOn()) return;
    /* Where it would cover something, a lower card may find its place. */
    const found = this.placeAs("high");
    const { left, top } = found.covered ? this.placeAs("low") : found;
    Object.assign(this.card.style, { left: `${left}px`, top: `${top}px` });
  }

  placeAs(shape) {
    this.card.dataset.shape = shape;
    const { width, height } = this.card.getBoundingClientRect();
    const boxes = this.marked.map((target) => target.getBoundingClientRect());
    return placeBeside({ width, height }, boxes, { width: window.innerWidth, height: window.innerHeight, top: head() });
  }
}

/* The step that was left, or null. */
export function keptStep() {
  const kept = window.sessionStorage.getItem(KEPT);
  return kept === null ? null : Number(kept);
}

/* The lower end of what goes along the top of the page. */
const head = () => document.querySelector(root.dataset.present ? ".present-bar" : ".header").getBoundingClientRect().bottom;

/* A tab that is spoken of gets the room of the views; otherwise what lies over these is put back beside them. */
function makeRoom(forTab) {
  if ((root.dataset.tabs === "large") !== forTab) {
    /* By hand it would take until Dash has heard of it. */
    window.dash_clientside.set_props("enlarge", { children: client().enlarge(1) });
  }
  if (root.dataset.live === "large") byId(byId("live-size").hidden ? "live-close" : "live-size").click();
}

const isIntact = () => !client().present().interventions.length && client().present().sigma === client().defaults().sigma;

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/* What only the page knows, in words. */
function seen() {
  const search = (byId("search-words")?.textContent || "").match(/: \d+ %/);
  const graph = document.querySelector("#state-space .js-plotly-plot");
  /* As Plotly has counted them: in which form the points came is its own affair. */
  const count = graph?._fullData?.find(({ name }) => name === "fixed point")?._length || 0;
  return {
    badge: byId("fidelity-badge")?.textContent,
    search: search ? ` (${search[0].slice(2)})` : "",
    rest: count === 1 ? "They end at the star, the one fixed point." : count
      ? `They end at the stars, ${count} fixed points.` : "No fixed point was found that they would end in.",
  };
}

function captionOf(view) {
  if (byId(`${view}-card`).classList.contains("stale")) return WAITING;
  const [sample, shares] = byId(`${view}-caption`).textContent.split(": ");
  return shares ? `Here, of ${sample}: ${shares}.` : "";
}

/* act: when a view's caption, its picture or how far the search is has changed. Returns what ends it. */
function watchCaptions(act) {
  const observer = new MutationObserver(act);
  const into = { childList: true, subtree: true, characterData: true };
  ["state-space-caption", "region-map-caption", "group-buttons", "fidelity-badge"].forEach((id) => (
    observer.observe(byId(id), into)));
  observer.observe(byId("region-map-card"), { attributes: true, attributeFilter: ["class"] });
  return () => observer.disconnect();
}
