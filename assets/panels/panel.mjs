/* A panel that a button of the header opens and closes: one at a time, also closed by Escape and by a click elsewhere. */

import { element, idOf } from "../core/configuration.mjs";
import { make } from "../core/elements.mjs";

const GAP = 6;

/* id: of the panel; button: name of the id of what opens it; fill: (body) => void, called each time before the panel is seen. */
export function panel({ id, button, title, fill }) {
  const heading = make("h2", { id: `${id}-title`, textContent: title, tabIndex: -1 });
  const close = make("button", { type: "button", className: "panel-close", textContent: "Close" });
  const body = make("div", { className: "panel-body" });
  const root = make("section", {
    id, className: "panel", popover: "auto", role: "dialog", "aria-labelledby": heading.id,
  }, make("div", { className: "panel-head" }, heading, close), body);
  document.body.append(root);

  const opener = () => element(button);
  /* A panel that is filled again while it is used keeps the focus where it was. */
  function refill() {
    const controls = () => Array.from(body.querySelectorAll("button, input, select, textarea, a[href]"));
    const at = controls().indexOf(document.activeElement);
    fill(body);
    const there = at < 0 ? null : controls()[at];
    if (there && there !== document.activeElement) (there.disabled ? heading : there).focus();
  }

  function place() {
    const box = opener().getBoundingClientRect();
    root.style.top = `${box.bottom + GAP}px`;
    root.style.right = `${Math.max(GAP, window.innerWidth - box.right)}px`;
    root.style.maxHeight = `${window.innerHeight - box.bottom - 2 * GAP}px`;
  }

  function toggle() {
    if (root.matches(":popover-open")) {
      root.hidePopover();
      return;
    }
    refill();
    place();
    root.showPopover({ source: opener() });
    heading.focus();
  }

  root.addEventListener("toggle", (event) => {
    opener().setAttribute("aria-expanded", String(event.newState === "open"));
    /* Otherwise the focus has been put elsewhere. */
    if (event.newState === "closed" && document.activeElement === document.body) opener().focus();
  });
  close.addEventListener("click", () => root.hidePopover());
  window.addEventListener("resize", () => { if (root.matches(":popover-open")) place(); });

  /* The button is drawn by Dash, at a time that only it knows. A press closes an open panel by itself, before the click
   * comes: then the click must not open it again. */
  let closing = false;
  document.addEventListener("pointerdown", (event) => {
    closing = Boolean(event.target.closest(`#${idOf(button)}`)) && root.matches(":popover-open");
  }, true);
  document.addEventListener("click", (event) => {
    if (!event.target.closest(`#${idOf(button)}`)) return;
    if (!closing) toggle();
    closing = false;
  });
  return {
    root, body, close: () => root.hidePopover(), refill, isOpen: () => root.matches(":popover-open"), toggle,
  };
}
