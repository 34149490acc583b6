/* What is emitted at each phase of the orbit? As hmmrnn/statespace.py takes it, from runs that the page holds. */

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

function middle(values) {
  values.sort((a, b) => a - b);
  const half = values.length >> 1;
  return values.length % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}
