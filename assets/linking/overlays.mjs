/* How one moment, and a selection of moments, looks in each view: drawn on glass over the figures. */

import { idOf } from "../core/configuration.mjs";
import { viewsOf } from "../core/page.mjs";
import { layoutOf } from "../core/plotly.mjs";
import { PlotOverlay } from "./plot-overlay.mjs";
import { BINS } from "../engine/profile.mjs";

const TAIL = 40;
const VEIL = 0.86;
const HOLE = 3;
const MOST_RINGS = 600;

/* state: { moments, reference, shown, hovered, chosen, span, picked, pointed, colours } as linking.mjs keeps it. */
export function makeOverlays(state) {
  const made = (view, draw, ofMoment, ofNeuron = false) => (
    new PlotOverlay(view, (overlay) => { if (state.colours) draw(overlay, state); }, { ofMoment, ofNeuron }));
  const planes = ["STATE_SPACE", "REGION_MAP"].map(idOf);
  return [
    ...planes.map((view) => made(view, drawChosen, false)), ...planes.map((view) => made(view, drawInPlane, true)),
    made(idOf("ORBIT"), drawOnOrbit, true), made("activity", drawInActivity, true), made(idOf("CONNECTIVITY"), drawNeurons, false, true),
    ...viewsOf("task").map((view) => made(view, drawInLens, true, true)),
  ];
}

/* A veil with holes: through them the figure shows what is selected, however it is coloured. */
function drawChosen(overlay, { moments, chosen, colours }) {
  const found = chosen && overlay.projection();
  if (!found) return;
  overlay.inside(found.box, (paper) => {
    paper.globalAlpha = VEIL;
    paper.fillStyle = colours.ground;
    paper.fillRect(found.box.left, found.box.top, found.box.width, found.box.height);
    paper.globalAlpha = 1;
    paper.globalCompositeOperation = "destination-out";
    each(chosen, (i) => {
      const [x, y] = found.toPixels(placeOf(moments, i));
      paper.fillRect(x - HOLE, y - HOLE, 2 * HOLE, 2 * HOLE);
    });
  });
}

function drawInPlane(overlay, state) {
  const { moments, reference, shown, hovered, area, colours } = state;
  const found = moments && overlay.projection();
  if (!found) return;
  overlay.inside(found.box, (paper) => {
    const { toPixels } = found;
    if (area && overlay.box()) outline(paper, toPixels, area, colours);
    if (hovered) each(hovered, (i) => ring(paper, toPixels(placeOf(moments, i)), 4, colours.text, 1), MOST_RINGS);
    if (!shown) return;
    if (reference) {
      const there = reference.at(shown);
      if (there) ring(paper, toPixels(there.place), 7, colours.muted, 2);
    }
    tail(paper, toPixels, moments, shown, colours);
  });
}

/* The way to the moment, the older the paler. */
function tail(paper, toPixels, moments, shown, colours) {
  const steps = [];
  for (let step = Math.max(1, shown.step - TAIL); step <= shown.step; step++) {
    const there = moments.at({ run: shown.run, step });
    steps.push(there && toPixels(there.place));
  }
  paper.strokeStyle = colours.text;
  paper.lineWidth = 2;
  for (let i = 1; i < steps.length; i++) {
    if (steps[i - 1] && steps[i]) {
      paper.globalAlpha = i / steps.length;
      paper.beginPath();
      paper.moveTo(...steps[i - 1]);
      paper.lineTo(...steps[i]);
      paper.stroke();
    }
  }
  paper.globalAlpha = 1;
  const head = steps[steps.length - 1];
  if (!head) return;
  const { output } = moments.at(shown);
  paper.beginPath();
  paper.arc(...head, 7, 0, 2 * Math.PI);
  paper.fillStyle = colours.outputs[output % colours.outputs.length];
  paper.fill();
  ring(paper, head, 7, colours.ground, 3);
  ring(paper, head, 8, colours.text, 2);
}

