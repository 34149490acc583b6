/* The table of numbers: the comparison, the network as it is now, and the difference, each with its standard error. */

import { make } from "../core/elements.mjs";

/* The numbers of a summary that the page has made, as the server writes them. */
export function numbersOf({ switching, outputs, probabilities, transitionError }, hasTarget) {
  const each = (name) => Array.from({ length: outputs }, (_, k) => plain(switching[`${name}-${k}`]));
  return {
    steps: switching.steps, tied: shareOfTies(probabilities, outputs), switches: plain(switching.switches), leave: each("leave"), time: each("time"),
    ...(hasTarget && { "transition-error": Number.isFinite(transitionError) ? [transitionError, null] : null }),
  };
}

/* Percentage of the drawn steps at which several outputs are the likeliest; the output is the first of these. */
function shareOfTies(probabilities, outputs) {
  let [drawn, tied] = [0, 0];
  for (let at = 0; at < probabilities.length; at += outputs) {
    let [most, times] = [-1, 0];
    for (let k = at; k < at + outputs; k++) {
      if (probabilities[k] > most) [most, times] = [probabilities[k], 1];
      else if (probabilities[k] === most) times += 1;
    }
    if (times) drawn += 1;
    if (times > 1) tied += 1;
  }
  return drawn ? (100 * tied) / drawn : 0;
}

const plain = (found) => found && [found.value, found.error];

/* values: {of: the scenario's link, kept: whether A is compared with, runs: how many of them are shown so far, in words,
 * before, now}, as hmmrnn/dashboard has them. */
export function numbersTable({ of, kept, runs, before, now }) {
  const heads = ["Measure", ...(kept ? ["A", "B, now"] : ["Intact", "Now"]), "Difference"];
  const head = make("thead", {}, make("tr", {}, ...heads.map((text) => make("th", { textContent: text }))));
  const table = make("table", {}, head, make("tbody", {}, ...rowsOf(before, now).map(row)));
  const ties = now.tied ? ` At ${Number(now.tied.toPrecision(3))} % of them several outputs are equally likely; the first of these is counted.` : "";
  const words = `Counted over the ${now.steps.toLocaleString("en")} steps shown${runs ? `, ${runs}` : ""}; ± is one standard error between runs.${ties}`;
  return make("div", { "data-of": of }, table, make("p", { className: "note", textContent: words }));
}

function rowsOf(before, now) {
  const isSeen = (k) => [before, now].some(({ time }) => time[k] && time[k][0] > 0);
  const seen = now.time.map((_, k) => k).filter(isSeen);
  const of = (key) => [before[key], now[key]];
  const each = (name, title, digits) => seen.map((k) => [`${name}-${k}`, title(k), [before[name][k], now[name][k]], digits]);
  return [
    ["switches", "Switches / 1,000 steps", of("switches"), 1],
    ...each("leave", (k) => `Leave rate of ${k}`, 4),
    ...each("time", (k) => `Time in ${k}, %`, 1),
    ...("transition-error" in now ? [["transition-error", "Transition error", of("transition-error"), 3]] : []),
  ];
}

function row([key, name, [before, now], digits]) {
  const difference = before && now ? now[0] - before[0] : NaN;
  const changed = Number.isFinite(difference) && difference !== 0 ? "changed" : "";
  return make("tr", { "data-measure": key },
    make("th", { scope: "row", textContent: name }), make("td", {}, ...cell(before, digits)), make("td", {}, ...cell(now, digits)),
    make("td", { className: changed, textContent: signed(difference, digits) }));
}

const signed = (value, digits) => (Number.isFinite(value) ? `${value < 0 ? "" : "+"}${value.toFixed(digits)}` : "n/a");

function cell(found, digits) {
  if (!found) return ["not visited"];
  const [value, error] = found;
  return [value.toFixed(digits), ...(error === null ? [] : [make("small", { textContent: ` ± ${error.toFixed(digits)}` })])];
}
