/* The link of a scenario: the same one that Scenario.to_query writes on the server. */

import { configuration } from "./configuration.mjs";
import { drawn, silences } from "./scenario.mjs";

const number = (x) => { const t = x.toFixed(4).replace(/0+$/, ""); return t.endsWith(".") ? t + "0" : t; };

function interventionPairs(interventions, prefix) {
  const alone = (item) => item.neurons.length === 1 && silences(item);
  const pairs = [];
  interventions.forEach((item, i) => {
    /* Silenced neurons that follow each other share one parameter. */
    if (!alone(item)) pairs.push([`${prefix}gain`, `${item.neurons.join(",")}:${number(item.mu)}:${item.target}`]);
    else if (i && alone(interventions[i - 1])) pairs[pairs.length - 1][1] += `,${item.neurons[0]}`;
    else pairs.push([`${prefix}ablate`, String(item.neurons[0])]);
  });
  return pairs;
}

export function link(s) {
  const { defaults } = configuration();
  const parts = [["model", s.model], ...interventionPairs(s.interventions, "")];
  parts.push(["sigma", number(s.sigma)], ["seed", s.seed], ["steps", s.steps],
    ["trajectories", s.trajectories], ["colour", s.colour]);
  if (s.colour === "neuron") parts.push(["neuron", s.neuron]);
  if (s.pair) parts.push(["pair", s.pair.join("-")]);
  if (s.dimensions !== defaults.dimensions) parts.push(["view", `${s.dimensions}d`]);
  if (s.large !== null) parts.push(["large", s.large]);
  if (s.map !== defaults.map) parts.push(["map", s.map]);
  if (s.without_noise) parts.push(["without_noise", 1]);
  if (s.paths) parts.push(["paths", 1]);
  if (s.area) parts.push(["area", s.area.map(number).join(",")]);
  if (s.span) parts.push(["span", s.span.join("-")]);
  if (s.picked !== null) parts.push(["picked", s.picked]);
  if (s.camera) parts.push(["camera", s.camera.map(number).join(",")]);
  if (s.input) parts.push(["input", s.input.map(number).join(",")]);
  if (s.sequence) parts.push(["sequence", s.sequence]);
  if (s.start !== defaults.start) parts.push(["start", s.start]);
  if (s.against) {
    parts.push(...interventionPairs(s.against.interventions, "a_"), ["a_sigma", number(s.against.sigma)]);
  }
  if (s.beside) parts.push(["beside", 1]);
  return `?${parts.map(([key, value]) => `${key}=${value}`).join("&")}`;
}

/* The key by which a figure is known: see Scenario.drawn on the server. */
export const drawnKey = (scenario) => link(drawn(scenario)).slice(1);
