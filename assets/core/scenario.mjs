/* Changes of a scenario: each is a function from a scenario to another one. Nothing here knows of the page. */

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const single = (neuron) => ({ neurons: [neuron], mu: 0, target: "unit" });
export const silences = (item) => item.target === "unit" && item.mu === 0;
export const silenced = (scenario) => new Set(scenario.interventions.filter(silences).flatMap((item) => item.neurons));

function without(scenario, neuron) {
  const rest = scenario.interventions
    .map((item) => (item.neurons.includes(neuron)
      ? { ...item, neurons: item.neurons.filter((i) => i !== neuron) } : item))
    .filter((item) => item.neurons.length);
  return { ...scenario, interventions: rest };
}

export function toggled(scenario, neuron) {
  const touched = scenario.interventions.some((item) => item.neurons.includes(neuron));
  if (touched) return without(scenario, neuron);
  return { ...scenario, interventions: [...scenario.interventions, single(neuron)] };
}

export function withSilenced(scenario, neuron, wanted) {
  if (silenced(scenario).has(neuron) === wanted) return scenario;
  const rest = without(scenario, neuron);
  return wanted ? { ...scenario, interventions: [...rest.interventions, single(neuron)] } : rest;
}

/* Neurons as a name of their group, whatever their order. */
export const nameOfNeurons = (neurons) => [...neurons].sort((a, b) => a - b).join();

export const isOn = (scenario, neurons, target) => scenario.interventions.some((item) => (
  item.target === target && item.mu === 0 && nameOfNeurons(item.neurons) === nameOfNeurons(neurons)));

/* A group is silenced, or let be if it was. */
export function withGroup(scenario, neurons, target) {
  const key = nameOfNeurons(neurons);
  const rest = scenario.interventions.filter((item) => nameOfNeurons(item.neurons) !== key || item.target !== target);
  if (rest.length < scenario.interventions.length) return { ...scenario, interventions: rest };
  return { ...scenario, interventions: [...rest, { neurons: [...neurons], mu: 0, target }] };
}

export function withEntry(scenario, index, change) {
  const items = scenario.interventions.map((item, i) => (i === index ? { ...item, ...change } : item));
  return { ...scenario, interventions: items };
}

/* What enters the network at every step; a sequence that changes is left out. See Scenario.entering on the server. */
export const entering = ({ input = null, sequence }) => ({ input, sequence: sequence?.endsWith("c") ? sequence : null });

/* What belongs to a network, and what to a plane: with another one it means nothing. */
const ELSEWHERE = { area: null, camera: null };
export const withNetwork = (scenario, name) => ({
  ...scenario, ...ELSEWHERE, model: name, interventions: [], neuron: 0, pair: null, picked: null, against: null,
  beside: false, input: null, sequence: null, start: "zero",
});

/* A neuron is picked; one that is already is let go. */
export const withPicked = (scenario, neuron) => ({ ...scenario, picked: scenario.picked === neuron ? null : neuron });

/* Another input beside the noise is another plane. */
export const withInput = (scenario, { input = null, sequence = null }) => ({ ...scenario, ...ELSEWHERE, input, sequence });

/* One field, and what cannot stay as it was with it. */
export function withField(scenario, name, value) {
  const next = { ...scenario, [name]: value };
  if (name === "pair") Object.assign(next, ELSEWHERE);
  if (name === "dimensions") next.camera = null;
  /* The neuron that is picked is the one that is meant. */
  if (name === "colour" && value === "neuron" && scenario.picked !== null) next.neuron = scenario.picked;
  if (next.span && next.span[1] > next.steps) next.span = null;
  return next;
}

/* The ends of both axes of a plane, or the camera of a space. A figure of the other kind may still tell of its own while it is
 * replaced. */
const PLACES = { 2: 4, 3: 9 };
export const withCamera = (scenario, camera) => (
  camera && camera.length !== PLACES[scenario.dimensions] ? scenario : { ...scenario, camera });

/* Neurons at random from outside the kick groups: as many as the largest group has, or 3 where there is none. */
export function randomNeurons(kick, random = Math.random) {
  const sizes = kick.groups.map((group) => group.neurons.length);
  const pool = [...kick.others];
  const size = Math.min(Math.max(...sizes, 0) || 3, pool.length);
  for (let i = 0; i < size; i++) {
    const j = i + Math.floor(random() * (pool.length - i));
    [pool[i], pool[j]] = [pool[j], pool[i]];
  }
  return pool.slice(0, size).sort((a, b) => a - b);
}

/* What is drawn of a scenario; the rest the page shows by itself. */
export const drawn = (scenario) => scenario && {
  ...scenario, large: null, area: null, span: null, picked: null, camera: null,
};
