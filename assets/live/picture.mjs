/* The drawing of the live view: the plane with the runs in it, the bars and the ticker, and the traces of the kick neurons.
 *
 * Each picture has a canvas of its own and is given everything that it shows; it computes no number of the science.
 */

import { TAIL, TRACED } from "../engine/runs.mjs";

const FONT = "14px Inter, 'Segoe UI', system-ui, -apple-system, 'DejaVu Sans', sans-serif";
const MARGIN = { left: 46, right: 8, top: 8, bottom: 40 };
/* Of runs beside the first: their tails are the shorter the more there are. */
const SHORT_TAILS = [[20, 24], [60, 12], [Infinity, 6]];
const FADES = 4;
const TICKER = 18;
const ROW = 21;

/* A canvas, its size in pixels of the page, and how many of the screen's make one of them. */
class Sheet {
  /** @type {any} */ theme;

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.width = 0;
    this.height = 0;
  }

  resize({ width, height, ratio }) {
    this.width = width;
    this.height = height;
    this.ratio = ratio;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.drawn = "";
  }

  /* Another network: nothing that is drawn is of this one. */
  forget() {
    this.drawn = "";
  }

  /* Whether anything has changed since it was drawn last. */
  isOld(...what) {
    const key = what.join(" ");
    const old = key !== this.drawn;
    this.drawn = key;
    return old;
  }

  colour(output) {
    return this.theme.outputs[output % this.theme.outputs.length];
  }

  begin() {
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.context.font = FONT;
    this.context.lineJoin = "round";
    this.context.lineCap = "round";
    return this.context;
  }
}

const rounded = (value) => {
  const digits = Math.abs(value) >= 100 || value === 0 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
};

/* Round numbers on an axis, about `count` of them. */
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(value);
  return found;
}

/* ---- the plane ----------------------------------------------------------------------------------------------------- */

export class PlanePicture extends Sheet {
  constructor(canvas, network) {
    super(canvas);
    this.forget(network);
  }

  forget(network) {
    this.network = network;
    this.zoom = 1;
    this.setBackdrop(null);
  }

  setTheme(theme, labels) {
    this.theme = theme;
    this.labels = labels;
    this.layer = null;
    this.paintBackdrop();
  }

  /* Where the intact network dwells, by region: one pixel for each cell. */
  setBackdrop(backdrop) {
    this.cells = backdrop;
    this.layer = null;
    this.paintBackdrop();
  }

  paintBackdrop() {
    this.backdrop = null;
    if (!this.cells || !this.theme) return;
    const { cells, share, region, regions } = this.cells;
    const picture = new ImageData(cells, cells);
    const densest = share.reduce((most, value) => Math.max(most, value), 0);
    const colours = regions.map((name) => components(this.theme.regions[name]));
    for (let row = 0; row < cells; row++) {
      for (let column = 0; column < cells; column++) {
        const from = row * cells + column;
        if (region[from] < 0) continue;
        const to = ((cells - 1 - row) * cells + column) * 4;
        picture.data.set(colours[region[from]], to);
        picture.data[to + 3] = 40 + 150 * Math.sqrt(share[from] / densest);
      }
    }
    this.backdrop = new OffscreenCanvas(cells, cells);
    this.backdrop.getContext("2d").putImageData(picture, 0, 0);
  }

  resize(size) {
    super.resize(size);
    this.layer = null;
  }

  /* The stretch of an axis that is shown: of the intact network, or wider where a run leaves it. */
  stretch(axis) {
    const [low, high] = this.network.range[axis];
    const middle = (low + high) / 2;
    const half = ((high - low) / 2) * this.zoom;
    return [middle - half, middle + half];
  }

  /* From the plane to the canvas. */
  place() {
    const [x0, x1] = this.stretch(0);
    const [y0, y1] = this.stretch(1);
    const width = this.width - MARGIN.left - MARGIN.right;
    const height = this.height - MARGIN.top - MARGIN.bottom;
    return {
      ax: width / (x1 - x0), bx: MARGIN.left - (x0 * width) / (x1 - x0),
      ay: -height / (y1 - y0), by: MARGIN.top + height + (y0 * height) / (y1 - y0),
    };
  }

