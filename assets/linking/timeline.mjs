/* The row under the four views: a run through time as a strip of outputs; play it, go along it, select a part of it. */

import { make } from "../core/elements.mjs";

const SPEEDS = [2, 5, 10, 20, 50, 100, 200];
const NORMAL_SPEED = 20;
/* A press that moves no further than this is a click. */
const CLICK_PX = 4;
const STRIP_PX = 26;

export class Timeline {
  /* root: an empty element. on: { moved(moment), selected(span or null) }. */
  constructor(root, on) {
    this.on = on;
    this.moments = null;
    this.colours = null;
    this.run = 0;
    this.step = 1;
    this.exact = 1;
    this.playing = false;
    this.speed = NORMAL_SPEED;
    this.span = null;
    /* To ask the strip for it would lay out the page in the middle of a change. */
    this.width = 0;
    this.build(root);
    this.listen();
  }

  build(root) {
    const button = (text, label, act) => {
      const made = make("button", { type: "button", className: "page-button", textContent: text, "aria-label": label, title: label });
      made.addEventListener("click", act);
      return made;
    };
    this.playButton = button("Play", "Play the run (space bar)", () => this.toggle());
    this.speedBox = make("select", { className: "live-select", "aria-label": "Speed of playing" },
      ...SPEEDS.map((steps) => make("option", { value: steps, textContent: `${steps} steps/s`, selected: steps === NORMAL_SPEED })));
    this.speedBox.addEventListener("change", () => { this.speed = Number(this.speedBox.value); });
    this.runBox = make("input", { type: "number", className: "live-number", min: 1, value: 1, "aria-label": "Run that is played" });
    this.runBox.addEventListener("change", () => this.chooseRun());
    this.strip = make("canvas", {
      className: "timeline-strip", tabIndex: 0, role: "slider", "aria-label": "Step of the run that is played",
      "aria-valuemin": 1, title: "Click: go there. Drag: select these steps.",
    });
    this.words = make("output", { className: "timeline-words" });
    this.legend = make("span", { className: "timeline-key" });
    root.replaceChildren(
      make("div", { className: "timeline-row" },
        button("|◂", "Previous switch (P)", () => this.toSwitch(-1)), button("◂", "One step back (left arrow)", () => this.go(-1)),
        this.playButton, button("▸", "One step on (right arrow)", () => this.go(1)), button("▸|", "Next switch (N)", () => this.toSwitch(1)),
        this.speedBox, make("label", { className: "live-check" }, "Run ", this.runBox), this.legend, this.words),
      make("div", { className: "timeline-row" }, this.strip, make("div", { id: "selection", className: "selection", hidden: true })));
  }

  listen() {
    new ResizeObserver(([{ contentRect }]) => {
      this.width = contentRect.width;
      this.draw();
    }).observe(this.strip);
    let from = null;
    this.strip.addEventListener("pointerdown", (event) => {
      if (event.button || !this.moments) return;
      this.strip.setPointerCapture(event.pointerId);
      from = event.offsetX;
      this.pause();
      this.to(this.stepAt(event.offsetX));
    });
    this.strip.addEventListener("pointermove", (event) => {
      if (from === null) return;
      if (Math.abs(event.offsetX - from) > CLICK_PX) this.span = this.between(from, event.offsetX);
      this.to(this.stepAt(event.offsetX));
    });
    const end = (event) => {
      if (from === null) return;
      const dragged = Math.abs(event.offsetX - from) > CLICK_PX;
      from = null;
      if (dragged) this.on.selected(this.span);
    };
    this.strip.addEventListener("pointerup", end);
    this.strip.addEventListener("pointercancel", end);
    this.strip.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 }[event.key];
    const end = { Home: 1, End: this.moments ? this.moments.steps : 1 }[event.key];
    if (way === undefined && end === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const before = this.step;
    this.pause();
    this.to(end === undefined ? this.step + way : end);
    if (event.shiftKey) this.stretch(before);
  }

  /* With Shift, the keys select from where they began. */
  stretch(before) {
    const anchor = this.anchor === undefined || !this.span ? before : this.anchor;
    this.anchor = anchor;
    this.span = [Math.min(anchor, this.step), Math.max(anchor, this.step)];
    this.on.selected(this.span);
  }

  stepAt(x) {
    return 1 + Math.floor((x / this.width) * this.moments.steps);
  }

  between(a, b) {
    const bounded = (x) => Math.min(this.moments.steps, Math.max(1, this.stepAt(x)));
    return [bounded(Math.min(a, b)), bounded(Math.max(a, b))];
  }

  /* Other runs: the moment stays where it can. */
  show(moments, colours, span) {
    Object.assign(this, { moments, colours, span });
    if (moments) {
      this.run = Math.min(this.run, moments.runs - 1);
      this.step = Math.min(this.step, moments.steps);
      this.runBox.max = moments.runs;
      this.runBox.value = this.run + 1;
      this.strip.setAttribute("aria-valuemax", moments.steps);
      this.showLegend();
    }
    this.report();
  }

