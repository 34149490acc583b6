/* Requests to the server: questions in JSON, and what happens when it is away or the session has ended. */

import { address, element } from "./configuration.mjs";
import { emit } from "./events.mjs";

const KNOCK_MS = 1000;
const AWAY = new Set([502, 503, 504]);
const ENDED = 401;
/* The server is busy with slow answers to others: ask again after a second, for at most so long. */
const BUSY = 429;
const AGAIN_MS = 1000;
const MOST_TIMES = 60;
const GIVEN_UP = new Set(["AbortError", "TimeoutError"]);

let plain = null;
let isAway = false;
let say = (_words) => {};

/* tell: (sentence or "") => void, the page's notice; ended: (is it?) => void, whether the session has ended. Every
 * request of the page is watched for the second, those of Dash for its scripts included. */
export function watchRequests({ tell, ended }) {
  say = tell;
  plain = window.fetch.bind(window);
  window.fetch = async (...request) => {
    let response = await plain(...request);
    for (let i = 0; response.status === BUSY && i < MOST_TIMES; i += 1) {
      await new Promise((resolve) => { window.setTimeout(resolve, AGAIN_MS); });
      response = await plain(...request);
    }
    if (response.status === ENDED) ended(true);
    else if (response.ok) ended(false);
    return response;
  };
}

/* Ask until the server is back; then everything goes on. */
function lost() {
  if (isAway) return;
  isAway = true;
  say("The server does not answer. Nothing is lost: this page goes on by itself when it is back.");
  const knock = async () => {
    const alive = await plain(address("healthz")).then((response) => response.ok, () => false);
    if (!alive) {
      window.setTimeout(knock, KNOCK_MS);
      return;
    }
    isAway = false;
    say("");
    emit("back");
  };
  window.setTimeout(knock, KNOCK_MS);
}

/* Answers that have come with the page: [{path, question, answer}]. */
let brought = null;

const inOrder = (_key, value) => (value && value.constructor === Object ? Object.fromEntries(Object.entries(value).sort()) : value);
const known = (question) => JSON.stringify(question, inOrder);

function takeBrought(path, question) {
  brought ??= JSON.parse(element("ANSWERS")?.textContent || "[]");
  const at = brought.findIndex((one) => one.path === path && known(one.question) === known(question));
  return at < 0 ? null : brought.splice(at, 1)[0].answer;
}

/* The answer to a question, as JSON; null where the server is away or the session has ended, which the page says. An
 * answer that is refused has the sentence in `refused`, and in `gone` the network that is not there any more. */
export async function ask(path, question, signal = undefined) {
  const here = takeBrought(path, question);
  if (here) return here;
  try {
    const response = await window.fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question), signal,
    });
    if (AWAY.has(response.status)) lost();
    const isJson = (response.headers.get("Content-Type") || "").startsWith("application/json");
    const answer = isJson && response.status !== ENDED ? await response.json() : null;
    if (answer?.gone) emit("gone", answer.gone);
    return answer;
  } catch (error) {
    if (error instanceof TypeError) lost();
    else if (!GIVEN_UP.has(error.name)) throw error;
    return null;
  }
}

/* The content of an address; throws a sentence where it cannot be had. */
export async function fetched(path, kind = "json") {
  const answer = await window.fetch(path);
  if (!answer.ok) throw new Error(await answer.text());
  return answer[kind]();
}
