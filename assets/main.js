/* The one script that Dash loads: it starts the page's modules, and Dash waits for them (see configuration.py). */
(function () {
  "use strict";

  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const dash = window.dash_clientside = window.dash_clientside || {};
  dash.hmmrnn = { ready: import(new URL("core/start.mjs", script.src).href) };
})();
