/* What does the page's own table say? Quoted as it stands there, and only once it shows the present scenario. */

const client = () => window.dash_clientside.hmmrnn;
const place = () => document.getElementById("numbers");

/* Whether the table belongs to what is shown now. */
export function areNew() {
  const shown = place().querySelector("[data-of]");
  return Boolean(shown) && shown.dataset.of === client().drawnAddress(client().present()).slice(1);
}

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
