/* The buttons that Plotly lays over a graph are a toolbar: one stop of the Tab key, which shows it, and arrow keys within.
 * Plotly itself makes each a stop, also where none of them is seen. */

import { afterFigures } from "./plotly.mjs";

const BAR = ".modebar";
const BUTTONS = ".modebar-btn";
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

const buttonsOf = (bar) => [...bar.querySelectorAll(BUTTONS)];

/* The button that Tab leads to; the one that was reached last, or the first. */
function stopAt(buttons, chosen) {
  buttons.forEach((button) => { button.tabIndex = button === chosen ? 0 : -1; });
}

export function makeToolbars(graph) {
  graph.querySelectorAll(BAR).forEach((bar) => {
    const buttons = buttonsOf(bar);
    bar.setAttribute("role", "toolbar");
    bar.setAttribute("aria-label", "Figure");
    const stops = buttons.filter((button) => button.tabIndex === 0);
    stopAt(buttons, stops.length === 1 ? stops[0] : buttons[0]);
  });
}

export function goAlong(event) {
  const button = STEPS[event.key] && event.target.closest?.(BUTTONS);
  if (!button) return;
  const buttons = buttonsOf(button.closest(BAR));
  const next = buttons.at((buttons.indexOf(button) + STEPS[event.key]) % buttons.length);
  stopAt(buttons, next);
  next.focus();
  event.preventDefault();
}

export function startToolbars() {
  afterFigures(makeToolbars);
  document.addEventListener("keydown", goAlong);
}
