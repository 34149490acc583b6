/* The chapters: which of them is open, its claim with the verdict on the open network, its views, and a view enlarged. */

import { address, configuration, element } from "../core/configuration.mjs";
import { on } from "../core/events.mjs";
import { make } from "../core/elements.mjs";
import { ask } from "../core/net.mjs";
import { kickGroups, present, store } from "../core/page.mjs";
import { chapterOf, isInChapter, place, shownViews } from "../core/router.mjs";

const root = document.documentElement;
const cards = () => [...document.querySelectorAll(".main > .card.view")];
const viewOf = (card) => card.id.replace(/-card$/, "");

/* ---- what is shown ---- */

function arrange() {
  const { chapter } = place();
  document.querySelectorAll(".header .page-link, .chapters .page-link").forEach((link) => {
    const path = link.getAttribute("href");
    const here = path === (chapter ? chapter.path : `/${["data", "compare"].find((name) => name === place().page) ?? "train"}`);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  if (!chapter) return;
  const shown = shownViews();
  const isLarge = shown.length === 1 && chapter.views.length > 1;
  root.dataset.large = isLarge ? "on" : "";
  cards().forEach((card) => {
    const at = shown.indexOf(viewOf(card));
    card.hidden = at < 0;
    card.style.order = at;
    card.dataset.width = isLarge ? "whole" : chapter.widths[chapter.views.indexOf(viewOf(card))] || "half";
    const button = card.querySelector(".enlarge");
    if (button) {
      button.setAttribute("aria-pressed", String(isLarge && at >= 0));
      button.hidden = chapter.views.length < 2;
    }
  });
  /* Plotly looks at its room when the window changes. */
  window.dispatchEvent(new Event("resize"));
  showClaims();
}

function enlarge(view) {
  store.look({ large: present().large === view ? null : view });
}

/* ---- claims ---- */

/* More than these do not fit beside the claim of the chapter. */
const MOST_CLAIMS = 1;
const CONDITIONS = "claim-conditions";
let asked = "";

async function showClaims() {
  const box = element("CLAIM");
  const { chapter } = place();
  if (!box || !chapter || !present()) return;
  const of = JSON.stringify([chapter.id, present().model, Boolean(kickGroups())]);
  if (of === asked) return;
  asked = of;
  box.replaceChildren(make("strong", { textContent: chapter.claim }));
  if (!chapter.claims.length) return;
  const answer = await ask(address("claims"), { model: present().model, sections: chapter.claims });
  if (of !== asked || !answer || answer.refused) return;
  const verdicts = answer.claims.length > MOST_CLAIMS ? counted(answer.claims) : answer.claims.map((claim) => (
    verdictOf(claim.verdict, `${claim.title}: ${claim.verdict} (our test: ${claim.test})`, claim.sentence)));
  const more = make("a", { className: "page-link", href: chapterOf("claims").path, textContent: answer.claims.length ? "numbers" : "not judged yet: see Start" });
  const notes = answer.claims.filter(({ note }) => note).map(({ note }) => make("span", { className: "judged", textContent: note }));
  box.append(...verdicts, ...notes, ...(answer.claims.length ? [make("span", { className: "judged", id: CONDITIONS })] : []), more);
  showConditions();
}

/* What of the scenario the claims were not judged under: they are asked of the network as a link opens it. */
export function conditionsOf(scenario) {
  const { sigma, start } = configuration().defaults;
  const parts = [
    scenario.interventions.length ? "without interventions" : "",
    scenario.input ? "without the constant input" : "",
    scenario.sequence ? "without the table of inputs" : "",
    scenario.sigma === sigma ? "" : `at sigma ${sigma}`,
    scenario.start === start ? "" : `with runs from ${start}`,
  ].filter(Boolean);
  return parts.length ? `judged ${parts.join(", ")}` : "";
}

function showConditions() {
  const place = document.getElementById(CONDITIONS);
  if (place && present()) place.textContent = conditionsOf(present());
}

const verdictOf = (verdict, textContent, title) => make("span", { className: "verdict", "data-verdict": verdict, textContent, title });

/* How many claims have which verdict; each is named where one points. */
function counted(claims) {
  const verdicts = [...new Set(claims.map(({ verdict }) => verdict))];
  const counts = verdicts.map((verdict) => {
    const those = claims.filter((claim) => claim.verdict === verdict);
    return verdictOf(verdict, `${those.length} ${verdict}`, those.map(({ title }) => title).join("; "));
  });
  return [make("span", { textContent: `Of ${claims.length} claims:` }), ...counts];
}

/* ---- when ---- */

export function start() {
  on("arrived", arrange);
  on("scenario", ({ before, now }) => {
    if (!before || before.large !== now.large) arrange();
    else if (before.model !== now.model) showClaims();
    showConditions();
  });
  on("kick", showClaims);
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".enlarge");
    if (button && present()) enlarge(viewOf(button.closest(".card")));
    const drawer = event.target.closest("[data-drawer]");
    if (drawer) root.toggleAttribute(`data-${drawer.dataset.drawer}-open`);
  });
  window.addEventListener("keydown", escape);
  arrange();
}

/* Escape closes the help of a view, and brings an enlarged one back among the others. */
function escape(event) {
  if (event.key !== "Escape" || event.defaultPrevented || !isInChapter()) return;
  if (closeHelp()) return;
  if (present()?.large && !document.querySelector(":popover-open") && !root.dataset.present) enlarge(present().large);
}

/* Help stays closed until it is pointed at, or gets the focus, another time. Returns whether any was open. */
export function closeHelp() {
  const open = [...document.querySelectorAll(".about-mark:is(:hover, :focus-within):not(.closed)")];
  open.forEach((mark) => {
    mark.classList.add("closed");
    ["pointerleave", "focusout"].forEach((name) => mark.addEventListener(name, () => mark.classList.remove("closed"), { once: true }));
  });
  return open.length > 0;
}
