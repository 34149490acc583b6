/* A page without a browser, as far as its modules need one: Dash, the address, the storage, the clock and the server. */

import { registerHooks } from "node:module";

import { numbers } from "./numbers.mjs";

const ASSETS = new URL("../../assets/", import.meta.url).href;

/* Each page has modules of its own: what one remembers, another does not. */
let pages = 0;
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const page = context.parentURL && new URL(context.parentURL).searchParams.get("page");
    return page && found.url.startsWith(ASSETS) ? { ...found, url: `${found.url}?page=${page}` } : found;
  },
});

/* An element, or a list of its classes, on which anything may be done and nothing happens. */
export const element = () => new Proxy(function anything() {}, {
  get: (target, name) => (name in target ? target[name] : name === Symbol.toPrimitive ? () => "" : element()),
  set: (target, name, value) => { target[name] = value; return true; },
  apply: () => element(),
});

class Storage {
  constructor() { this.kept = {}; }
  getItem(key) { return this.kept[key] ?? null; }
  setItem(key, value) { this.kept[key] = value; }
  removeItem(key) { delete this.kept[key]; }
}

/* Let everything happen that waits for nothing but its turn. */
export const turns = async () => { for (let i = 0; i < 20; i++) await Promise.resolve(); };

/* The page with some of its modules, by their paths in assets. `session`: what an earlier visit has kept; `path`: where it
 * is. `now` is its clock in milliseconds; `wait` lets it go on and does what is due; `asked` are the questions to the
 * server, each with its path, its body, and `answer`, by which it is answered. `cards` are its elements by their ids, and
 * `fire` lets an event of the document happen. */
export async function open(names, { session = new Storage(), path = "/bench", search = "" } = {}) {
  const [cards, heard] = [{}, []];
  const page = { now: 0, props: {}, session, visited: [], timers: [], asked: [], cards };
  page.fire = (name, event) => heard.filter((one) => one.name === name).forEach(({ act }) => act(event));
  page.wait = async (ms) => {
    page.now += ms;
    page.timers.filter(({ at }) => at <= page.now).forEach((timer) => {
      page.timers = page.timers.filter((other) => other !== timer);
      timer.work();
    });
    await turns();
  };
  const location = { pathname: path, search };
  const go = (url) => {
    const { pathname, search: query } = new URL(url, "http://localhost");
    Object.assign(location, { pathname, search: query });
  };
  const document = {
    documentElement: { dataset: { page: "bench" } }, body: { dataset: {} }, hidden: false,
    addEventListener: (name, act) => heard.push({ name, act }), createElement: () => element(),
    querySelectorAll: () => [], querySelector: () => null,
    getElementById: (id) => {
      if (id === "answers") return null;
      if (id === "configuration") return { textContent: JSON.stringify(numbers(id)) };
      cards[id] ??= element();
      return cards[id];
    },
  };
  const window = {
    document, location, sessionStorage: session, localStorage: new Storage(),
    history: {
      pushState: (_state, _title, url) => { page.visited.push(url); go(url); },
      replaceState: (_state, _title, url) => { page.visited.splice(-1, 1, url); go(url); },
    },
    dash_clientside: {
      no_update: Symbol("no update"), callback_context: { triggered: [] }, hmmrnn: {},
      set_props: (id, props) => { page.props[id] = { ...page.props[id], ...props }; },
    },
    addEventListener() {}, dispatchEvent() {},
    setTimeout: (work, ms = 0) => {
      const timer = { work, at: page.now + ms };
      page.timers.push(timer);
      return timer;
    },
    clearTimeout: (timer) => { page.timers = page.timers.filter((other) => other !== timer); },
    fetch: (url, { body } = {}) => new Promise((resolve, reject) => {
      page.asked.push({
        path: url, body: JSON.parse(body ?? "null"),
        answer: async (found) => {
          resolve({ status: 200, ok: true, headers: { get: () => "application/json" }, json: async () => found });
          await turns();
        },
        lose: async () => {
          reject(new DOMException("it took too long", "TimeoutError"));
          await turns();
        },
      });
    }),
    matchMedia: () => ({ matches: false }),
  };
  pages += 1;
  Object.assign(globalThis, { window, document });
  Date.now = () => page.now;
  const modules = await Promise.all(names.map((name) => import(`${ASSETS}${name}.mjs?page=${pages}`)));
  return { page, window, ...Object.assign({}, ...modules) };
}
