/* The texts of the guide: fetched from the server once, when they are first needed. */

import { say } from "../core/page.mjs";
import { address } from "../core/configuration.mjs";

let words = null;

export function texts() {
  words ??= fetch(address("guide")).then((answer) => {
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    return answer.json();
  }).catch((error) => {
    /* Asked again the next time. */
    words = null;
    say(`The guide did not arrive: ${error.message}.`);
    return null;
  });
  return words;
}
