/* How fast is the engine of the live view? One run of a random network in short laps, each beside a lap of bare products.
 *
 *     bare product: into_i = sum over j of W_ij h_j, a double loop along the rows of the recurrent weights
 *
 * In: {neurons, inputs, outputs, laps, milliseconds of a lap, seed}. Out: {steps, products: per second, one value per
 * lap; active: share of the neurons that were active in the end}.
 */

import { Drive, Gains, Network, State } from "./engine/network.mjs";
import { Stream } from "./engine/random.mjs";

/* Before the browser has seen a loop often enough, it runs it slowly. */
const WARM_UP_MS = 400;
/* Times the square root of the number of neurons, the spread of a row of weights: below the square root of 2, activity
 * fades by itself, and noise keeps it up. */
const SPREAD = 1;

self.onmessage = ({ data }) => {
  const { laps, milliseconds, seed } = data;
  const weights = randomWeights(data);
  const step = stepOf(weights, data);
  const product = productOf(weights.W_hh, step.state);
  const counts = [step, product].map((work) => countIn(work, milliseconds));
  const found = { steps: [], products: [] };
  for (let lap = 0; lap < laps; lap++) {
    found.steps.push(pace(step, counts[0]));
    found.products.push(pace(product, counts[1]));
  }
  const { h, diverged } = step.state;
  if (diverged >= 0) throw new Error(`the random network of seed ${seed} diverged`);
  self.postMessage({ ...found, active: h.filter((value) => value > 0).length / h.length });
};

function randomWeights({ neurons, inputs, outputs, seed }) {
  const stream = new Stream(seed, 0, 0);
  const matrix = (rows, columns, spread) => (
    Float32Array.from({ length: rows * columns }, () => (stream.normal() * spread) / Math.sqrt(columns)));
  return {
    W_hh: matrix(neurons, neurons, SPREAD), W_ih: matrix(neurons, inputs, 1), W_out: matrix(outputs, neurons, 1),
    b_h: new Float32Array(neurons), b_out: new Float32Array(outputs),
  };
}

/* One step of a run, as the live view takes it. */
function stepOf(weights, { neurons, inputs, outputs, seed }) {
  const plane = { mean: new Float64Array(neurons), components: new Float64Array(2 * neurons), scale: [1, 1], range: null };
  const network = new Network({ neurons, inputs, outputs, weights, plane });
  const drive = new Drive(network, seed, 0);
  const state = new State(network);
  const gains = new Gains(network);
  const step = () => {
    drive.next(1);
    state.step(gains, drive);
  };
  return Object.assign(step, { state });
}

/* One bare product with the activity of a run as it is. */
function productOf(W, state) {
  const n = state.h.length;
  const into = new Float64Array(n);
  return () => {
    const { h } = state;
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += W[i * n + j] * h[j];
      into[i] = sum;
    }
  };
}

/* How often it is done in so many milliseconds, once it is warm. */
function countIn(work, milliseconds) {
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < WARM_UP_MS; count++) work();
  return Math.max(1, Math.round((count * milliseconds) / WARM_UP_MS));
}

/* Times a second. */
function pace(work, count) {
  const start = performance.now();
  for (let i = 0; i < count; i++) work();
  return (count * 1000) / (performance.now() - start);
}
