/* The events of the page. Each has one of these names; a handler gets the event's detail. */

const NAMES = new Set([
  /* The scenario has changed: {before, now, from}. */
  "scenario",
  /* A pointer that was down is up. */
  "released",
  /* The scenario rests: now the slow requests. */
  "settled",
  /* Another chapter or page is open: {before, now}. */
  "arrived",
  /* The kick groups of the open network are known. */
  "kick",
  /* What the header says of the open network is known: the answer. */
  "network",
  /* Present mode begins or ends. */
  "present",
  /* A question was of a network that is not there any more: its name. */
  "gone",
  /* The server answers again after it was away. */
  "back",
  /* Views have got their content: their ids. */
  "drawn",
  /* The colour scheme has changed. */
  "scheme",
]);
const handlers = {};

function known(name) {
  if (!NAMES.has(name)) throw new Error(`there is no event ${name}; there are ${[...NAMES].join(", ")}`);
  handlers[name] ??= [];
  return handlers[name];
}

export const on = (name, act) => { known(name).push(act); };

export const emit = (name, detail) => { known(name).forEach((act) => act(detail)); };