function drawOnOrbit(overlay, { moments, shown, chosen, colours }) {
  const emission = moments && overlay.graph && overlay.box();
  if (!emission) return;
  if (chosen) {
    overlay.inside(emission, (paper) => {
      paper.globalAlpha = VEIL;
      paper.fillStyle = colours.ground;
      paper.fillRect(emission.left, emission.top, emission.width, emission.height);
      paper.globalAlpha = 1;
      profile(paper, emission, mediansOf(moments, chosen), moments.outputs, colours);
    });
  }
  const there = shown && moments.at(shown);
  if (!there) return;
  const whole = layoutOf(overlay.graph)._size;
  const x = emission.toX(there.phase);
  line(overlay.paper, [x, emission.top], [x, whole.t + whole.h], colours.text);
  for (let k = 0; k < moments.outputs; k++) {
    const p = moments.probabilities[moments.index(shown) * moments.outputs + k];
    disc(overlay.paper, [x, emission.toY(p)], 4, colours.outputs[k % colours.outputs.length], colours.text);
  }
}

/* The medians of a selection cost more than a frame; they stay as they are while it does. */
const profiles = new WeakMap();
function mediansOf(moments, chosen) {
  if (!profiles.has(chosen)) profiles.set(chosen, moments.medians(chosen));
  return profiles.get(chosen);
}

function profile(paper, box, medians, outputs, colours) {
  for (let k = 0; k < outputs; k++) {
    paper.strokeStyle = colours.outputs[k % colours.outputs.length];
    paper.fillStyle = paper.strokeStyle;
    paper.lineWidth = 2;
    paper.beginPath();
    let pen = false;
    medians.forEach((median, bin) => {
      if (!median) {
        pen = false;
        return;
      }
      const [x, y] = [box.toX(((bin + 0.5) * 360) / BINS), box.toY(median[k])];
      if (pen) paper.lineTo(x, y);
      else paper.moveTo(x, y);
      pen = true;
      paper.fillRect(x - 2, y - 2, 4, 4);
    });
    paper.stroke();
  }
}

function drawInActivity(overlay, { moments, shown, span, colours }) {
  const box = moments && overlay.graph && overlay.box();
  if (!box) return;
  overlay.inside(box, (paper) => {
    if (span) {
      const [from, to] = [box.toX(span[0] - 0.5), box.toX(span[1] + 0.5)];
      paper.globalAlpha = 0.7;
      paper.fillStyle = colours.ground;
      paper.fillRect(box.left, box.top, from - box.left, box.height);
      paper.fillRect(to, box.top, box.left + box.width - to, box.height);
      paper.globalAlpha = 1;
    }
    /* The activity is that of the first run. */
    if (shown && shown.run === 0) {
      const x = box.toX(shown.step);
      line(paper, [x, box.top], [x, box.top + box.height], colours.text);
    }
  });
}

/* In the panels that the figure names (see `Panel` in hmmrnn/figures/panels.py): the moment, and the neuron that is pointed
 * at or picked. */
function drawInLens(overlay, { moments, shown, picked, pointed, colours }) {
  const marked = overlay.graph?.layout.meta ?? {};
  const panels = (kind, paint) => (marked[kind] ?? []).forEach(([x, y, members]) => (
    inAxes(overlay, x, y, (paper, box) => paint(paper, box, members))));
  const across = (paper, box, value, colour) => {
    const at = box.toX(value);
    line(paper, [at, box.top], [at, box.top + box.height], colour);
  };
  const now = moments && shown && moments.at(shown);
  if (now) {
    panels("plane", (paper, box) => {
      const [left, top] = [box.toX(now.place[0]), box.toY(now.place[1])];
      ring(paper, [left, top], 7, colours.ground, 5);
      ring(paper, [left, top], 7, colours.text, 2);
    });
    const along = { first: now.place[0], phase: now.phase, switch: moments.fromSwitch(shown) };
    Object.entries(along).filter(([, value]) => value !== null)
      .forEach(([kind, value]) => panels(kind, (paper, box) => across(paper, box, value, colours.text)));
  }
  const neuron = pointed ?? picked;
  if (neuron === null) return;
  panels("neurons", (paper, box) => across(paper, box, neuron, colours.accent));
  panels("pairs", (paper, box) => pairsOf(overlay.graph, neuron).forEach(([x, y]) => (
    ring(paper, [box.toX(x), box.toY(y)], 5, colours.accent, 1.5))));
  panels("groups", (paper, box, members) => frameGroup(paper, box, members.findIndex((group) => group.includes(neuron)), colours));
}

