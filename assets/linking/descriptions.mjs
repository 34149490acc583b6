/* Descriptions of the figures for screen readers: their finding in numbers, read from what is drawn. */

import { counted } from "../core/words.mjs";

const MOST_TRACES = 10;
const IDLE_MS = 600;

const round = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString());
const median = (values) => {
  const sorted = Array.from(values).filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : NaN;
};
const textOf = (id) => (document.getElementById(id) || { textContent: "" }).textContent;
const titleOf = (axis) => (axis && axis.title && axis.title.text ? axis.title.text : "");

/* moments: () => the runs that the page holds, or null. */
export function describeFigures(moments) {
  const seen = new WeakSet();
  return () => document.querySelectorAll(".main .js-plotly-plot").forEach((graph) => {
    if (seen.has(graph) || !graph.on) return;
    seen.add(graph);
    const write = () => window.requestIdleCallback(() => name(graph, moments()), { timeout: IDLE_MS });
    graph.on("plotly_afterplot", write);
    write();
  });
}

function name(graph, moments) {
  const view = graph.closest(".dash-graph") ? graph.closest(".dash-graph").id : graph.parentElement.id;
  if (!graph._fullData || !graph._fullLayout || !graph.data.length) return;
  const finding = (FINDINGS[view] || linesWords)(graph, moments);
  const words = [titleIn(graph), textOf(`${view}-caption`), finding].filter(Boolean).join(". ");
  if (graph.getAttribute("aria-label") === words) return;
  graph.setAttribute("role", "figure");
  graph.setAttribute("aria-label", words);
}

function titleIn(graph) {
  const heading = graph.closest(".card") && graph.closest(".card").querySelector(".card-title h2");
  return heading ? heading.textContent : "";
}

const FINDINGS = { "state-space": spaceWords, "region-map": regionWords, orbit: orbitWords, connectivity: weightWords };

/* How the time is shared, and where. */
function spaceWords(graph, moments) {
  if (!moments) return "";
  const found = Array.from({ length: moments.outputs }, () => ({ n: 0, x: 0, y: 0 }));
  let all = 0;
  moments.output.forEach((output, i) => {
    if (output < 0) return;
    const one = found[output];
    all += 1;
    one.n += 1;
    one.x += moments.points[moments.dimensions * i];
    one.y += moments.points[moments.dimensions * i + 1];
  });
  let switches = 0;
  for (let t = moments.switchFrom({ run: 0, step: 1 }, 1); t !== null; t = moments.switchFrom({ run: 0, step: t }, 1)) switches += 1;
  const shares = found.map(({ n, x, y }, output) => (n
    ? `output ${output} in ${((100 * n) / all).toFixed(0)} % of the steps, around PC1 ${round(x / n)} and PC2 ${round(y / n)}` : ""));
  return `${shares.filter(Boolean).join("; ")}; run 1 switches ${counted(switches, "time")} in ${counted(moments.steps, "step")}`;
}

/* How long the output is kept in each region. */
function regionWords(graph) {
  const regions = graph._fullData.filter(({ customdata }) => customdata && customdata.length && customdata[0].length > 2);
  if (!regions.length) return valueWords(graph);
  return regions.map(({ name: region, customdata }) => (
    `${region}: ${counted(customdata.length, "state")}, median residency time ${round(median(customdata.map((row) => row[2])))} steps`)).join("; ");
}

function valueWords(graph) {
  const trace = graph._fullData.find(({ marker }) => marker && marker.color && marker.color.length > 1 && typeof marker.color !== "string");
  if (!trace) return "";
  const label = trace.marker.colorbar ? titleOf(trace.marker.colorbar) : "";
  const values = Array.from(trace.marker.color).filter(Number.isFinite);
  return `${label}: from ${round(Math.min(...values))} to ${round(Math.max(...values))}, median ${round(median(values))}`;
}

/* Where along the orbit each output is the likely one. */
function orbitWords(graph) {
  return graph._fullData.filter(({ name: trace }) => /^output \d+$/.test(trace)).map(({ name: trace, x, y }) => {
    const likely = Array.from(x).filter((_, i) => y[i] > 0.5);
    const top = round(Math.max(...Array.from(y).filter(Number.isFinite)));
    if (!likely.length) return `${trace} is never likelier than ${top}`;
    return `${trace} has a probability above 0.5 at ${stretches(likely)} degrees, ${top} at most`;
  }).join("; ");
}

/* Neighbouring bins of phase as one stretch. */
function stretches(degrees) {
  const parts = [];
  degrees.forEach((value) => {
    const last = parts[parts.length - 1];
    if (last && value - last[1] < 12) last[1] = value;
    else parts.push([value, value]);
  });
  return parts.map(([from, to]) => `${Math.round(from)} to ${Math.round(to)}`).join(" and ");
}

/* Who is there, and the strongest weight. */
function weightWords(graph) {
  const [{ z, x, y }] = graph._fullData;
  if (!z || !z.length) return "";
  const roles = {};
  Array.from(y).forEach((label) => {
    const role = /\((.*)\)/.exec(label);
    if (role) roles[role[1]] = (roles[role[1]] || 0) + 1;
  });
  let best = [0, 0];
  z.forEach((row, i) => row.forEach((value, j) => { if (Math.abs(value) > Math.abs(z[best[0]][best[1]])) best = [i, j]; }));
  const [to, from] = best;
  const strongest = `the strongest recurrent weight is ${round(z[to][from])}, from ${x[from]} to ${y[to]}`;
  return [...Object.entries(roles).map(([role, n]) => `${n} ${role}`), strongest].join("; ");
}

/* Any other figure: the ends and the extremes of its first lines and bars. */
function linesWords(graph) {
  const shown = graph._fullData.filter((trace) => trace.visible === true && trace.name && trace.x && trace.y && trace.x.length > 1
    && trace.type !== "heatmap" && Array.from(trace.y).some((value) => Number.isFinite(value)));
  const words = shown.slice(0, MOST_TRACES).map((trace) => {
    const axis = graph._fullLayout[`yaxis${(trace.yaxis || "y").slice(1)}`];
    const across = graph._fullLayout[`xaxis${(trace.xaxis || "x").slice(1)}`];
    const values = Array.from(trace.y).map((value) => (Number.isFinite(value) ? value : NaN));
    const finite = values.filter(Number.isFinite);
    const [low, high] = [Math.min(...finite), Math.max(...finite)];
    const at = (value) => trace.x[values.indexOf(value)];
    const where = (value) => (Number.isFinite(at(value)) ? round(at(value)) : at(value));
    return `${trace.name}, ${titleOf(axis)}: from ${round(low)} at ${where(low)} to ${round(high)} at ${where(high)} (${titleOf(across)})`;
  });
  const more = shown.length - words.length;
  return words.join("; ") + (more > 0 ? `; and ${more} more` : "");
}
