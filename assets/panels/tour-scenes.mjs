/* The scenario of each step of the tour, and which of its texts holds for this network. Functions of the scenario and
 * of what the search for kick neurons has found; nothing here touches the page. */

const DEFAULT_SIZE = 3;

/* The group whose effect is clearest: a proven one if there is any. */
export function strongest(kick) {
  const groups = kick.groups.filter((group) => group.neurons.length);
  const proven = groups.filter((group) => group.proven);
  return (proven.length ? proven : groups).sort((a, b) => a.ratio - b.ratio)[0] || null;
}

/* The population that feeds that group; where it has none, that of another. */
export function integrators(kick) {
  const group = strongest(kick);
  return kick.integrating.find((item) => group && item.output === group.output) || kick.integrating[0] || null;
}

/* Neurons at random from outside the kick groups; the same ones each time that one comes back to the step. */
export function control(kick, seed) {
  const group = strongest(kick);
  const pool = [...kick.others];
  const size = Math.min(group ? group.neurons.length : DEFAULT_SIZE, pool.length);
  const random = generator(seed);
  for (let i = 0; i < size; i++) {
    const j = i + Math.floor(random() * (pool.length - i));
    [pool[i], pool[j]] = [pool[j], pool[i]];
  }
  return pool.slice(0, size).sort((a, b) => a - b);
}

/* Mulberry32: a few numbers that need no more than to look drawn. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const NEURONS = {
  kick: (kick) => [strongest(kick)?.neurons, "unit"],
  control: (kick, seed) => [control(kick, seed), "unit"],
  integrating: (kick) => [integrators(kick)?.neurons, "input"],
};

/* The scenario of a step: the network as it was trained, with this step's change alone. `kick`: null while sought. */
export function scenarioOf(step, present, defaults, kick) {
  const { model, seed, steps, trajectories } = present;
  const base = { ...defaults, model, seed, steps, trajectories };
  if (step.scene === "without_noise") return { ...base, without_noise: true };
  const [neurons, target] = kick && NEURONS[step.scene] ? NEURONS[step.scene](kick, seed) : [];
  return neurons && neurons.length ? { ...base, interventions: [{ neurons, mu: 0, target }] } : base;
}

/* Which of the step's texts holds. */
export function caseOf(step, kick, outputs) {
  if (step.texts.one_output && outputs.length === 1) return "one_output";
  if (step.texts.always) return "always";
  if (!kick) return "searching";
  const group = strongest(kick);
  if (!group || (step.scene === "integrating" && !integrators(kick))) return "none";
  if (step.scene === "kick") return !group.proven ? "weak" : group.to === null ? "proven" : "proven_exit";
  return step.scene === "control" && group.control_median === null ? "alone" : "found";
}

const distinct = (groups) => new Set(groups.flatMap((group) => group.neurons)).size;

/* What is filled into the texts. */
export function valuesOf(step, kick) {
  if (!kick) return {};
  const group = strongest(kick);
  const feeding = integrators(kick);
  const counts = {
    kick: distinct(kick.groups), integrating: distinct(kick.integrating), exits: kick.groups.length,
    proven: kick.groups.filter((item) => item.proven).length,
    reason: kick.reason || "The search has found no kick neurons in this network.",
  };
  const size = step.scene === "control" ? control(kick, 0).length
    : step.scene === "integrating" ? feeding?.neurons.length : group?.neurons.length;
  return { ...counts, size, ...(group && evidence(group, step.scene === "integrating" ? feeding : null)) };
}

/* `feeding`: the population that is spoken of, which can be that of another group. */
function evidence(group, feeding) {
  return {
    group: feeding ? `kick neurons for leaving ${feeding.output}` : group.name,
    output: group.output,
    done: group.to === null ? "was left" : `went to ${group.to}`,
    ratio: group.ratio.toFixed(2),
    controls: group.controls,
    median: group.control_median?.toFixed(2),
    percentile: group.percentile?.toFixed(0),
    instead: group.closed_by ? `Something else closes this exit: ${group.closed_by} as often.`
      : "Nothing else that was tried closes this exit.",
  };
}

export const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
