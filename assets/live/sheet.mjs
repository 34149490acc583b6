/* What the pictures of the live view share: a canvas that knows when it is old, ticks, and straight lines.
 *
 * Each picture has a canvas of its own and is given everything that it shows; it computes no number of the science.
 */

export const FONT = "14px Inter, 'Segoe UI', system-ui, -apple-system, 'DejaVu Sans', sans-serif";
export const MARGIN = { left: 46, right: 8, top: 8, bottom: 40 };

/* A canvas, its size in pixels of the page, and how many of the screen's make one of them. */
export class Sheet {
  /** @type {any} */ theme;

  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.width = 0;
    this.height = 0;
  }

  resize({ width, height, ratio }) {
    this.width = width;
    this.height = height;
    this.ratio = ratio;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.drawn = "";
  }

  /* Another network: nothing that is drawn is of this one. */
  forget() {
    this.drawn = "";
  }

  /* Whether anything has changed since it was drawn last. */
  isOld(...what) {
    const key = what.join(" ");
    const old = key !== this.drawn;
    this.drawn = key;
    return old;
  }

  colour(output) {
    return this.theme.outputs[output % this.theme.outputs.length];
  }

  begin() {
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.context.font = FONT;
    this.context.lineJoin = "round";
    this.context.lineCap = "round";
    return this.context;
  }
}

export const rounded = (value) => {
  const digits = Math.abs(value) >= 100 || value === 0 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
};

/* Round numbers on an axis, about `count` of them. */
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(value);
  return found;
}

export function line(paper, x0, y0, x1, y1) {
  paper.beginPath();
  paper.moveTo(x0, y0);
  paper.lineTo(x1, y1);
  paper.stroke();
}
