/* The panel Share: link, code, numbers, figures, session. And a button at each view that saves its figures. */

import { link } from "../core/link.mjs";
import { present, say } from "../core/page.mjs";
import { make } from "../core/elements.mjs";
import { address } from "../core/configuration.mjs";
import { chapterOf, go, shownViews } from "../core/router.mjs";
import { panel } from "./panel.mjs";
import { formats } from "./takeaway-figures.mjs";
import { fetched, saveSession, sessionInput } from "./takeaway-session.mjs";

const GAP = 4;

const button = (id, textContent, onclick, more = {}) => (
  make("button", { type: "button", id, className: "page-button", textContent, onclick, ...more }));
const line = (text, ...buttons) => make("div", { className: "takeaway-line" },
  make("div", { className: "page-row" }, ...buttons), make("p", { className: "page-note", textContent: text }));

export function start() {
  const share = panel({ id: "share-panel", button: "SHARE", title: "Share", fill: (body) => fill(body) });
  const input = sessionInput(share.root, share.close);

  function fill(body) {
    body.replaceChildren(
      ...section("Link", line("It opens exactly what is shown here.", button("copy-link", "Copy link", copyLink))),
      ...section("Code", ...code()),
      ...section("Data", line("Activity, readout and plane coordinates of every step shown, for numpy.load.",
        button("save-run", "Run as NPZ", saveRun))),
      ...section("Figures", ...figures()),
      ...section("Session", line("All that undo and redo can reach, as one file. It can also be dropped here.",
        button("save-session", "Save session", saveSession),
        button("open-session", "Open session…", () => input.click()))),
      ...section("Report", line("The whole argument about this network on one page.",
        button("open-report", "Open the report", openReport))));
  }

  function openReport() {
    share.close();
    go(chapterOf("report").path);
  }

  document.querySelectorAll(".card.view").forEach((card) => addSaveButton(card.id.replace(/-card$/, "")));
}

const section = (title, ...content) => [make("h3", { textContent: title }), ...content];

/* ---- link and code ---- */

/* Resolves to whether the text is in the clipboard. Only pages on this machine or under https have one. */
function copied(text) {
  if (!navigator.clipboard) return Promise.resolve(false);
  return navigator.clipboard.writeText(text).then(() => true, () => false);
}

async function copyLink() {
  say(await copied(window.location.href)
    ? "The link to this page is in the clipboard."
    : "The clipboard is closed to this page: copy the link from the address bar.");
}

function code() {
  const text = make("textarea", {
    id: "code-text", className: "takeaway-code", readOnly: true, hidden: true, rows: 10, spellcheck: false,
    "aria-label": "Python that gives the same numbers",
  });
  const copy = async () => {
    const answer = await fetched(`${address("code")}${link(present())}`);
    if (answer.refused) {
      say(`The code was not written: ${answer.refused}`);
      return;
    }
    text.value = answer.text;
    text.hidden = false;
    say(await copied(answer.text)
      ? "The Python that gives these numbers is in the clipboard."
      : "The clipboard is closed to this page: copy the code from the panel Share.");
  };
  return [line("A script that gives the same numbers with the package hmmrnn.",
    button("copy-code", "Copy as Python", copy)), text];
}

/* ---- data ---- */

async function saveRun() {
  const query = link(present());
  /* A download has no place for a sentence, so the page checks first whether there is one. */
  const answer = await fetched(`${address("run-npz-check")}${query}`);
  if (answer.refused) say(`The run was not written: ${answer.refused}`);
  else make("a", { href: `/run.npz${query}`, download: answer.file }).click();
}

/* ---- figures ---- */

const titleOf = (view) => document.querySelector(`#${view}-card h2`).textContent;

/* The graphs that are shown, by id and title. */
function shownGraphs() {
  return shownViews().flatMap((view) => graphsOf(view).map((id, i) => [id, i ? `${titleOf(view)}: ${id}` : titleOf(view)]));
}

const graphsOf = (view) => [...document.querySelectorAll(`#${view}-card .js-plotly-plot`)]
  .map((graph) => graph.closest("[id]:not(.js-plotly-plot)").id);

function figures() {
  return shownGraphs().map(([view, title]) => make("div", {
    className: "takeaway-figure", role: "group", "aria-label": title,
  }, make("span", { textContent: title }), ...formats(view, title)));
}

/* A small button in the title of a view, which opens the ways to save it. */
function addSaveButton(view) {
  const title = titleOf(view);
  const menu = make("div", {
    id: `${view}-save-menu`, className: "panel takeaway-menu", popover: "auto", role: "group",
    "aria-label": `Save ${title}`,
  });
  const opener = make("button", {
    type: "button", className: "about takeaway-save", textContent: "↓", title: "Save this figure or its data",
    popoverTargetElement: menu, "aria-label": `Save ${title}`,
  });
  menu.addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    const box = opener.getBoundingClientRect();
    menu.replaceChildren(...graphsOf(view).flatMap((id) => formats(id, title)));
    menu.style.top = `${box.bottom + GAP}px`;
    menu.style.right = `${window.innerWidth - box.right}px`;
  });
  document.querySelector(`#${view}-card .about-mark`).before(opener);
  /* Not within the title: what opens it takes up no room there, and it lies over all else. */
  document.body.append(menu);
}