  /* From the canvas to the plane. */
  under(x, y) {
    const { ax, bx, ay, by } = this.place();
    return { x: (x - bx) / ax, y: (y - by) / ay };
  }

  /* Wide enough for every run; narrower again only by steps, so that the picture is quiet. */
  fit(runs) {
    let needed = 1;
    const look = (tails, count) => {
      for (let b = 0; b < count; b++) {
        if (!tails.length[b]) continue;
        const at = tails.at(b, 0) * 2;
        [0, 1].forEach((axis) => {
          const [low, high] = this.network.range[axis];
          const off = Math.abs(tails.points[at + axis] - (low + high) / 2) / ((high - low) / 2);
          if (off > needed && Number.isFinite(off)) needed = off;
        });
      }
    };
    look(runs.tails, runs.count);
    if (runs.twins) look(runs.twinTails, runs.count);
    const wanted = needed > 1 ? 1.25 * needed : 1;
    if (needed > this.zoom) this.zoom = wanted;
    else if (wanted < this.zoom / 1.5) this.zoom = Math.max(wanted, this.zoom / 1.5);
    else return;
    this.layer = null;
  }

  /* What does not move is drawn once. */
  paintLayer() {
    this.layer = new OffscreenCanvas(this.canvas.width, this.canvas.height);
    const paper = this.layer.getContext("2d");
    const { theme, width, height } = this;
    paper.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    paper.font = FONT;
    paper.fillStyle = theme.ground;
    paper.fillRect(0, 0, width, height);
    const to = this.place();
    this.paintAxes(paper, to);
    if (!this.backdrop) return;
    const { x, y } = this.cells;
    paper.save();
    paper.beginPath();
    paper.rect(MARGIN.left, MARGIN.top, width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom);
    paper.clip();
    /* Softened by about a cell, because single cells mean nothing. */
    const cell = Math.max(to.ax * (x[1] - x[0]), to.ay * (y[0] - y[1])) / this.cells.cells;
    paper.filter = `blur(${(0.6 * cell * this.ratio).toFixed(1)}px)`;
    paper.drawImage(this.backdrop, to.ax * x[0] + to.bx, to.ay * y[1] + to.by, to.ax * (x[1] - x[0]),
      to.ay * (y[0] - y[1]));
    paper.restore();
    this.paintRegionNames(paper);
  }

  paintAxes(paper, { ax, bx, ay, by }) {
    const { theme, width, height } = this;
    const right = width - MARGIN.right;
    const bottom = height - MARGIN.bottom;
    paper.strokeStyle = theme.grid;
    paper.fillStyle = theme.muted;
    paper.lineWidth = 1;
    paper.textAlign = "center";
    paper.textBaseline = "top";
    ticks(...this.stretch(0), Math.max(2, width / 110)).forEach((value) => {
      const x = Math.round(ax * value + bx) + 0.5;
      line(paper, x, MARGIN.top, x, bottom);
      paper.fillText(rounded(value), x, bottom + 4);
    });
    paper.textAlign = "right";
    paper.textBaseline = "middle";
    ticks(...this.stretch(1), Math.max(2, height / 80)).forEach((value) => {
      const y = Math.round(ay * value + by) + 0.5;
      line(paper, MARGIN.left, y, right, y);
      paper.fillText(rounded(value), MARGIN.left - 5, y);
    });
    paper.fillStyle = theme.text;
    paper.textAlign = "center";
    paper.textBaseline = "bottom";
    paper.fillText("PC1 of h (activity)", (MARGIN.left + right) / 2, height - 2);
    paper.save();
    paper.translate(1, (MARGIN.top + bottom) / 2);
    paper.rotate(-Math.PI / 2);
    paper.textBaseline = "top";
    paper.fillText("PC2 of h (activity)", 0, 0);
    paper.restore();
  }

  paintRegionNames(paper) {
    const there = this.cells.regions.filter((_, i) => this.cells.region.includes(i));
    paper.textAlign = "left";
    paper.textBaseline = "middle";
    let x = MARGIN.left + 6;
    let y = MARGIN.top + 2;
    there.forEach((name) => {
      const text = this.labels[name];
      const wide = paper.measureText(text).width + 24;
      if (x + wide > this.width - MARGIN.right) {
        x = MARGIN.left + 6;
        y += 20;
      }
      paper.globalAlpha = 0.8;
      paper.fillStyle = this.theme.ground;
      paper.fillRect(x - 4, y, wide, 20);
      paper.globalAlpha = 1;
      paper.fillStyle = this.theme.regions[name];
      paper.fillRect(x, y + 5, 10, 10);
      paper.fillStyle = this.theme.text;
      paper.fillText(text, x + 14, y + 10.5);
      x += wide;
    });
  }

