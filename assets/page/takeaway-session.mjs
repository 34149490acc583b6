/* How does a session go on another day, or on another machine? As a file of links: all that undo and redo can reach. */

import { make } from "../live/elements.mjs";
import { save } from "./takeaway-figures.mjs";

const FORMAT = "hmmrnn-session";
const VERSION = 1;
const MAX_BYTES = 1_000_000;

const client = () => window.dash_clientside.hmmrnn;

/* What the server answers as JSON; what it cannot answer is refused too. */
export async function asked(path, options) {
  const answer = await window.fetch(path, options).then((got) => got, () => null);
  if (!answer) return { refused: "the server did not answer." };
  if (!answer.ok) return { refused: `the server answered with status ${answer.status}.` };
  const isText = answer.headers.get("Content-Type").startsWith("text/plain");
  return isText ? { text: await answer.text() } : answer.json();
}

export function saveSession() {
  const { past, present, future } = client().history();
  const links = (scenarios) => scenarios.map(client().address);
  const session = {
    format: FORMAT, version: VERSION, saved: new Date().toISOString(),
    past: links(past), present: client().address(present), future: links(future),
  };
  save(`${FORMAT}-${present.model}.json`, [`${JSON.stringify(session, null, 1)}\n`], "application/json");
}

/* Resolves to whether the session is open. What was open stays if it is not. */
export async function openSession(file) {
  if (file.size > MAX_BYTES) {
    client().say(`${file.name} was not opened: it has ${file.size.toLocaleString("en")} bytes and a session has at `
      + `most ${MAX_BYTES.toLocaleString("en")} (1 MB). Choose a file that Save session wrote.`);
    return false;
  }
  /* The header tells the server that no page of another site sends this; see dashboard/takeaway.py. */
  const found = await asked("/session", { method: "POST", body: file, headers: { "X-Requested-With": "hmmrnn" } });
  if (found.refused) {
    client().say(`${file.name} was not opened: ${found.refused} Nothing has changed.`);
    return false;
  }
  client().restore(found);
  const others = found.past.length + found.future.length;
  client().say(`${file.name} is open: undo and redo reach its ${others} other scenario${others === 1 ? "" : "s"}.`);
  return true;
}

/* A file chooser that is opened by a button, and what is dropped on the panel. */
export function sessionInput(root, onOpen) {
  const input = make("input", { type: "file", id: "session-input", accept: ".json,application/json", hidden: true });
  const open = async ([file]) => {
    if (file && await openSession(file)) onOpen();
  };
  input.addEventListener("change", () => {
    const files = [...input.files];
    /* Otherwise choosing the same file again would be no change. */
    input.value = "";
    open(files);
  });
  /* Files that are dropped elsewhere are networks (files.js). */
  root.dataset.takesFiles = "";
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    open([...event.dataTransfer.files]);
  });
  root.append(input);
  return input;
}
