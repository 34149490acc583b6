/* The pages of sweeps: which of them is open, and the requests for how a sweep goes.
 *
 *     /sweep         the list                 /sweep/<name>    a sweep
 */

import { address, configuration } from "../core/configuration.mjs";
import { on } from "../core/events.mjs";
import { say, scheme } from "../core/page.mjs";
import { WatchedPage } from "../core/poll.mjs";
import { go, place, placeBefore } from "../core/router.mjs";

const { ids } = configuration();
const byId = (id) => document.getElementById(id);
const shown = { measure: null, across: null };

const isOurs = () => ["sweeps", "sweep"].includes(place().page);

const watch = new WatchedPage({
  question: () => (shown.measure && isOurs() ? {
    path: address("watch-sweep"), body: { sweep: place().item, theme: scheme(), ...shown } } : null),
  unknown: (sentence) => {
    say(sentence);
    go("/sweep", { replace: true });
  },
  shown: () => byId(ids.SWEEP).classList.remove("arriving"),
});

function arrived({ before }) {
  if (!isOurs() || !shown.measure) {
    watch.rest();
    return;
  }
  byId(ids.SWEEP).classList.add("arriving");
  watch.ask();
  const part = place().page === "sweep" ? "page" : "start";
  if (before) window.setTimeout(() => document.querySelector(`.sweep-${part} h2`).focus(), 0);
}

/* ---- the links of the table (core/table.mjs) ---- */

/* A network is opened without leaving the page, unless it is to be opened in another tab. */
document.addEventListener("click", (event) => {
  const of = event.target.closest("a[data-training]");
  if (!of || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  import("./training.mjs").then(({ command }) => command("explore", of.dataset.training));
});

/* ---- what Dash calls ---- */

let isConnected = false;

export const functions = {
  sweepShown: (measure, across) => {
    Object.assign(shown, { measure, across });
    if (isConnected) {
      if (isOurs()) watch.ask();
    } else {
      on("arrived", arrived);
      on("scheme", () => watch.ask());
      arrived({ before: placeBefore() });
    }
    isConnected = true;
    return { ...shown };
  },
};