  /* `between`: how far the time has gone from the step before the last to the last, 0 to 1. */
  paint(runs, between) {
    if (this.width < 60 || this.height < 60) return;
    this.fit(runs);
    if (!this.layer) this.paintLayer();
    const paper = this.begin();
    paper.drawImage(this.layer, 0, 0, this.width, this.height);
    const to = this.place();
    if (runs.twins) this.paintTwins(paper, to, runs, between);
    this.paintOthers(paper, to, runs, between);
    if (runs.parted) this.paintMark(paper, to, runs.parted);
    if (runs.pinned) this.paintMark(paper, to, runs.pinned);
    this.paintFirst(paper, to, runs.tails, between);
  }

  paintTwins(paper, to, runs, between) {
    const { twinTails } = runs;
    paper.strokeStyle = this.theme.ghost;
    paper.fillStyle = this.theme.ghost;
    paper.lineWidth = 2;
    paper.beginPath();
    const length = Math.min(twinTails.length[0], 40);
    for (let age = length - 1; age > 0; age--) segment(paper, to, twinTails, 0, age, between);
    paper.stroke();
    for (let b = 0; b < runs.count; b++) if (twinTails.length[b]) {
      at(to, twinTails, b, 0, between);
      dot(paper, b ? 2.5 : 6);
    }
  }

  paintOthers(paper, to, runs, between) {
    const { tails, count } = runs;
    const length = SHORT_TAILS.find(([most]) => count <= most)[1];
    paper.lineWidth = 1.2;
    for (let fade = 0; fade < FADES; fade++) {
      /* The oldest first, so that the newest lies on top. */
      const oldest = Math.round((length * (FADES - fade)) / FADES);
      const newest = Math.round((length * (FADES - fade - 1)) / FADES);
      paper.globalAlpha = 0.15 + (0.5 * fade) / (FADES - 1);
      this.theme.outputs.slice(0, this.network.o).forEach((colour, output) => {
        paper.strokeStyle = colour;
        paper.beginPath();
        for (let b = 1; b < count; b++) {
          for (let age = Math.min(oldest, tails.length[b] - 1); age > newest; age--) {
            if (tails.output[tails.at(b, age - 1)] === output) segment(paper, to, tails, b, age, between);
          }
        }
        paper.stroke();
      });
    }
    paper.globalAlpha = 0.9;
    for (let b = 1; b < count; b++) if (tails.length[b]) {
      paper.fillStyle = this.colour(tails.output[tails.at(b, 0)]);
      at(to, tails, b, 0, between);
      dot(paper, 3);
    }
    paper.globalAlpha = 1;
  }

  paintFirst(paper, to, tails, between) {
    const length = tails.length[0];
    if (!length) return;
    for (let age = length - 1; age > 0; age--) {
      const young = 1 - age / TAIL;
      paper.globalAlpha = 0.1 + 0.9 * young * young;
      paper.lineWidth = 1 + 3 * young;
      paper.strokeStyle = this.colour(tails.output[tails.at(0, age - 1)]);
      paper.beginPath();
      segment(paper, to, tails, 0, age, between);
      paper.stroke();
    }
    paper.globalAlpha = 1;
    at(to, tails, 0, 0, between);
    paper.fillStyle = this.theme.text;
    dot(paper, 9);
    paper.fillStyle = this.theme.ground;
    dot(paper, 7.5);
    paper.fillStyle = this.colour(tails.output[tails.at(0, 0)]);
    dot(paper, 6);
  }

  /* A ring where something happened. */
  paintMark(paper, { ax, bx, ay, by }, { x, y }) {
    paper.strokeStyle = this.theme.accent;
    paper.lineWidth = 2;
    paper.beginPath();
    paper.arc(ax * x + bx, ay * y + by, 12, 0, 2 * Math.PI);
    paper.stroke();
  }
}

