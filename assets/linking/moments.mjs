/* Moments: the place, output and probabilities of each step of each run. Runs count from 0, steps from 1. */

import { unpacked } from "../engine/network.mjs";
import { binOf, mediansAlongOrbit, phaseOf } from "../engine/profile.mjs";

/* Whether a place lies within a polygon, given as x, y, x, y...; by the even-odd rule, as hmmrnn/analysis/selection_contrast.py has it. */
export function within(x, y, corners) {
  let odd = false;
  const n = corners.length / 2;
  for (let i = 0, j = n - 1; i < n; j = i, i += 1) {
    const [x0, y0, x1, y1] = [corners[2 * j], corners[2 * j + 1], corners[2 * i], corners[2 * i + 1]];
    if ((y0 > y) !== (y1 > y) && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) odd = !odd;
  }
  return odd;
}

/* The runs of one network: all that a view needs to show a moment. */
export class Moments {
  /* points (B, T, dimensions), output (B, T), -1 where nothing is drawn, and probabilities (B, T, outputs), flat. */
  constructor({ runs, steps, dimensions, outputs, points, output, probabilities }, scale) {
    this.runs = runs;
    this.steps = steps;
    this.dimensions = dimensions;
    this.outputs = outputs;
    this.points = points;
    this.output = output;
    this.probabilities = probabilities;
    this.scale = scale;
  }

  /* As the server sends them. */
  static sent({ points, output, probabilities }, scale) {
    const [runs, steps, dimensions] = points.shape;
    const [flat, outputs] = [[points, output, probabilities].map(unpacked), probabilities.shape[2]];
    return new Moments({ runs, steps, dimensions, outputs, points: flat[0], output: flat[1], probabilities: flat[2] }, scale);
  }

  /* Of a summary that the page has made. */
  static summarised(summary, scale) {
    const { points, depth } = summary;
    const output = summary.output.map((output, i) => (points[2 * i] === points[2 * i] ? output : -1));
    if (!depth) return new Moments({ ...summary, dimensions: 2, output }, scale);
    const places = new Float32Array(3 * depth.length);
    depth.forEach((z, i) => places.set([points[2 * i], points[2 * i + 1], z], 3 * i));
    return new Moments({ ...summary, dimensions: 3, points: places, output }, scale);
  }

  index({ run, step }) {
    return run * this.steps + step - 1;
  }

  /* Null where nothing is drawn: after a divergence, or at a step of another output than those that are shown. */
  at(moment) {
    const i = this.index(moment);
    if (!(i >= 0 && i < this.output.length) || this.output[i] < 0) return null;
    const place = Array.from(this.points.subarray(i * this.dimensions, (i + 1) * this.dimensions));
    const output = this.output[i];
    return {
      ...moment, place, output, probability: this.probabilities[i * this.outputs + output],
      phase: 360 * phaseOf(place[0], place[1], this.scale),
    };
  }

  /* The moment drawn nearest to a place of the plane, counted in pixels: kx, ky of them are one unit of x and y. Null if
   * none lies within so many. */
  nearest([x, y], [kx, ky], within) {
    const { dimensions: d, steps } = this;
    let best = -1;
    let least = within ** 2;
    for (let i = 0, at = 0; i < this.output.length; i++, at += d) {
      if (this.output[i] < 0) continue;
      const distance = ((this.points[at] - x) * kx) ** 2 + ((this.points[at + 1] - y) * ky) ** 2;
      if (distance <= least) {
        least = distance;
        best = i;
      }
    }
    return best < 0 ? null : { run: Math.floor(best / steps), step: (best % steps) + 1, distance: Math.sqrt(least) };
  }

  /* The step at which the output next differs from the one before, in a direction of +1 or -1; null at the end. */
  switchFrom({ run, step }, way) {
    for (let t = step + way; t >= 2 && t <= this.steps; t += way) {
      const i = this.index({ run, step: t });
      if (this.output[i] >= 0 && this.output[i - 1] >= 0 && this.output[i] !== this.output[i - 1]) return t;
    }
    return null;
  }

  /* Steps from the nearest switch of the run, whose first step with the new output is 0; null where it has none. */
  fromSwitch({ run, step }) {
    const next = this.switchFrom({ run, step }, 1);
    const last = this.switchFrom({ run, step: step + 1 }, -1);
    const steps = [last, next].filter((at) => at !== null).map((at) => step - at);
    return steps.length ? steps.sort((a, b) => Math.abs(a) - Math.abs(b))[0] : null;
  }

  /* One byte for each moment: whether it lies within an area (corners) and a span (two steps), each null for all. */
  chosen(area, span) {
    const { dimensions: d, steps } = this;
    return Uint8Array.from(this.output, (output, i) => {
      const step = (i % steps) + 1;
      if (output < 0 || (span && (step < span[0] || step > span[1]))) return 0;
      return Number(!area || within(this.points[d * i], this.points[d * i + 1], area));
    });
  }

  /* The moments at a phase in degrees, as bytes. */
  atPhase(degrees) {
    const wanted = binOf(degrees / 360);
    const { dimensions: d } = this;
    return Uint8Array.from(this.output, (output, i) => (
      Number(output >= 0 && binOf(phaseOf(this.points[d * i], this.points[d * i + 1], this.scale)) === wanted)));
  }

  /* Median emission probabilities along the orbit, over the chosen moments alone. */
  medians(chosen) {
    const { dimensions: d, outputs: o } = this;
    const flat = d === 2 ? this.points : this.points.filter((_, i) => i % d < 2);
    const all = { points: flat, probabilities: this.probabilities, valid: this.output.length };
    return mediansAlongOrbit([all], this.scale, o, (_, i) => chosen[i]);
  }
}
