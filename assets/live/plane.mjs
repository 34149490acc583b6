/* The plane of the live view: where all states lie, the runs in it with their tails, and the names of the regions. */

import { TAIL } from "../engine/runs.mjs";
import { FONT, MARGIN, Sheet, line, rounded, ticks } from "./sheet.mjs";

/* Of runs beside the first: their tails are the shorter the more there are. */
const SHORT_TAILS = [[20, 24], [60, 12], [Infinity, 6]];
const FADES = 4;

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

const components = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));
