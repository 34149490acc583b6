/* Opening: the link that the page begins with, a link that is come back to, and a network that has only just come to be. */

import { address, configuration, idOf } from "./configuration.mjs";
import { set } from "./dash.mjs";
import { fetched } from "./net.mjs";
import { present, say, setDefaults, setKick, store } from "./page.mjs";
import { arrive, chapterOf, go } from "./router.mjs";
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
