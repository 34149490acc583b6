/* All networks of the server, page by page: opened by a click; those that were brought here are renamed and removed. */

import { address, idOf } from "../core/configuration.mjs";
import { set } from "../core/dash.mjs";
import { keepFocus, make } from "../core/elements.mjs";
import { ask } from "../core/net.mjs";
import { openNetwork } from "../core/opening.mjs";
import { present, store } from "../core/page.mjs";
import { panel } from "./panel.mjs";

const PAUSE_MS = 200;

export function start() {
  let text = "";
  let page = 0;
  let timer = 0;
  const words = make("p", { className: "page-note", role: "status" });
  const field = make("input", { type: "search", className: "live-number network-search", "aria-label": "Search networks", placeholder: "Name, family or size" });
  const list = make("ul", { className: "network-list", "aria-label": "Networks" });
  const earlier = make("button", { type: "button", className: "page-button", textContent: "Earlier" });
  const later = make("button", { type: "button", className: "page-button", textContent: "Later" });
  const shown = panel({
    id: "networks-panel", button: "NETWORKS", title: "Networks",
    fill: (body) => {
      body.replaceChildren(field, words, list, make("div", { className: "split" }, earlier, later));
      look();
    },
  });

  async function look() {
    const found = await ask(address("networks"), { text, page });
    if (!found) return;
    if (found.refused) {
      words.textContent = found.refused;
      return;
    }
    page = Math.min(page, Math.max(0, found.pages - 1));
    const where = found.pages > 1 ? `, page ${page + 1} of ${found.pages}` : "";
    words.textContent = `${found.count} networks${where}. Those that were brought here take ${found.megabytes} of ${found.most} MB.`;
    keepFocus(list, () => list.replaceChildren(...found.rows.map(row)));
    earlier.hidden = later.hidden = found.pages < 2;
    earlier.disabled = page === 0;
    later.disabled = page >= found.pages - 1;
  }

  function row({ name, label, changeable }) {
    const open = make("button", { type: "button", className: "history-entry", textContent: label });
    open.addEventListener("click", async () => {
      const found = await ask(address("network"), { model: name });
      if (found?.refused) {
        await look();
        words.textContent = found.refused;
        return;
      }
      if (found) openNetwork(name, found.choices);
      shown.close();
    });
    if (!changeable) return make("li", { className: "network-row" }, open);
    const rename = make("button", { type: "button", className: "page-button", textContent: "Rename", "aria-label": `Rename ${name}` });
    const remove = make("button", { type: "button", className: "page-button", textContent: "Remove", "aria-label": `Remove ${name}` });
    rename.addEventListener("click", () => askName(name, item));
    remove.addEventListener("click", () => {
      if (remove.dataset.asked) change({ command: "remove", model: name });
      remove.dataset.asked = "true";
      remove.textContent = "Remove for good";
    });
    const item = make("li", { className: "network-row" }, open, rename, remove);
    return item;
  }

  function askName(name, item) {
    const input = make("input", { type: "text", className: "live-number", value: name, maxLength: 100, "aria-label": `New name of ${name}` });
    const form = make("form", { className: "network-form" }, input, make("button", { className: "page-button", textContent: "Save" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      change({ command: "rename", model: name, name: input.value.trim() });
    });
    item.replaceChildren(form);
    input.select();
    input.focus();
  }

  /* What is open stays as it is under its new name; in place of what is removed the first one is opened. */
  async function change(command) {
    const found = await ask(address("change-network"), command);
    if (!found) return;
    if (found.refused) {
      words.textContent = found.refused;
      return;
    }
    set(idOf("MODEL"), { data: found.choices });
    const [first] = found.choices;
    if (command.command === "rename") store.rename(command.model, command.name);
    else if (present()?.model === command.model && first) openNetwork(first.value, found.choices);
    await look();
  }

  field.addEventListener("input", () => {
    text = field.value;
    page = 0;
    window.clearTimeout(timer);
    timer = window.setTimeout(look, PAUSE_MS);
  });
  const turn = (by) => () => {
    page += by;
    look();
  };
  earlier.addEventListener("click", turn(-1));
  later.addEventListener("click", turn(1));
}
