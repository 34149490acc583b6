/* The pages of trainings, sweeps, own data and comparisons, which lie over the views: laid out when they are first opened. */

import { address, element, idOf } from "./configuration.mjs";
import { set } from "./dash.mjs";
import { on } from "./events.mjs";
import { fetched } from "./net.mjs";
import { say } from "./page.mjs";
import { place } from "./router.mjs";

const PLACES = { form: "TRAIN_PAGES", job: "TRAIN_PAGES", sweeps: "SWEEP_PAGES", sweep: "SWEEP_PAGES", data: "DATA_PAGES",
  compare: "COMPARE_PAGES" };
const asked = new Set();

async function layOut() {
  const name = PLACES[place().page];
  if (!name || asked.has(name) || !element(name) || element(name).hasChildNodes()) return;
  asked.add(name);
  try {
    for (const [id, props] of await fetched(address(idOf(name)))) await set(id, props);
  } catch (error) {
    asked.delete(name);
    say(error.message);
  }
}

export function startOver() {
  on("arrived", layOut);
  on("back", layOut);
}
