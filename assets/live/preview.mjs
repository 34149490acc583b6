/* The worker of the fast path: the runs of a scenario, one after the other, each sent as soon as it is there.
 *
 * In: {kind: "network", network} and {kind: "ask", id, scenario}. Out: {kind: "run", id, run, points, output,
 * probabilities} for each run, then {kind: "end", id}; or {kind: "slow", id, seconds} if the rest would take too long.
 */

import { Drive, Gains, Network, State } from "./engine.mjs";

/* Beyond this the server is quicker. */
const PATIENCE_S = 1.5;

let network = null;
let newest = 0;

self.onmessage = ({ data }) => {
  if (data.kind === "network") network = new Network(data.network);
  else answer(data);
};

/* Between two runs, the newest question is heard. */
const breathe = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(null);
});

async function answer({ id, scenario }) {
  newest = id;
  const gains = Gains.of(network.n, scenario.interventions);
  const start = performance.now();
  for (let run = 0; run < scenario.trajectories; run++) {
    const found = runOf(scenario, gains, run);
    self.postMessage({ kind: "run", id, run, ...found },
      [found.points.buffer, found.output.buffer, found.probabilities.buffer]);
    const taken = (performance.now() - start) / 1000;
    const seconds = (taken / (run + 1)) * (scenario.trajectories - run - 1);
    /* The first run of all is slow, because its code is new to the browser. */
    if (seconds > PATIENCE_S && (run > 0 || taken > PATIENCE_S)) {
      self.postMessage({ kind: "slow", id, seconds });
      return;
    }
    await breathe();
    if (id !== newest) return;
  }
  self.postMessage({ kind: "end", id });
}

/* One run: coordinates (T, 2), NaN from a divergence on; output (T); probabilities (T, O). */
function runOf({ seed, sigma, steps }, gains, run) {
  const drive = new Drive(network, seed, run);
  const state = new State(network);
  const points = new Float32Array(2 * steps).fill(NaN);
  const output = new Uint8Array(steps);
  const probabilities = new Float32Array(network.o * steps);
  let t = 0;
  for (; t < steps; t++) {
    drive.next(sigma);
    state.step(gains, drive);
    if (state.diverged >= 0) break;
    points[2 * t] = network.project(state.h, 0);
    points[2 * t + 1] = network.project(state.h, 1);
    output[t] = state.output;
    probabilities.set(state.probabilities, network.o * t);
  }
  return { points, output, probabilities, valid: t };
}
