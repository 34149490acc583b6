/* The fast path of the four views: what a change does is drawn over them at once, from runs made in the page.
 *
 * The runs are those that the server makes of the same scenario, noise and all. Its own answer follows, and when it has
 * been drawn, what was laid over it goes.
 */

import { Ratio } from "./counts.mjs";
import { make } from "./elements.mjs";
import { BINS, mediansAlongOrbit } from "./profile.mjs";

const VEIL = 0.82;
const RADIUS = 1.6;
/* A page that was too slow is asked again after so long: it may only have been busy. */
const AGAIN_MS = 10_000;

export class Overlay {
  /* colours: () => the theme that is shown. */
  constructor({ startWorker, colours, say }) {
    this.startWorker = startWorker;
    this.colours = colours;
    this.say = say;
    this.asked = 0;
    this.worker = null;
    this.of = null;
    this.runs = [];
    this.sheets = {};
    this.watched = new WeakSet();
  }

  open(network) {
    if (this.worker) this.worker.terminate();
    this.clear();
    this.network = network;
    this.slowUntil = 0;
    this.worker = this.startWorker();
    this.worker.onmessage = ({ data }) => this.hear(data);
    /* Without it, the server's answer is waited for, as always. */
    this.worker.onerror = () => {
      this.worker = null;
      this.clear();
    };
    this.worker.postMessage({ kind: "network", network });
  }

  close() {
    if (this.worker) this.worker.terminate();
    this.worker = null;
    this.clear();
  }

  /* scenario: what is shown now; key: by which the server's answer to it is known. */
  ask(scenario, key) {
    if (!this.worker || performance.now() < this.slowUntil) return;
    this.asked += 1;
    this.of = { scenario, key, done: {} };
    this.runs = [];
    this.worker.postMessage({ kind: "ask", id: this.asked, scenario });
  }

  /* The same runs, seen otherwise: the answer that is waited for is another one. */
  expect(scenario, key) {
    if (this.of) Object.assign(this.of, { scenario, key });
  }

  hear(data) {
    if (data.id !== this.asked || !this.of) return;
    if (data.kind === "slow") {
      this.slowUntil = performance.now() + AGAIN_MS;
      this.clear();
      this.say(`The four views wait for the server: here, their runs would take ${Math.ceil(data.seconds)} s.`);
      return;
    }
    if (data.kind === "run") this.runs.push(data);
    /* The first run at once, and then all: each drawing takes time from what the server's answer needs. */
    if (this.runs.length === 1 || data.kind === "end") this.draw();
  }

  draw() {
    if (this.of.scenario.dimensions === 2) this.drawStates();
    if (this.runs.length < this.of.scenario.trajectories) return;
    this.drawOrbit();
    this.drawNumbers();
  }

  /* Whether a view shows the server's answer already; then nothing is laid over it. */
  isDone(view, key) {
    if (this.of && key === this.of.key) this.of.done[view] = true;
    if (!this.of || !this.of.done[view]) return false;
    if (this.sheets[view]) this.sheets[view].remove();
    delete this.sheets[view];
    return true;
  }

  clear() {
    Object.values(this.sheets).forEach((sheet) => sheet.remove());
    this.sheets = {};
    this.of = null;
  }

  /* A canvas over a part of a figure that knows its axes; null while the figure is not there. */
  sheet(view, yaxis) {
    const graph = document.querySelector(`#${view} .js-plotly-plot`);
    const layout = graph && graph._fullLayout;
    if (!layout || !layout.xaxis || !layout[yaxis]) return null;
    if (!this.watched.has(graph)) {
      this.watched.add(graph);
      graph.on("plotly_afterplot", () => this.isDone(view, graph.layout.meta));
    }
    if (this.isDone(view, graph.layout.meta)) return null;
    if (!this.sheets[view]) {
      this.sheets[view] = make("canvas", { className: "live-overlay", "aria-hidden": "true" });
      graph.parentElement.append(this.sheets[view]);
    }
    const canvas = this.sheets[view];
    const [x, y] = [layout.xaxis, layout[yaxis]];
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(x._length * ratio);
    canvas.height = Math.round(y._length * ratio);
    Object.assign(canvas.style, {
      left: `${x._offset}px`, top: `${y._offset}px`, width: `${x._length}px`, height: `${y._length}px` });
    const paper = canvas.getContext("2d");
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    paper.fillStyle = this.colours().ground;
    paper.globalAlpha = VEIL;
    paper.fillRect(0, 0, x._length, y._length);
    paper.globalAlpha = 1;
    return { paper, toX: (value) => x.l2p(value), toY: (value) => y.l2p(value) };
  }

