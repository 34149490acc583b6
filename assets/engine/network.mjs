/* A network that runs in a page: the time loop of hmmrnn/model/network.py.
 *
 *     pre_t = g_r * (W_hh h_{t-1}) + g_i * (W_ih (x_t + c) + pulse_t) + g_b * b_h       h_t = f(pre_t)
 *     logits_t = W_out h_t + b_out
 *
 * f is max(., 0), tanh or nothing, and a leak enters as in hmmrnn/model/cells.py. c is a constant input. g_r, g_i and g_b
 * are the gains of each row: an intervention is nothing else. x_t comes from the same streams as in
 * hmmrnn/model/simulation.py, number by number: trajectory b of seed s here is trajectory b of `simulate(..., seed=s)` there.
 *
 * This module knows nothing of pages: no document, no canvas, no timers. Weights are (to, from), row by row.
 */

import { Matrix } from "./matrix.mjs";
import { EMISSION, NOISE, START, Stream } from "./random.mjs";

const KINDS = {
  f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array,
};

/* A typed array from {"dtype", "bdata": base64, "shape"}. */
export function unpacked({ dtype, bdata }) {
  const text = atob(bdata);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new KINDS[dtype](bytes.buffer);
}

/* Weights, and the plane that is looked at. */
export class Network {
  /* `given`: what hmmrnn/report/live_page.py writes, its arrays packed or already typed. */
  constructor(given) {
    const array = (value) => (ArrayBuffer.isView(value) ? value : unpacked(value));
    const { W_hh, W_ih, W_out, b_h, b_out } = Object.fromEntries(
      Object.entries(given.weights).map(([name, value]) => [name, array(value)]));
    this.n = given.neurons;
    this.m = given.inputs;
    this.o = given.outputs;
    this.recurrent = new Matrix(W_hh, this.n);
    this.input = new Matrix(W_ih, this.n);
    this.readout = new Matrix(W_out, this.o);
    this.b_h = Float64Array.from(b_h);
    this.b_out = Float64Array.from(b_out);
    const { cell = "relu", alpha = 1, leak = "rate" } = given;
    Object.assign(this, { cell, alpha, leak });
    /* What the constant input gives each neuron, and the start that was learned; null without one. */
    this.given = given.given ? array(given.given) : null;
    this.start = given.start ? array(given.start) : null;
    this.mean = array(given.plane.mean);
    this.components = array(given.plane.components);
    /* Along a direction without extent nothing is apart. */
    this.scale = given.plane.scale.map((scale) => (scale > 0 ? scale : Infinity));
    this.range = given.plane.range;
    /* How many directions the plane has; the first two are drawn. */
    this.axes = this.components.length / this.n;
    /* Projected once, so that a state costs two products and no copy. */
    this.centre = new Float64Array(this.axes);
    this.centre = this.centre.map((_, axis) => this.project(this.mean, axis));
  }

  /* Coordinate of h along a direction of the plane, of which axis = 0 is the first, in units of activity. */
  project(h, axis) {
    const { components, n } = this;
    let sum = 0;
    for (let i = 0; i < n; i++) sum += components[axis * n + i] * h[i];
    return sum - this.centre[axis];
  }
}

/* The gains of each row, and whether any differs from 1. */
export class Gains {
  constructor(network) {
    const { n, b_h, given } = network;
    this.recurrent = new Float64Array(n).fill(1);
    this.input = new Float64Array(n).fill(1);
    this.intact = true;
    /* What enters each neuron at every step: its bias, and what the constant input gives. */
    this.always = given ? b_h.map((bias, i) => bias + given[i]) : Float64Array.from(b_h);
  }

  /* interventions: [{neurons, mu, target}]; gains of a neuron that is named twice multiply, as in `intervene`. */
  static of(network, interventions) {
    const gains = new Gains(network);
    const bias = Float64Array.from(network.b_h);
    interventions.forEach(({ neurons, mu, target }) => neurons.forEach((i) => {
      if (target !== "input") gains.recurrent[i] *= mu;
      if (target !== "recurrent") gains.input[i] *= mu;
      if (target === "unit") bias[i] *= mu;
      if (mu !== 1) gains.intact = false;
    }));
    const { given } = network;
    gains.always = given ? bias.map((value, i) => value + gains.input[i] * given[i]) : bias;
    return gains;
  }
}

/* ---- runs ---------------------------------------------------------------------------------------------------------- */

/* As in hmmrnn/model/simulation.py: a run has diverged once its activity is so many times larger than what has driven it. */
const DIVERGENCE_RATIO = 1e6;

/* The noise of one trajectory: what enters the neurons at each step, before any gain. */
export class Drive {
  constructor(network, seed, trajectory) {
    this.network = network;
    this.stream = new Stream(seed, NOISE, trajectory);
    this.symbols = new Stream(seed, EMISSION, trajectory);
    this.x = new Float64Array(network.m);
    this.input = new Float64Array(network.n);
  }

  /* Draw the noise of the next step, and the number that decides its emission. */
  next(sigma) {
    for (let j = 0; j < this.x.length; j++) this.x[j] = this.stream.normal() * sigma;
    this.draw = this.symbols.uniform();
    this.enter(this.x);
  }

