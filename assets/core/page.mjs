/* The page's store, and what the other modules ask of the page as a whole. */

import { configuration, idOf } from "./configuration.mjs";
import { set } from "./dash.mjs";
import { emit, on } from "./events.mjs";
import { drawnKey } from "./link.mjs";
import { entering, same } from "./scenario.mjs";
import { Store } from "./store.mjs";

export const store = new Store({
  storage: window.sessionStorage, tell: (change) => emit("scenario", change), refuse: (words) => say(words),
  longest: () => configuration().limits.link,
});

const known = { kick: null, defaults: null };

export const present = () => store.present;
export const defaults = () => known.defaults;
export const setDefaults = (scenario) => { known.defaults = scenario; };

/* The kick groups of the open network; null while they are not known. */
export const kickGroups = () => (known.kick && store.present && isOf(known.kick, store.present) ? known.kick : null);

const isOf = (kick, scenario) => kick.model === scenario.model && same(entering(kick), entering(scenario));

export function setKick(kick) {
  known.kick = kick;
  emit("kick");
}

export const scheme = () => document.documentElement.dataset.scheme || "light";

export const presentKey = () => drawnKey(store.present);

/* A sentence in the notice above the page; none hides it. */
export function say(text) {
  if (text) set(idOf("NOTICE_TEXT"), { children: text });
  set(idOf("NOTICE"), { hidden: !text });
}

/* Why a question was refused. Of a network that is gone the page says more once it has seen what to do. */
export const sayRefusal = ({ refused, gone }) => { if (!gone) say(refused); };

export const viewsOf = (kind) => configuration().views.filter((view) => view.kind === kind).map((view) => view.id);

/* Act now if a network is open, and whenever the scenario changes. */
export function follow(act) {
  on("scenario", act);
  if (store.present) act({ before: null, now: store.present });
}
