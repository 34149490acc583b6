/* The banner that says that the session has ended, and where to sign in again. What is shown stays, and the address, which
 * holds the whole scenario, is come back to. */

import { make } from "../core/elements.mjs";

let banner = null;

export function showSignedOut(isOut) {
  if (!isOut) {
    /* Signed in again, in another tab perhaps. */
    banner?.remove();
    banner = null;
  } else if (!banner) {
    const here = () => `/sign-in?next=${encodeURIComponent(window.location.pathname + window.location.search)}`;
    const link = make("a", { textContent: "Sign in again", href: here() });
    /* The scenario may go on changing while the banner is there. */
    ["pointerdown", "focus", "click"].forEach((event) => link.addEventListener(event, () => { link.href = here(); }));
    banner = make("div", { id: "signed-out", className: "notice signed-out", role: "alert" },
      "You are signed out. What you see stays; nothing new is computed until you are back. ", link);
    document.body.prepend(banner);
  }
}
