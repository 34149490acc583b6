/* Larger type in all figures for present mode, and in those that arrive later. */

import { changeFigures, drawPlain, wrapPlotly } from "../core/plotly.mjs";

/* As --grown in guide.css, by which tall figures are higher. */
const FACTOR = 18 / 14;

const grown = new WeakSet();
let isOn = false;

const isPlain = (value) => value !== null && typeof value === "object" && !ArrayBuffer.isView(value);

/* Lengths in pixels that make room for type, in any part of a layout; of a margin all are. */
const LENGTHS = ["xshift", "yshift", "standoff"];

const rounded = (length) => Math.round(100 * length) / 100;

/* A copy of a part of a figure with all sizes of type, and the room for it, by that factor. */
export function scaled(part, factor) {
  if (Array.isArray(part)) return part.map((item) => scaled(item, factor));
  if (!isPlain(part)) return part;
  return Object.fromEntries(Object.entries(part).map(([name, value]) => {
    if (LENGTHS.includes(name) && Number.isFinite(value)) return [name, rounded(value * factor)];
    if (name === "margin" && isPlain(value)) {
      return [name, Object.fromEntries(Object.entries(value).map(([side, width]) => [side, rounded(width * factor)]))];
    }
    const inner = scaled(value, factor);
    const isType = /font$/.test(name) && isPlain(inner) && Number.isFinite(inner.size);
    return [name, isType ? { ...inner, size: rounded(inner.size * factor) } : inner];
  }));
}

/* Of a trace only what has type in it: the rest is numbers, and many of them. */
function scaledTrace(trace, factor) {
  const { colorbar, textfont, marker } = trace;
  return {
    ...trace,
    ...(colorbar && scaled({ colorbar }, factor)),
    ...(textfont && scaled({ textfont }, factor)),
    ...(marker?.colorbar && { marker: { ...marker, ...scaled({ colorbar: marker.colorbar }, factor) } }),
  };
}

/* A copy: what Dash keeps of a figure stays as the server sent it. */
const scaledFigure = (figure, factor) => ({
  ...figure,
  data: (figure.data || []).map((trace) => scaledTrace(trace, factor)),
  layout: scaled(figure.layout || {}, factor),
});

/* What Dash draws from now on is enlarged on its way; so nothing is drawn twice. */
let isWatching = false;

/* Figures that are there already change their type at once. */
export function enlargeFigures(wanted) {
  isOn = wanted;
  if (!window.Plotly) return;
  wrapPlotly();
  if (!isWatching) changeFigures(enlarged);
  isWatching = true;
  document.querySelectorAll(".js-plotly-plot").forEach((graph) => {
    if (!graph.layout || grown.has(graph) === wanted) return;
    const { data, layout } = graph;
    if (wanted) grown.add(graph);
    else grown.delete(graph);
    drawPlain(graph, scaledFigure({ data, layout }, wanted ? FACTOR : 1 / FACTOR));
  });
}

function enlarged(graph, figure) {
  if (isOn) grown.add(graph);
  else grown.delete(graph);
  return isOn ? scaledFigure(figure, FACTOR) : figure;
}
