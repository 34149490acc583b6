/* What the page is made of: ids, views, chapters, fields, defaults and addresses, as the server has written them into the
 * page (hmmrnn/dashboard/configuration.py). */

let read = null;

export function configuration() {
  read ??= JSON.parse(document.getElementById("configuration").textContent);
  return read;
}

/* The id of a component by its name, as in "STATE_SPACE". */
export const idOf = (name) => configuration().ids[name];

/* The component itself; null while it is not there. */
export const element = (name) => document.getElementById(idOf(name));

/* An address of the server by its name. */
export const address = (name) => configuration().addresses[name];
