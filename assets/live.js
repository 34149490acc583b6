/* The live view on the dashboard: it follows the scenario, has a size, and can be saved.
 *
 * What runs and draws is in live/, modules that know nothing of this page.
 */
(function () {
  "use strict";

  const part = (name) => new URL(`live/${name}.mjs`, document.currentScript.src);
  const [VIEW, OVERLAY, WORKER, PREVIEW] = ["view", "overlay", "worker", "preview"].map(part);
  const NARROW = 1300;
  const KEPT = "hmmrnn-live";
  /* Of what the scenario says, this is what the live view goes by. */
  const followed = ({ seed, sigma, interventions }) => ({ seed, sigma, interventions });

  const client = () => window.dash_clientside.hmmrnn;
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);

  const live = { view: null, overlay: null, of: null, asked: 0, wish: window.localStorage.getItem(KEPT), large: false };
  /* The same for what is drawn at once over the four views: what only changes their look is the server's. */
  const seen = ({ model, pair, seed, sigma, interventions, steps, trajectories }) => (
    JSON.stringify([model, pair, seed, sigma, interventions, steps, trajectories]));

  /* ---- size ---- */

  function mode() {
    const open = live.wish ? live.wish === "open" : window.innerWidth >= NARROW;
    if (!open) return "closed";
    return live.large || window.innerWidth < NARROW ? "large" : "beside";
  }

  const isShown = () => mode() !== "closed" && root.dataset.page === "views";

  function arrange() {
    const next = mode();
    const other = root.dataset.live !== next;
    if (other) {
      root.dataset.live = next;
      /* Plotly looks at its room when the window changes. */
      window.dispatchEvent(new Event("resize"));
    }
    const size = byId("live-size");
    if (size) {
      size.textContent = next === "large" ? "Smaller" : "Larger";
      size.hidden = window.innerWidth < NARROW;
    }
    if (live.view) live.view.setShown(isShown());
    if (live.overlay && next === "closed") live.overlay.clear();
    if (other) follow();
  }

  function wish(wanted) {
    live.wish = wanted;
    live.large = false;
    window.localStorage.setItem(KEPT, wanted);
    arrange();
  }

  /* ---- what is shown ---- */

  /* The network and the plane, without what changes with every click: this is fetched once. */
  function link({ model, pair }) {
    return `?model=${encodeURIComponent(model)}${pair ? `&pair=${pair.join("-")}` : ""}`;
  }

  async function fetched(path, kind) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(await answer.text());
    return answer[kind]();
  }

  async function makeViews() {
    const [{ LiveView }, { Overlay }] = await Promise.all([import(VIEW), import(OVERLAY)]);
    if (live.view) return;
    live.view = new LiveView(byId("live"), { startWorker: () => new Worker(WORKER, { type: "module" }), scheme: scheme() });
    live.overlay = new Overlay({
      startWorker: () => new Worker(PREVIEW, { type: "module" }),
      colours: () => live.network.themes[scheme()],
      say: (text) => live.view.say(text),
    });
    window.hmmrnnLive = live.view;
    window.hmmrnnOverlay = live.overlay;
  }

  const scheme = () => root.dataset.scheme || "light";

  async function open(scenario) {
    const query = link(scenario);
    live.of = query;
    live.asked += 1;
    if (live.view) live.view.wait();
    if (live.overlay) live.overlay.close();
    const turn = live.asked;
    const isStill = () => turn === live.asked;
    try {
      const [network] = await Promise.all([fetched(`/live${query}`, "json"), makeViews()]);
      if (!isStill()) return;
      if (network.refused) {
        live.view.say(`This network cannot be shown live: ${network.refused}`);
        return;
      }
      live.network = network;
      live.view.open(network, followed(client().present()), groups());
      live.view.setShown(isShown());
      /* Where the live view cannot be, the four views wait for the server as always. */
      if (live.view.worker) live.overlay.open(network);
      live.seen = seen(client().present());
      /* A network that diverges has no regions; its ground stays blank. */
      const backdrop = await fetched(`/live/backdrop${query}`, "json");
      if (isStill()) live.view.setBackdrop(backdrop);
    } catch (error) {
      if (!isStill()) return;
      /* Asked again with the next change. */
      live.of = null;
      if (live.view) live.view.say(`The live view did not get what it needs: ${error.message}`);
    }
  }

  const groups = () => (client().kickGroups() ? client().kickGroups().groups : null);

  function follow() {
    const scenario = client() && client().present && client().present();
    if (!scenario || mode() === "closed") return;
    if (link(scenario) !== live.of) open(scenario);
    else if (live.view && live.view.network) {
      live.view.change(followed(scenario));
      foresee(scenario);
    }
  }

  function foresee(scenario) {
    const now = seen(scenario);
    const key = client().drawnAddress(scenario).slice(1);
    if (now === live.seen) live.overlay.expect(scenario, key);
    else live.overlay.ask(scenario, key);
    live.seen = now;
  }

  /* ---- saving ---- */

  async function save() {
    const button = byId("live-save");
    button.disabled = true;
    try {
      const { model } = client().present();
      const address = URL.createObjectURL(await fetched(`/live/page${window.location.search}`, "blob"));
      const anchor = document.createElement("a");
      Object.assign(anchor, { href: address, download: `hmmrnn-live-${model}.html` });
      anchor.click();
      URL.revokeObjectURL(address);
    } catch (error) {
      client().say(`The live page could not be written: ${error.message}`);
    }
    button.disabled = false;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#live-open, #live-close, #live-size, #live-save");
    if (!button) return;
    if (button.id === "live-open") wish("open");
    if (button.id === "live-close") wish("closed");
    if (button.id === "live-save") save();
    if (button.id === "live-size") {
      live.large = !live.large;
      arrange();
    }
  });

  window.addEventListener("hmmrnn-scenario", follow);
  window.addEventListener("hmmrnn-kick", () => {
    if (live.view && live.view.network && groups()) live.view.setGroups(groups());
  });
  window.addEventListener("hmmrnn-arrived", arrange);
  window.addEventListener("resize", (event) => { if (event.isTrusted) arrange(); });
  new MutationObserver(() => { if (live.view) live.view.setScheme(scheme()); })
    .observe(root, { attributes: true, attributeFilter: ["data-scheme"] });
  root.dataset.live = mode();
})();
