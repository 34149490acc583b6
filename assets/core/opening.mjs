/* Opening: the link that the page begins with, a link that is come back to, and a network that has only just come to be. */

import { address, configuration, idOf } from "./configuration.mjs";
import { set } from "./dash.mjs";
import { on } from "./events.mjs";
import { fetched } from "./net.mjs";
import { present, say, setDefaults, setKick, store } from "./page.mjs";
import { arrive, chapterOf, go, isInChapter } from "./router.mjs";
import { same, withNetwork } from "./scenario.mjs";

export const bench = () => configuration().chapters.find((chapter) => chapter.id === "bench").path;

/* What a link holds, as the server has read it. */
export function open(read) {
  setDefaults(read.defaults);
  if (read.message) say(read.message);
  if (!read.scenario) return;
  if (read.kick) setKick(read.kick);
  if (present()) {
    /* The address is that of the link, also where it leads to what is open. */
    if (same(read.scenario, present())) store.look({});
    else store.change(read.scenario);
    return;
  }
  window.history.replaceState(null, "", pathOf(read) + window.location.search);
  arrive();
  store.open(read.scenario);
}

/* A link to a scenario without a chapter leads to the bench, or to the chapter of the view that an older link names. */
function pathOf({ view }) {
  const { pathname, search } = window.location;
  if (pathname !== "/" || !new URLSearchParams(search).has("model")) return pathname;
  const chapter = view && chapterOf(view);
  return chapter ? chapter.path : bench();
}

/* A network that was renamed or removed elsewhere: what is open goes on with the network that links begin with. What the
 * page takes back by itself it takes back first. */
const left = new Set();

async function leave(name) {
  if (left.has(name) || !isInChapter()) return;
  left.add(name);
  await new Promise((resolve) => { window.setTimeout(resolve); });
  const read = await fetched(`${address("link")}?model=${encodeURIComponent(name)}`).catch(() => null);
  left.delete(name);
  if (!read?.message) return;
  set(idOf("MODEL"), { data: read.choices });
  const isOpen = present()?.model === name;
  if (isOpen && read.scenario) store.change(withNetwork(present(), read.scenario.model));
  const rest = read.scenario ? `${present().model} ${isOpen ? "is open in its place" : "stays open"}.` : read.message;
  say(`There is no network ${name} any more: it was renamed or removed. ${rest}`);
}

export const startOpening = () => on("gone", leave);

export const readLink = (search) => fetched(`${address("link")}${search}`).then(open, (error) => say(error.message));

/* Open a network, and offer it in the picker, with `choices` where these have changed: one change that can be undone. */
export function openNetwork(name, choices) {
  if (choices) set(idOf("MODEL"), { data: choices });
  if (!present()) {
    window.history.replaceState(null, "", bench());
    readLink(`?model=${name}`);
  } else if (present().model === name) go(bench());
  else store.change(withNetwork(present(), name), { path: bench() });
}
