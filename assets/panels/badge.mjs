/* What the header says of the open network: whether it is intact, and whether it matches its HMM. */

import { address, element, idOf } from "../core/configuration.mjs";
import { set } from "../core/dash.mjs";
import { emit, on } from "../core/events.mjs";
import { ask } from "../core/net.mjs";
import { present } from "../core/page.mjs";

let network = null;

export const openNetwork = () => network;

function show() {
  const place = element("BADGE");
  if (!place || !network || network.model !== present().model) return;
  const isIntact = !present().interventions.length;
  place.textContent = isIntact ? `intact: ${network.fidelity}` : "with interventions";
  const judged = isIntact ? "Of the trained network, judged when it was trained" : `Intact, this network: ${network.fidelity}`;
  place.title = network.note ? `${judged}. ${network.note}` : judged;
  place.dataset.touched = String(!isIntact);
}

async function opened(model) {
  const found = await ask(address("network"), { model });
  if (!found || found.refused || model !== present().model) return;
  network = found;
  emit("network", found);
  set(idOf("PAIR"), { data: found.pairs });
  if (found.choices) set(idOf("MODEL"), { data: found.choices });
  show();
}

export function start() {
  on("scenario", ({ before, now }) => {
    if (!before || before.model !== now.model) opened(now.model);
    show();
  });
}
