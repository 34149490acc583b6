/* The parts of the page that Dash knows nothing of: each module adds its own (see page/). */
(function () {
  "use strict";

  const { src } = document.currentScript;
  const PARTS = ["takeaway", "guide", "history", "compare", "linked"];

  PARTS.forEach((name) => import(new URL(`page/${name}.mjs`, src)).then((part) => part.start()));
})();