  isShown(output) {
    const { pair } = this.of.scenario;
    return !pair || pair.includes(output);
  }

  drawStates() {
    const sheet = this.sheet("state-space", "yaxis");
    if (!sheet) return;
    const { paper, toX, toY } = sheet;
    const { outputs, muted } = this.colours();
    const byOutput = this.of.scenario.colour === "output";
    this.runs.forEach(({ points, output, valid }) => {
      for (let t = 0; t < valid; t++) {
        if (this.isShown(output[t])) {
          paper.fillStyle = byOutput ? outputs[output[t] % outputs.length] : muted;
          paper.fillRect(toX(points[2 * t]) - RADIUS, toY(points[2 * t + 1]) - RADIUS, 2 * RADIUS, 2 * RADIUS);
        }
      }
    });
  }

  drawOrbit() {
    const sheet = this.sheet("orbit", "yaxis");
    if (!sheet) return;
    const { paper, toX, toY } = sheet;
    const { outputs } = this.colours();
    const medians = mediansAlongOrbit(this.runs, this.network.plane.scale, this.network.outputs, (run, t) => (
      this.isShown(run.output[t])));
    for (let k = 0; k < this.network.outputs; k++) {
      paper.strokeStyle = outputs[k % outputs.length];
      paper.lineWidth = 2;
      paper.beginPath();
      let pen = false;
      medians.forEach((median, bin) => {
        if (!median) return;
        const [x, y] = [toX(((bin + 0.5) * 360) / BINS), toY(median[k])];
        if (pen) paper.lineTo(x, y);
        else paper.moveTo(x, y);
        pen = true;
      });
      paper.stroke();
    }
  }

  /* A copy of the table with what is known of the network as it is now; the rest follows. */
  drawNumbers() {
    const place = document.getElementById("numbers");
    const table = place && place.querySelector("table");
    const shown = () => place.firstElementChild.dataset.of;
    if (!table || this.isDone("numbers", shown())) return;
    if (!this.watched.has(place)) {
      this.watched.add(place);
      new MutationObserver(() => this.isDone("numbers", shown())).observe(place, { childList: true });
    }
    const copy = table.cloneNode(true);
    const found = switching(this.runs, this.network.outputs);
    copy.querySelectorAll("tr[data-measure]").forEach((row) => {
      const [intact, now, difference] = row.querySelectorAll("td");
      const value = found[row.dataset.measure];
      const digits = Number(row.dataset.digits);
      difference.textContent = "…";
      difference.className = "";
      if (value === undefined) now.textContent = "…";
      else if (value === null) now.textContent = "not visited";
      else {
        now.replaceChildren(value.value.toFixed(digits));
        if (value.error !== null) now.append(make("small", { textContent: ` ± ${value.error.toFixed(digits)}` }));
        const apart = value.value - parseFloat(intact.textContent);
        if (Number.isFinite(apart)) difference.textContent = `${apart < 0 ? "" : "+"}${apart.toFixed(digits)}`;
      }
    });
    if (this.sheets.numbers) this.sheets.numbers.remove();
    this.sheets.numbers = make("div", { className: "numbers numbers-now" }, copy);
    place.after(this.sheets.numbers);
  }
}

/* Leave rate, share of the time and switches of all runs, with the error from the spread between them: the ratios of
 * hmmrnn/switching.py, by the names of the rows of the table. */
export function switching(runs, outputs) {
  const visits = runs.map(() => new Float64Array(outputs));
  const leaves = runs.map(() => new Float64Array(outputs));
  runs.forEach(({ output, valid }, b) => {
    for (let t = 1; t < valid; t++) {
      visits[b][output[t - 1]] += 1;
      if (output[t] !== output[t - 1]) leaves[b][output[t - 1]] += 1;
    }
  });
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const totals = visits.map(sum);
  const rate = ratio(leaves.map(sum), totals);
  const found = { switches: rate && times(rate, 1000) };
  for (let a = 0; a < outputs; a++) {
    const of = (counts) => counts.map((one) => one[a]);
    found[`leave-${a}`] = ratio(of(leaves), of(visits));
    found[`time-${a}`] = times(ratio(of(visits), totals), 100);
  }
  return found;
}

const times = (found, factor) => found && {
  value: found.value * factor, error: found.error === null ? null : found.error * factor };

/* Pooled over the runs. */
function ratio(numerator, denominator) {
  const pooled = new Ratio();
  numerator.forEach((n, run) => pooled.add(n, denominator[run]));
  return pooled.result();
}
