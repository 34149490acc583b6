/* Present mode: one view a slide in larger type, and one line that says what is done. */

import { emit, on } from "../core/events.mjs";
import * as page from "../core/page.mjs";
import { areNumbersOfNow } from "../core/requests.mjs";
import { go, isInChapter, place } from "../core/router.mjs";
import { silences } from "../core/scenario.mjs";
import { isGroup, nameOf } from "./now.mjs";
import { configuration, element } from "../core/configuration.mjs";
import { make } from "../core/elements.mjs";
import { enlargeFigures } from "./guide-figures.mjs";
import { quoted, watch } from "./guide-numbers.mjs";

const root = document.documentElement;

const bar = { root: null, stop: null, opener: null };

export const isPresenting = () => root.dataset.present === "on";

export function present(wanted) {
  if (wanted === isPresenting()) return;
  if (wanted && (!isInChapter() || !page.present())) {
    page.say("Present mode shows the views of a network: open one first.");
    return;
  }
  if (wanted) enter();
  else leave();
  emit("present");
  /* Plotly looks at its room when the window changes. */
  window.dispatchEvent(new Event("resize"));
  enlargeFigures(wanted);
}

/* The slide before (-1) or after (1): the next view of the chapter, or the nearest of the next chapter. */
export function turnSlide(way) {
  const { chapters } = configuration();
  const { chapter } = place();
  const view = chapter.views[slide() + way];
  if (view) {
    page.store.look({ large: view });
    return;
  }
  const next = chapters[chapters.findIndex(({ id }) => id === chapter.id) + way];
  if (!next) return;
  go(next.path);
  page.store.look({ large: next.views.at(way > 0 ? 0 : -1) });
}

/* The place of the view that is shown among those of the chapter; -1 for all of them. */
const slide = () => place().chapter.views.indexOf(page.present().large);

/* The tour points at several views, so it keeps them all. */
const isTouring = () => document.querySelector("#tour:not([hidden])") !== null;

function showSlide() {
  if (slide() < 0 && !isTouring()) page.store.look({ large: place().chapter.views[0] });
}

function enter() {
  if (!bar.root) build();
  bar.opener = document.activeElement;
  bar.large = page.present().large;
  showSlide();
  root.dataset.present = "on";
  bar.root.hidden = false;
  bar.stop = watch(say);
  say();
  /* The tour keeps the focus. */
  if (!document.getElementById("tour")?.contains(bar.opener)) document.getElementById("present-leave").focus();
}

function leave() {
  delete root.dataset.present;
  bar.root.hidden = true;
  bar.stop();
  page.store.look({ large: bar.large });
  if (bar.root.contains(document.activeElement) || document.activeElement === document.body) {
    element("HELP").focus();
  }
}

function build() {
  const button = make("button", {
    id: "present-leave", type: "button", className: "page-button", textContent: "Leave", title: "Back to the whole page (Esc)" });
  button.addEventListener("click", () => present(false));
  bar.intact = make("button", { type: "button", className: "page-button", textContent: "Intact", title: "Remove every intervention" });
  bar.intact.addEventListener("click", () => page.store.change({ ...page.present(), interventions: [] }));
  bar.name = make("strong");
  bar.done = make("span", { className: "present-done", "aria-live": "polite" });
  bar.number = make("span", { className: "present-number" });
  bar.root = make("section", { className: "present-bar", hidden: true, "aria-label": "Present mode" },
    bar.name, bar.done, bar.number, bar.intact, button);
  document.body.append(bar.root);
  ["scenario", "kick", "drawn"].forEach((name) => on(name, () => { if (isPresenting()) say(); }));
  on("arrived", () => {
    if (!isPresenting()) return;
    if (isInChapter()) showSlide();
    else present(false);
  });
}

function say() {
  const scenario = page.present();
  write(bar.name, scenario.model);
  write(bar.done, done(scenario));
  const isIntact = !scenario.interventions.length;
  bar.intact.setAttribute("aria-pressed", String(isIntact));
  write(bar.number, areNumbersOfNow() ? quoted(["switches"], isIntact).join("") : "");
}

/* Only what has changed, so that it is not read out again. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/* ---- in words ---- */

const name = (neurons) => (neurons.length > 1 && isGroup(neurons) ? `${nameOf(neurons)} (${neurons.length} neurons)` : nameOf(neurons));

const REACHES = { unit: "all input", recurrent: "recurrent input", input: "noise input" };

const isAlone = (item) => item.neurons.length === 1 && silences(item);

function entry({ neurons, mu, target }) {
  if (silences({ mu, target })) return `${name(neurons)} silenced`;
  return `${name(neurons)}: ${REACHES[target]} ${mu === 0 ? "off" : `times ${mu}`}`;
}

/* What is done to the network, in one line. */
export function done(scenario) {
  const alone = scenario.interventions.filter(isAlone).flatMap((item) => item.neurons);
  const together = alone.length > 1 ? [`neurons ${alone.join(", ")} silenced`] : [];
  const rest = scenario.interventions.filter((item) => !(together.length && isAlone(item)));
  const entries = [...together, ...rest.map((item) => entry(item))];
  const touched = entries.length ? entries.join("; ") : "intact";
  return `${touched[0].toUpperCase()}${touched.slice(1)}; noise sigma ${scenario.sigma}.`;
}
