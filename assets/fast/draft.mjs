/* The state space while the user drags: its states on a canvas over the figure, in the axes that this has. To let Plotly draw
 * takes several times as long; it does once the pointer rests. */

import { idOf } from "../core/configuration.mjs";
import { unpacked } from "../engine/network.mjs";
import { PlotOverlay } from "../linking/plot-overlay.mjs";

const draft = { overlay: null, traces: null };

const isPlain = ({ marker }) => !marker || typeof marker.color === "string";

/* Whether a figure of the page's could be drawn so. One with colours by value could not: their scale may be another. */
export function drawDraft({ data }) {
  if (!data.every(isPlain)) return false;
  draft.overlay ??= new PlotOverlay(idOf("STATE_SPACE"), draw);
  draft.overlay.attach();
  if (!draft.overlay.graph || !draft.overlay.box()) return false;
  draft.overlay.canvas.classList.add("draft");
  draft.traces = data;
  draft.overlay.refresh();
  return true;
}

/* The figure itself is drawn next. */
export function endDraft() {
  if (!draft.traces) return;
  draft.traces = null;
  draft.overlay.refresh();
}

function draw(overlay) {
  overlay.graph.classList.toggle("drafted", Boolean(draft.traces));
  if (!draft.traces) return;
  const box = overlay.box();
  /* The others Plotly draws elsewhere, and they stay. */
  const states = draft.traces.filter(({ type }) => type === "scattergl");
  overlay.inside(box, (paper) => states.forEach((trace) => drawTrace(paper, box, trace)));
}

function drawTrace(paper, { toX, toY }, { mode, marker, line, opacity = 1, ...places }) {
  const [x, y] = [places.x, places.y].map((values) => (values.bdata ? unpacked(values) : values));
  if (mode.includes("lines")) {
    Object.assign(paper, { globalAlpha: opacity, strokeStyle: line.color, lineWidth: line.width });
    paper.beginPath();
    for (let i = 0; i < x.length; i++) paper[i && x[i - 1] === x[i - 1] ? "lineTo" : "moveTo"](toX(x[i]), toY(y[i]));
    paper.stroke();
  }
  if (mode.includes("markers")) {
    const { size } = marker;
    Object.assign(paper, { globalAlpha: opacity * (marker.opacity ?? 1), fillStyle: marker.color });
    for (let i = 0; i < x.length; i++) paper.fillRect(toX(x[i]) - size / 2, toY(y[i]) - size / 2, size, size);
  }
}
