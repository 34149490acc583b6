/* Figures as files: SVG of nothing but vectors, PNG for print, CSV of the data. */

import { present, say } from "../core/page.mjs";
import { download, make } from "../core/elements.mjs";
import { tableOf } from "./takeaway-table.mjs";

/* In print a figure is at least 15 cm wide: in SVG at 96 pixels per inch, in PNG at 300. */
const WIDTH = 567;
const PRINT_WIDTH = 1772;
const HEIGHT = 400;
const KINDS = { svg: "image/svg+xml", png: "image/png", csv: "text/csv" };
const SVG = "http://www.w3.org/2000/svg";
const RASTER = "In 3-D an SVG would hold a raster picture: save the PNG, or choose 2-D first.";

export const graphIn = (view) => document.querySelector(`#${view} .js-plotly-plot`);
const isSpatial = (graph) => graph.data.some((trace) => trace.type === "scatter3d");

/* Buttons that save a figure in each of the ways that there are, and what must be said of them. */
export function formats(view, title) {
  const graph = graphIn(view);
  const spatial = Boolean(graph) && isSpatial(graph);
  const buttons = Object.keys(KINDS).map((kind) => make("button", {
    type: "button", className: "page-button", textContent: kind.toUpperCase(), disabled: spatial && kind === "svg",
    "aria-label": `${title} as ${kind.toUpperCase()}`, onclick: (event) => once(event.currentTarget, view, title, kind),
  }));
  const note = spatial ? [make("p", { className: "page-note", textContent: RASTER })] : [];
  return [make("div", { className: "page-row" }, ...buttons), ...note];
}

/* To write a large figure takes a while, and a second press meanwhile asks for no second file. */
async function once(button, ...wanted) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  await saveFigure(...wanted).finally(() => { button.ariaBusy = null; });
}

async function saveFigure(view, title, kind) {
  const graph = graphIn(view);
  if (!graph || !graph.data.length) {
    say(`${title} is not drawn yet: there is nothing to save.`);
    return;
  }
  if (graph.closest(".stale")) {
    say(`${title} still shows what was before the last change: save it when it has been computed.`);
    return;
  }
  const content = await { svg: svgOf, png: pngOf, csv: (shown) => tableOf(shown, selection()) }[kind](graph);
  download(`hmmrnn-${present().model}-${view}.${kind}`, new Blob([content], { type: KINDS[kind] }));
}

/* Which moments are selected, as `tableOf` takes it; null where nothing is. */
function selection() {
  const { moments, chosen } = window.hmmrnnLinked ?? {};
  return moments && chosen ? (run, step) => chosen[moments.index({ run, step })] : null;
}

/* ---- a copy of what is shown ---- */

function copyOf(graph) {
  const shown = graph._fullLayout;
  const width = Math.max(WIDTH, Math.round(shown.width || 0));
  const height = Math.round(shown.width ? (shown.height * width) / shown.width : HEIGHT);
  /* The page names the colours beside its figures; a file has nothing beside it. */
  const layout = { ...structuredClone(graph.layout), width, height, autosize: false, showlegend: true };
  Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key) && shown[key]).forEach((key) => {
    /* Otherwise the copy, which has another size, would choose a range of its own. */
    Object.assign(layout[key], { range: [...shown[key].range], autorange: false });
  });
  const space = shown.scene && shown.scene._scene;
  if (space) layout.scene.camera = space.getCamera();
  /* What WebGL draws is a raster; the same trace without it is made of paths. */
  const data = structuredClone(graph.data).map((trace) => (
    trace.type === "scattergl" ? { ...trace, type: "scatter" } : trace));
  return { data, layout, width, height };
}

/* ---- SVG ---- */