/* Where the pairs with a neuron are drawn. */
function pairsOf(graph, neuron) {
  return graph._fullData.filter(({ name }) => name === "pairs").flatMap(({ x, y, customdata }) => (
    Array.from(x, (value, i) => [value, y[i], customdata[i]]).filter(([, , pair]) => pair.includes(neuron))));
}

/* The row and the column of a group in a matrix. */
function frameGroup(paper, box, at, colours) {
  if (at < 0) return;
  paper.strokeStyle = colours.accent;
  paper.lineWidth = 2;
  const [left, right] = [box.toX(at - 0.5), box.toX(at + 0.5)];
  const [top, bottom] = [box.toY(at - 0.5), box.toY(at + 0.5)].sort((a, b) => a - b);
  paper.strokeRect(left, box.top + 1, right - left, box.height - 2);
  paper.strokeRect(box.left + 1, top, box.width - 2, bottom - top);
}

function inAxes(overlay, x, y, paint) {
  const box = overlay.box(x, y);
  if (box) overlay.inside(box, (paper) => paint(paper, box));
}

/* Rows and columns of the neurons that are intervened upon, and of the picked one. */
function drawNeurons(overlay, { picked, pointed, touched, colours }) {
  const meta = overlay.graph && overlay.graph.layout.meta;
  if (!meta || !meta.order) return;
  meta.order.forEach((neuron, position) => {
    const at = Math.floor(position / (meta.each || 1));
    if (touched.has(neuron)) markNeuron(overlay, at, (paper, box) => {
      paper.globalAlpha = 0.35;
      paper.fillStyle = colours.accent;
      paper.fillRect(...box);
      paper.globalAlpha = 1;
    });
    if (neuron === (pointed ?? picked)) markNeuron(overlay, at, (paper, [x, y, width, height]) => {
      paper.strokeStyle = colours.accent;
      paper.lineWidth = 2;
      paper.strokeRect(x - 1, y - 1, width + 2, height + 2);
    });
  });
}

const PARTS = [["xaxis", "yaxis", true], ["xaxis2", "yaxis", true], ["xaxis", "yaxis", false], ["xaxis", "yaxis2", false]];

function markNeuron(overlay, at, paint) {
  PARTS.forEach(([x, y, isRow]) => {
    const box = overlay.box(x, y);
    if (!box) return;
    const [low, high] = (isRow ? [box.toY(at - 0.5), box.toY(at + 0.5)] : [box.toX(at - 0.5), box.toX(at + 0.5)])
      .sort((a, b) => a - b);
    overlay.inside(box, (paper) => paint(paper, isRow
      ? [box.left - 2, low, box.width + 4, high - low] : [low, box.top - 2, high - low, box.height + 4]));
  });
}

/* ---- strokes ---- */

export function each(bytes, act, most = Infinity) {
  let seen = 0;
  for (let i = 0; i < bytes.length && seen < most; i++) {
    if (bytes[i]) {
      act(i);
      seen += 1;
    }
  }
}

const placeOf = (moments, i) => moments.points.subarray(i * moments.dimensions, (i + 1) * moments.dimensions);

function ring(paper, [x, y], radius, colour, width) {
  paper.beginPath();
  paper.arc(x, y, radius, 0, 2 * Math.PI);
  paper.strokeStyle = colour;
  paper.lineWidth = width;
  paper.stroke();
}

function disc(paper, [x, y], radius, colour, edge) {
  paper.beginPath();
  paper.arc(x, y, radius, 0, 2 * Math.PI);
  paper.fillStyle = colour;
  paper.fill();
  ring(paper, [x, y], radius, edge, 1);
}

function line(paper, from, to, colour) {
  paper.strokeStyle = colour;
  paper.lineWidth = 1.5;
  paper.beginPath();
  paper.moveTo(...from);
  paper.lineTo(...to);
  paper.stroke();
}

function outline(paper, toPixels, area, colours) {
  paper.beginPath();
  for (let i = 0; i < area.length; i += 2) paper.lineTo(...toPixels([area[i], area[i + 1]]));
  paper.closePath();
  paper.setLineDash([5, 4]);
  paper.strokeStyle = colours.text;
  paper.lineWidth = 1.5;
  paper.stroke();
  paper.setLineDash([]);
}
