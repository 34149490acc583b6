/* The search for kick neurons of the open network: how far it is, until it has ended. */

import { address } from "./configuration.mjs";
import { on } from "./events.mjs";
import { ask } from "./net.mjs";
import { kickGroups, present, setKick } from "./page.mjs";
import { entering } from "./scenario.mjs";

const POLL_MS = 700;

const state = { of: null, key: "", turn: 0, words: "" };

export const searchWords = () => state.words;

const questionOf = (scenario) => ({ model: scenario.model, ...entering(scenario) });

function show(words) {
  state.words = words;
  document.querySelectorAll("[data-search]").forEach((place) => { place.textContent = words; });
}

async function search() {
  const question = questionOf(present());
  const of = JSON.stringify(question);
  if (kickGroups() || state.of === of) return;
  const leave = state.key ? [state.key] : [];
  Object.assign(state, { of, key: "", turn: state.turn + 1, words: "Searching for kick neurons…" });
  const { turn } = state;
  const isStill = () => turn === state.turn && JSON.stringify(questionOf(present())) === of;
  let answer = await ask(address("kick-groups"), { ...question, leave });
  while (answer && !answer.found && !answer.refused && isStill()) {
    state.key = answer.key;
    show(answer.words);
    await new Promise((resolve) => { window.setTimeout(resolve, POLL_MS); });
    if (isStill()) answer = await ask(address("kick-groups"), { ...question, leave: [] });
  }
  if (!isStill()) return;
  /* Without an answer it is asked again when the scenario next rests; so it is where the answer is refused. */
  state.of = null;
  state.key = "";
  if (answer?.refused) show(answer.refused);
  if (answer && answer.found) setKick(answer.found);
}

export function startSearch() {
  on("settled", search);
  on("back", () => { state.of = null; });
}