async function svgOf(graph) {
  const { data, layout, width, height } = copyOf(graph);
  const cellsIn = data.some((trace) => trace.type === "heatmap") ? await cellPaths(data, layout) : [];
  const address = await window.Plotly.toImage({ data, layout }, { format: "svg", width, height });
  const text = decodeURIComponent(address.slice(address.indexOf(",") + 1));
  const picture = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  picture.querySelectorAll("image").forEach((image, i) => image.replaceWith(cellsIn[i]));
  /* Plotly names the ground in the style of the whole, which most programs that open an SVG pass over. */
  const ground = document.createElementNS(SVG, "rect");
  const look = { width: "100%", height: "100%", fill: layout.paper_bgcolor };
  Object.entries(look).forEach(([name, value]) => ground.setAttribute(name, value));
  picture.prepend(ground);
  return new XMLSerializer().serializeToString(picture);
}

/* Plotly draws the cells of a heatmap as a raster. Here are the same cells as paths, one for each colour, in the order
 * of its rasters; where they are is taken from a drawing that is not shown. */
async function cellPaths(data, layout) {
  const hidden = make("div", { className: "takeaway-drawing", "aria-hidden": "true" });
  document.body.append(hidden);
  await window.Plotly.newPlot(hidden, structuredClone(data), structuredClone(layout), { staticPlot: true });
  const paths = [...hidden.querySelectorAll("image")].map((image) => cellGroup(image.__data__, hidden._fullLayout));
  window.Plotly.purge(hidden);
  hidden.remove();
  return paths;
}

function cellGroup({ trace, x, y, z }, layout) {
  const across = Array.from(x, (edge) => axis(layout, trace.xaxis).c2p(edge));
  const down = Array.from(y, (edge) => axis(layout, trace.yaxis).c2p(edge));
  const shapes = new Map();
  z.forEach((line, r) => line.forEach((value, c) => {
    if (!Number.isFinite(value)) return;
    const colour = colourOf(trace, value);
    const [left, right, top, bottom] = [across[c], across[c + 1], down[r], down[r + 1]].map((p) => p.toFixed(2));
    shapes.set(colour, `${shapes.get(colour) || ""}M${left},${top}H${right}V${bottom}H${left}Z`);
  }));
  const group = document.createElementNS(SVG, "g");
  /* Without this, the ground would shine through between neighbours. */
  group.setAttribute("shape-rendering", "crispEdges");
  group.setAttribute("opacity", trace.opacity);
  shapes.forEach((d, fill) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("fill", fill);
    path.setAttribute("d", d);
    group.append(path);
  });
  return group;
}

const axis = (layout, id) => layout[`${id[0]}axis${id.slice(1)}`];

/* As Plotly colours a value: linear between the two steps of the scale that it lies between. */
export function colourOf({ colorscale, zmin, zmax }, value) {
  const share = Math.min(1, Math.max(0, (value - zmin) / (zmax - zmin)));
  const above = Math.max(1, colorscale.findIndex(([at]) => at >= share));
  const [[low, from], [high, to]] = [colorscale[above - 1], colorscale[above]];
  const part = high > low ? (share - low) / (high - low) : 1;
  const [start, end] = [channels(from), channels(to)];
  return `rgb(${start.map((channel, i) => Math.round(channel + part * (end[i] - channel))).join(",")})`;
}

function channels(colour) {
  if (colour.startsWith("#")) return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  return colour.match(/[\d.]+/g).slice(0, 3).map(Number);
}

/* ---- PNG ---- */

async function pngOf(graph) {
  if (isSpatial(graph)) return spatialPng(graph);
  const text = await svgOf(graph);
  const picture = new Image();
  picture.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
  await picture.decode();
  const canvas = make("canvas", {
    width: PRINT_WIDTH, height: Math.round((PRINT_WIDTH * picture.naturalHeight) / picture.naturalWidth),
  });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, KINDS.png));
}

async function spatialPng(graph) {
  const { data, layout, width, height } = copyOf(graph);
  const scale = PRINT_WIDTH / width;
  const config = { plotGlPixelRatio: scale };
  const address = await window.Plotly.toImage({ data, layout, config }, { format: "png", width, height, scale });
  return Uint8Array.from(atob(address.slice(address.indexOf(",") + 1)), (char) => char.charCodeAt(0));
}
