/* Networks that a lens makes of the open one: chosen with sliders in its card, and opened like an own file. */

import { address } from "../core/configuration.mjs";
import { make } from "../core/elements.mjs";
import { link } from "../core/link.mjs";
import { present, say } from "../core/page.mjs";
import { openFiles } from "./uploads.mjs";

/* Of each kind: its sliders as [name, words, least, most, step, value], and the address of what is chosen. */
const KINDS = {
  halves: {
    sliders: [["alpha", "α, times S", 0, 1.5, 0.05, 1], ["beta", "β, times K", 0, 1.5, 0.05, 1]],
    path: ({ alpha, beta }) => address("made-halves").replace("<alpha>", alpha).replace("<beta>", beta),
  },
  rank: {
    sliders: [["rank", "rank", 1, 40, 1, 3]],
    choices: ["truncation", "truncation", [["weighted", "activity-weighted"], ["svd", "plain (SVD)"]]],
    path: ({ truncation, rank }) => address("made-rank").replace("<truncation>", truncation).replace("<int:rank>", rank),
  },
};

function slider([name, words, min, max, step, value]) {
  const shown = make("output", { textContent: String(value) });
  const input = make("input", { type: "range", name, min, max, step, value, "aria-label": words });
  input.addEventListener("input", () => { shown.textContent = input.value; });
  return make("label", {}, `${words} `, input, shown);
}

function chooser([name, words, options]) {
  const parts = options.map(([value, text]) => make("option", { value, textContent: text }));
  return make("label", {}, `${words} `, make("select", { name, "aria-label": words }, ...parts));
}

function fill(place) {
  const kind = KINDS[place.dataset.make];
  const open = make("button", { type: "button", className: "page-button", textContent: "Open as a network",
    title: "Open the network with these weights, as it is now" });
  const fields = [...kind.sliders.map(slider), ...(kind.choices ? [chooser(kind.choices)] : [])];
  place.replaceChildren(...fields, open);
  open.addEventListener("click", async () => {
    const chosen = Object.fromEntries([...place.querySelectorAll("[name]")].map(({ name, value }) => [name, value]));
    open.disabled = true;
    try {
      await fetchAndOpen(`${kind.path(chosen)}${link(present())}`);
    } finally {
      open.disabled = false;
    }
  });
}

async function fetchAndOpen(url) {
  const answer = await window.fetch(url).catch(() => null);
  if (!answer || !answer.ok) {
    say("The network was not made: the server is busy or away. Nothing has changed; try again.");
    return;
  }
  const sent = answer.headers.get("Content-Disposition");
  if (!sent) {
    say((await answer.json()).refused);
    return;
  }
  openFiles([new window.File([await answer.blob()], /filename="(.*)"/.exec(sent)[1])]);
}

export function start() {
  document.querySelectorAll("[data-make]").forEach(fill);
}
