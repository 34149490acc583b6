/* The neuron table and the connectivity: a neuron is silenced where it is clicked or ticked, and marked where it is shown;
 * and the linked cells of tables. */

import { idOf } from "./configuration.mjs";
import { grid, no, provideCells } from "./dash.mjs";
import { on } from "./events.mjs";
import { present, store } from "./page.mjs";
import { silenced, toggled, withPicked, withSilenced } from "./scenario.mjs";

function markTable() {
  const api = present() ? grid(idOf("NEURON_TABLE")) : null;
  if (!api) return;
  const off = silenced(present());
  const update = [];
  api.forEachNode((node) => {
    if (node.data.silenced !== off.has(node.data.neuron)) update.push({ ...node.data, silenced: off.has(node.data.neuron) });
  });
  if (update.length) api.applyTransaction({ update });
}

/* With Shift, a click picks the neuron and leaves it as it is. */
let isShifted = false;

/* The neuron of a cell of the connectivity: of its row, or of its column among the inputs' and outputs'. Where a row stands
 * for several neurons, none of them is meant. */
export function neuronAt(point, { labels, order, each = 1 }) {
  if (each > 1) return null;
  const position = labels.indexOf(point.y) >= 0 ? labels.indexOf(point.y) : labels.indexOf(point.x);
  return position < 0 ? null : order[position];
}

const heard = new WeakSet();

function listen() {
  const graph = document.querySelector(`#${idOf("CONNECTIVITY")} .js-plotly-plot`);
  if (!graph || !graph.on || heard.has(graph)) return;
  heard.add(graph);
  graph.on("plotly_click", (event) => {
    const neuron = neuronAt(event.points[0], graph.layout.meta);
    if (neuron === null || !present()) return;
    store.change(isShifted ? withPicked(present(), neuron) : toggled(present(), neuron));
  });
}

/* Of a lens that shows neurons, a click on one picks it. */
const LENS = "lens-effects";

function listenToLens() {
  const graph = document.querySelector(`#${LENS} .js-plotly-plot`);
  if (!graph || !graph.on || heard.has(graph)) return;
  heard.add(graph);
  graph.on("plotly_click", ({ points: [{ x, data }] }) => {
    const axis = `xaxis${(data.xaxis ?? "x").slice(1)}`;
    if (!present() || !graph.layout.meta?.neurons?.some(([name]) => name === axis)) return;
    store.change(withPicked(present(), x));
  });
}

/* The cells with links in the table of a sweep: known before the script of that page has come, as the grid may be first. */
const link = (text, title, attributes) => window.React.createElement("a", { title, ...attributes }, text);

const cells = {
  TrainingLink: ({ value }) => (value
    ? link("progress", "How this training goes", { href: `/train/${value}`, className: "page-link cell-link" }) : ""),
  NetworkLink: ({ value, data }) => (value
    ? link("explore", `Open ${value} in all views`, {
      href: `/?model=${value}`, className: "cell-link", "data-training": data.id,
    }) : ""),
};

/* What Dash calls. */
export const tableFunctions = {
  ticked: (events) => {
    if (!events || !present()) return no();
    store.change(events.reduce(
      (scenario, event) => withSilenced(scenario, event.data.neuron, Boolean(event.value)), present()));
    return no();
  },

  /* After the grid has taken its rows. */
  rowsArrived: () => {
    window.setTimeout(markTable, 0);
    return no();
  },
};

export function startTable() {
  provideCells(cells);
  on("scenario", () => window.setTimeout(markTable, 0));
  on("drawn", listen);
  on("drawn", listenToLens);
  window.addEventListener("pointerdown", (event) => { isShifted = event.shiftKey; }, true);
}
