/* What must be known of Plotly beyond its manual: the graph of a view, its axes, and changes of what Dash passes to it. This
 * is the one place that alters Plotly. */

import { on } from "./events.mjs";

/* The graph of a component; null while it is not drawn. */
export function graphOf(id) {
  const graph = document.querySelector(`#${id} .js-plotly-plot`);
  return graph && graph._fullLayout && graph._fullLayout._size ? graph : null;
}

export const layoutOf = (graph) => graph._fullLayout || {};

/* The rectangle of two axes in pixels of the graph, and how values become pixels and back; null where there is none. */
export function boxOf(graph, x = "xaxis", y = "yaxis") {
  const { [x]: xaxis, [y]: yaxis, scene } = layoutOf(graph);
  if (scene || !xaxis || !yaxis || !xaxis._length || !yaxis._length) return null;
  return {
    left: xaxis._offset, top: yaxis._offset, width: xaxis._length, height: yaxis._length,
    toX: (value) => xaxis._offset + xaxis.l2p(value), toY: (value) => yaxis._offset + yaxis.l2p(value),
    fromX: (pixel) => xaxis.p2l(pixel - xaxis._offset), fromY: (pixel) => yaxis.p2l(pixel - yaxis._offset),
  };
}

/* Changes of a figure on its way from Dash to Plotly: (graph, figure) => figure; and what follows when it is drawn. */
const changes = [];
const followers = [];
export const changeFigures = (change) => changes.push(change);
export const afterFigures = (act) => followers.push(act);

let react = null;

/* Of a graph whose figure was changed: the data that Dash has passed. */
const passed = new WeakMap();
export const passedData = (graph) => passed.get(graph) ?? graph.data;

/* Figures that the page has made by itself, by component. */
const own = new Map();

/* Draw a figure that the page has made, without Dash: that would take as long again. */
export function drawOwn(id, { data, layout }) {
  const graph = graphOf(id);
  const figure = { data, layout: { ...structuredClone(layout), autosize: true } };
  own.set(id, figure);
  window.Plotly.react(graph, figure);
}

/* The next figure of a component comes from the server. */
export const leaveToDash = (id) => own.delete(id);

/* What Dash passes late, of an answer before the last one, is not drawn over what the page has made. */
function newest(graph, figure) {
  const made = own.get(graph.closest("[id]:not(.js-plotly-plot)")?.id);
  return made ? { ...figure, ...made } : figure;
}

/* Draw a figure without the changes. */
export function drawPlain(graph, figure) {
  passed.set(graph, passedData(graph));
  react(graph, figure);
}

/* Plotly comes with the first figure. */
export function wrapPlotly() {
  if (react || !window.Plotly) return;
  react = window.Plotly.react;
  window.Plotly.react = (graph, given, ...rest) => {
    const figure = newest(graph, given);
    passed.set(graph, figure.data);
    const changed = changes.reduce((one, change) => change(graph, one), figure);
    const drawn = react(graph, changed, ...rest);
    drawn.then(() => followers.forEach((act) => act(graph)));
    return drawn;
  };
}

export function startPlotly() {
  wrapPlotly();
  on("drawn", wrapPlotly);
  /* Plotly measures the text of 3-D axes by reading back from canvases that are on no page; with this option they lie where
   * that is quick, and Chrome gives no warning. */
  const context = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function getContext(kind, options) {
    const readBack = kind === "2d" && !this.isConnected;
    return context.call(this, kind, readBack ? { willReadFrequently: true, ...options } : options);
  };
}
