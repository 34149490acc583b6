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
  const SEARCH_MS = 700;
  const BUSY_MS = 500;
  const RESIZED_MS = 400;
  const ECHO_MS = 1000;
  const HEAD_START_MS = 12;
  const CONTROLS_MS = 40;
  const MAX_MU = 2;
  const FIELDS = ["model", "sigma", "seed", "steps", "trajectories", "colour", "neuron", "pair", "dimensions", "map",
    "without_noise"];
  /* The control of a field, where it is named otherwise, and what it holds its value in. */
  const CONTROLS = { map: "region-colour", without_noise: "no-input" };
  const HELD_IN = { without_noise: "checked" };
  const TABS = ["neuron-table", "activity", "kick-proof", "gain-sweep", "noise", "spectrum", "readout", "emergence",
    "fidelity", "report", "about"];

  const no = () => window.dash_clientside.no_update;
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  const page = {
    present: null, past: [], future: [],
    gesture: null, gestureAt: 0, held: false,
    asking: false, askAgain: false, askTimer: null, owed: false, settleTimer: null,
    kick: null, defaults: null, lost: false, searched: null, tab: null, listIsOld: false, good: null,
    search: { turn: 0, key: "" }, rests: false, turning: false, shift: false, owedDraws: [],
  };

  /* What some controls show is not what the scenario holds. */
  const SHOWN = { pair: (pair) => (pair ? pair.join("-") : "all"), dimensions: String };
  const MEANT = { pair: (text) => (text === "all" ? null : text.split("-").map(Number)), dimensions: Number };
  const shownAs = (id, scenario) => (SHOWN[id] ? SHOWN[id](scenario[id]) : scenario[id]);
  const meantBy = (id, value) => (MEANT[id] ? MEANT[id](value) : value);

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

  /* What belongs to a network, and what to a plane: with another one it means nothing. */
  const ELSEWHERE = { area: null, camera: null };
  const withNetwork = (scenario, name) => ({
    ...scenario, ...ELSEWHERE, model: name, interventions: [], neuron: 0, pair: null, picked: null, against: null,
    beside: false,
  });

  /* One field, and what cannot stay as it was with it. */
  function withField(scenario, id, value) {
    const next = { ...scenario, [id]: value };
    if (id === "pair") Object.assign(next, ELSEWHERE);
    if (id === "dimensions") next.camera = null;
    if (next.span && next.span[1] > next.steps) next.span = null;
    return next;
  }

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

  const number = (x) => { const t = x.toFixed(4).replace(/0+$/, ""); return t.endsWith(".") ? t + "0" : t; };

  function interventionPairs(interventions, prefix) {
    const alone = (item) => item.neurons.length === 1 && silences(item);
    const pairs = [];
    interventions.forEach((item, i) => {
      /* Silenced neurons that follow each other share one parameter. */
      if (!alone(item)) pairs.push([`${prefix}gain`, `${item.neurons.join(",")}:${number(item.mu)}:${item.target}`]);
      else if (i && alone(interventions[i - 1])) pairs[pairs.length - 1][1] += `,${item.neurons[0]}`;
      else pairs.push([`${prefix}ablate`, String(item.neurons[0])]);
    });
    return pairs;
  }

  /* The same link as Scenario.to_query writes on the server. */
  function address(s) {
    const parts = [["model", s.model], ...interventionPairs(s.interventions, "")];
    parts.push(["sigma", number(s.sigma)], ["seed", s.seed], ["steps", s.steps],
      ["trajectories", s.trajectories], ["colour", s.colour]);
    if (s.colour === "neuron") parts.push(["neuron", s.neuron]);
    if (s.pair) parts.push(["pair", s.pair.join("-")]);
    if (s.dimensions !== 2) parts.push(["view", `${s.dimensions}d`]);
    if (s.tab !== TABS[0]) parts.push(["tab", s.tab]);
    if (s.map !== "region") parts.push(["map", s.map]);
    if (s.without_noise) parts.push(["without_noise", 1]);
    if (s.area) parts.push(["area", s.area.map(number).join(",")]);
    if (s.span) parts.push(["span", s.span.join("-")]);
    if (s.picked !== null) parts.push(["picked", s.picked]);
    if (s.camera) parts.push(["camera", s.camera.map(number).join(",")]);
    if (s.against) {
      parts.push(...interventionPairs(s.against.interventions, "a_"), ["a_sigma", number(s.against.sigma)]);
    }
    if (s.beside) parts.push(["beside", 1]);
    return "?" + parts.map(([key, value]) => `${key}=${value}`).join("&");
  }

  /* What the server draws; the rest the page shows by itself. */
  const drawn = (s) => s && { ...s, tab: TABS[0], area: null, span: null, picked: null, camera: null };

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

  function show(next, { from = null, replaceAddress = false, keepAddress = false, path = undefined }) {
    const before = page.present;
    const isOnlySeen = Boolean(before) && same(drawn(before), drawn(next));
    page.present = next;
    if (!isOnlySeen) page.rests = false;
    /* The live view first: it acts within a frame. */
    window.dispatchEvent(new Event("hmmrnn-scenario"));
    if (!keepAddress) writeAddress(replaceAddress, path);
    remember();
    if (!before || before.tab !== next.tab) showTab(next.tab);
    if (!isOnlySeen) {
      document.querySelectorAll(".slow").forEach((card) => card.classList.add("stale"));
      /* The question before the controls: it travels while they follow. */
      askSoon();
    }
    window.setTimeout(() => showControls(before, from), CONTROLS_MS);
  }

  /* What a control is told comes back as if a hand had done it, from Dash at once and from the control itself once it
   * has drawn it. By then the scenario may be another one: what was told a moment ago is no wish. */
  const told = {};
  const recent = (id) => (told[id] || []).filter((item) => Date.now() - item.at < ECHO_MS);
  const isEcho = (id, value) => recent(id).some((item) => item.value === value);

  function tell(id, value) {
    told[id] = [...recent(id), { value, at: Date.now() }];
    set(CONTROLS[id] || id, { [HELD_IN[id] || "value"]: value });
  }

  function showControls(before, from) {
    const now = page.present;
    FIELDS.forEach((id) => {
      if (id !== from && (!before || !same(before[id], now[id]))) tell(id, shownAs(id, now));
    });
    showIf("neuron-row", "hidden", now.colour !== "neuron");
    showIf("undo", "disabled", !page.past.length);
    showIf("redo", "disabled", !page.future.length);
    if (!before || before.model !== now.model) {
      set("open-model", { data: now.model });
      /* In the same breath: then what is drawn for the network is drawn once. */
      if (!before && page.kick) set("kick", { data: page.kick });
    }
    if (from !== "mu" && (!before || !same(before.interventions, now.interventions))) page.listIsOld = true;
    /* With no answer on its way, nothing that the list would hold up. */
    if (page.listIsOld && !page.asking && !page.askTimer) showList();
    markTable();
  }

  function showTab(name) {
    TABS.forEach((other) => {
      const open = other === name;
      set(`${other}-tab`, { "aria-selected": String(open), tabIndex: open ? "0" : "-1" });
      set(`${other}-panel`, { hidden: !open });
    });
    page.tab = name;
    bringIntoSight(document.getElementById(`${name}-tab`));
    askTab("activity", "readout", "spectrum", "fidelity");
    /* While the hand does not rest, this follows when it does. */
    if (page.rests) window.dispatchEvent(new Event("hmmrnn-settled"));
  }

  function showList() {
    page.listIsOld = false;
    set("intervention-list", { data: page.present });
  }

  /* Every change of a property makes the page think; most of the time these stay as they are. */
  const shown = {};
  function showIf(id, property, value) {
    if (shown[id] === value) return;
    shown[id] = value;
    set(id, { [property]: value });
  }

  /* ---- asking the server: one question at a time, the newest state last ---------------------------------------- */

  /* Asking keeps the page busy for some frames, so what it draws by itself (see live.js) has a head start. */
  function askSoon() {
    window.clearTimeout(page.settleTimer);
    if (page.askTimer) return;
    page.askTimer = window.setTimeout(() => {
      page.askTimer = null;
      ask();
    }, HEAD_START_MS);
  }

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
    askTab("activity", "readout");
  }

  /* Views in a closed tab are not asked for. */
  function askTab(...tabs) {
    if (page.present && tabs.includes(page.tab)) set(`${page.tab}-asked`, { data: page.present });
  }

  /* The hand rests: now the slow questions, the slowest one once for each network. */
  function settle() {
    if (!page.present) return;
    page.rests = true;
    set("settled", { data: page.present });
    askTab("spectrum", "fidelity");
    window.dispatchEvent(new Event("hmmrnn-settled"));
    if (page.searched !== page.present.model) search();
  }

  /* The server computes for others. At a time of chance, so that not all who were told so come back at once. */
  function askLater(view) {
    const of = page.present;
    window.setTimeout(() => {
      if (page.present !== of || !page.rests) return;
      if (view === "region-map") set("settled", { data: of });
      else askTab(view);
    }, BUSY_MS * (1 + Math.random()));
  }

  /* The search for kick neurons is a worker's: this asks how far it is until it has ended. */
  function search() {
    const moved = page.search.key && page.searched !== page.present.model;
    const leave = moved ? [page.search.key] : [];
    page.searched = page.present.model;
    page.search = { turn: page.search.turn + 1, key: "" };
    set("search-model", { data: { model: page.searched, turn: page.search.turn, leave } });
  }

  function answered() {
    page.asking = false;
    if (page.listIsOld) {
      /* After the picture, which would otherwise wait for the list and the marks to be drawn. */
      showList();
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
      window.dispatchEvent(new Event("hmmrnn-scenario"));
      set("open-model", { data: page.present.model });
      if (!page.kick || page.kick.model !== page.present.model) page.searched = null;
      ask();
    };
    window.setTimeout(knock, KNOCK_MS);
  }

  /* ---- drawing what comes late ------------------------------------------------------------------------------------ */

  /* A space that is being turned would jump back under the hand: it is drawn when it is let go. */
  function draw(id, props, scenario) {
    if (id === "state-space" && page.turning && scenario.dimensions === 3) page.owedDraws.push([props, scenario]);
    else set(id, props);
  }

  /* A figure that only changes its size keeps its legend where another number of rows had put it. */
  function drawAgain() {
    bringIntoSight(document.querySelector("#tab-list [aria-selected=true]"));
    document.querySelectorAll(`#${page.tab}-panel .js-plotly-plot`).forEach((graph) => window.Plotly.redraw(graph));
  }

  function letGo() {
    page.turning = false;
    page.owedDraws.splice(0).forEach(([props, scenario]) => {
      if (same(drawn(scenario), drawn(page.present))) set("state-space", props);
    });
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
      if (answer.kick && !page.present) {
        page.kick = answer.kick;
        page.searched = answer.kick.model;
      }
      show(answer.scenario, { replaceAddress: true });
      if (page.kick) window.dispatchEvent(new Event("hmmrnn-kick"));
      return no();
    },

    field: (id) => (value) => {
      if (value === null || value === undefined || value === "" || !page.present) return no();
      if (value === shownAs(id, page.present)) return no();
      if (isEcho(id, value)) {
        tell(id, shownAs(id, page.present));
        return no();
      }
      const next = withField(page.present, id, meantBy(id, value));
      if (id === "model") return change(withNetwork(page.present, value), { from: id, path: VIEWS });
      return change(next, { gesture: id === "sigma" ? id : null, from: id });
    },

    /* To look elsewhere is in the link, but nothing that could be undone: then undo would not undo what was done. */
    tab: (name) => (clicks) => {
      if (clicks && page.present && page.present.tab !== name) show({ ...page.present, tab: name }, { replaceAddress: true });
      return no();
    },

    /* For the other scripts of the page. `gesture`: see change(). */
    apply: (next, how = {}) => change(next, how),
    history: () => ({ past: page.past, present: page.present, future: [...page.future].reverse() }),

    /* So many changes back (below zero) or on again. */
    jump: (offset) => {
      const [from, to] = offset < 0 ? ["past", "future"] : ["future", "past"];
      const steps = Math.min(Math.abs(offset), page[from].length);
      if (!steps) return no();
      const passed = page[from].slice(page[from].length - steps).reverse();
      page[from] = page[from].slice(0, -steps);
      page[to] = [...page[to], page.present, ...passed.slice(0, -1)];
      page.gesture = null;
      show({ ...passed[passed.length - 1], tab: page.present.tab }, {});
      return no();
    },

    /* A history that was kept elsewhere; what was here before can be had again by going back. */
    restore: ({ past, present, future }) => {
      page.past = [...page.past, page.present, ...past].slice(-HISTORY_LENGTH);
      page.future = [...future].reverse().slice(-HISTORY_LENGTH);
      page.gesture = null;
      show(present, {});
      return no();
    },
    defaults: () => page.defaults,
    /* A control alone: as many random neurons silenced as the largest kick group has. */
    withControl: (act) => act(randomGroup({ ...page.present, interventions: [] })),
    toggleNeuron: (neuron) => change(toggled(page.present, neuron)),
    drawnAddress: (scenario) => address(drawn(scenario)),

    present: () => page.present,
    address,
    kickGroups: () => (page.kick && page.present && page.kick.model === page.present.model ? page.kick : null),
    openTab: () => (atTheViews() ? page.tab : null),

    /* The views beneath keep their size, so that nothing has to be drawn anew when they come back. */
    enlarge: (clicks) => {
      if (!clicks) return no();
      const large = document.documentElement.dataset.tabs !== "large";
      document.documentElement.dataset.tabs = large ? "large" : "";
      showEnds();
      window.setTimeout(drawAgain, RESIZED_MS);
      return large ? "Reduce" : "Enlarge";
    },

    newNoise: (clicks) => (clicks ? change({ ...page.present, seed: (page.present.seed + 1) % 2147483648 }) : no()),

    clicked: (event, figure) => {
      if (!event || !page.present) return no();
      const { labels, order } = figure.layout.meta;
      const point = event.points[0];
      const position = labels.indexOf(point.y) >= 0 ? labels.indexOf(point.y) : labels.indexOf(point.x);
      if (position >= 0 && page.shift) {
        const { picked } = page.present;
        change({ ...page.present, picked: picked === order[position] ? null : order[position] });
      } else if (position >= 0) change(toggled(page.present, order[position]));
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
      const [kind, output, to = ""] = triggeredId().index.split("-");
      if (kind === "control") return change(randomGroup(page.present));
      const found = (kind === "kick" ? page.kick.groups : page.kick.integrating)
        .find((item) => String(item.output) === output && String(item.to ?? "") === to);
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

    undo: (clicks) => (clicks ? client.jump(-1) : no()),
    redo: (clicks) => (clicks ? client.jump(1) : no()),
    reset: (clicks) => (clicks ? change({ ...page.defaults, model: page.present.model, tab: page.present.tab }) : no()),

    /* What cannot be shown is taken back: the address, the controls and the history are those of what is there. */
    shown: (answer) => {
      if (!answer) return no();
      if (answer.shown) page.good = answer.shown;
      if (!answer.refused) return no();
      client.say(answer.refused);
      if (page.good && !same(drawn(page.good), drawn(page.present))) {
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
      if (!answer || !same(drawn(answer.scenario), drawn(page.present))) return no();
      if (answer.busy) {
        askLater(view);
        return no();
      }
      answer.draws.forEach(([id, props]) => draw(id, props, answer.scenario));
      document.getElementById(`${view}-card`).classList.remove("stale");
      return no();
    },

    /* Passed on by hand: a callback that waited for the search itself would stand still as long as it takes. */
    kickFound: (answer) => {
      if (!answer || answer.turn !== page.search.turn) return no();
      page.search.key = answer.key;
      if (!answer.found) {
        const words = document.getElementById("search-words");
        if (words) words.textContent = answer.words;
        window.setTimeout(() => {
          if (answer.turn === page.search.turn && page.searched === page.present.model) search();
        }, SEARCH_MS);
        return no();
      }
      const kick = answer.found;
      page.kick = kick;
      window.dispatchEvent(new Event("hmmrnn-kick"));
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
      /* Told anew, the theme would have every view asked for before there is a scenario. */
      return [next, next === name ? no() : next, next === "dark" ? "Light" : "Dark"];
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

  window.addEventListener("pointerdown", (event) => {
    page.held = true;
    page.shift = event.shiftKey;
    page.turning = Boolean(event.target.closest && event.target.closest("#state-space"));
    page.gesture = null;
  }, true);
  ["pointerup", "pointercancel"].forEach((name) => window.addEventListener(name, () => {
    page.held = false;
    page.gestureAt = Date.now();
    letGo();
  }, true));

  window.addEventListener("keydown", (event) => {
    const typing = event.target.matches("textarea, input:not([readonly], [type=checkbox], [type=radio])");
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || typing || !atTheViews()) return;
    event.preventDefault();
    client.jump(event.shiftKey ? 1 : -1);
  });

  /* ---- the row of tabs: arrows, Home and End move along it, Enter opens; a mouse has buttons at its ends ---- */

  const tabRow = () => document.getElementById("tab-list");

  function movedAlong(event) {
    const tabs = Array.from(tabRow().querySelectorAll("[role=tab]"));
    const at = tabs.indexOf(event.target);
    const place = {
      ArrowLeft: (at + tabs.length - 1) % tabs.length, ArrowRight: (at + 1) % tabs.length, Home: 0, End: tabs.length - 1,
    }[event.key];
    if (at < 0 || place === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    tabs[place].focus();
    bringIntoSight(tabs[place]);
  }

  function bringIntoSight(tab) {
    /* Twice, because the buttons at the ends come and go with what is out of sight, and take room. */
    for (let i = 0; i < 2; i++) {
      tab.scrollIntoView({ block: "nearest", inline: "nearest" });
      showEnds();
    }
  }

  /* Which ends of the row are out of sight. */
  function showEnds() {
    const row = tabRow();
    if (!row) return;
    row.parentElement.classList.toggle("more-back", row.scrollLeft > 1);
    row.parentElement.classList.toggle("more-on", row.scrollLeft + row.clientWidth < row.scrollWidth - 1);
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.matches("#tab-list [role=tab]")) movedAlong(event);
  });
  document.addEventListener("click", (event) => {
    const end = event.target.closest(".tab-scroll");
    if (end) tabRow().scrollBy({ left: (end.classList.contains("back") ? -0.7 : 0.7) * tabRow().clientWidth });
  });
  document.addEventListener("scroll", (event) => {
    if (event.target === tabRow()) showEnds();
  }, true);
  new ResizeObserver(showEnds).observe(document.documentElement);
  window.addEventListener("hmmrnn-settled", showEnds);

  /* Links between the pages of this one are followed without leaving it, unless they are to open in another tab. */
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.page-link");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    client.go(link.getAttribute("href"));
  });

  /* Plotly measures the text of 3-D axes by reading back from canvases that are on no page; told so, they lie where
   * that is quick, and Chrome has no warning to give. */
  const context = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function getContext(kind, options) {
    const readBack = kind === "2d" && !this.isConnected;
    return context.call(this, kind, readBack ? { willReadFrequently: true, ...options } : options);
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.hmmrnn = Object.assign(window.dash_clientside.hmmrnn || {}, client);
})();
