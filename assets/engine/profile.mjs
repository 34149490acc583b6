/* Emission along the orbit: medians by phase, as hmmrnn/analysis/orbit.py takes them, from runs that the page holds. */

export const BINS = 48;

/* Phase of a place in the plane, in turns from 0 to 1. */
export function phaseOf(x, y, [sx, sy]) {
  const angle = Math.atan2(y / (sy > 0 ? sy : Infinity), x / (sx > 0 ? sx : Infinity));
  return (angle < 0 ? angle + 2 * Math.PI : angle) / (2 * Math.PI);
}

export const binOf = (phase) => Math.min(BINS - 1, Math.floor(phase * BINS));

/* Median probabilities in each bin of phase; null where a bin is empty.
 * runs: each with points (T, 2), probabilities (T, O) and `valid` steps; isTaken: (run, step) => whether it counts. */
export function mediansAlongOrbit(runs, scale, outputs, isTaken) {
  const bins = Array.from({ length: BINS }, () => Array.from({ length: outputs }, () => []));
  runs.forEach((run) => {
    const { points, probabilities, valid } = run;
    for (let t = 0; t < valid; t++) {
      if (isTaken(run, t)) {
        const bin = bins[binOf(phaseOf(points[2 * t], points[2 * t + 1], scale))];
        for (let k = 0; k < outputs; k++) bin[k].push(probabilities[outputs * t + k]);
      }
    }
  });
  return bins.map((values) => (values[0].length ? values.map(middle) : null));
}

/* Quartiles of the probabilities and number of states in each bin of phase; NaN in an empty one.
 * seen: points (S, 2) and probabilities (S, O) of `count` states. */
export function profileAlongOrbit({ points, probabilities, count }, scale, outputs) {
  const bin = new Uint8Array(count);
  const counts = new Int32Array(BINS);
  for (let i = 0; i < count; i++) {
    bin[i] = binOf(phaseOf(points[2 * i], points[2 * i + 1], scale));
    counts[bin[i]] += 1;
  }
  /* Sorted by bin. */
  const next = new Int32Array(BINS);
  for (let b = 1; b < BINS; b++) next[b] = next[b - 1] + counts[b - 1];
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) order[next[bin[i]]++] = i;
  const [lower, median, upper] = [0, 1, 2].map(() => Array.from({ length: outputs }, () => new Float64Array(BINS).fill(NaN)));
  const values = new Float64Array(count);
  for (let k = 0; k < outputs; k++) {
    for (let i = 0; i < count; i++) values[i] = probabilities[outputs * order[i] + k];
    for (let b = 0; b < BINS; b++) {
      if (counts[b]) {
        const sorted = values.subarray(next[b] - counts[b], next[b]).sort();
        lower[k][b] = quantile(sorted, 0.25);
        median[k][b] = quantile(sorted, 0.5);
        upper[k][b] = quantile(sorted, 0.75);
      }
    }
  }
  return { lower, median, upper, counts };
}

/* Between the two nearest values, as NumPy does. */
export function quantile(sorted, share) {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

function middle(values) {
  values.sort((a, b) => a - b);
  const half = values.length >> 1;
  return values.length % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}
