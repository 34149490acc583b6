/* The bridge to Dash: what it calls here, and how its components are set from here. No other module knows of it. */

import { configuration, idOf } from "./configuration.mjs";

const bridge = () => window.dash_clientside;

/* What a function that Dash calls returns when there is nothing to set. */
export const no = () => bridge().no_update;

export function set(id, props) {
  if (!holdsTable(props)) return bridge().set_props(id, props);
  return withTables().then(() => bridge().set_props(id, props));
}

/* Tables have a script of their own, which comes with the first of them. */
const TABLES = "dash_ag_grid";
const holdsTable = ({ children }) => Boolean(children) && !window[TABLES] && JSON.stringify(children).includes(`"${TABLES}"`);
let tables = null;

function withTables() {
  tables ??= loadScript(configuration().scripts.tables);
  tables.catch(() => { tables = null; });
  return tables;
}

export const loadScript = (src) => new Promise((resolve, reject) => {
  const script = document.createElement("script");
  Object.assign(script, { src, onload: resolve, onerror: reject });
  document.head.append(script);
});

/* What Dash asks for first has come with the page. */
export function answerDash() {
  const plain = window.fetch;
  const places = { "_dash-layout": idOf("LAYOUT"), "_dash-dependencies": idOf("WIRES") };
  window.fetch = async (resource, ...rest) => {
    const place = document.getElementById(places[String(resource).split("/").pop()]);
    if (!place) return plain(resource, ...rest);
    const brought = place.textContent;
    place.remove();
    return new window.Response(brought, { headers: { "Content-Type": "application/json" } });
  };
}

/* Functions that Dash calls by their names. */
export const provide = (functions) => Object.assign(bridge().hmmrnn, functions);

/* Components that the cells of tables name. A grid looks for them when it is made. */
export function provideCells(cells) {
  window.dashAgGridComponentFunctions = Object.assign(window.dashAgGridComponentFunctions || {}, cells);
}

/* Functions of a module that is loaded when the first of them is called. */
export function provideLazily(names, load) {
  provide(Object.fromEntries(names.map((name) => [name, async (...given) => (await load()).functions[name](...given)])));
}

/* Dash also calls when components of a kind come or go; then nothing was triggered. */
export const triggered = () => bridge().callback_context.triggered[0] || {};

/* The grid of the neuron table; null while it is not there. */
export function grid(id) {
  if (!window.dash_ag_grid) return null;
  try {
    return window.dash_ag_grid.getApi(id);
  } catch {
    /* The grid's own way of saying that it is not there yet. */
    return null;
  }
}

/* Which of some controls, by name, an element belongs to. A control has a frame around it, and a list that it opens lies
 * elsewhere in the page. */
const FRAMES = "[class*=InputWrapper-root], [class*=Switch-root]";

export function controlAt(target, controls) {
  const list = target.closest?.("[role=listbox]");
  const part = list ? document.querySelector(`[aria-controls="${list.id}"]`) : target;
  return Object.keys(controls).find((name) => {
    const control = document.getElementById(controls[name]);
    return control && (control.closest(FRAMES) ?? control).contains(part);
  });
}

/* Updates of components, as the server sends them: [[id, props], ...]. */
export const apply = (updates) => updates.forEach(([id, props]) => set(id, props));
