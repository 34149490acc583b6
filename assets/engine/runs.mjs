/* The runs of the live view: up to 200 of a network as it is now, and the intact network under the same noise.
 *
 * While nothing is touched there is one set of runs. With the first intervention, pulse or push, a twin of each run
 * goes on by itself, intact and left alone, from the same state and on the same noise; once the two are the same state
 * again, there is one set again.
 */

import { Counts } from "./counts.mjs";
import { Drive, Gains, State } from "./network.mjs";

export const MOST_RUNS = 200;
/* Steps kept of each run for its tail, and of the first run for its traces. */
export const TAIL = 64;
export const TRACED = 300;
/* In standard deviations of the intact network along the plane: so far apart, two states are seen to be two. */
const PARTED = 0.25;
/* Relative to the activity; closer than this, they are the same but for rounding. */
const SAME = 1e-9;
/* States to push to: from so many runs, after a transient, at most so many of them and so many numbers. */
const POOL_RUNS = 16;
const POOL_TRANSIENT = 50;
const POOL_STATES = 3000;
const POOL_NUMBERS = 3e6;

/* The last steps of every run in the plane, in a ring. */
class Tails {
  constructor(runs) {
    this.points = new Float32Array(runs * TAIL * 2);
    this.output = new Uint8Array(runs * TAIL);
    this.length = new Int32Array(runs);
    this.head = new Int32Array(runs);
  }

  add(run, x, y, output) {
    const at = (this.head[run] + 1) % TAIL;
    this.head[run] = at;
    this.points[(run * TAIL + at) * 2] = x;
    this.points[(run * TAIL + at) * 2 + 1] = y;
    this.output[run * TAIL + at] = output;
    if (this.length[run] < TAIL) this.length[run] += 1;
  }

  /* Where a step is kept that was `age` steps ago. */
  at(run, age) {
    return run * TAIL + ((this.head[run] - age + TAIL) % TAIL);
  }

  clear(run) {
    this.length[run] = 0;
  }
}

/* States that the intact network visits under noise of sigma = 1, to which a state can be pushed. */
class Visited {
  constructor(network, seed) {
    this.network = network;
    this.gains = new Gains(network);
    this.wanted = Math.max(1, Math.min(POOL_STATES, Math.floor(POOL_NUMBERS / network.n)));
    /* Other noise than that of the runs on show. */
    this.runs = Array.from({ length: POOL_RUNS }, (_, i) => (
      { drive: new Drive(network, seed, MOST_RUNS + i), state: new State(network) }));
    this.states = new Float32Array(this.wanted * network.n);
    this.points = new Float32Array(this.wanted * 2);
    this.count = 0;
    this.steps = 0;
  }

  /* Work on it for so many milliseconds. */
  grow(milliseconds) {
    const end = performance.now() + milliseconds;
    while (this.count < this.wanted && this.runs.length && performance.now() < end) this.advance();
  }

  advance() {
    const { network } = this;
    this.steps += 1;
    this.runs.forEach(({ drive, state }) => {
      drive.next(1);
      state.step(this.gains, drive);
      if (this.steps <= POOL_TRANSIENT || this.count === this.wanted || state.diverged >= 0) return;
      this.states.set(state.h, this.count * network.n);
      this.points[2 * this.count] = network.project(state.h, 0);
      this.points[2 * this.count + 1] = network.project(state.h, 1);
      this.count += 1;
    });
    this.runs = this.runs.filter(({ state }) => state.diverged < 0);
  }

  /* The state nearest to a place in the plane, both axes counted in standard deviations; null if there is none yet. */
  nearest(x, y) {
    const [sx, sy] = this.network.scale;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.count; i++) {
      const distance = ((this.points[2 * i] - x) / sx) ** 2 + ((this.points[2 * i + 1] - y) / sy) ** 2;
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
    if (best < 0) return null;
    const { n } = this.network;
    return {
      h: this.states.subarray(best * n, (best + 1) * n), x: this.points[2 * best], y: this.points[2 * best + 1],
      distance: Math.sqrt(least), of: this.count,
    };
  }
}