/* Where a step of a run is, in pixels; its head moves on from the step before. One place for all: thousands of small
 * arrays in each frame would be so much garbage. */
const SPOT = new Float64Array(2);
function at({ ax, bx, ay, by }, tails, run, age, between) {
  const i = 2 * tails.at(run, age);
  let x = tails.points[i];
  let y = tails.points[i + 1];
  if (age === 0 && between < 1 && tails.length[run] > 1) {
    const j = 2 * tails.at(run, 1);
    x = tails.points[j] + between * (x - tails.points[j]);
    y = tails.points[j + 1] + between * (y - tails.points[j + 1]);
  }
  SPOT[0] = ax * x + bx;
  SPOT[1] = ay * y + by;
}

function segment(paper, to, tails, run, age, between) {
  at(to, tails, run, age, between);
  paper.moveTo(SPOT[0], SPOT[1]);
  at(to, tails, run, age - 1, between);
  paper.lineTo(SPOT[0], SPOT[1]);
}

/* A disc at the place that was found last. */
function dot(paper, radius) {
  paper.beginPath();
  paper.arc(SPOT[0], SPOT[1], radius, 0, 2 * Math.PI);
  paper.fill();
}

function line(paper, x0, y0, x1, y1) {
  paper.beginPath();
  paper.moveTo(x0, y0);
  paper.lineTo(x1, y1);
  paper.stroke();
}

const components = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));

/* ---- bars and ticker ----------------------------------------------------------------------------------------------- */

export class StripPicture extends Sheet {
  setTheme(theme) {
    this.theme = theme;
    this.drawn = "";
  }

  /* Emission probabilities of the first run as bars, and its last emissions, the newest at the right. */
  paint(runs) {
    if (this.width < 60 || !this.isOld(runs.id, runs.kept)) return;
    const paper = this.begin();
    paper.fillStyle = this.theme.ground;
    paper.fillRect(0, 0, this.width, this.height);
    paper.textBaseline = "middle";
    const half = Math.min(220, this.width * 0.48);
    this.bars(paper, runs.states[0], half);
    this.ticker(paper, runs, half + 14);
  }

  bars(paper, state, width) {
    const low = (this.height - ROW * state.probabilities.length) / 2;
    const room = width - 70;
    state.probabilities.forEach((p, k) => {
      const y = low + ROW * k + ROW / 2;
      paper.fillStyle = this.theme.text;
      paper.textAlign = "right";
      paper.fillText(String(k), 22, y);
      paper.fillStyle = this.theme.grid;
      paper.fillRect(28, y - 7, room, 14);
      paper.fillStyle = this.colour(k);
      if (Number.isFinite(p)) paper.fillRect(28, y - 7, room * p, 14);
      paper.fillStyle = this.theme.text;
      paper.textAlign = "left";
      paper.fillText(Number.isFinite(p) ? p.toFixed(2) : "–", 34 + room, y);
    });
  }

  ticker(paper, runs, left) {
    const columns = Math.max(1, Math.floor((this.width - left) / TICKER));
    const rows = Math.max(1, Math.min(3, Math.floor(this.height / (TICKER + 4))));
    const there = Math.min(columns * rows, runs.kept, TRACED);
    const top = (this.height - rows * (TICKER + 4)) / 2;
    paper.textAlign = "center";
    for (let i = 0; i < there; i++) {
      /* Row by row as one reads; the last one is the newest. */
      const symbol = runs.emissions[(runs.kept - there + i) % TRACED];
      const x = left + (i % columns) * TICKER;
      const y = top + Math.floor(i / columns) * (TICKER + 4);
      paper.fillStyle = this.colour(symbol);
      paper.fillRect(x, y, TICKER - 2, TICKER);
      paper.fillStyle = this.theme.ground;
      paper.fillText(String(symbol), x + TICKER / 2 - 1, y + TICKER / 2 + 1);
    }
  }
}

/* ---- traces -------------------------------------------------------------------------------------------------------- */

export class TracePicture extends Sheet {
  constructor(canvas) {
    super(canvas);
    this.size = 1;
    this.words = "";
  }

  setTheme(theme) {
    this.theme = theme;
    this.drawn = "";
  }

  /* groups: [{output, neurons}] in the order of the traces; `words` says why there are none. */
  setGroups(groups, words) {
    this.groups = groups;
    this.words = words;
    this.size = 1;
    this.drawn = "";
  }

