/* The slider of the noise. The browser's own: a component of Dash takes longer to tell of a move than the page to draw it. */

import { configuration, element } from "../core/configuration.mjs";
import { make } from "../core/elements.mjs";
import { on } from "../core/events.mjs";
import { store } from "../core/page.mjs";

const STEP = 0.05;

const slider = make("input", { type: "range", id: "sigma-slider", min: 0, step: STEP });
const value = make("output", { for: slider.id });

function build() {
  const most = configuration().limits.sigma;
  slider.max = most;
  element("SIGMA").replaceChildren(
    make("div", { className: "sigma-head" }, make("label", { for: slider.id }, "Noise sigma (1 = as in training)"), value),
    slider,
    make("div", { className: "sigma-marks", "aria-hidden": "true" },
      ...Array.from({ length: most + 1 }, (_, mark) => make("span", { textContent: mark }))));
}

function show({ sigma }) {
  if (!slider.isConnected) build();
  /* What was typed into a link may lie between two steps of the slider. */
  if (Number(slider.value) !== sigma) slider.value = sigma;
  value.textContent = String(Number(sigma.toFixed(4)));
}

export function start() {
  slider.addEventListener("input", () => (
    store.change({ ...store.present, sigma: Number(slider.value) }, { gesture: "sigma" })));
  on("scenario", ({ before, now }) => { if (before?.sigma !== now.sigma) show(now); });
}
