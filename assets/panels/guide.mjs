/* The panel Help: the tour, present mode, the keys, and the terms. */

import { make } from "../core/elements.mjs";
import { isPresenting, present, turnSlide } from "./guide-present.mjs";
import { texts } from "./guide-texts.mjs";
import { element } from "../core/configuration.mjs";
import { panel } from "./panel.mjs";
import { Tour, keptStep } from "./tour.mjs";

const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], [role=combobox], [role=slider]";


let help = null;
let tour = null;

export function start() {
  help = panel({ id: "help-panel", button: "HELP", title: "Help", fill });
  window.addEventListener("keydown", key, true);
}

/* ---- the panel ---- */

async function fill(body) {
  body.replaceChildren(make("p", { className: "page-note", textContent: "The words are on their way…" }));
  const words = await texts();
  if (!words) {
    body.replaceChildren(make("p", { className: "page-note", textContent: "The server did not answer. Open this again." }));
    return;
  }
  body.replaceChildren(...tourPart(words.tour), ...presentPart(), ...keysPart(words.keys), ...glossaryPart(words.terms));
}

function button(text, act) {
  const made = make("button", { type: "button", className: "page-button", textContent: text });
  made.addEventListener("click", () => {
    help.close();
    act();
  });
  return made;
}

const heading = (textContent) => make("h3", { textContent });
const note = (textContent) => make("p", { className: "page-note", textContent });

function tourPart(steps) {
  const kept = keptStep();
  const go = (at) => {
    tour ??= new Tour(steps);
    tour.start(at);
  };
  const begin = button(kept === null ? "Start the tour" : "Start the tour again", () => go(0));
  const goOn = kept === null ? [] : [button(`Go on with the tour at step ${kept + 1}`, () => go(kept))];
  return [heading("Tour"), note(`The argument in ${steps.length} steps, shown on the open network. Each step is one change `
    + "that can be undone."), make("div", { className: "page-row" }, ...goOn, begin)];
}

function presentPart() {
  return [heading("Present mode"), note("Larger type, the views and the buttons that silence, chapter by chapter, for a projector."),
    make("div", { className: "page-row" }, button("Present", () => present(true)))];
}

function keysPart(keys) {
  const rows = keys.map(({ keys: pressed, does }) => make("tr", {},
    make("th", { scope: "row" }, make("kbd", { textContent: pressed })), make("td", { textContent: does })));
  return [heading("Keys"), make("table", { className: "guide-keys" }, make("tbody", {}, ...rows)),
    note("They wait while you type in a field.")];
}

function glossaryPart(terms) {
  const entries = terms.flatMap(({ name, meaning }) => [make("dt", { textContent: name }), make("dd", { textContent: meaning })]);
  return [heading("Glossary"), make("dl", { className: "guide-terms" }, ...entries)];
}

/* ---- keys ---- */

const ACTS = {
  "?": () => { if (element("HELP") && !isPresenting()) help.toggle(); },
  d: () => element("COLOUR_SCHEME")?.click(),
  f: () => present(!isPresenting()),
};

/* While presenting, arrow keys go from chapter to chapter, unless they mean something where the focus is. */
const TURNS = { ArrowLeft: () => turnSlide(-1), ArrowRight: () => turnSlide(1) };
const TAKES_ARROWS = "input, canvas, [role=radiogroup], [role=toolbar], [role=dialog], .ag-root";
const turns = (event) => (isPresenting() && !event.target.closest?.(TAKES_ARROWS) ? TURNS[event.key] : null);

function key(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(FIELDS)) return;
  const act = event.key === "Escape" ? escape() : turns(event) || ACTS[event.key.toLowerCase()];
  if (!act || (event.shiftKey && event.key !== "?")) return;
  event.preventDefault();
  act();
}

/* Of what can be left, the uppermost; an open panel closes by itself. */
function escape() {
  if (document.querySelector(":popover-open")) return null;
  if (tour?.isOn()) return () => tour.leave();
  return isPresenting() ? () => present(false) : null;
}
