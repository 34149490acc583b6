/* The worker that summarises scenarios: {kind: "open", network, target}, then {kind: "ask", id, scenario, neuron}, which is
 * answered by {id, summary}, null where no step can be drawn. */

import { Network } from "../engine/network.mjs";
import { Summaries } from "../engine/summary.mjs";

let summaries = null;

self.onmessage = ({ data }) => {
  if (data.kind === "open") summaries = new Summaries(new Network(data.network), data.target);
  else self.postMessage({ id: data.id, summary: summaries.of(data.scenario, data.neuron) });
};
