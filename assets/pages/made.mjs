/* Networks that a lens makes of the open one: chosen in its card, and opened like an own file. */

import { address } from "../core/configuration.mjs";
import { make } from "../core/elements.mjs";
import { link } from "../core/link.mjs";
import { present, say } from "../core/page.mjs";
import { openFiles } from "./uploads.mjs";

/* Of each kind: its sliders as [name, words, least, most, step, value], its choice as [name, words, options], the address of
 * what is chosen, and what its button says. The options of a choice without any are the students that the card names. */
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
  sparse: {
    choices: ["student", "student given"],
    path: ({ student }) => address("made-student").replace("<student>", student),
    title: "Open the student that was given so much, as a network of its own",
  },
  recovered: {
    path: () => address("made-recovered"),
    words: "Judge the network by this HMM",
    title: "Open the network, as it is now, with the recovered HMM as its target",
  },
};

function slider([name, words, min, max, step, value]) {
  const shown = make("output", { textContent: String(value) });
  const input = make("input", { type: "range", name, min, max, step, value, "aria-label": words });
  input.addEventListener("input", () => { shown.textContent = input.value; });
  return make("label", {}, `${words} `, input, shown);
}

function chooser([name, words, options], place) {
  const offered = options ?? JSON.parse(place.dataset.students);
  const parts = offered.map(([value, text]) => make("option", { value, textContent: text }));
  return make("label", {}, `${words} `, make("select", { name, "aria-label": words }, ...parts));
}

function fill(place) {
  const kind = KINDS[place.dataset.make];
  const { words = "Open as a network", title = "Open the network with these weights, as it is now" } = kind;
  const open = make("button", { type: "button", className: "page-button", textContent: words, title });
  const fields = [...(kind.sliders ?? []).map(slider), ...(kind.choices ? [chooser(kind.choices, place)] : [])];
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
