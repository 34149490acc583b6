/* The summary of a scenario's runs: paths in the plane, emission along the orbit and switches, as
 * hmmrnn/analysis/trajectory_summary.py has them, from the same noise.
 *
 * W_ih x is the same whatever is done to the neurons, and grows with sigma alone: it is kept, at sigma = 1.
 */

import { switching } from "./counts.mjs";
import { Drive, Gains, State } from "./network.mjs";
import { profileAlongOrbit } from "./profile.mjs";

export class Summaries {
  /* target: {transitions (O x O), heavy (O)} of the HMM, or null. */
  constructor(network, target) {
    this.network = network;
    this.target = target;
    this.noise = { key: null, runs: [] };
  }

  /* scenario: seed, sigma, steps, trajectories, interventions, pair, start; `neuron`: whose pre-activation is wanted, or null.
   * Null where no step can be drawn. */
  of(scenario, neuron = null) {
    const { n, o, axes } = this.network;
    const { steps, trajectories: count, pair } = scenario;
    const summary = {
      runs: count, steps, outputs: o,
      points: new Float32Array(2 * count * steps).fill(NaN),
      /* Along the third direction of the plane, which is not drawn in it. */
      depth: axes > 2 ? new Float32Array(count * steps).fill(NaN) : null,
      speed: new Float32Array(count * steps).fill(NaN),
      output: new Int8Array(count * steps),
      probabilities: new Float32Array(o * count * steps).fill(NaN),
      pre: neuron === null ? null : new Float32Array(count * steps).fill(NaN),
      valid: new Int32Array(count), largestNeuron: -1,
    };
    const gains = Gains.of(this.network, scenario.interventions);
    /* The input is kept at sigma = 1. */
    for (let i = 0; i < n; i++) gains.input[i] *= scenario.sigma;
    const seen = new Orbit(count * steps, o);
    const joint = new Float64Array(o * o);
    const isDrawn = Uint8Array.from({ length: o }, (_, k) => Number(!pair || pair.includes(k)));
    for (let run = 0; run < count; run++) this.run(run, { scenario, gains, neuron, seen, joint, isDrawn }, summary);
    if (!seen.count) return null;
    return {
      ...summary, drawn: seen.count, profile: profileAlongOrbit(seen, this.network.scale, o),
      switching: switching(summary), transitionError: this.transitionError(joint),
    };
  }

  run(run, { scenario, gains, neuron, seen, joint, isDrawn }, into) {
    const { network } = this;
    const { n, o, axes } = network;
    const { steps } = scenario;
    const input = this.inputOf(scenario, run);
    const drive = { input: null, draw: 0 };
    const state = new State(network).begin(scenario.start, scenario.seed, run);
    const [before, now] = [new Float64Array(axes).fill(NaN), new Float64Array(axes)];
    const last = new Float64Array(o);
    const own = new Float64Array(o * o);
    const nearest = into.valid.subarray(0, run).reduce((least, valid) => Math.min(least, valid), steps);
    let t = 0;
    for (; t < steps; t++) {
      drive.input = input.subarray(n * t, n * (t + 1));
      state.step(gains, drive);
      if (state.diverged >= 0) break;
      const at = run * steps + t;
      into.output[at] = state.output;
      if (neuron !== null) into.pre[at] = state.pre[neuron];
      const { probabilities } = state;
      if (t) for (let a = 0; a < o; a++) for (let b = 0; b < o; b++) own[a * o + b] += last[a] * probabilities[b];
      last.set(probabilities);
      now.fill(NaN);
      if (isDrawn[state.output]) {
        for (let axis = 0; axis < axes; axis++) now[axis] = network.project(state.h, axis);
        into.points[2 * at] = now[0];
        into.points[2 * at + 1] = now[1];
        if (into.depth) into.depth[at] = now[2];
        into.probabilities.set(probabilities, o * at);
        seen.add(now[0], now[1], probabilities);
      }
      if (t) into.speed[at] = distance(now, before);
      before.set(now);
    }
    into.valid[run] = t;
    /* As Python has it, the first step repeats the second. */
    into.speed[run * steps] = into.speed[run * steps + 1];
    if (t < steps && t < nearest) into.largestNeuron = state.diverged;
    /* Only runs that stay finite are judged. */
    if (t === steps) for (let i = 0; i < own.length; i++) joint[i] += own[i] / (steps - 1);
  }

  /* (T x N) the input of one run; kept as long as seed and window are the same. */
  inputOf({ seed, steps }, run) {
    const { network } = this;
    const key = `${seed} ${steps}`;
    if (this.noise.key !== key) this.noise = { key, runs: [] };
    if (!this.noise.runs[run]) {
      const drive = new Drive(network, seed, run);
      const input = new Float64Array(network.n * steps);
      for (let t = 0; t < steps; t++) {
        drive.next(1);
        input.set(drive.input, network.n * t);
      }
      this.noise.runs[run] = input;
    }
    return this.noise.runs[run];
  }

  /* NaN without a target, or without a run that stays finite. */
  transitionError(joint) {
    if (!this.target) return NaN;
    const { transitions, heavy } = this.target;
    const o = heavy.length;
    let worst = 0;
    for (let a = 0; a < o; a++) {
      const mass = joint.subarray(a * o, (a + 1) * o).reduce((sum, value) => sum + value, 0);
      for (let b = 0; b < o && heavy[a]; b++) {
        worst = Math.max(worst, Math.abs(joint[a * o + b] / mass - transitions[a][b]));
      }
    }
    return worst;
  }
}

function distance(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

/* The steps that are drawn, in double precision. */
class Orbit {
  constructor(most, outputs) {
    this.points = new Float64Array(2 * most);
    this.probabilities = new Float64Array(outputs * most);
    this.outputs = outputs;
    this.count = 0;
  }

  add(x, y, probabilities) {
    this.points[2 * this.count] = x;
    this.points[2 * this.count + 1] = y;
    this.probabilities.set(probabilities, this.outputs * this.count);
    this.count += 1;
  }
}
