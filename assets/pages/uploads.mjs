/* An own network: chosen with the button, or dropped anywhere on the page; sent, checked by a worker, opened.
 *
 * A file that cannot be opened says why, and what was open stays. Of several files on their way the last one counts.
 */

import { address, element, idOf } from "../core/configuration.mjs";
import { set } from "../core/dash.mjs";
import { make } from "../core/elements.mjs";
import { openNetwork } from "../core/opening.mjs";
import { say as sayOnPage } from "../core/page.mjs";
import { askMapping } from "./mapping.mjs";

const MAX_BYTES = 20_000_000;
const LOOK_EVERY_MS = 300;
const PATIENCE_MS = 60_000;

const number = (value) => value.toLocaleString("en-US");

/* What is on its way: null, or { name, note, request, stopped }. */
let under_way = null;
/* The last sentence that was said here, so that it can be taken back when another file is opened. */
let said = null;

/* ---- what is added to the page --------------------------------------------------------------------------------- */

const input = make("input", {
  type: "file", id: "open-file-input", accept: ".pth,.pt,.ckpt,.safetensors,.npz,.h5,.keras,.mat,.json,.bin", className: "file-input", tabIndex: -1,
  "aria-label": "Network file to open",
});
const overlay = make("div", { id: "file-drop", className: "file-drop", hidden: true },
  make("p", { textContent: "Drop a file of a network to open it: torch, safetensors, NumPy, Keras, MATLAB or JSON" }));
const words = make("span");
const sign = make("div", { id: "file-progress", className: "file-progress", hidden: true, role: "status" },
  make("span", { className: "file-wheel", "aria-hidden": "true" }), words);

function show(text) {
  words.textContent = text;
  sign.hidden = false;
}

function say(text) {
  said = text;
  sayOnPage(text);
}

function takeBack() {
  const shown = element("NOTICE_TEXT");
  if (said && shown && shown.textContent === said) set(idOf("NOTICE"), { hidden: true });
  said = null;
}

/* ---- one file, from the choice to the picture ------------------------------------------------------------------------------ */

export function openFiles(files) {
  const [file] = files;
  takeBack();
  const note = files.length > 1 ? `Of ${files.length} files, only the first is opened: ${file.name}.` : "";
  if (file.size > MAX_BYTES) {
    say(`${file.name} has ${number(file.size)} bytes; expected at most ${number(MAX_BYTES)} (20 MB); `
      + "save the state dict of the network alone.");
    return;
  }
  if (under_way) stop(under_way);
  const way = { name: file.name, note, request: null, stopped: false };
  under_way = way;
  if (note) say(note);
  travel(way, file).catch((error) => {
    /* Whatever goes wrong, the sign must not turn for ever. */
    end(way);
    throw error;
  });
}

function stop(way) {
  way.stopped = true;
  if (way.request) way.request.abort();
}

function end(way) {
  if (under_way !== way) return;
  under_way = null;
  sign.hidden = true;
}

async function travel(way, file, mapping = null) {
  const sent = await send(way, file, mapping);
  const found = sent.file ? await decided(way, sent.file) : sent;
  if (way.stopped) return;
  end(way);
  if (found.asked) {
    const wanted = await askMapping(way.name, found.asked, (given) => previewOf(file, given));
    if (wanted) {
      const again = { ...way, request: null, stopped: false };
      under_way = again;
      await travel(again, file, wanted);
      return;
    }
  }
  if (found.state === "ready") openNetwork(found.model, found.choices);
  else say([found.sentence, way.note].filter(Boolean).join(" "));
}

/* What the file does as a mapping reads it, or a sentence. It shows nothing of its way. */
async function previewOf(file, mapping) {
  const way = { name: file.name, note: "", request: null, stopped: false, quiet: true };
  const sent = await send(way, file, mapping);
  return sent.file ? decided(way, sent.file) : sent;
}

/* Resolves to the server's answer, or to what it would have said if there was none. */
function send(way, file, mapping) {
  const unsent = (reason) => ({ sentence: `${way.name} was not sent: ${reason}. Nothing has changed; try again.` });
  return new Promise((resolve) => {
    /* Not fetch, which does not report how much has been sent. */
    const request = new XMLHttpRequest();
    way.request = request;
    const said = (mapping ? `&mapping=${encodeURIComponent(JSON.stringify(mapping))}` : "") + (way.quiet ? "&preview=1" : "");
    request.open("POST", `${address("take_file")}?name=${encodeURIComponent(file.name)}${said}`);
    /* Tells the server that no page of another site sends this; see hmmrnn/server/uploads.py. */
    request.setRequestHeader("X-Requested-With", "hmmrnn");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded, total }) => {
      if (!way.stopped && !way.quiet && loaded < total) show(`sending ${way.name}, ${Math.floor(100 * loaded / total)} %…`);
    };
    request.upload.onload = () => {
      if (!way.stopped && !way.quiet) show(`checking ${way.name}…`);
    };
    request.onload = () => resolve(request.response || unsent(`the server answered with status ${request.status}`));
    request.onerror = () => resolve(unsent("the server or the file could not be reached"));
    request.onabort = () => resolve({});
    if (!way.quiet) show(`sending ${way.name}…`);
    request.send(file);
  });
}

/* What has become of the file, as soon as it is known. A server that does not answer may come back. */
async function decided(way, digest) {
  const until = Date.now() + PATIENCE_MS;
  let why = "";
  while (!way.stopped && Date.now() < until) {
    const answer = await window.fetch(address("look_at_file").replace("<digest>", digest)).then((got) => (got.ok ? got.json() : null), () => null);
    if (answer && answer.state !== "checking") return answer;
    why = answer ? answer.sentence : "The server does not answer.";
    if (!way.stopped && !way.quiet) show(why || `checking ${way.name}…`);
    await new Promise((resolve) => window.setTimeout(resolve, LOOK_EVERY_MS));
  }
  return { sentence: `${why || `${way.name} is not checked yet.`} Once it is, it is offered among the networks.` };
}

/* ---- where files come from ---- */

export function start() {
  document.body.append(make("section", { "aria-label": "Opening a file" }, input, overlay, sign));

  document.addEventListener("click", (event) => {
    if (event.target.closest(`#${idOf("OPEN_FILE")}`)) input.click();
  });

  input.addEventListener("change", () => {
    const files = [...input.files];
    /* Otherwise choosing the same file again would be no change. */
    input.value = "";
    if (files.length) openFiles(files);
  });

  /* A panel that takes files by itself is left alone (page/takeaway-session.mjs). */
  const carriesFiles = (event) => Boolean(event.dataTransfer) && [...event.dataTransfer.types].includes("Files")
    && !(event.target.closest && event.target.closest("[data-takes-files]"));
  const onDrag = (name, act) => window.addEventListener(name, (event) => {
    if (carriesFiles(event)) act(event);
  }, true);

  onDrag("dragover", (event) => {
    /* Without this, the browser would leave the page and show the file itself. */
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    overlay.hidden = false;
  });
  onDrag("dragleave", (event) => {
    /* Leaving one element for another is not leaving the page. */
    if (!event.relatedTarget) overlay.hidden = true;
  });
  onDrag("drop", (event) => {
    event.preventDefault();
    overlay.hidden = true;
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
    const folder = entries.find((entry) => entry && entry.isDirectory);
    if (folder) {
      takeBack();
      say(`${folder.name} is a folder; drop the file of a network.`);
    } else if (event.dataTransfer.files.length) openFiles([...event.dataTransfer.files]);
  });
}
