/* The page that compares networks: what is chosen, and how far its comparison is.
 *
 *     /compare           where networks are chosen
 *     /compare/<what>    the networks that are compared, joined by commas, and ";kick", ";dsa" behind them:
 *                        NAME, NAME!NEURONS:MU:TARGET+..., SERIES@SNAPSHOT
 */

import { address, configuration } from "../core/configuration.mjs";
import { no, set } from "../core/dash.mjs";
import { keepFocus, make } from "../core/elements.mjs";
import { on } from "../core/events.mjs";
import { ask } from "../core/net.mjs";
import { present, say, scheme } from "../core/page.mjs";
import { WatchedPage } from "../core/poll.mjs";
import { go, place, placeBefore } from "../core/router.mjs";
import { silences } from "../core/scenario.mjs";

const { ids } = configuration();
const byId = (id) => document.getElementById(id);
/* Of a long training, so many snapshots are added at once. */
const SOME = 8;
const LEAST = 2;
const MOST = 60;

const isOurs = () => place().page === "compare";
const page = { chosen: [], pair: "r2", cancelled: "", again: false, listed: { networks: [], series: [], count: 0 } };

/* ---- items and addresses ---- */

const number = (x) => String(Number(x.toFixed(4)));

/* The open network with its interventions, as an item. */
export function itemOf({ model, interventions }) {
  const parts = interventions.map((one) => one.neurons.join(".") + (silences(one) ? "" : `:${number(one.mu)}:${one.target}`));
  return parts.length ? `${model}!${parts.join("+")}` : model;
}

export function labelOf(item) {
  const [series, snapshot] = item.split("@");
  if (snapshot) return `${series}, ${snapshot.replace(/-0*(?=\d)/g, " ")}`;
  const [name, done] = item.split("!");
  return done ? `${name}; ${done.split("+").map(words).join("; ")}` : name;
}

function words(part) {
  const [neurons, mu, target] = part.split(":");
  const all = neurons.split(".");
  const some = all.slice(0, 6).join(", ") + (all.length > 6 ? ", …" : "");
  if (mu === undefined) return `${some} silenced`;
  return `${some} at mu ${mu}${target === "unit" ? "" : ` (${target})`}`;
}

/* At most so many, evenly spaced, the first and the last among them. */
export const spread = (all, most) => (all.length <= most ? all
  : Array.from({ length: most }, (_, i) => all[Math.round((i * (all.length - 1)) / (most - 1))]));

/* What an address names. A browser escapes letters beyond ASCII, several bytes each, and a program that passes it on may
 * escape signs; what nobody has escaped so stays as it is. */
export const unescaped = (text) => text.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => {
  const read = new TextDecoder().decode(Uint8Array.from(bytes.slice(1).split("%"), (byte) => parseInt(byte, 16)));
  return read.includes("\uFFFD") ? bytes : read;
});
const opened = () => unescaped(place().item);

function what() {
  const options = [[ids.SIDES_SEARCH, "kick"], [ids.SIDES_DSA, "dsa"]].filter(([id]) => byId(id)?.checked).map(([, name]) => name);
  return [page.chosen.join(","), ...options].join(";");
}

/* ---- what is shown ---- */

const watch = new WatchedPage({
  question: () => (isOurs() && place().item && present() ? { path: address("watch-compare"), body: {
    of: opened(), seed: present().seed, sigma: present().sigma, pair: page.pair, theme: scheme(), wanted: page.cancelled !== opened(),
    again: page.again } } : null),
  unknown: (sentence) => {
    say(sentence);
    set(ids.SIDES_TASK, { hidden: true });
    set(ids.SIDES_RESULTS, { hidden: true });
  },
  shown: () => { page.again = false; },
});

const item = (text, label, title) => {
  const pressed = page.chosen.includes(text);
  const made = make("button", { type: "button", className: "sides-item", title, "aria-pressed": String(pressed) }, label);
  made.addEventListener("click", () => (pressed ? remove([text]) : add([text])));
  return made;
};

