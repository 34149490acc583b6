/* A canvas over a plot: what is drawn on it moves with the plot and never costs a new figure. */

import { make } from "../core/elements.mjs";
import { boxOf, graphOf, layoutOf } from "../core/plotly.mjs";

export class PlotOverlay {
  /* view: id of the graph; draw: (overlay) => void, called whenever the figure has been drawn or moved; ofMoment: whether it
   * shows the moment, and so changes with it; ofNeuron: the same of the neuron that is pointed at. */
  constructor(view, draw, { ofMoment = false, ofNeuron = false } = {}) {
    this.view = view;
    this.draw = draw;
    this.ofMoment = ofMoment;
    this.ofNeuron = ofNeuron;
    this.canvas = make("canvas", { className: "glass", "aria-hidden": "true" });
    this.seen = new WeakSet();
  }

  get graph() {
    return graphOf(this.view);
  }

  /* Its graph may come late, and another one later; this is called whenever one may have come. */
  attach() {
    const { graph } = this;
    if (!graph) return;
    if (!this.seen.has(graph)) {
      this.seen.add(graph);
      ["plotly_afterplot", "plotly_relayouting"].forEach((name) => graph.on(name, () => this.refresh()));
    }
    if (this.canvas.parentElement !== graph.parentElement) graph.parentElement.append(this.canvas);
  }

  refresh() {
    const { graph } = this;
    if (!graph) return;
    const { width, height } = layoutOf(graph);
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      Object.assign(this.canvas, { width: w, height: h });
      Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    }
    this.paper = this.canvas.getContext("2d");
    this.paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paper.clearRect(0, 0, width, height);
    this.draw(this);
  }

  /* The rectangle of two axes, in pixels of the graph; null where the figure has none. */
  box(x = "xaxis", y = "yaxis") {
    return boxOf(this.graph, x, y);
  }

  /* Everything that `paint` draws stays within a box. */
  inside({ left, top, width, height }, paint) {
    this.paper.save();
    this.paper.beginPath();
    this.paper.rect(left, top, width, height);
    this.paper.clip();
    paint(this.paper);
    this.paper.restore();
  }

  /* Where a place of a plane or a space is drawn, as a function of its coordinates; null while there is nothing. */
  projection() {
    const { scene } = layoutOf(this.graph);
    if (!scene) {
      const box = this.box();
      return box && { box, toPixels: ([x, y]) => [box.toX(x), box.toY(y)] };
    }
    return this.spaceProjection(scene._scene);
  }

  spaceProjection(space) {
    const { glplot } = space || {};
    if (!glplot || !glplot.cameraParams || !space.dataScale) return null;
    const { model, view, projection } = glplot.cameraParams;
    const { width, height } = glplot.canvas.getBoundingClientRect();
    const origin = this.canvas.getBoundingClientRect();
    const there = glplot.canvas.getBoundingClientRect();
    const box = { left: there.left - origin.left, top: there.top - origin.top, width, height };
    const toPixels = (place) => {
      const scaled = [...place.slice(0, 3).map((value, i) => value * space.dataScale[i]), 1];
      const [x, y, , w] = times(projection, times(view, times(model, scaled)));
      return [box.left + (width * (1 + x / w)) / 2, box.top + (height * (1 - y / w)) / 2];
    };
    return { box, toPixels };
  }
}

/* A matrix of four columns, one after the other, times a vector. */
function times(matrix, vector) {
  return [0, 1, 2, 3].map((row) => vector.reduce((sum, value, column) => sum + matrix[4 * column + row] * value, 0));
}
