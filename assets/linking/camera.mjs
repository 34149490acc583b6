/* Changes of the axes of the plane, or of the camera of the space, are part of the scenario. */

import { present, store } from "../core/page.mjs";
import { idOf } from "../core/configuration.mjs";
import { afterFigures, changeFigures, graphOf, layoutOf } from "../core/plotly.mjs";
import { withCamera } from "../core/scenario.mjs";

const PLANES = ["STATE_SPACE", "REGION_MAP"].map(idOf);
const AXES = ["xaxis", "yaxis"];
const round = (value) => Math.round(value * 1e4) / 1e4;
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const seen = new WeakSet();
const tried = new WeakMap();

/* Where the axes of a figure end before the user moves them. */
const begun = new WeakMap();
const endsOf = (axes) => AXES.flatMap((name) => axes[name].range.map(round));

/* Dash also passes back the figure as the user has left it; that is no beginning. */
function begin(graph, axes) {
  const ends = endsOf(axes);
  const { camera } = present() || {};
  if (!same(ends, camera)) begun.set(graph, ends);
}

/* A plane that was drawn where the link says has no beginning of its own; both planes begin at the same ends. */
const beginningOf = (graph) => begun.get(graph) ?? PLANES.map((view) => begun.get(graphOf(view))).find(Boolean);

export function attachCamera() {
  PLANES.forEach((view) => {
    const graph = graphOf(view);
    if (!graph || seen.has(graph)) return;
    seen.add(graph);
    if (!layoutOf(graph).scene && graph.data.length) begin(graph, layoutOf(graph));
    graph.on("plotly_relayout", (change) => heard(view, graph, change));
    follow(view);
  });
}

function heard(view, graph, change) {
  const scenario = present();
  const names = Object.keys(change);
  const turned = view === idOf("STATE_SPACE") && names.some((name) => name.startsWith("scene.camera"));
  if (turned) {
    const isFirst = !scenario.camera && same(cameraOf(graph), firstOf(graph));
    tried.set(graph, isFirst ? null : cameraOf(graph));
    if (!isFirst) store.change(withCamera(scenario, cameraOf(graph)), { gesture: "camera" });
  }
  if (scenario.dimensions === 2 && names.some((name) => /^[xy]axis2?\.(range|autorange)/.test(name))) {
    const reset = names.some((name) => name.endsWith("autorange"));
    const ends = endsOf(layoutOf(graph));
    store.change(withCamera(scenario, reset || same(ends, beginningOf(graph)) ? null : ends), { gesture: "camera" });
  }
}

const numbersOf = ({ eye, center, up }) => [eye, center, up].flatMap(({ x, y, z }) => [x, y, z].map((v) => round(v) + 0));
const cameraOf = (graph) => numbersOf(layoutOf(graph).scene._scene.getCamera());
const firstOf = (graph) => numbersOf(layoutOf(graph).scene._scene.viewInitial);

const asCamera = ([a, b, c, d, e, f, g, h, i]) => ({
  eye: { x: a, y: b, z: c }, center: { x: d, y: e, z: f }, up: { x: g, y: h, z: i } });

/* The figure goes where the scenario says, if it is not there. Asked whenever either is new, and not whenever Plotly has
 * drawn: that is before it reports what the user has done. */
export function follow(view) {
  const scenario = present();
  const graph = graphOf(view);
  if (!scenario || !graph) return;
  if (layoutOf(graph).scene) {
    if (scenario.dimensions === 3 && layoutOf(graph).scene._scene) turn(graph, scenario.camera);
  } else if (scenario.dimensions === 2 || view !== idOf("STATE_SPACE")) stretch(graph, scenario);
}

/* Asked for once, and before it is done: a figure that is drawn anew comes here again in the midst of it. */
function turn(graph, camera) {
  if (same(camera, tried.get(graph) ?? null)) return;
  tried.set(graph, camera);
  if (camera && same(camera, cameraOf(graph))) return;
  const { eye, center, up } = camera ? asCamera(camera) : layoutOf(graph).scene._scene.viewInitial;
  window.Plotly.relayout(graph, { "scene.camera": { eye, center, up } });
}

function stretch(graph, { camera, dimensions }) {
  const axes = layoutOf(graph);
  if (!axes.xaxis || !axes.xaxis.range || !graph.data.length) return;
  const wanted = camera && dimensions === 2 ? camera : beginningOf(graph);
  const there = endsOf(axes);
  /* Asked for once: a figure that cannot go there is left where it is. */
  if (!wanted || same(wanted, there) || same(tried.get(graph), [wanted, there])) return;
  tried.set(graph, [wanted, there]);
  window.Plotly.relayout(graph, { "xaxis.range": wanted.slice(0, 2), "yaxis.range": wanted.slice(2) });
}

/* Dash passes a figure that was turned back to Plotly as if it were a new one, and Plotly then forgets that the user has
 * turned it. So each new figure of a space that is there already gets the camera that it has. Of a plane, this is the
 * place to see where its axes end by themselves. */
export function startCamera() {
  changeFigures((graph, figure) => {
    const { scene, xaxis, yaxis } = figure.layout || {};
    const isOurs = PLANES.some((view) => graphOf(view) === graph);
    if (isOurs && !scene && xaxis && xaxis.range && yaxis.range && figure.data.length) begin(graph, figure.layout);
    const there = layoutOf(graph).scene && layoutOf(graph).scene._scene;
    if (!there || !scene) return figure;
    return { ...figure, layout: { ...figure.layout, scene: { ...scene, camera: there.getCamera() } } };
  });
  afterFigures((graph) => {
    const view = PLANES.find((name) => graphOf(name) === graph);
    if (!view) return;
    /* A figure that is drawn anew may go where the one before it was asked to go. */
    if (!layoutOf(graph).scene) tried.delete(graph);
    follow(view);
  });
}