  /* input = W_ih x */
  enter(x) {
    this.input.fill(0);
    this.network.input.addProduct(x, this.input);
  }
}

const ACTIVATIONS = { relu: (x) => Math.max(x, 0), tanh: Math.tanh, linear: (x) => x };

/* The state of one trajectory, which is stepped here and nowhere else in a page. */
export class State {
  constructor(network) {
    this.network = network;
    this.activate = ACTIVATIONS[network.cell];
    this.isLeaky = network.alpha !== 1 || network.leak === "current";
    this.h = new Float64Array(network.n);
    /* What is read out and sent on: h itself, or f(h) where h are currents. */
    this.rates = network.leak === "current" ? new Float64Array(network.n) : null;
    this.next = new Float64Array(network.n);
    this.pre = new Float64Array(network.n);
    this.logits = new Float64Array(network.o);
    this.probabilities = new Float64Array(network.o);
    this.output = -1;
    this.emission = -1;
    /* The largest of what has driven this run. */
    this.driven = Number.MIN_VALUE;
    /* The neuron with the largest activity once the run has diverged. */
    this.diverged = -1;
  }

  /* Take over another state, or a (N,) activity. */
  set(h) {
    this.h.set(h);
    for (let i = 0; i < h.length; i++) this.driven = Math.max(this.driven, Math.abs(h[i]));
  }

  /* Where a run begins: "zero", "learned" with the weights, or "random", of a seed and the number of the run. */
  begin(start, seed, run) {
    const { n } = this.network;
    if (start === "learned" && this.network.start) this.set(this.network.start);
    if (start === "random") {
      const stream = new Stream(seed, START, run);
      this.set(Float64Array.from({ length: n }, () => stream.normal()));
    }
    return this;
  }

  copy(other) {
    this.h.set(other.h);
    this.pre.set(other.pre);
    this.logits.set(other.logits);
    this.probabilities.set(other.probabilities);
    this.output = other.output;
    this.emission = other.emission;
    this.driven = other.driven;
    this.diverged = other.diverged;
  }

  /* One step. `pulse` is (N,) and enters as the noise does, or null. */
  step(gains, drive, pulse = null) {
    const { cell, n } = this.network;
    const { recurrent, input, always } = gains;
    const { h, next, pre } = this;
    pre.fill(0);
    this.network.recurrent.addProduct(this.sent(), pre);
    const isPlain = cell === "relu" && !this.isLeaky;
    let { driven } = this;
    let largest = 0;
    for (let i = 0; i < n; i++) {
      const entering = input[i] * (pulse ? drive.input[i] + pulse[i] : drive.input[i]) + always[i];
      driven = Math.max(driven, Math.abs(entering));
      pre[i] = recurrent[i] * pre[i] + entering;
      if (isPlain) {
        next[i] = Math.max(pre[i], 0);
        largest = Math.max(largest, next[i]);
      }
    }
    this.driven = driven;
    if (!isPlain) largest = this.leak();
    this.h = next;
    this.next = h;
    /* NaN makes the largest one NaN too, so that it is seen. */
    if (!(largest <= DIVERGENCE_RATIO * driven)) this.diverged = largestOf(next);
    this.read(drive.draw);
  }

  /* The next state, of any cell; the pre-activation becomes what enters f. Gives the largest activity. */
  leak() {
    const { alpha, leak, n } = this.network;
    const { activate, h, next, pre } = this;
    let largest = 0;
    for (let i = 0; i < n; i++) {
      if (leak === "rate") next[i] = (1 - alpha) * h[i] + alpha * activate(pre[i]);
      else {
        pre[i] = alpha * pre[i] + (1 - alpha) * h[i];
        next[i] = leak === "total" ? activate(pre[i]) : pre[i];
      }
      largest = Math.max(largest, Math.abs(next[i]));
    }
    return largest;
  }

  /* What neurons send: their activity, or f of their currents. */
  sent() {
    if (!this.rates) return this.h;
    for (let i = 0; i < this.h.length; i++) this.rates[i] = this.activate(this.h[i]);
    return this.rates;
  }

  /* Output, probabilities and emission of the state as it is. */
  read(draw) {
    const { readout, b_out, o } = this.network;
    this.logits.set(b_out);
    readout.addProduct(this.sent(), this.logits);
    let best = 0;
    for (let k = 0; k < o; k++) {
      if (this.logits[k] > this.logits[best]) best = k;
    }
    let total = 0;
    for (let k = 0; k < o; k++) {
      this.probabilities[k] = Math.exp(this.logits[k] - this.logits[best]);
      total += this.probabilities[k];
    }
    let edge = 0;
    let emission = 0;
    for (let k = 0; k < o; k++) {
      this.probabilities[k] /= total;
      edge += this.probabilities[k];
      if (k < o - 1 && draw >= edge) emission++;
    }
    this.output = best;
    this.emission = emission;
  }
}

function largestOf(h) {
  let at = 0;
  for (let i = 0; i < h.length; i++) {
    if (h[i] !== h[i]) return i;
    if (Math.abs(h[i]) > Math.abs(h[at])) at = i;
  }
  return at;
}
