/* The worker of the live view keeps the pace, stands where it is pushed to, and goes on where a browser draws nothing. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { numbers } from "./numbers.mjs";

const { pool: { network } } = numbers("runs");
const MIDDLE = { x: 150, y: 150, all: false };
const FRAME_MS = 16;

/* A sheet to draw on, on which nothing is seen. */
const paper = () => new Proxy(function anything() {}, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => 0 : paper()), set: () => true, apply: () => paper() });
globalThis.OffscreenCanvas = class { getContext() { return paper(); } };

const heard = [];
/* It goes on by itself a little each time that it is looked at, as what is computed meanwhile takes time. */
const clock = { now: 0 };
const owed = [];
globalThis.self = {
  postMessage: (message) => heard.push(message),
  requestAnimationFrame: (call) => owed.push(call),
  cancelAnimationFrame() {},
};
Object.defineProperty(globalThis, "performance", { value: { timeOrigin: 0, now: () => { clock.now += 0.05; return clock.now; } }, configurable: true });
await import("../../assets/live/worker.mjs");

const send = (kind, content = {}) => globalThis.self.onmessage({ data: { kind, ...content } });
const canvas = () => ({ width: 300, height: 300, getContext: paper });
const last = (kind) => heard.findLast((message) => message.kind === kind);

function frames(count) {
  for (let i = 0; i < count; i++) {
    clock.now += FRAME_MS;
    owed.splice(0).forEach((call) => call());
  }
}

function open({ speed = 20, interventions = [] } = {}) {
  send("open", { network, seed: 0, sigma: 1, interventions, runs: 5, twin: true, groups: [] });
  send("canvases", { plane: canvas(), strip: canvas(), traces: canvas() });
  send("theme", { theme: network.themes.light, labels: network.region_labels });
  ["plane", "strip", "traces"].forEach((name) => send("resize", { name, size: { width: 300, height: 300, ratio: 1 } }));
  send("change", { hold: false, speed });
  frames(1);
}

test("it goes at the speed that is chosen", () => {
  open({ speed: 5 });
  send("run");
  const start = clock.now;
  frames(100);
  const { step, running } = last("status");
  const due = ((clock.now - start) * 5) / 1000;
  assert.ok(running);
  assert.ok(step > 5 && Math.abs(step - due) <= 2, `${step} steps where ${due} are due`);
  send("pause");
  frames(50);
  assert.equal(last("status").running, false);
  assert.ok(last("status").step - step <= 1);
});

test("the page hears of a change once a step was taken with it", () => {
  open();
  send("change", { interventions: [{ neurons: [0], mu: 0, target: "unit" }], id: 7 });
  frames(2);
  assert.equal(last("shown"), undefined);
  send("step", { steps: 1 });
  frames(1);
  assert.equal(last("shown").id, 7);
  assert.equal(last("status").intact, false);
});

test("it stands at the visited state that is nearest to the place that is pointed at", () => {
  open();
  send("step", { steps: 20 });
  send("pin", { place: MIDDLE });
  frames(1);
  assert.match(last("said").text, /^Run 1 is at the nearest of [\d,]+ visited states \(\d+\.\d\d standard deviations/);
  const { size, step, pinned } = last("status");
  assert.ok(pinned);
  send("step", { steps: 7 });
  frames(1);
  assert.deepEqual([last("status").size, last("status").step], [size, step + 7]);
  send("pin", { place: { ...MIDDLE, all: true } });
  assert.match(last("said").text, /^All runs are at the nearest/);
  send("pin", { place: null });
  frames(1);
  assert.equal(last("status").pinned, false);
});

test("what is painted at a place of the plane is what lies under that place", async () => {
  const { Network } = await import("../../assets/engine/network.mjs");
  const { PlanePicture } = await import("../../assets/live/plane.mjs");
  const picture = new PlanePicture(canvas(), new Network(network));
  picture.resize({ width: 300, height: 200, ratio: 1 });
  const { ax, bx, ay, by } = picture.place();
  const { x, y } = picture.under(ax * 0.5 + bx, ay * -0.25 + by);
  assert.ok(Math.abs(x - 0.5) < 1e-9 && Math.abs(y + 0.25) < 1e-9);
});

test("where the browser gives no frames it goes on", async () => {
  open();
  globalThis.self.requestAnimationFrame = () => {
    clock.now += 250;
    return 1;
  };
  const before = last("status").step;
  const told = new Promise((resolve) => {
    globalThis.self.postMessage = (message) => {
      if (message.kind === "status" && message.step > before) resolve();
    };
  });
  send("run");
  await told;
  send("pause");
});
