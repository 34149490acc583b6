/* Emission probabilities as bars, the last emissions as a ticker, and the traces of the kick neurons in the live view. */

import { TRACED } from "../engine/runs.mjs";
import { MARGIN, Sheet, line, rounded } from "./sheet.mjs";

const TICKER = 18;
const ROW = 21;

export class StripPicture extends Sheet {
  setTheme(theme) {
    this.theme = theme;
    this.drawn = "";
  }

  /* Emission probabilities of the first run as bars, and its last emissions, the newest at the right. */
  paint(runs) {
    if (this.width < 60 || !this.isOld(runs.id, runs.kept)) return;
    const paper = this.begin();
    paper.fillStyle = this.theme.ground;
    paper.fillRect(0, 0, this.width, this.height);
    paper.textBaseline = "middle";
    const half = Math.min(220, this.width * 0.48);
    this.bars(paper, runs.states[0], half);
    this.ticker(paper, runs, half + 14);
  }

  bars(paper, state, width) {
    const low = (this.height - ROW * state.probabilities.length) / 2;
    const room = width - 70;
    state.probabilities.forEach((p, k) => {
      const y = low + ROW * k + ROW / 2;
      paper.fillStyle = this.theme.text;
      paper.textAlign = "right";
      paper.fillText(String(k), 22, y);
      paper.fillStyle = this.theme.grid;
      paper.fillRect(28, y - 7, room, 14);
      paper.fillStyle = this.colour(k);
      if (Number.isFinite(p)) paper.fillRect(28, y - 7, room * p, 14);
      paper.fillStyle = this.theme.text;
      paper.textAlign = "left";
      paper.fillText(Number.isFinite(p) ? p.toFixed(2) : "–", 34 + room, y);
    });
  }

  ticker(paper, runs, left) {
    const columns = Math.max(1, Math.floor((this.width - left) / TICKER));
    const rows = Math.max(1, Math.min(3, Math.floor(this.height / (TICKER + 4))));
    const there = Math.min(columns * rows, runs.kept, TRACED);
    const top = (this.height - rows * (TICKER + 4)) / 2;
    paper.textAlign = "center";
    for (let i = 0; i < there; i++) {
      /* Row by row as one reads; the last one is the newest. */
      const symbol = runs.emissions[(runs.kept - there + i) % TRACED];
      const x = left + (i % columns) * TICKER;
      const y = top + Math.floor(i / columns) * (TICKER + 4);
      paper.fillStyle = this.colour(symbol);
      paper.fillRect(x, y, TICKER - 2, TICKER);
      paper.fillStyle = this.theme.ground;
      paper.fillText(String(symbol), x + TICKER / 2 - 1, y + TICKER / 2 + 1);
    }
  }
}

export class TracePicture extends Sheet {
  constructor(canvas) {
    super(canvas);
    this.size = 1;
    this.words = "";
  }

  setTheme(theme) {
    this.theme = theme;
    this.drawn = "";
  }

  /* groups: [{output, neurons}] in the order of the traces; `words` says why there are none. */
  setGroups(groups, words) {
    this.groups = groups;
    this.words = words;
    this.size = 1;
    this.drawn = "";
  }

  paint(runs) {
    if (this.width < 60 || this.height < 40 || !this.isOld(runs.id, runs.kept)) return;
    const paper = this.begin();
    const { theme, width, height } = this;
    paper.fillStyle = theme.ground;
    paper.fillRect(0, 0, width, height);
    if (!runs.traced.length) {
      paper.fillStyle = theme.muted;
      paper.textAlign = "left";
      paper.textBaseline = "middle";
      paper.fillText(this.words, 10, height / 2, width - 20);
      return;
    }
    this.frame(paper, runs);
    this.events(paper, runs);
    this.lines(paper, runs);
  }

  frame(paper, runs) {
    const { theme, width, height } = this;
    this.left = MARGIN.left;
    this.right = width - MARGIN.right;
    this.top = 4;
    this.bottom = height - 30;
    this.middle = (this.top + this.bottom) / 2;
    let most = 1e-9;
    const there = Math.min(runs.kept, TRACED) * runs.traced.length;
    for (let i = 0; i < there; i++) {
      const size = Math.abs(runs.traces[i]);
      if (size > most && Number.isFinite(size)) most = size;
    }
    /* The scale follows at once where it is too small, and slowly where it is too large. */
    this.size = most > this.size ? most : Math.max(most, 0.99 * this.size);
    paper.strokeStyle = theme.muted;
    paper.lineWidth = 1;
    line(paper, this.left, Math.round(this.middle) + 0.5, this.right, Math.round(this.middle) + 0.5);
    paper.fillStyle = theme.muted;
    paper.textAlign = "right";
    paper.textBaseline = "middle";
    paper.fillText("0", this.left - 5, this.middle);
    paper.textBaseline = "top";
    paper.fillText(rounded(this.size), this.left - 5, this.top);
    paper.textBaseline = "bottom";
    paper.fillText(rounded(-this.size), this.left - 5, this.bottom);
    paper.textBaseline = "bottom";
    paper.textAlign = "left";
    paper.fillText(`−${TRACED} steps`, this.left, height - 1);
    paper.textAlign = "right";
    paper.fillText("now", this.right, height - 1);
    this.band(paper, runs);
  }

  /* The output under the traces, as long as each is kept. */
  band(paper, runs) {
    const there = Math.min(runs.kept, TRACED);
    const output = (age) => runs.outputs[(runs.kept - 1 - age) % TRACED];
    for (let newest = 0, oldest; newest < there; newest = oldest) {
      for (oldest = newest + 1; oldest < there && output(oldest) === output(newest);) oldest += 1;
      paper.fillStyle = this.colour(output(newest));
      paper.fillRect(this.x(oldest), this.bottom + 3, this.x(newest) - this.x(oldest), 6);
    }
  }

  wide() {
    return (this.right - this.left) / TRACED;
  }

  /* Of what was `age` steps ago. */
  x(age) {
    return this.right - age * this.wide();
  }

  y(value) {
    return this.middle - (value / this.size) * (this.middle - this.top);
  }

  events(paper, runs) {
    paper.lineWidth = 1;
    runs.events.forEach(({ step, kind }) => {
      paper.strokeStyle = kind === "parted" ? this.theme.accent : this.theme.grid;
      const x = Math.round(this.x(runs.step - step)) + 0.5;
      line(paper, x, this.top, x, this.bottom);
    });
  }

  /* One path for each neuron, thin and without round corners: anything else costs many times as much. */
  lines(paper, runs) {
    const there = Math.min(runs.kept, TRACED);
    paper.lineJoin = "bevel";
    paper.lineCap = "butt";
    paper.lineWidth = 1;
    let g = 0;
    this.groups.forEach(({ output, neurons }) => {
      paper.strokeStyle = this.colour(output);
      neurons.forEach(() => {
        paper.beginPath();
        for (let i = there - 1; i >= 0; i--) {
          const value = runs.traces[((runs.kept - 1 - i) % TRACED) * runs.traced.length + g];
          if (i === there - 1) paper.moveTo(this.x(i), this.y(value));
          else paper.lineTo(this.x(i), this.y(value));
        }
        paper.stroke();
        g += 1;
      });
    });
  }
}
