/* The worker of the live view: it steps the runs and draws them, so that whatever else the page does, they go on.
 *
 * In: {kind: "open" | "canvases" | "resize" | "theme" | "backdrop" | "groups" | "change" | "run" | "pause" | "step" |
 * "restart" | "pulse" | "pin", ...}. Out: {kind: "status" | "said" | "shown", ...}.
 */

import { Network, unpacked } from "../engine/network.mjs";
import { PlanePicture } from "./plane.mjs";
import { StripPicture, TracePicture } from "./traces.mjs";
import { Runs } from "../engine/runs.mjs";

const STATUS_MS = 100;
/* Of each frame, so much may go into stepping; the rest is for drawing and for messages. */
const BUDGET_MS = 11;
const IDLE_BUDGET_MS = 2;
/* Changes that follow each other so closely are a drag, during which the page has other figures to draw: fewer frames then. */
const DRAG_MS = 200, DRAG_FRAME_MS = 60;

const live = {
  network: null, runs: null, pictures: null, running: false, speed: 20, owed: 0, at: 0, frame: null, told: 0,
  change: null, changed: { last: 0, before: 0 }, painted: 0, groups: [], rate: { steps: 0, frames: 0, since: 0, shown: null },
};

const say = (text) => self.postMessage({ kind: "said", text });

const orders = {
  open({ network, seed, sigma, interventions, runs, twin, groups, start }) {
    live.network = new Network(network);
    live.groups = groups || [];
    live.runs = new Runs(live.network, { seed, sigma, interventions, runs, twin, start, groups: live.groups });
    if (live.pictures) Object.values(live.pictures).forEach((picture) => picture.forget(live.network));
    live.owed = 0;
  },

  canvases({ plane, strip, traces }) {
    live.pictures = {
      plane: new PlanePicture(plane, live.network), strip: new StripPicture(strip), traces: new TracePicture(traces),
    };
  },

  resize({ name, size }) {
    live.pictures[name].resize(size);
  },

  theme({ theme, labels }) {
    Object.values(live.pictures).forEach((picture) => picture.setTheme(theme, labels));
  },

  backdrop({ backdrop }) {
    live.pictures.plane.setBackdrop(backdrop && {
      ...backdrop, share: unpacked(backdrop.share), region: unpacked(backdrop.region),
    });
  },

  groups({ groups, words }) {
    live.groups = groups;
    live.runs.setGroups(groups);
    live.pictures.traces.setGroups(groups, words);
  },

  /* What the scenario says now; only what differs acts. The next step is taken at once. */
  change({ seed, sigma, interventions, start, runs, twin, hold, speed, id }) {
    const { runs: there } = live;
    if (interventions) there.intervene(interventions);
    if (sigma !== undefined && sigma !== there.sigma) there.setSigma(sigma);
    if (hold !== undefined && hold !== there.hold) there.setHold(hold);
    if (runs !== undefined && runs !== there.count) there.setCount(runs);
    if (twin !== undefined && twin !== there.withTwin) there.setTwin(twin);
    if (speed !== undefined) live.speed = speed;
    if ((seed !== undefined && seed !== there.seed) || (start !== undefined && start !== there.start)) {
      Object.assign(there, { seed: seed ?? there.seed, start: start ?? there.start });
      there.restart();
    }
    if (live.running) live.owed = Math.max(live.owed, 1);
    live.changed = { last: performance.now(), before: live.changed.last };
    live.change = id === undefined ? live.change : { id, step: there.step };
  },

  run() {
    live.at = performance.now();
    if (!live.running) Object.assign(live.rate, { steps: 0, frames: 0, since: live.at, shown: null });
    live.running = true;
    live.owed = Math.max(live.owed, 1);
  },

  pause() {
    live.running = false;
  },

  step({ steps }) {
    live.running = false;
    for (let i = 0; i < steps; i++) if (!live.runs.advance()) break;
    live.rate.steps += steps;
  },

  restart() {
    live.runs.restart();
    live.owed = 0;
  },

  pulse({ neurons, strength, steps }) {
    live.runs.setPulse(neurons, strength, steps);
    if (live.running) live.owed = Math.max(live.owed, 1);
  },

  /* A place on the canvas, in its pixels; null lets go. */
  pin({ place }) {
    if (!place) {
      live.runs.pin(null);
      return;
    }
    const { x, y } = live.pictures.plane.under(place.x, place.y);
    const state = live.runs.pin({ x, y, all: place.all });
    const who = place.all ? "All runs are" : "Run 1 is";
    if (!state) say("There is no visited state to push to: the intact network diverges.");
    else {
      say(`${who} at the nearest of ${state.of.toLocaleString("en")} visited states `
        + `(${state.distance.toFixed(2)} standard deviations from the pointer).`);
    }
  },
};

