/* The live view on the dashboard: it follows the scenario, has a size, and can be saved.
 *
 * What runs and draws is in live/, modules that know nothing of this page.
 */
import { on } from "../core/events.mjs";
import { address, element, idOf } from "../core/configuration.mjs";
import { download } from "../core/elements.mjs";
import { fetched } from "../core/net.mjs";
import { kickGroups, present, say, scheme } from "../core/page.mjs";
import { isInChapter } from "../core/router.mjs";

const part = (name) => new URL(`${name}.mjs`, import.meta.url);
const [VIEW, WORKER] = ["view", "worker"].map(part);
const NARROW = 1300;
const KEPT = "hmmrnn-live";
/* Of what the scenario says, this is what the live view goes by. */
const followed = ({ seed, sigma, interventions, start }) => ({ seed, sigma, interventions, start });

const root = document.documentElement;

const live = { view: null, of: null, turn: 0, wanted: window.localStorage.getItem(KEPT), large: false };

/* ---- size ---- */

function mode() {
  const open = live.wanted ? live.wanted === "open" : window.innerWidth >= NARROW;
  if (!open) return "closed";
  return live.large || window.innerWidth < NARROW ? "large" : "beside";
}

const isShown = () => mode() !== "closed" && isInChapter();

function arrange() {
  const next = mode();
  const other = root.dataset.live !== next;
  if (other) {
    root.dataset.live = next;
    /* Plotly looks at its room when the window changes. */
    window.dispatchEvent(new Event("resize"));
  }
  const size = element("LIVE_SIZE");
  if (size) {
    size.textContent = next === "large" ? "Smaller" : "Larger";
    size.hidden = window.innerWidth < NARROW;
  }
  if (live.view) live.view.setShown(isShown());
  if (other) follow();
}

function want(wanted) {
  live.wanted = wanted;
  live.large = false;
  window.localStorage.setItem(KEPT, wanted);
  arrange();
}

/* ---- what is shown ---- */

/* The network and the plane, without what changes with every click: this is fetched once. */
function link({ model, pair, input, sequence }) {
  const rest = { pair: pair?.join("-"), input: input?.join(","), sequence };
  return `?${new URLSearchParams(Object.entries({ model, ...rest }).filter(([, value]) => value))}`;
}

async function makeView() {
  const { LiveView } = await import(VIEW.href);
  if (live.view) return;
  live.view = new LiveView(element("LIVE"), { startWorker: () => new Worker(WORKER, { type: "module" }), scheme: scheme() });
  window.hmmrnnLive = live.view;
}

async function open(scenario) {
  const query = link(scenario);
  live.of = query;
  live.turn += 1;
  if (live.view) live.view.wait();
  const turn = live.turn;
  const isStill = () => turn === live.turn;
  try {
    const [network] = await Promise.all([fetched(`${address("live")}${query}`, "json"), makeView()]);
    if (!isStill()) return;
    if (network.refused) {
      live.view.refuse(`This network cannot be shown live: ${network.refused}`);
      return;
    }
    live.view.open(network, followed(present()), groups());
    live.view.setShown(isShown());
    /* A network that diverges has no regions; its ground stays blank. */
    const backdrop = await fetched(`${address("live-backdrop")}${query}`, "json");
    if (isStill()) live.view.setBackdrop(backdrop);
  } catch (error) {
    if (!isStill()) return;
    /* Asked again with the next change. */
    live.of = null;
    if (live.view) live.view.say(`The live view did not get what it needs: ${error.message}`);
  }
}

const groups = () => (kickGroups() ? kickGroups().groups : null);

function follow() {
  const scenario = present();
  if (!scenario || mode() === "closed") return;
  if (link(scenario) !== live.of) open(scenario);
  else if (live.view && live.view.network) live.view.change(followed(scenario));
}

/* ---- saving ---- */

async function save() {
  const button = element("LIVE_SAVE");
  button.disabled = true;
  try {
    const { model } = present();
    download(`hmmrnn-live-${model}.html`, await fetched(`${address("live-page")}${window.location.search}`, "blob"));
  } catch (error) {
    say(`The live page could not be written: ${error.message}`);
  }
  button.disabled = false;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(
    ["LIVE_OPEN", "LIVE_CLOSE", "LIVE_SIZE", "LIVE_SAVE"].map((name) => `#${idOf(name)}`).join(", "));
  if (!button) return;
  if (button.id === idOf("LIVE_OPEN")) want("open");
  if (button.id === idOf("LIVE_CLOSE")) want("closed");
  if (button.id === idOf("LIVE_SAVE")) save();
  if (button.id === idOf("LIVE_SIZE")) {
    live.large = !live.large;
    arrange();
  }
});

export function start() {
  root.dataset.live = mode();
  on("scenario", follow);
  on("kick", () => {
    if (live.view && live.view.network && groups()) live.view.setGroups(groups());
  });
  on("arrived", arrange);
  window.addEventListener("resize", (event) => { if (event.isTrusted) arrange(); });
  on("scheme", () => { if (live.view) live.view.setScheme(scheme()); });
  arrange();
  follow();
}