export class Runs {
  constructor(network, { seed, sigma, interventions, runs, twin, groups, start = "zero" }) {
    this.network = network;
    this.seed = seed;
    this.sigma = sigma;
    this.start = start;
    this.hold = false;
    this.withTwin = twin;
    this.gains = Gains.of(network, interventions);
    this.nothing = new Gains(network);
    this.traced = groups.flatMap((group) => group.neurons);
    this.intact = new Counts(network.o);
    this.now = new Counts(network.o);
    this.count = runs;
    this.restart();
  }

  /* Everything from the first step: the start, and the noise of the seed from its beginning. */
  restart() {
    /* Of this beginning, so that a picture of another one is not taken for its own. */
    this.id = (this.id || 0) + 1;
    this.drives = [];
    this.states = [];
    this.step = 0;
    this.twins = null;
    this.tails = new Tails(MOST_RUNS);
    this.twinTails = new Tails(MOST_RUNS);
    this.diverged = null;
    this.pulse = null;
    this.pinned = null;
    this.parted = null;
    this.together = null;
    this.events = [];
    this.lastSwitch = null;
    this.intact.reset();
    this.now.reset();
    this.visited = new Visited(this.network, this.seed);
    this.clearTraces();
    this.setCount(this.count);
    this.mayPart();
  }

  /* Further runs begin by themselves; those that are there go on. */
  setCount(count) {
    this.count = count;
    while (this.states.length < count) {
      this.drives.push(new Drive(this.network, this.seed, this.states.length));
      const begun = () => new State(this.network).begin(this.start, this.seed, this.states.length);
      const state = begun();
      if (this.twins) this.twins.push(begun());
      this.states.push(state);
    }
    this.states.length = count;
    this.drives.length = count;
    if (this.twins) this.twins.length = count;
    for (let b = count; b < MOST_RUNS; b++) [this.tails, this.twinTails].forEach((tails) => tails.clear(b));
  }

  setGroups(groups) {
    this.traced = groups.flatMap((group) => group.neurons);
    this.clearTraces();
  }

  clearTraces() {
    this.traces = new Float32Array(TRACED * this.traced.length);
    this.outputs = new Uint8Array(TRACED);
    this.emissions = new Uint8Array(TRACED);
    this.kept = 0;
  }

  /* ---- what is done to it -------------------------------------------------------------------------------------- */

  intervene(interventions) {
    this.gains = Gains.of(this.network, interventions);
    this.now.reset();
    this.mayPart();
  }

  setSigma(sigma) {
    this.sigma = sigma;
    this.intact.reset();
    this.now.reset();
  }

  setHold(hold) {
    this.hold = hold;
    this.intact.reset();
    this.now.reset();
  }

  setTwin(wanted) {
    this.withTwin = wanted;
    if (!wanted) this.dropTwins();
    else this.mayPart();
  }

  /* Neurons get `strength` (in units of pre-activation) as input for so many steps, in every run. */
  setPulse(neurons, strength, steps) {
    const input = new Float64Array(this.network.n);
    neurons.forEach((i) => {
      input[i] = strength;
    });
    this.pulse = { input, left: steps };
    this.part();
  }

  /* Hold the first run, or all, at the visited state nearest to a place in the plane; null lets go. */
  pin(place) {
    if (!place) {
      this.pinned = null;
      return null;
    }
    /* On a slow machine the first state may be long in coming. */
    while (!this.visited.count && this.visited.runs.length) this.visited.grow(100);
    const state = this.visited.nearest(place.x, place.y);
    if (!state) return null;
    this.part();
    this.pinned = { ...state, all: place.all };
    this.put();
    return state;
  }

  put() {
    const { h, all } = this.pinned;
    for (let b = 0; b < (all ? this.count : 1); b++) {
      this.states[b].set(h);
      this.states[b].read(this.drives[b].draw);
      this.show(this.tails, b, this.states[b]);
    }
  }

  /* ---- twins --------------------------------------------------------------------------------------------------- */

  mayPart() {
    if (!this.gains.intact) this.part();
  }

