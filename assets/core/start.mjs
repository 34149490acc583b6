/* The beginning of the page: every part is connected before Dash draws anything. */

import { configuration, idOf } from "./configuration.mjs";
import { fieldFunctions, startControls } from "./controls.mjs";
import { answerDash, loadScript, no, provide, provideLazily } from "./dash.mjs";
import { emit, on } from "./events.mjs";
import { startKeys } from "./keys.mjs";
import { startSearch } from "./kick-groups.mjs";
import { link } from "./link.mjs";
import { watchRequests } from "./net.mjs";
import { open, readLink, startOpening } from "./opening.mjs";
import { startOver } from "./over.mjs";
import { defaults, kickGroups, present, say, store } from "./page.mjs";
import { startPlotly, wrapPlotly } from "./plotly.mjs";
import { isSettled, startRequests, turn } from "./requests.mjs";
import { arrive, go, startRouter } from "./router.mjs";
import { tableFunctions, startTable } from "./table.mjs";
import { startTasks } from "./tasks.mjs";
import { startToolbars } from "./toolbar.mjs";
import { start as startLinking } from "../linking/linking.mjs";
import { showSignedOut } from "../panels/signed-out.mjs";
import { start as startBadge } from "../panels/badge.mjs";
import { start as startChapters } from "../panels/chapters.mjs";
import { start as startNoise } from "../panels/noise.mjs";
import { start as startNow } from "../panels/now.mjs";
import { start as startSilence } from "../panels/silence.mjs";
import { start as startSteady } from "../panels/steady.mjs";

/* The parts that the first picture can do without: loaded when the page has nothing else to do, or has waited so long. */
const PARTS_MS = 1500;
const PARTS = [
  "live/panel", "panels/history", "panels/compare", "panels/takeaway", "panels/guide", "panels/networks", "panels/inputs", "pages/uploads",
  "pages/made",
];
const TRAINING = [
  "trainingReady", "form_family", "form_states", "form_outputs", "form_neurons", "form_inputs", "form_recipe", "form_seed",
  "form_steps", "normalise", "command_train", "command_cancel", "command_resume", "command_explore",
];

const root = document.documentElement;
let isWhole = false;

/* ---- what Dash calls ---- */

const functions = {
  /* The page has been laid out. */
  pageLoad: () => {
    startLinking();
    startChapters();
    startSteady();
    const first = document.getElementById("first");
    if (first) open(JSON.parse(first.textContent));
    else readLink(window.location.search || "?");
    whenIdle(async () => {
      await Promise.all(PARTS.map(async (name) => (await import(`../${name}.mjs`)).start()));
      isWhole = true;
    });
    return no();
  },

  newNoise: (clicks) => {
    if (clicks) store.change({ ...present(), seed: (present().seed + 1) % (configuration().limits.seed + 1) });
    return no();
  },
  undo: (clicks) => {
    if (clicks) store.jump(-1);
    return no();
  },
  redo: (clicks) => {
    if (clicks) store.jump(1);
    return no();
  },
  reset: (clicks) => {
    if (clicks) store.change({ ...defaults(), model: present().model, large: present().large });
    return no();
  },
  dismiss: (clicks) => (clicks ? true : no()),

  colourScheme: (clicks, name) => {
    const next = clicks ? (name === "dark" ? "light" : "dark") : preferredScheme();
    if (clicks) window.localStorage.setItem("hmmrnn-scheme", next);
    /* So that the next page brings its figures in these colours. */
    document.cookie = `hmmrnn-scheme=${next}; path=/; max-age=31536000; samesite=lax`;
    document.body.dataset.agThemeMode = next;
    root.dataset.scheme = next;
    emit("scheme");
    return [next, next, next === "dark" ? "Light" : "Dark"];
  },
};

/* Not every browser says when it is idle. */
const whenIdle = (act) => (window.requestIdleCallback
  ? window.requestIdleCallback(act, { timeout: PARTS_MS }) : window.setTimeout(act, PARTS_MS));

const preferredScheme = () => window.localStorage.getItem("hmmrnn-scheme")
  || (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

/* ---- what is held and dragged ---- */

function watchPointer() {
  window.addEventListener("pointerdown", (event) => {
    store.hold(true);
    turn(Boolean(event.target.closest?.(`#${idOf("STATE_SPACE")}`)));
  }, true);
  ["pointerup", "pointercancel"].forEach((name) => window.addEventListener(name, () => {
    store.hold(false);
    turn(false);
    emit("released");
  }, true));
}

root.dataset.scheme = preferredScheme();
provide({ ...functions, ...fieldFunctions(), ...tableFunctions });
answerDash();
provideLazily(TRAINING, () => import("../pages/training.mjs"));
provideLazily(["dataReady"], () => import("../pages/data.mjs"));
provideLazily(["sidesReady"], () => import("../pages/sides.mjs"));
provideLazily(["sweepShown"], () => import("../pages/sweeps.mjs"));
/* For scripts that try the page from outside. */
provide({ store, on, go, link, kickGroups, isSettled: () => isWhole && isSettled() });
watchRequests({ tell: say, ended: showSignedOut });
startPlotly();
/* The first to hear of a change: the worker computes while the others follow it. */
startRequests();
startToolbars();
startControls();
startOver();
startRouter(readLink);
startOpening();
startBadge();
startNoise();
startNow();
startSilence();
startTable();
startTasks();
startSearch();
startKeys();
watchPointer();
arrive();
/* Dash waits for this module, and its figures for Plotly. */
await loadScript(configuration().scripts.plotly);
wrapPlotly();
