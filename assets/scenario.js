/* The scenario of this page: its changes, its history, its address.
 *
 * Every control only says what it wants ("toggle neuron 13"). This script alone changes the scenario, keeps what was
 * before and after it, writes the address bar, and hands the newest scenario to the server: one question at a time,
 * so that however fast the hand is, answers come in order and the last one is of the last state.
 */
(function () {
  "use strict";

  const HISTORY_KEY = "hmmrnn-history";
  const HISTORY_LENGTH = 200;
  const SETTLE_MS = 250;
  const GESTURE_MS = 1000;
  const KNOCK_MS = 1000;
  const ECHO_MS = 1000;
  const MAX_MU = 2;
  const FIELDS = ["model", "sigma", "seed", "steps", "trajectories", "colour", "neuron"];
  const TABS = ["neuron-table", "activity", "spectrum", "fidelity", "about"];

  const no = () => window.dash_clientside.no_update;
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  const page = {
    present: null, past: [], future: [],
    gesture: null, gestureAt: 0, held: false,
    asking: false, askAgain: false, owed: false, settleTimer: null,
    kick: null, defaults: null, lost: false, searched: null, tab: null, listIsOld: false, good: null,
  };

  /* ---- changes: (scenario, ...) -> scenario -------------------------------------------------------------------- */

  const single = (neuron) => ({ neurons: [neuron], mu: 0, target: "unit" });
  const silences = (item) => item.target === "unit" && item.mu === 0;
  const silenced = (scenario) =>
    new Set(scenario.interventions.filter(silences).flatMap((item) => item.neurons));

  function without(scenario, neuron) {
    const rest = scenario.interventions
      .map((item) => (item.neurons.includes(neuron)
        ? { ...item, neurons: item.neurons.filter((i) => i !== neuron) } : item))
      .filter((item) => item.neurons.length);
    return { ...scenario, interventions: rest };
  }

  function toggled(scenario, neuron) {
    const touched = scenario.interventions.some((item) => item.neurons.includes(neuron));
    if (touched) return without(scenario, neuron);
    return { ...scenario, interventions: [...scenario.interventions, single(neuron)] };
  }

  function withSilenced(scenario, neuron, wanted) {
    return silenced(scenario).has(neuron) === wanted ? scenario
      : wanted ? { ...scenario, interventions: [...without(scenario, neuron).interventions, single(neuron)] }
        : without(scenario, neuron);
  }

  function withGroup(scenario, neurons, target) {
    const key = JSON.stringify([...neurons].sort((a, b) => a - b));
    const equal = (item) => JSON.stringify([...item.neurons].sort((a, b) => a - b)) === key && item.target === target;
    const rest = scenario.interventions.filter((item) => !equal(item));
    if (rest.length < scenario.interventions.length) return { ...scenario, interventions: rest };
    return { ...scenario, interventions: [...rest, { neurons: [...neurons], mu: 0, target }] };
  }

  function withEntry(scenario, index, change) {
    const items = scenario.interventions.map((item, i) => (i === index ? { ...item, ...change } : item));
    return { ...scenario, interventions: items };
  }

  const withNetwork = (scenario, name) => ({ ...scenario, model: name, interventions: [], neuron: 0 });

  function randomGroup(scenario) {
    const sizes = page.kick.groups.map((group) => group.neurons.length);
    const pool = [...page.kick.others];
    /* As the button says: as large as the largest group, or 3 where there is none. */
    const size = Math.min(Math.max(...sizes, 0) || 3, pool.length);
    for (let i = 0; i < size; i++) {
      const j = i + Math.floor(Math.random() * (pool.length - i));
      [pool[i], pool[j]] = [pool[j], pool[i]];
    }
    return withGroup(scenario, pool.slice(0, size).sort((a, b) => a - b), "unit");
  }

  /* ---- history and address ------------------------------------------------------------------------------------- */

  /* The same link as Scenario.to_query writes on the server. */
  function address(s) {
    const number = (x) => { const t = x.toFixed(4).replace(/0+$/, ""); return t.endsWith(".") ? t + "0" : t; };
    const alone = (item) => item.neurons.length === 1 && silences(item);
    const parts = [["model", s.model]];
    s.interventions.forEach((item, i) => {
      /* Silenced neurons that follow each other share one parameter. */
      if (!alone(item)) parts.push(["gain", `${item.neurons.join(",")}:${number(item.mu)}:${item.target}`]);
      else if (i && alone(s.interventions[i - 1])) parts[parts.length - 1][1] += `,${item.neurons[0]}`;
      else parts.push(["ablate", String(item.neurons[0])]);
    });
    parts.push(["sigma", number(s.sigma)], ["seed", s.seed], ["steps", s.steps],
      ["trajectories", s.trajectories], ["colour", s.colour]);
    if (s.colour === "neuron") parts.push(["neuron", s.neuron]);
    return "?" + parts.map(([key, value]) => `${key}=${value}`).join("&");
  }

  function writeAddress(replace, path = window.location.pathname) {
    const url = path + (page.present ? address(page.present) : window.location.search);
    const method = replace ? "replaceState" : "pushState";
    window.history[method]({ scenario: page.present }, "", url);
    arrive();
  }

  /* The path says which page is open: / the views, /train and what is under it the trainings (see training.js). */
  const VIEWS = "/";
  const atTheViews = () => document.documentElement.dataset.page === "views";

  function arrive() {
    window.dispatchEvent(new Event("hmmrnn-arrived"));
    if (page.owed && atTheViews()) ask();
  }

  function remember() {
    const kept = { past: page.past, present: page.present, future: page.future };
    try {
      window.sessionStorage.setItem(HISTORY_KEY, JSON.stringify(kept));
    } catch (error) {
      /* Storage is full or forbidden: undo still works until the page is reloaded. */
      if (!(error instanceof DOMException)) throw error;
    }
  }

  function recall(scenario) {
    const kept = JSON.parse(window.sessionStorage.getItem(HISTORY_KEY) || "null");
    /* By their links: what a link rounds or leaves out makes no other scenario. */
    if (kept && address(kept.present) === address(scenario)) {
      page.past = kept.past;
      page.future = kept.future;
    }
  }

  /* ---- one change ---------------------------------------------------------------------------------------------- */

  /* `gesture` names a drag: its steps are one change in the history, however long the hand rests between them.
   * Keys have no end that could be seen; there a pause is one. */
  function change(next, { gesture = null, from = null, path = undefined } = {}) {
    if (!page.present || same(next, page.present)) return no();
    const goesOn = page.held || Date.now() - page.gestureAt < GESTURE_MS;
    const continues = gesture !== null && gesture === page.gesture && goesOn;
    if (!continues) page.past = [...page.past, page.present].slice(-HISTORY_LENGTH);
    page.gesture = gesture;
    page.gestureAt = Date.now();
    page.future = [];
    show(next, { from, replaceAddress: continues, path });
    return no();
  }

  function step(from, to) {
    if (!page.present || !page[from].length) return no();
    const next = page[from][page[from].length - 1];
    page[from] = page[from].slice(0, -1);
    page[to] = [...page[to], page.present];
    page.gesture = null;
    show(next, {});
    return no();
  }

  function show(next, { from = null, replaceAddress = false, keepAddress = false, path = undefined }) {
    const before = page.present;
    page.present = next;
    if (!keepAddress) writeAddress(replaceAddress, path);
    remember();
    document.querySelectorAll(".slow").forEach((card) => card.classList.add("stale"));
    /* The question first: it travels while the controls follow. */
    ask();
    window.setTimeout(() => showControls(before, from), 0);
  }

  /* What a control is told comes back as if a hand had done it, from Dash at once and from the control itself once it
   * has drawn it. By then the scenario may be another one: what was told a moment ago is no wish. */
  const told = {};
  const recent = (id) => (told[id] || []).filter((item) => Date.now() - item.at < ECHO_MS);
  const isEcho = (id, value) => recent(id).some((item) => item.value === value);

  function tell(id, value) {
    told[id] = [...recent(id), { value, at: Date.now() }];
    set(id, { value });
  }

  function showControls(before, from) {
    const now = page.present;
    FIELDS.forEach((id) => {
      if (id !== from && (!before || before[id] !== now[id])) tell(id, now[id]);
    });
    showIf("neuron-row", "hidden", now.colour !== "neuron");
    showIf("undo", "disabled", !page.past.length);
    showIf("redo", "disabled", !page.future.length);
    if (!before || before.model !== now.model) set("open-model", { data: now.model });
    if (from !== "mu" && (!before || !same(before.interventions, now.interventions))) page.listIsOld = true;
    markTable();
  }

  /* Every change of a property makes the page think; most of the time these stay as they are. */
  const shown = {};
  function showIf(id, property, value) {
    if (shown[id] === value) return;
    shown[id] = value;
    set(id, { [property]: value });
  }

  /* ---- asking the server: one question at a time, the newest state last ---------------------------------------- */

  function ask() {
    window.clearTimeout(page.settleTimer);
    /* Nothing is computed for views that nobody looks at. */
    page.owed = !atTheViews();
    if (page.owed) return;
    if (page.asking) {
      page.askAgain = true;
      return;
    }
    page.asking = true;
    page.askAgain = false;
    set("scenario", { data: page.present });
    askTab("activity");
  }

  /* Views in a closed tab are not asked for. */
  function askTab(...tabs) {
    if (page.present && tabs.includes(page.tab)) set(`${page.tab}-asked`, { data: page.present });
  }

  /* The hand rests: now the slow questions, the slowest one once for each network. */
  function settle() {
    if (!page.present) return;
    set("settled", { data: page.present });
    askTab("spectrum", "fidelity");
    if (page.searched !== page.present.model) {
      page.searched = page.present.model;
      set("search-model", { data: page.present.model });
    }
  }

  function answered() {
    page.asking = false;
    if (page.listIsOld) {
      /* After the picture, which would otherwise wait for the list and the marks to be drawn. */
      page.listIsOld = false;
      set("intervention-list", { data: page.present });
    }
    if (page.askAgain) {
      ask();
      return;
    }
    window.clearTimeout(page.settleTimer);
    page.settleTimer = window.setTimeout(settle, SETTLE_MS);
  }

  /* ---- a server that is gone -------------------------------------------------------------------------------------- */

  /* Dash tells nobody when a question gets no answer, so its questions are watched on their way out. */
  const send = window.fetch;
  window.fetch = async (...args) => {
    const question = String(args[0].url || args[0]).includes("_dash-update-component");
    try {
      const answer = await send(...args);
      if (question && answer.status >= 502 && answer.status <= 504) lost();
      return answer;
    } catch (error) {
      if (question) lost();
      throw error;
    }
  };

  function lost() {
    if (page.lost) return;
    page.lost = true;
    client.say("The server does not answer. Nothing is lost: this page goes on by itself when it is back.");
    const knock = async () => {
      const alive = await send("/healthz").then((answer) => answer.ok, () => false);
      if (!alive) {
        window.setTimeout(knock, KNOCK_MS);
        return;
      }
      page.lost = false;
      page.asking = false;
      set("notice", { hidden: true });
      if (!page.present) {
        set("link-in", { data: window.location.search || "?" });
        return;
      }
      set("open-model", { data: page.present.model });
      if (!page.kick || page.kick.model !== page.present.model) page.searched = null;
      ask();
    };
    window.setTimeout(knock, KNOCK_MS);
  }

  /* ---- the table ----------------------------------------------------------------------------------------------- */

  function grid() {
    try {
      return window.dash_ag_grid.getApi("neuron-table");
    } catch (error) {
      /* The grid's own way of saying that it is not there yet; it is marked when its rows arrive. */
      return null;
    }
  }

  function markTable() {
    const api = page.present && window.dash_ag_grid ? grid() : null;
    if (!api) return;
    const off = silenced(page.present);
    const update = [];
    api.forEachNode((node) => {
      if (node.data.silenced !== off.has(node.data.neuron)) {
        update.push({ ...node.data, silenced: off.has(node.data.neuron) });
      }
    });
    if (update.length) api.applyTransaction({ update });
  }

  /* ---- what Dash calls ----------------------------------------------------------------------------------------- */

  /* Dash also calls when components of a kind come or go; then nothing was triggered. */
  const triggered = () => window.dash_clientside.callback_context.triggered[0] || {};
  const triggeredId = () => window.dash_clientside.callback_context.triggered_id;

  const client = {
    /* The page has been laid out: hand the link to the server, the one place that can read it. */
    pageLoad: () => window.location.search || "?",

    opened: (answer) => {
      if (!answer) return no();
      page.defaults = answer.defaults;
      if (answer.message) client.say(answer.message);
      if (!answer.scenario) return no();
      recall(answer.scenario);
      show(answer.scenario, { replaceAddress: true });
      return no();
    },

    field: (id) => (value) => {
      if (value === null || value === undefined || value === "" || !page.present) return no();
      if (value === page.present[id]) return no();
      if (isEcho(id, value)) {
        tell(id, page.present[id]);
        return no();
      }
      const next = { ...page.present, [id]: value };
      if (id === "model") return change(withNetwork(page.present, value), { from: id, path: VIEWS });
      return change(next, { gesture: id === "sigma" ? id : null, from: id });
    },

    tab: (name) => () => {
      TABS.forEach((other) => {
        set(`${other}-tab`, { "aria-selected": String(other === name) });
        set(`${other}-panel`, { hidden: other !== name });
      });
      page.tab = name;
      askTab("activity", "spectrum", "fidelity");
      return no();
    },

    /* The views beneath keep their size, so that nothing has to be drawn anew when they come back. */
    enlarge: (clicks) => {
      if (!clicks) return no();
      const large = document.documentElement.dataset.tabs !== "large";
      document.documentElement.dataset.tabs = large ? "large" : "";
      return large ? "Reduce" : "Enlarge";
    },

    newNoise: (clicks) => (clicks ? change({ ...page.present, seed: (page.present.seed + 1) % 2147483648 }) : no()),

    clicked: (event, figure) => {
      if (!event || !page.present) return no();
      const { labels, order } = figure.layout.meta;
      const point = event.points[0];
      const position = labels.indexOf(point.y) >= 0 ? labels.indexOf(point.y) : labels.indexOf(point.x);
      if (position >= 0) change(toggled(page.present, order[position]));
      /* Without this, the second click on the same cell would not be told. */
      set("connectivity", { clickData: null });
      return no();
    },

    ticked: (events) => {
      if (!events || !page.present) return no();
      return change(events.reduce(
        (scenario, event) => withSilenced(scenario, event.data.neuron, Boolean(event.value)), page.present));
    },

    group: () => {
      const { value } = triggered();
      if (!value || !page.kick) return no();
      const [kind, output] = triggeredId().index.split("-");
      if (kind === "control") return change(randomGroup(page.present));
      const found = (kind === "kick" ? page.kick.groups : page.kick.integrating)
        .find((item) => String(item.output) === output);
      return change(withGroup(page.present, found.neurons, kind === "kick" ? "unit" : "input"));
    },

    mu: (values) => {
      const items = page.present ? page.present.interventions : [];
      if (values.length !== items.length) return no();
      const index = values.findIndex((value, i) => value !== items[i].mu);
      if (index < 0) return no();
      const mu = Math.min(MAX_MU, Math.max(0, values[index]));
      return change(withEntry(page.present, index, { mu }), { gesture: `mu-${index}`, from: "mu" });
    },

    target: (values) => {
      const items = page.present ? page.present.interventions : [];
      if (values.length !== items.length) return no();
      const index = values.findIndex((value, i) => value !== items[i].target);
      return index < 0 ? no() : change(withEntry(page.present, index, { target: values[index] }));
    },

    remove: () => {
      const { value } = triggered();
      if (!value) return no();
      const { index } = triggeredId();
      const rest = page.present.interventions.filter((_, i) => i !== index);
      return change({ ...page.present, interventions: rest });
    },

    undo: (clicks) => (clicks ? step("past", "future") : no()),
    redo: (clicks) => (clicks ? step("future", "past") : no()),
    reset: (clicks) => (clicks ? change({ ...page.defaults, model: page.present.model }) : no()),

    /* What cannot be shown is taken back: the address, the controls and the history are those of what is there. */
    shown: (answer) => {
      if (!answer) return no();
      if (answer.shown) page.good = answer.shown;
      if (!answer.refused) return no();
      client.say(answer.refused);
      if (page.good && !same(page.good, page.present)) {
        page.past = page.past.slice(0, -1);
        page.gesture = null;
        show(page.good, { replaceAddress: true });
      }
      return no();
    },

    fastBusy: (busy) => {
      if (busy === false) answered();
      return no();
    },

    /* An answer to a scenario that is no longer shown is left alone: the one that fits is on its way. */
    slowAnswered: (view) => (answer) => {
      if (!answer || !same(answer.scenario, page.present)) return no();
      answer.draws.forEach(([id, props]) => set(id, props));
      document.getElementById(`${view}-card`).classList.remove("stale");
      return no();
    },

    /* Passed on by hand: a callback that waited for the search itself would stand still as long as it takes. */
    kickFound: (kick) => {
      page.kick = kick;
      /* The list is drawn anew with the groups' names; it must not fall back to where its sliders once began. */
      if (page.present) set("intervention-list", { data: page.present });
      set("kick", { data: kick });
      return no();
    },

    rowsArrived: () => {
      /* After the grid has taken its rows. */
      window.setTimeout(markTable, 0);
      return no();
    },

    copyLink: (clicks) => {
      if (!clicks) return no();
      navigator.clipboard.writeText(window.location.href).then(
        () => client.say("The link to this page is in the clipboard."),
        () => client.say("The clipboard is closed to this page: copy the link from the address bar."));
      return no();
    },

    /* Another page of this one: the scenario comes along, and "back" leads here again. */
    go: (path, { replace = false } = {}) => {
      if (path !== window.location.pathname) writeAddress(replace, path);
      return no();
    },

    /* Open a network that has only just come to be, and offer it in the picker: one change that can be undone. */
    openNetwork: (name, choices) => {
      set("model", { data: choices });
      if (!page.present) {
        /* There was no network to open before. */
        client.go(VIEWS);
        set("link-in", { data: `?model=${name}` });
      } else if (page.present.model === name) client.go(VIEWS);
      else change(withNetwork(page.present, name), { path: VIEWS });
      return no();
    },

    say: (text) => {
      set("notice-text", { children: text });
      set("notice", { hidden: false });
      return no();
    },

    dismiss: (clicks) => (clicks ? true : no()),

    colourScheme: (clicks, name) => {
      const next = clicks ? (name === "dark" ? "light" : "dark") : client.preferredScheme();
      if (clicks) window.localStorage.setItem("hmmrnn-scheme", next);
      document.body.dataset.agThemeMode = next;
      document.documentElement.dataset.scheme = next;
      return [next, next, next === "dark" ? "Light" : "Dark"];
    },

    preferredScheme: () => window.localStorage.getItem("hmmrnn-scheme")
      || (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"),
  };
  FIELDS.forEach((id) => {
    client[`set_${id}`] = client.field(id);
  });
  TABS.forEach((name) => {
    client[`tab_${name}`] = client.tab(name);
  });
  ["region-map", "spectrum", "fidelity"].forEach((id) => {
    client[`answered_${id}`] = client.slowAnswered(id);
  });

  window.addEventListener("popstate", (event) => {
    arrive();
    if (!event.state || !event.state.scenario) {
      set("link-in", { data: window.location.search || "?" });
      return;
    }
    if (same(event.state.scenario, page.present)) return;
    page.past = [...page.past, page.present].slice(-HISTORY_LENGTH);
    page.future = [];
    page.gesture = null;
    show(event.state.scenario, { keepAddress: true });
  });

  window.addEventListener("pointerdown", () => {
    page.held = true;
    page.gesture = null;
  }, true);
  ["pointerup", "pointercancel"].forEach((name) => window.addEventListener(name, () => {
    page.held = false;
    page.gestureAt = Date.now();
  }, true));

  window.addEventListener("keydown", (event) => {
    const typing = event.target.matches("textarea, input:not([readonly], [type=checkbox], [type=radio])");
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || typing || !atTheViews()) return;
    event.preventDefault();
    if (event.shiftKey) step("future", "past");
    else step("past", "future");
  });

  /* Links between the pages of this one are followed without leaving it, unless they are to open in another tab. */
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.page-link");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    client.go(link.getAttribute("href"));
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.hmmrnn = Object.assign(window.dash_clientside.hmmrnn || {}, client);
})();