self.onmessage = ({ data }) => {
  const order = orders[data.kind];
  order(data);
  if (live.pictures && live.runs && !live.frame) live.frame = next(frame);
};

/* A browser may owe a frame for ever: to a window that it does not draw, and on some machines to one that it does. */
const FRAME_MS = 16, LATE_MS = 250;

function next(call) {
  if (!self.requestAnimationFrame) return setTimeout(call, FRAME_MS);
  const late = setTimeout(() => {
    self.cancelAnimationFrame(promised);
    call();
  }, LATE_MS);
  const promised = self.requestAnimationFrame(() => {
    clearTimeout(late);
    call();
  });
  return promised;
}

/* ---- one frame ----------------------------------------------------------------------------------------------------- */

function frame() {
  const now = performance.now();
  live.frame = null;
  /* A frame may come a little before the message that it was asked for; after a pause, nothing is owed. */
  const passed = Math.max(0, Math.min(now - live.at, 250));
  live.at = now;
  if (live.running) advance(passed, now);
  if (live.runs.diverged) live.running = false;
  if (!isDragged(now) || now - live.painted >= DRAG_FRAME_MS) paint(now);
  if (!live.running || now - live.told >= STATUS_MS) tell(now);
  if (live.running) live.frame = next(frame);
}

function advance(passed, start) {
  const { runs } = live;
  runs.visited.grow(IDLE_BUDGET_MS);
  live.owed = live.speed === null ? Infinity : live.owed + (passed * live.speed) / 1000;
  let taken = 0;
  while (live.owed >= 1 && (taken === 0 || performance.now() - start < BUDGET_MS)) {
    live.owed -= 1;
    taken += 1;
    if (!runs.advance()) break;
  }
  live.rate.steps += taken;
  /* What could not be done in time is not owed for ever. */
  if (live.owed >= 1 || live.owed === Infinity) live.owed = live.speed === null ? 0 : live.owed % 1;
}

const isDragged = (now) => live.running && now - live.changed.before < DRAG_MS;

function paint(now) {
  live.painted = now;
  /* Slow runs move from step to step; fast ones stand at their last step. */
  const between = live.running && live.speed !== null && live.speed <= 60 ? Math.min(1, live.owed) : 1;
  live.pictures.plane.paint(live.runs, between);
  live.pictures.strip.paint(live.runs);
  live.pictures.traces.paint(live.runs);
  live.rate.frames += 1;
  if (live.change && live.runs.step > live.change.step) {
    self.postMessage({ kind: "shown", id: live.change.id, at: performance.timeOrigin + performance.now() });
    live.change = null;
  }
}

/* ---- messages to the page ----------------------------------------------------------------------------------------- */

function tell(now) {
  const { runs } = live;
  live.told = now;
  const [first] = runs.states;
  self.postMessage({
    kind: "status",
    step: runs.step,
    count: runs.count,
    running: live.running,
    intact: runs.gains.intact,
    hold: runs.hold,
    sigma: runs.sigma,
    output: first.output,
    probabilities: Array.from(first.probabilities),
    emission: first.emission,
    counts: { intact: runs.intact.result(), now: runs.now.result() },
    sinceSwitch: runs.lastSwitch === null ? null : runs.step - runs.lastSwitch,
    twin: Boolean(runs.twins),
    parted: runs.parted && runs.parted.step,
    together: runs.together,
    pulse: runs.pulse ? runs.pulse.left : 0,
    pinned: Boolean(runs.pinned),
    size: sizeOf(first.h),
    visited: runs.visited.count,
    zoom: live.pictures.plane.zoom,
    diverged: runs.diverged,
    rate: pace(now),
  });
}

/* Steps and frames a second, over the last second. */
function pace(now) {
  const { rate } = live;
  const seconds = (now - rate.since) / 1000;
  if (seconds >= 1) {
    rate.shown = { steps: rate.steps / seconds, frames: rate.frames / seconds };
    Object.assign(rate, { steps: 0, frames: 0, since: now });
  }
  return live.running ? rate.shown : null;
}

function sizeOf(h) {
  let size = 0;
  for (let i = 0; i < h.length; i++) size = Math.max(size, Math.abs(h[i]));
  return size;
}
