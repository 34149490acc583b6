/* Leave rates with standard errors: the ratios of hmmrnn/analysis/switching.py, counted while the runs go on.
 *
 *     leave rate out of a = steps from a to another output / steps from a
 *
 * The standard error comes from the spread between pieces of the runs, which are long beside a stay.
 */

const PIECE = 500;
/* With no event in n trials, a rate above 3 / n would have shown one in 95 of 100 cases. */
const NEVER = 3;

/* Sums over pieces of counts and opportunities, from which a ratio and its error follow (delta method). */
export class Ratio {
  constructor() {
    this.pieces = 0;
    this.n = 0;
    this.d = 0;
    this.nn = 0;
    this.nd = 0;
    this.dd = 0;
  }

  add(n, d) {
    this.pieces += 1;
    this.n += n;
    this.d += d;
    this.nn += n * n;
    this.nd += n * d;
    this.dd += d * d;
  }

  copy() {
    return Object.assign(new Ratio(), this);
  }

  /* {value, error, below}: the error is null with a single piece; `below` bounds the rate of what never happened. */
  result() {
    if (!this.d) return null;
    const value = this.n / this.d;
    const spread = Math.max(0, this.nn - 2 * value * this.nd + value * value * this.dd);
    const error = this.pieces > 1 ? Math.sqrt((spread * this.pieces) / (this.pieces - 1)) / this.d : null;
    return { value, error, events: this.n, steps: this.d, below: this.n ? null : Math.min(1, NEVER / this.d) };
  }
}

class Piece {
  constructor(outputs) {
    this.visits = new Int32Array(outputs);
    this.leaves = new Int32Array(outputs);
    this.steps = 0;
  }

  into(ratios, all) {
    this.visits.forEach((visits, a) => ratios[a].add(this.leaves[a], visits));
    all.add(this.leaves.reduce((sum, leaves) => sum + leaves, 0), this.steps);
  }
}

export class Counts {
  constructor(outputs) {
    this.outputs = outputs;
    this.reset();
  }

  reset() {
    this.leave = Array.from({ length: this.outputs }, () => new Ratio());
    this.switches = new Ratio();
    this.open = [];
  }

  /* One step of one run, from one output to the next. */
  add(run, before, after) {
    if (before < 0) return;
    if (!this.open[run]) this.open[run] = new Piece(this.outputs);
    const piece = this.open[run];
    piece.visits[before] += 1;
    if (before !== after) piece.leaves[before] += 1;
    piece.steps += 1;
    if (piece.steps === PIECE) {
      piece.into(this.leave, this.switches);
      this.open[run] = null;
    }
  }

  /* Leave rate per step of each output (null where it was never seen), and switches per step, with what is open. */
  result() {
    const leave = this.leave.map((ratio) => ratio.copy());
    const switches = this.switches.copy();
    this.open.forEach((piece) => piece && piece.into(leave, switches));
    return { leave: leave.map((ratio) => ratio.result()), switches: switches.result(), steps: switches.d };
  }
}

/* ---- a set of runs that is there as a whole ---- */

/* Leave rate, share of the time and switches of all runs, with the error from the spread between them: {value, error} by
 * the names of the rows of the table of numbers; null for an output that was never seen.
 * output (B x T), of which the first `valid` steps of each run count. */
export function switching({ output, valid, steps, outputs }) {
  const visits = Array.from(valid, () => new Float64Array(outputs));
  const leaves = Array.from(valid, () => new Float64Array(outputs));
  valid.forEach((end, b) => {
    for (let t = 1; t < end; t++) {
      const before = output[b * steps + t - 1];
      visits[b][before] += 1;
      if (output[b * steps + t] !== before) leaves[b][before] += 1;
    }
  });
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const totals = visits.map(sum);
  const found = { steps: sum(totals), switches: times(pooled(leaves.map(sum), totals), 1000) };
  for (let a = 0; a < outputs; a++) {
    const of = (counts) => counts.map((one) => one[a]);
    found[`leave-${a}`] = pooled(of(leaves), of(visits));
    found[`time-${a}`] = times(pooled(of(visits), totals), 100);
  }
  return found;
}

const times = (found, factor) => found && {
  value: found.value * factor, error: found.error === null ? null : found.error * factor };

function pooled(numerator, denominator) {
  const all = new Ratio();
  numerator.forEach((n, run) => all.add(n, denominator[run]));
  const found = all.result();
  return found && { value: found.value, error: found.error };
}
