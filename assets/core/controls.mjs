/* The controls of the scenario's fields: what is chosen or typed changes the scenario, and what changes otherwise is
 * written to them. */

import { configuration, idOf } from "./configuration.mjs";
import { controlAt, no, set } from "./dash.mjs";
import { on } from "./events.mjs";
import { bench } from "./opening.mjs";
import { present, store } from "./page.mjs";
import { isInChapter, shownViews } from "./router.mjs";
import { same, withField, withNetwork } from "./scenario.mjs";

/* After what the page draws by itself: a frame in between would delay it. */
const CONTROLS_MS = 120;

/* What some controls show is not what the scenario holds. */
const SHOWN = { pair: (pair) => (pair ? pair.join("-") : "all"), dimensions: String };
const MEANT = { pair: (text) => (text === "all" ? null : text.split("-").map(Number)), dimensions: Number };
const shownAs = (name, scenario) => (SHOWN[name] ? SHOWN[name](scenario[name]) : scenario[name]);
const meantBy = (name, value) => (MEANT[name] ? MEANT[name](value) : value);

/* A value that is written here comes back as if the user had set it: from Dash at once, and from the control itself once it
 * has drawn it. By then the scenario may be another one. What was written since the user last touched the control is an
 * echo, however late it comes. */
const written = {};
const isEcho = (name, value) => Boolean(written[name]?.has(value));

function write(name, value) {
  const { control, prop } = configuration().fields[name];
  written[name] ??= new Set();
  written[name].add(value);
  set(control, { [prop]: value });
}

/* Shortcuts that are pressed in a control are not meant for it. */
const TOUCHES = ["pointerdown", "keydown", "input", "click", "wheel"];

function touched({ target, ctrlKey = false, metaKey = false }) {
  if (ctrlKey || metaKey) return;
  const { fields } = configuration();
  const name = controlAt(target, Object.fromEntries(Object.keys(fields).map((field) => [field, fields[field].control])));
  if (name) delete written[name];
}

const changed = (name) => (value) => {
  if (value === null || value === undefined || value === "" || !present()) return no();
  if (value === shownAs(name, present())) return no();
  if (isEcho(name, value)) {
    write(name, shownAs(name, present()));
    return no();
  }
  /* A network that is chosen beside a training is to be looked at. */
  const path = isInChapter() ? undefined : bench();
  if (name === "model") store.change(withNetwork(present(), value), { from: name, path });
  else store.change(withField(present(), name, meantBy(name, value)), { from: name });
  return no();
};

/* What Dash calls when a control changes, by field. */
export const fieldFunctions = () => Object.fromEntries(
  Object.keys(configuration().fields).map((name) => [`set_${name}`, changed(name)]));

/* Every change of a property makes Dash think; most of the time these stay as they are. */
const last = {};
function setIf(id, property, value) {
  if (last[id] === value) return;
  last[id] = value;
  set(id, { [property]: value });
}

function show(before, from) {
  const now = present();
  Object.keys(configuration().fields).forEach((name) => {
    if (name !== from && (!before || !same(before[name], now[name]))) write(name, shownAs(name, now));
  });
  setIf(idOf("NEURON_ROW"), "hidden", now.colour !== "neuron");
  setIf(idOf("UNDO"), "disabled", !store.past.length);
  setIf(idOf("REDO"), "disabled", !store.future.length);
}

/* Of the rail, only what acts on a view that is shown. */
function showUsed() {
  const used = new Set(configuration().views.filter((view) => shownViews().includes(view.id)).flatMap((view) => view.fields));
  document.querySelectorAll("[data-fields]").forEach((group) => {
    group.hidden = !group.dataset.fields.split(" ").some((name) => used.has(name));
  });
}

export function startControls() {
  on("scenario", ({ before, from }) => {
    window.setTimeout(() => show(before, from), CONTROLS_MS);
    showUsed();
  });
  on("arrived", showUsed);
  TOUCHES.forEach((name) => document.addEventListener(name, touched, { capture: true, passive: true }));
}
