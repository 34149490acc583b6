/* The tour of the argument: each step sets the scenario, points at what to see, and says it. */

import { defaults, kickGroups, present, say, store } from "../core/page.mjs";
import { on } from "../core/events.mjs";
import { searchWords } from "../core/kick-groups.mjs";
import { areNumbersOfNow } from "../core/requests.mjs";
import { chapterOf, go } from "../core/router.mjs";
import { element, idOf } from "../core/configuration.mjs";
import { make } from "../core/elements.mjs";
import { outputs, quoted, watch } from "./guide-numbers.mjs";
import { placeBeside } from "./tour-place.mjs";
import { caseOf, filled, scenarioOf, strongest, valuesOf } from "./tour-scenes.mjs";

const KEPT = "hmmrnn-tour";
const BENCH = "/bench";
const SHAPES = ["high", "low", "narrow"];
const WAITING = "The numbers are being computed…";

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });

export class Tour {
  /* Made by name in build(). */
  /** @type {any} */ backButton;
  /** @type {any} */ nextButton;

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
    const onward = { scenario: () => this.follow(), kick: () => this.again(), drawn: () => this.say() };
    Object.entries(onward).forEach(([name, act]) => on(name, () => { if (this.isOn()) act(); }));
    window.addEventListener("resize", () => { if (this.isOn()) this.point(); });
    ["settled", "present", "arrived", "drawn"].forEach((name) => on(name, () => { if (this.isOn()) this.point(); }));
    document.addEventListener("scroll", () => this.place(), true);
  }

  /* ---- from step to step ---------------------------------------------------------------------------------------- */

  start(at) {
    if (!present()) {
      say("The tour needs an open network: open one first.");
      return;
    }
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
    go(this.step.view ? chapterOf(this.step.view).path : BENCH);
    makeRoom(this.step);
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
    this.model = present().model;
    store.change(scenarioOf(this.step, present(), defaults(), kickGroups()));
  }

  /* A scenario may have come from elsewhere: the words follow it. That of another network is taken up, once this change
   * is complete. */
  follow() {
    if (present().model !== this.model) this.again();
    else this.say();
  }

  again() {
    this.model = present().model;
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
    (root.dataset.present ? byId("present-leave") : element("HELP")).focus();
  }

  /* ---- what is said ---------------------------------------------------------------------------------------------- */

  say() {
    if (!this.isOn()) return;
    const kick = kickGroups();
    const known = areNumbersOfNow();
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
    /* Where it would cover something, a lower card may find its place, or one as narrow as the rail. */
    let best = null;
    for (const shape of SHAPES) {
      const found = { shape, ...this.placeAs(shape) };
      if (!best || found.covered < best.covered) best = found;
      if (!best.covered) break;
    }
    this.card.dataset.shape = best.shape;
    Object.assign(this.card.style, { left: `${best.left}px`, top: `${best.top}px` });
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

/* What lies over the views is put back beside them; where the inspector does, it is open for a step that points at it. */
function makeRoom({ targets }) {
  const pointed = targets.some((selector) => document.querySelector(selector)?.closest(".inspector"));
  root.toggleAttribute("data-inspector-open", pointed);
  if (root.dataset.live === "large") element(element("LIVE_SIZE").hidden ? "LIVE_CLOSE" : "LIVE_SIZE").click();
}

const isIntact = () => !present().interventions.length && present().sigma === defaults().sigma;

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/* What only the page knows, in words. */
function seen() {
  const search = searchWords().match(/: \d+ %/);
  const graph = document.querySelector(`#${idOf("STATE_SPACE")} .js-plotly-plot`);
  /* As Plotly has counted them: in which form the points came is its own affair. */
  const count = graph?._fullData?.find(({ name }) => name === "fixed point")?._length || 0;
  return {
    badge: element("BADGE")?.textContent,
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
  [`${idOf("STATE_SPACE")}-caption`, `${idOf("REGION_MAP")}-caption`, idOf("GROUP_BUTTONS"), idOf("BADGE")].forEach((id) => (
    observer.observe(byId(id), into)));
  observer.observe(byId(`${idOf("REGION_MAP")}-card`), { attributes: true, attributeFilter: ["class"] });
  return () => observer.disconnect();
}
