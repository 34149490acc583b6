/* How a file is read that could be read in several ways: its tensors, a proposal to change, and what the network does then. */

import { make } from "../core/elements.mjs";

const CELLS = ["relu", "tanh", "linear", "gru", "lstm"];
const LEAKS = ["rate", "total", "current"];
const ROLES = ["W_hh", "W_ih", "W_out", "b_ih", "b_hh", "b_out", "W_skip", "h0"];
/* While something is typed, nothing is run. */
const TYPED_MS = 500;
const [WIDTH, HEIGHT] = [480, 110];
const SVG = "http://www.w3.org/2000/svg";

/* Resolves to a mapping, or to null. preview: (mapping) => {preview} or {sentence}, in time. */
export function askMapping(name, asked, preview) {
  const { proposal } = asked;
  const field = (key, control) => make("label", { className: "mapping-field" }, make("span", { textContent: key }), control);
  const text = (key) => make("input", { name: key, value: proposal[key] ?? "", autocomplete: "off", spellcheck: false });
  const choice = (key, values) => make("select", { name: key },
    ...values.map((value) => make("option", { value, textContent: value, selected: value === proposal[key] })));
  const fields = [
    ...ROLES.map((key) => field(key, text(key))), field("cell", choice("cell", CELLS)),
    field("alpha = dt / tau", text("alpha")), field("leak", choice("leak", LEAKS)),
  ];
  const tensors = Object.entries(asked.shapes).map(([key, shape]) => make("li", { textContent: `${key} (${shape.join(", ")})` }));
  const picture = make("figure", { className: "mapping-preview", role: "status" });
  const form = make("form", { method: "dialog", className: "mapping-form" },
    make("h2", { textContent: `How is ${name} read?` }),
    make("p", { textContent: `It could be read in several ways: ${asked.what}. What follows is a proposal.` }),
    make("ul", { className: "mapping-tensors", "aria-label": "Tensors of the file" }, ...tensors),
    make("div", { className: "mapping-fields" }, ...fields),
    make("p", { className: "note", textContent: "A tensor by its name; .T turns it; * + @ / between spaces combine tensors. Empty: none." }),
    picture,
    make("div", { className: "mapping-buttons" }, make("button", { value: "open", textContent: "Open" }),
      make("button", { value: "cancel", formNoValidate: true, textContent: "Cancel" })));
  const dialog = make("dialog", { id: "file-mapping", "aria-label": `How ${name} is read` }, form);
  document.body.append(dialog);
  dialog.showModal();
  const given = () => Object.fromEntries(
    [...new window.FormData(form)].map(([key, value]) => [key, String(value).trim()]).filter(([, value]) => value));
  const stop = followForm(form, () => show(picture, given(), preview));
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      stop();
      const mapping = given();
      dialog.remove();
      resolve(dialog.returnValue === "open" ? mapping : null);
    });
  });
}

/* Act at once, and a moment after each change; returns what ends it. */
function followForm(form, act) {
  let timer = 0;
  form.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(act, TYPED_MS);
  });
  act();
  return () => window.clearTimeout(timer);
}

/* ---- the preview ---- */

/* Which preview was last asked for. */
let turn = 0;

async function show(picture, mapping, preview) {
  turn += 1;
  const own = turn;
  picture.classList.add("stale");
  const found = await preview(mapping);
  if (own !== turn) return;
  picture.classList.remove("stale");
  if (found.preview) picture.replaceChildren(draw(found.preview), make("figcaption", { textContent: describe(found.preview) }));
  else picture.replaceChildren(make("figcaption", { textContent: found.sentence }));
}

/* What a preview says. Activity of a trained network is rarely above a hundred. */
export function describe({ cell, neurons, largest, grows }) {
  const size = Number(largest.toPrecision(2));
  const wrong = grows || size > 1000 ? " That is far more than a trained network has: another activation or alpha may be right." : "";
  return `As ${cell}, from zero under noise of sigma 1: largest activity ${size} within 100 steps${grows ? ", and growing" : ""}; `
    + `neurons ${neurons.join(", ")} are drawn.${wrong}`;
}

function draw({ activity }) {
  const seen = activity.flat().filter((value) => value !== null);
  const most = Math.max(...seen.map(Math.abs), Number.MIN_VALUE);
  const x = (t) => (t * WIDTH) / Math.max(1, activity[0].length - 1);
  const y = (value) => (HEIGHT / 2) * (1 - (0.95 * value) / most);
  const lines = activity.map((values) => values.map((value, t) => (value === null ? null : `${x(t).toFixed(1)},${y(value).toFixed(1)}`)).filter(Boolean));
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(...[[`0,${HEIGHT / 2}`, `${WIDTH},${HEIGHT / 2}`], ...lines].map((points) => {
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", points.join(" "));
    return line;
  }));
  return svg;
}