function series({ name, steps }) {
  const all = steps.map((step) => `${name}@${step}`);
  const some = spread(all, SOME);
  const more = make("button", { type: "button", className: "sides-item" }, `Add ${some.length} of ${all.length}`);
  more.addEventListener("click", () => add(some));
  const isOpen = byId(`series-${name}`)?.open ?? false;
  return make("details", { id: `series-${name}`, open: isOpen },
    make("summary", {}, `${name}: ${steps.length} snapshots`), more,
    make("div", { className: "sides-steps" }, ...steps.map((step) => item(`${name}@${step}`, step.replace(/^step-0*/, ""), `${name}, ${step}`))));
}

const show = () => keepFocus(document.querySelector(".sides"), fill);

function fill() {
  const { networks, series: trainings, count } = page.listed;
  byId(ids.SIDES_NETWORKS).replaceChildren(
    ...networks.map(({ item: name, label }) => make("li", {}, item(name, label, label))),
    ...(count > networks.length ? [make("li", { className: "note" }, `and ${count - networks.length} more; find them by name`)] : []));
  const now = present() && present().interventions.length ? itemOf(present()) : "";
  byId(ids.SIDES_NOW).replaceChildren(...(now ? [item(now, `Now: ${labelOf(now)}`, "The open network as it is now")] : []));
  byId(ids.SIDES_SERIES).replaceChildren(...(trainings.length ? trainings.map(series) : [make("p", { className: "note" }, "None here.")]));
  byId(ids.SIDES_CHOSEN).replaceChildren(...page.chosen.map((text, i) => {
    const away = make("button", { type: "button", className: "remove", "aria-label": `Leave ${labelOf(text)} out` }, "×");
    away.addEventListener("click", () => remove([text]));
    return make("li", { className: "sides-chip" }, `${i + 1} ${labelOf(text)} `, away);
  }));
  const { length } = page.chosen;
  const bad = length < LEAST || length > MOST;
  byId(ids.SIDES_START).disabled = bad;
  byId(ids.SIDES_COUNT).textContent = bad ? `${length} chosen; ${LEAST} to ${MOST} can be compared` : `${length} chosen`;
}

async function list() {
  const answer = await ask(address("compare-choices"), { text: byId(ids.SIDES_FILTER).value });
  if (!answer || answer.refused) return;
  page.listed = answer;
  show();
}

/* ---- what is done ---- */

function add(items) {
  page.chosen = [...new Set([...page.chosen, ...items])];
  show();
}

function remove(items) {
  page.chosen = page.chosen.filter((one) => !items.includes(one));
  show();
}

function begin() {
  Object.assign(page, { cancelled: "", again: true });
  watch.seen = {};
  if (opened() === what()) watch.ask();
  else go(`/compare/${what()}`);
}

async function cancel() {
  page.cancelled = opened();
  await ask(address("compare-cancel"), { of: opened(), seed: present().seed, sigma: present().sigma });
  watch.ask();
}

function arrived({ before }) {
  if (!isOurs()) {
    watch.rest();
    return;
  }
  const [items, ...options] = opened().split(";");
  if (items) {
    page.chosen = items.split(",");
    if (byId(ids.SIDES_SEARCH)) set(ids.SIDES_SEARCH, { checked: options.includes("kick") });
    if (byId(ids.SIDES_DSA)) set(ids.SIDES_DSA, { checked: options.includes("dsa") });
  }
  set(ids.SIDES_TASK, { hidden: true });
  set(ids.SIDES_RESULTS, { hidden: true });
  watch.seen = {};
  list();
  watch.ask();
  if (before && before.page !== "compare") window.setTimeout(() => document.querySelector(".sides h2[tabindex]").focus(), 0);
}

/* ---- what Dash calls ---- */

let isConnected = false;

export const functions = {
  sidesReady: () => {
    if (isConnected) return no();
    isConnected = true;
    byId(ids.SIDES_FILTER).addEventListener("input", list);
    byId(ids.SIDES_START).addEventListener("click", begin);
    byId(ids.SIDES_CLEAR).addEventListener("click", () => remove(page.chosen));
    byId(ids.SIDES_CANCEL).addEventListener("click", cancel);
    byId(ids.SIDES_PAIR).addEventListener("change", () => {
      page.pair = byId(ids.SIDES_PAIR).value;
      watch.ask();
    });
    on("arrived", arrived);
    on("scheme", () => watch.ask());
    on("scenario", () => { if (isOurs()) watch.ask(); });
    if (isOurs()) arrived({ before: placeBefore() });
    return no();
  },
};
