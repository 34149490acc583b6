/* What a hand has done to the axes of the plane, or to the camera of the space, is part of the scenario. */

const PLANES = ["state-space", "region-map"];
const AXES = ["xaxis", "yaxis"];
const round = (value) => Math.round(value * 1e4) / 1e4;
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const client = () => window.dash_clientside.hmmrnn;
const graphOf = (view) => document.querySelector(`#${view} .js-plotly-plot`);
const seen = new WeakSet();
const tried = new WeakMap();

/* Where an axis ends when no hand has moved it. */
const first = (axis) => [axis._rangeInitial0 ?? axis.range[0], axis._rangeInitial1 ?? axis.range[1]];

export function attachCamera() {
  PLANES.forEach((view) => {
    const graph = graphOf(view);
    if (!graph || !graph._fullLayout || seen.has(graph)) return;
    seen.add(graph);
    graph.on("plotly_relayout", (change) => heard(view, graph, change));
    graph.on("plotly_afterplot", () => follow(view));
    follow(view);
  });
  keepSpace();
}

function heard(view, graph, change) {
  const scenario = client().present();
  const names = Object.keys(change);
  const turned = view === "state-space" && names.some((name) => name.startsWith("scene.camera"));
  if (turned) client().apply({ ...scenario, camera: cameraOf(graph) }, { gesture: "camera" });
  else if (scenario.dimensions === 2 && names.some((name) => /^[xy]axis2?\.(range|autorange)/.test(name))) {
    const reset = names.some((name) => name.endsWith("autorange"));
    const ends = AXES.flatMap((name) => graph._fullLayout[name].range.map(round));
    const begun = AXES.flatMap((name) => first(graph._fullLayout[name]).map(round));
    client().apply({ ...scenario, camera: reset || same(ends, begun) ? null : ends }, { gesture: "camera" });
  }
}

function cameraOf(graph) {
  const { eye, center, up } = graph._fullLayout.scene._scene.getCamera();
  return [eye, center, up].flatMap(({ x, y, z }) => [x, y, z].map(round));
}

const asCamera = ([a, b, c, d, e, f, g, h, i]) => ({
  eye: { x: a, y: b, z: c }, center: { x: d, y: e, z: f }, up: { x: g, y: h, z: i } });

/* The figure goes where the scenario says, if it is not there. */
export function follow(view) {
  const scenario = client().present();
  const graph = graphOf(view);
  if (!scenario || !graph || !graph._fullLayout) return;
  if (graph._fullLayout.scene) {
    if (scenario.dimensions === 3 && graph._fullLayout.scene._scene) turn(graph, scenario.camera);
  } else if (scenario.dimensions === 2 || view !== "state-space") stretch(graph, scenario);
}

function turn(graph, camera) {
  if (camera && camera.length === 9 && !same(camera, cameraOf(graph))) {
    window.Plotly.relayout(graph, { "scene.camera": asCamera(camera) });
  } else if (!camera && graph.dataset.turned) {
    const { eye, center, up } = graph._fullLayout.scene._scene.viewInitial;
    window.Plotly.relayout(graph, { "scene.camera": { eye, center, up } });
  }
  graph.dataset.turned = camera ? "yes" : "";
}

function stretch(graph, { camera, dimensions }) {
  const axes = graph._fullLayout;
  if (!axes.xaxis || !axes.xaxis.range || !graph.data.length) return;
  const wanted = camera && dimensions === 2 ? camera : AXES.flatMap((name) => first(axes[name]).map(round));
  const there = AXES.flatMap((name) => axes[name].range.map(round));
  /* Asked for once: a figure that cannot go there is left where it is. */
  if (same(wanted, there) || same(tried.get(graph), [wanted, there])) return;
  tried.set(graph, [wanted, there]);
  window.Plotly.relayout(graph, { "xaxis.range": wanted.slice(0, 2), "yaxis.range": wanted.slice(2) });
}

/* Dash hands a figure that was turned back to Plotly as if it were a new one, and Plotly then forgets that a hand has
 * turned it. So each new figure of a space that is there already gets the camera that it has. */
let kept = false;
function keepSpace() {
  if (kept || !window.Plotly) return;
  kept = true;
  const { react } = window.Plotly;
  window.Plotly.react = (graph, figure, ...rest) => {
    const there = graph._fullLayout && graph._fullLayout.scene && graph._fullLayout.scene._scene;
    const turned = there && figure.layout && figure.layout.scene ? {
      ...figure, layout: { ...figure.layout, scene: { ...figure.layout.scene, camera: there.getCamera() } },
    } : figure;
    return react(graph, turned, ...rest);
  };
}
