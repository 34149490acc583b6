/* The page's own table of numbers: quoted as it stands there, and only once it shows the present scenario. */

import { element } from "../core/configuration.mjs";

const place = () => element("NUMBERS");

/* A value without its error. */
const value = (cell) => cell.firstChild.textContent.trim();

/* The rows of these keys as sentences: what is now, beside what was where the two can differ. */
export function quoted(keys, isIntact) {
  return keys.flatMap((key) => [...place().querySelectorAll(`tr[data-measure="${key}"]`)]).map((row) => {
    const [intact, now] = row.querySelectorAll("td");
    const name = row.querySelector("th").textContent;
    return isIntact ? `${name}: ${value(now)}.` : `${name}: ${value(intact)} intact, ${value(now)} now.`;
  });
}

/* The outputs that occur, as the table lists them. */
export function outputs() {
  return [...place().querySelectorAll('tr[data-measure^="time-"]')].map((row) => row.dataset.measure.slice(5));
}

/* act: each time that the table has changed. Returns what ends it. */
export function watch(act) {
  const observer = new MutationObserver(act);
  observer.observe(place(), { childList: true, subtree: true });
  return () => observer.disconnect();
}