  part() {
    if (!this.withTwin || this.twins) return;
    this.twins = this.states.map((state) => {
      const twin = new State(this.network);
      twin.copy(state);
      return twin;
    });
    this.parted = null;
    this.together = null;
  }

  dropTwins() {
    this.twins = null;
    this.parted = null;
    for (let b = 0; b < MOST_RUNS; b++) this.twinTails.clear(b);
  }

  /* Have the first run and its twin come apart, or are all runs the same again? */
  compare() {
    const [state] = this.states;
    const [twin] = this.twins;
    if (this.parted === null && this.distance(state, twin) > PARTED) {
      this.parted = { step: this.step, x: this.network.project(state.h, 0), y: this.network.project(state.h, 1) };
      this.events.push({ step: this.step, kind: "parted" });
    }
    if (!this.gains.intact || this.pulse || this.pinned) return;
    if (this.states.every((one, b) => alike(one.h, this.twins[b].h))) {
      this.together = this.step;
      this.dropTwins();
    }
  }

  distance(state, twin) {
    const [sx, sy] = this.network.scale;
    const along = (axis) => this.network.project(state.h, axis) - this.network.project(twin.h, axis);
    return Math.hypot(along(0) / sx, along(1) / sy);
  }

  /* ---- time ---------------------------------------------------------------------------------------------------- */

  /* One step of everything; false once a run has diverged. */
  advance() {
    if (this.diverged) return false;
    const sigma = this.hold ? 0 : this.sigma;
    const pulse = this.pulse ? this.pulse.input : null;
    this.step += 1;
    for (let b = 0; b < this.count; b++) {
      const drive = this.drives[b];
      drive.next(sigma);
      if (this.twins) this.stepTwin(b, drive);
      if (!this.isPinned(b)) this.stepRun(b, drive, pulse);
    }
    if (this.pinned) this.put();
    if (this.pulse && (this.pulse.left -= 1) <= 0) this.pulse = null;
    this.trace();
    if (this.twins && !this.diverged) this.compare();
    return !this.diverged;
  }

  isPinned(b) {
    return this.pinned !== null && (this.pinned.all || b === 0);
  }

  stepTwin(b, drive) {
    const twin = this.twins[b];
    const before = twin.output;
    twin.step(this.nothing, drive);
    this.show(this.twinTails, b, twin);
    if (twin.diverged >= 0) this.stop(b, twin, "the control copy of run");
    else this.intact.add(b, before, twin.output);
  }

  stepRun(b, drive, pulse) {
    const state = this.states[b];
    const before = state.output;
    state.step(this.gains, drive, pulse);
    if (state.diverged >= 0) this.stop(b, state, "run");
    if (this.diverged) return;
    this.show(this.tails, b, state);
    this.now.add(b, before, state.output);
    if (!this.twins && this.gains.intact) this.intact.add(b, before, state.output);
    if (b === 0 && before >= 0 && before !== state.output) {
      this.lastSwitch = this.step;
      this.events.push({ step: this.step, kind: "switch" });
    }
  }

  stop(b, state, who) {
    if (this.diverged) return;
    this.diverged = { step: this.step, run: b, neuron: state.diverged, who };
  }

  show(tails, b, state) {
    tails.add(b, this.network.project(state.h, 0), this.network.project(state.h, 1), state.output < 0 ? 0 : state.output);
  }

  trace() {
    const [first] = this.states;
    const at = this.kept % TRACED;
    this.traced.forEach((neuron, g) => {
      this.traces[at * this.traced.length + g] = first.pre[neuron];
    });
    this.outputs[at] = first.output < 0 ? 0 : first.output;
    this.emissions[at] = first.emission < 0 ? 0 : first.emission;
    this.kept += 1;
    while (this.events.length && this.events[0].step < this.step - TRACED) this.events.shift();
  }
}

function alike(a, b) {
  let size = 0;
  let apart = 0;
  for (let i = 0; i < a.length; i++) {
    size = Math.max(size, Math.abs(a[i]), Math.abs(b[i]));
    apart = Math.max(apart, Math.abs(a[i] - b[i]));
  }
  return apart <= SAME * size;
}