  /* The colours of the outputs, named once for all views. */
  showLegend() {
    const { moments, colours } = this;
    const wanted = JSON.stringify([moments.outputs, colours.outputs]);
    if (this.legend.dataset.of === wanted) return;
    this.legend.dataset.of = wanted;
    const entries = Array.from({ length: moments.outputs }, (_, k) => {
      const spot = make("i", { "aria-hidden": "true" });
      spot.style.background = colours.outputs[k % colours.outputs.length];
      return make("span", {}, spot, String(k));
    });
    this.legend.replaceChildren("Output", ...entries);
  }

  chooseRun() {
    const wanted = Math.round(Number(this.runBox.value)) || 1;
    this.run = Math.min(this.moments ? this.moments.runs : 1, Math.max(1, wanted)) - 1;
    this.runBox.value = this.run + 1;
    this.to(this.step);
  }

  get moment() {
    return { run: this.run, step: this.step };
  }

  goTo({ run, step }) {
    this.pause();
    this.run = run;
    this.runBox.value = run + 1;
    this.to(step);
  }

  to(step) {
    if (!this.moments) return;
    this.step = Math.min(this.moments.steps, Math.max(1, step));
    this.exact = this.step;
    this.report();
  }

  report() {
    this.draw();
    this.describe(this.moments && this.moments.at(this.moment));
    this.on.moved(this.moment);
  }

  go(steps) {
    this.pause();
    this.to(this.step + steps);
  }

  toSwitch(way) {
    if (!this.moments) return;
    const found = this.moments.switchFrom(this.moment, way);
    this.pause();
    if (found === null) this.words.textContent = `Run ${this.run + 1} has no ${way > 0 ? "later" : "earlier"} switch.`;
    else this.to(found);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (!this.moments) return;
    this.playing = true;
    this.playButton.textContent = "Pause";
    this.exact = this.step;
    let last = performance.now();
    const frame = (now) => {
      if (!this.playing) return;
      const { steps } = this.moments;
      /* A hidden tab has no frames; what it missed is not made up for. */
      this.exact += (Math.min(250, now - last) / 1000) * this.speed;
      last = now;
      if (this.exact >= steps + 1) this.exact = 1;
      const step = Math.floor(this.exact);
      if (step !== this.step) {
        const { exact } = this;
        this.to(step);
        this.exact = exact;
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  pause() {
    this.playing = false;
    this.playButton.textContent = "Play";
  }

  describe(there) {
    const { run, step } = there || this.moment;
    /* The run that is played is named beside; another one may be pointed at. */
    const whose = run === this.run ? "" : `run ${run + 1}, `;
    const words = there
      ? `${whose}step ${step}: output ${there.output}, p ${there.probability.toFixed(2)}`
      : this.moments ? `${whose}step ${step}: nothing is drawn here` : "computing…";
    this.words.textContent = words;
    this.strip.setAttribute("aria-valuenow", this.step);
    this.strip.setAttribute("aria-valuetext", there ? `${words}, phase ${Math.round(there.phase)} degrees` : words);
  }

  draw() {
    const { strip, moments, colours, width } = this;
    const ratio = window.devicePixelRatio || 1;
    Object.assign(strip, { width: Math.round(width * ratio), height: Math.round(STRIP_PX * ratio) });
    if (!moments || !colours) return;
    const paper = strip.getContext("2d");
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    const at = (step) => ((step - 1) / moments.steps) * width;
    for (let from = 1; from <= moments.steps;) {
      const output = moments.output[moments.index({ run: this.run, step: from })];
      let to = from + 1;
      while (to <= moments.steps && moments.output[moments.index({ run: this.run, step: to })] === output) to += 1;
      paper.fillStyle = output < 0 ? colours.grid : colours.outputs[output % colours.outputs.length];
      /* Colour is not alone: each output has a height of its own. */
      const height = output < 0 ? 4 : STRIP_PX * (0.5 + (0.5 * (output + 1)) / moments.outputs);
      paper.fillRect(at(from), STRIP_PX - height, at(to) - at(from), height);
      from = to;
    }
    if (this.span) {
      paper.globalAlpha = 0.75;
      paper.fillStyle = colours.ground;
      paper.fillRect(0, 0, at(this.span[0]), STRIP_PX);
      paper.fillRect(at(this.span[1] + 1), 0, width, STRIP_PX);
      paper.globalAlpha = 1;
    }
    paper.fillStyle = colours.text;
    paper.fillRect(at(this.step + 0.5) - 1.5, 0, 3, STRIP_PX);
    paper.strokeStyle = colours.ground;
    paper.strokeRect(at(this.step + 0.5) - 2, -1, 4, STRIP_PX + 2);
  }
}
