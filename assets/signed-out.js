/* Says that the session has ended, when the server answers so, and where to sign in again. Nothing else changes: what is
   shown stays, and the address, which holds the whole scenario, is come back to. */

(() => {
  const plain = window.fetch.bind(window);
  let banner = null;

  function show() {
    if (banner) return;
    const link = document.createElement("a");
    const here = () => { link.href = `/sign-in?next=${encodeURIComponent(window.location.pathname + window.location.search)}`; };
    link.textContent = "Sign in again";
    /* The scenario may go on changing while the banner is there. */
    ["pointerdown", "focus", "click"].forEach((event) => link.addEventListener(event, here));
    here();
    banner = document.createElement("div");
    banner.id = "signed-out";
    banner.className = "notice signed-out";
    banner.setAttribute("role", "alert");
    banner.append("You are signed out. What you see stays; nothing new is computed until you are back. ", link);
    document.body.prepend(banner);
  }

  /* Signed in again, in another tab perhaps. */
  function hide() {
    if (banner) banner.remove();
    banner = null;
  }

  window.fetch = async (...request) => {
    const answer = await plain(...request);
    if (answer.status === 401) show();
    else if (answer.ok) hide();
    return answer;
  };
})();
