/* The live view in words: where the runs are, what matters now, and the counts as a table. */

import { counted } from "../core/words.mjs";

/* A run that does less than this share of the steps that were asked for says so. */
const SLOWER = 0.8;
/* Axes that are hardly longer than the intact network's are not worth a word. */
const LONGER = 1.05;

export const whole = (value) => Math.round(value).toLocaleString("en");

/* A number of steps in little room: 940, 12.3k, 1.20M. */
function short(steps) {
  if (steps < 1000) return counted(steps, "step");
  return steps < 1e6 ? `${(steps / 1000).toFixed(1)}k steps` : `${(steps / 1e6).toFixed(2)}M steps`;
}

/* A rate and how sure it is: ± one standard error, or what it stays below if nothing was seen. */
function rated(found, factor, digits) {
  if (!found) return "not visited";
  const text = (value) => (value * factor).toFixed(digits);
  if (found.below !== null) return `0 (< ${text(found.below)})`;
  return found.error === null ? text(found.value) : `${text(found.value)} ± ${text(found.error)}`;
}

export function divergedWords({ step, run, neuron, who }) {
  const remedy = who === "run" ? "Lower a gain; the network then starts anew." : "Untick the control copy, then Restart.";
  return `Stopped: ${who} ${run + 1} left all bounds at step ${whole(step)}, neuron ${neuron} foremost. ${remedy}`;
}

export function planeWords(status) {
  const twin = status.twin ? ", each with its control copy" : "";
  return `The plane of the intact network with ${counted(status.count, "run")}${twin} at step ${whole(status.step)}; run 1 has output ${status.output}`;
}

/* The few sentences that matter now. */
export function storyOf(status, speed) {
  const words = [`Step ${whole(status.step)}`];
  if (status.rate && speed === null) words[0] += `, ${whole(status.rate.steps)} steps/s`;
  else if (status.rate && status.rate.steps && status.rate.steps < SLOWER * speed) {
    words[0] += `, ${whole(status.rate.steps)} of ${whole(speed)} steps/s: it goes no faster here`;
  }
  if (status.sinceSwitch === null) words.push(`run 1 has not switched in ${counted(status.step, "step")}`);
  else words.push(`run 1: ${counted(status.sinceSwitch, "step")} since the last switch`);
  if (status.hold) words.push(`no noise, largest activity ${status.size.toPrecision(2)}`);
  if (status.twin && status.parted !== null) words.push(`parted from its control copy at step ${whole(status.parted)}`);
  else if (status.twin) words.push("still with its control copy");
  else if (status.together !== null) words.push(`together with its control copy again since step ${whole(status.together)}`);
  if (status.pulse) words.push(`pulse, ${counted(status.pulse, "step")} to go`);
  if (status.zoom >= LONGER) words.push(`axes ${status.zoom.toPrecision(2)} times as long as the intact network's`);
  return `${words.join("; ")}.`;
}

/* The table of counts: its head, and its rows with the name of what each measures. */
export function countRows({ intact, now }) {
  const rows = [
    ["Switches per 1,000", rated(intact.switches, 1000, 1), rated(now.switches, 1000, 1), "switches"],
    ...intact.leave.map((_, a) => [a, a]).filter(([a]) => intact.leave[a] || now.leave[a]).map(([a]) => (
      [`Leave rate of ${a}`, rated(intact.leave[a], 1, 4), rated(now.leave[a], 1, 4), `leave-${a}`])),
  ];
  const head = ["Per step", `Intact (${short(intact.steps)})`, `Now (${short(now.steps)})`];
  return [head, rows];
}
