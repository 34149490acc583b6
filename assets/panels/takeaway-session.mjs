/* Saved sessions: a file of links, all that undo and redo can reach. */

import { link } from "../core/link.mjs";
import { say, store } from "../core/page.mjs";
import { download, make } from "../core/elements.mjs";
import { address } from "../core/configuration.mjs";

const FORMAT = "hmmrnn-session";
const VERSION = 1;
const MAX_BYTES = 1_000_000;


/* What the server answers as JSON; what it cannot answer is refused too. */
export async function fetched(path, options) {
  const answer = await window.fetch(path, options).then((got) => got, () => null);
  if (!answer) return { refused: "the server did not answer." };
  if (!answer.ok) return { refused: `the server answered with status ${answer.status}.` };
  const isText = answer.headers.get("Content-Type").startsWith("text/plain");
  return isText ? { text: await answer.text() } : answer.json();
}

export function saveSession() {
  const { past, present, future } = store.history();
  const links = (scenarios) => scenarios.map(link);
  const session = {
    format: FORMAT, version: VERSION, saved: new Date().toISOString(),
    past: links(past), present: link(present), future: links(future),
  };
  const content = new Blob([`${JSON.stringify(session, null, 1)}\n`], { type: "application/json" });
  download(`${FORMAT}-${present.model}.json`, content);
}

/* Resolves to whether the session is open. What was open stays if it is not. */
export async function openSession(file) {
  if (file.size > MAX_BYTES) {
    say(`${file.name} was not opened: it has ${file.size.toLocaleString("en")} bytes and a session has at `
      + `most ${MAX_BYTES.toLocaleString("en")} (1 MB). Choose a file that Save session wrote.`);
    return false;
  }
  /* The header tells the server that no page of another site sends this; see hmmrnn/server/api. */
  const body = await file.text();
  const found = await fetched(address("session"), { method: "POST", body, headers: { "X-Requested-With": "hmmrnn" } });
  if (found.refused) {
    say(`${file.name} was not opened: ${found.refused} Nothing has changed.`);
    return false;
  }
  store.restore(found);
  const others = found.past.length + found.future.length;
  say(`${file.name} is open: undo and redo reach its ${others} other scenario${others === 1 ? "" : "s"}.`);
  return true;
}

/* A file chooser that is opened by a button, and what is dropped on the panel. */
export function sessionInput(root, onOpen) {
  const input = make("input", { type: "file", id: "session-input", accept: ".json,application/json", hidden: true });
  const open = async (files) => {
    if (files.length && await openSession(files[0])) onOpen();
  };
  input.addEventListener("change", () => {
    const files = [...input.files];
    /* Otherwise choosing the same file again would be no change. */
    input.value = "";
    open(files);
  });
  /* Files that are dropped elsewhere are networks (uploads.mjs). */
  root.dataset.takesFiles = "";
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    open([...event.dataTransfer.files]);
  });
  root.append(input);
  return input;
}