  paint(runs) {
    if (this.width < 60 || this.height < 40 || !this.isOld(runs.id, runs.kept)) return;
    const paper = this.begin();
    const { theme, width, height } = this;
    paper.fillStyle = theme.ground;
    paper.fillRect(0, 0, width, height);
    if (!runs.traced.length) {
      paper.fillStyle = theme.muted;
      paper.textAlign = "left";
      paper.textBaseline = "middle";
      paper.fillText(this.words, 10, height / 2, width - 20);
      return;
    }
    this.frame(paper, runs);
    this.events(paper, runs);
    this.lines(paper, runs);
  }

  frame(paper, runs) {
    const { theme, width, height } = this;
    this.left = MARGIN.left;
    this.right = width - MARGIN.right;
    this.top = 4;
    this.bottom = height - 30;
    this.middle = (this.top + this.bottom) / 2;
    let most = 1e-9;
    const there = Math.min(runs.kept, TRACED) * runs.traced.length;
    for (let i = 0; i < there; i++) {
      const size = Math.abs(runs.traces[i]);
      if (size > most && Number.isFinite(size)) most = size;
    }
    /* The scale follows at once where it is too small, and slowly where it is too large. */
    this.size = most > this.size ? most : Math.max(most, 0.99 * this.size);
    paper.strokeStyle = theme.muted;
    paper.lineWidth = 1;
    line(paper, this.left, Math.round(this.middle) + 0.5, this.right, Math.round(this.middle) + 0.5);
    paper.fillStyle = theme.muted;
    paper.textAlign = "right";
    paper.textBaseline = "middle";
    paper.fillText("0", this.left - 5, this.middle);
    paper.textBaseline = "top";
    paper.fillText(rounded(this.size), this.left - 5, this.top);
    paper.textBaseline = "bottom";
    paper.fillText(rounded(-this.size), this.left - 5, this.bottom);
    paper.textBaseline = "bottom";
    paper.textAlign = "left";
    paper.fillText(`−${TRACED} steps`, this.left, height - 1);
    paper.textAlign = "right";
    paper.fillText("now", this.right, height - 1);
    this.band(paper, runs);
  }

  /* The output under the traces, as long as each is kept. */
  band(paper, runs) {
    const there = Math.min(runs.kept, TRACED);
    const output = (age) => runs.outputs[(runs.kept - 1 - age) % TRACED];
    for (let newest = 0, oldest; newest < there; newest = oldest) {
      for (oldest = newest + 1; oldest < there && output(oldest) === output(newest);) oldest += 1;
      paper.fillStyle = this.colour(output(newest));
      paper.fillRect(this.x(oldest), this.bottom + 3, this.x(newest) - this.x(oldest), 6);
    }
  }

  wide() {
    return (this.right - this.left) / TRACED;
  }

  /* Of what was `age` steps ago. */
  x(age) {
    return this.right - age * this.wide();
  }

  y(value) {
    return this.middle - (value / this.size) * (this.middle - this.top);
  }

  events(paper, runs) {
    paper.lineWidth = 1;
    runs.events.forEach(({ step, kind }) => {
      paper.strokeStyle = kind === "parted" ? this.theme.accent : this.theme.grid;
      const x = Math.round(this.x(runs.step - step)) + 0.5;
      line(paper, x, this.top, x, this.bottom);
    });
  }

  /* One path for each neuron, thin and without round corners: anything else costs many times as much. */
  lines(paper, runs) {
    const there = Math.min(runs.kept, TRACED);
    paper.lineJoin = "bevel";
    paper.lineCap = "butt";
    paper.lineWidth = 1;
    let g = 0;
    this.groups.forEach(({ output, neurons }) => {
      paper.strokeStyle = this.colour(output);
      neurons.forEach(() => {
        paper.beginPath();
        for (let i = there - 1; i >= 0; i--) {
          const value = runs.traces[((runs.kept - 1 - i) % TRACED) * runs.traced.length + g];
          if (i === there - 1) paper.moveTo(this.x(i), this.y(value));
          else paper.lineTo(this.x(i), this.y(value));
        }
        paper.stroke();
        g += 1;
      });
    });
  }
}
