/* Which chapter or page is open: the path says it, and the link behind it the scenario.
 *
 *     /  /emulation  ...  /bench     the chapters
 *     /train  /train/<id>  /sweep  /sweep/<name>     trainings and sweeps
 *     /data  /data/<table and what is chosen>        own data
 *     /compare  /compare/<networks>                  networks side by side
 */

import { configuration } from "./configuration.mjs";
import { emit, on } from "./events.mjs";
import { link } from "./link.mjs";
import { say, store } from "./page.mjs";

const root = document.documentElement;
const OTHER = { train: ["form", "job"], sweep: ["sweeps", "sweep"], data: ["data", "data"], compare: ["compare", "compare"] };
const TITLES = { form: "new training", job: "training", sweeps: "sweeps", sweep: "sweep", data: "own data", compare: "networks side by side" };

const state = { place: null, before: null };

/* {page, item, chapter}: `item` is the training, sweep or table that is open, `chapter` null on the pages of these. */
export function placeOf(path) {
  const { chapters } = configuration();
  const [first, item = ""] = path.split("/").slice(1);
  if (OTHER[first]) return { page: OTHER[first][item ? 1 : 0], item, chapter: null };
  const chapter = chapters.find((one) => one.path === `/${first}`) || chapters[0];
  return { page: chapter.id, item: "", chapter };
}

export const place = () => state.place;
/* What was open before; null on the first page. */
export const placeBefore = () => state.before;
export const isInChapter = () => Boolean(state.place && state.place.chapter);

/* The first chapter that shows a view. */
export const chapterOf = (view) => configuration().chapters.find((chapter) => chapter.views.includes(view));

export function go(path, { replace = false } = {}) {
  if (path !== window.location.pathname) write(replace, path);
}

/* What a chapter shows: of its views the enlarged one alone, if there is one. */
export function shownViews() {
  if (!isInChapter()) return [];
  const { views } = state.place.chapter;
  const large = store.present && store.present.large;
  return large && views.includes(large) ? [large] : views;
}

function write(replace, path = window.location.pathname) {
  const url = path + (store.present ? link(store.present) : window.location.search);
  window.history[replace ? "replaceState" : "pushState"]({ scenario: store.present }, "", url);
  arrive();
}

export function arrive() {
  const before = state.place;
  const now = placeOf(window.location.pathname);
  if (before && before.page === now.page && before.item === now.item) return;
  Object.assign(state, { place: now, before });
  root.dataset.page = now.page;
  root.dataset.chapter = now.chapter ? "" : "none";
  const name = now.chapter ? now.chapter.title : TITLES[now.page];
  document.title = `hmmrnn: ${name}`;
  emit("arrived", { before, now });
}

/* openLink: (search) => void, reads a link that holds no scenario that this page knows. */
export function startRouter(openLink) {
  let isOwed = false;
  on("scenario", ({ replaceAddress = false, keepAddress = false, path }) => {
    /* Browsers let a page write its address some times a second; a drag has more steps. */
    isOwed = store.held && replaceAddress && !path;
    if (isOwed) return;
    if (!keepAddress) write(replaceAddress, path);
    else arrive();
  });
  on("released", () => {
    if (isOwed) write(true);
    isOwed = false;
  });
  window.addEventListener("popstate", ({ state: kept }) => {
    arrive();
    if (!kept || !kept.scenario) {
      openLink(window.location.search || "?");
      return;
    }
    const scenario = store.named(kept.scenario);
    const isRenamed = scenario !== kept.scenario;
    if (JSON.stringify(scenario) !== JSON.stringify(store.present)) store.arrive(kept.scenario);
    else if (isRenamed) write(true);
    if (isRenamed) say(`${kept.scenario.model} is called ${scenario.model} now.`);
  });
  /* Links between the pages of this one are followed without leaving it, unless they are to open in another tab. */
  document.addEventListener("click", (event) => {
    const anchor = event.target.closest("a.page-link");
    if (!anchor || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(anchor.getAttribute("href"));
  });
}
