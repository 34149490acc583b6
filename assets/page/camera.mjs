/* What a hand has done to the axes of the plane, or to the camera of the space, is part of the scenario. */

const PLANES = ["state-space", "region-map"];
const AXES = ["xaxis", "yaxis"];
const round = (value) => Math.round(value * 1e4) / 1e4;
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const client = () => window.dash_clientside.hmmrnn;
const graphOf = (view) => document.querySelector(`#${view} .js-plotly-plot`);
const seen = new WeakSet();
const tried = new WeakMap();

/* Where the axes of a figure end when no hand has moved them. */
const begun = new WeakMap();
const endsOf = (axes) => AXES.flatMap((name) => axes[name].range.map(round));

/* Dash also hands back the figure as a hand has left it; that is no beginning. */
function begin(graph, axes) {
  const ends = endsOf(axes);
  const { camera } = client().present() || {};
  if (!same(ends, camera)) begun.set(graph, ends);
}

export function attachCamera() {
  PLANES.forEach((view) => {
    const graph = graphOf(view);
    if (!graph || !graph._fullLayout || seen.has(graph)) return;
    seen.add(graph);
    if (!graph._fullLayout.scene && graph.data.length) begin(graph, graph._fullLayout);
    graph.on("plotly_relayout", (change) => heard(view, graph, change));
    follow(view);
  });
  watchFigures();
}

function heard(view, graph, change) {
  const scenario = client().present();
  const names = Object.keys(change);
  const turned = view === "state-space" && names.some((name) => name.startsWith("scene.camera"));
  if (turned) {
    const isFirst = !scenario.camera && same(cameraOf(graph), firstOf(graph));
    tried.set(graph, isFirst ? null : cameraOf(graph));
    if (!isFirst) client().apply({ ...scenario, camera: cameraOf(graph) }, { gesture: "camera" });
  }
  if (scenario.dimensions === 2 && names.some((name) => /^[xy]axis2?\.(range|autorange)/.test(name))) {
    const reset = names.some((name) => name.endsWith("autorange"));
    const ends = endsOf(graph._fullLayout);
    client().apply({ ...scenario, camera: reset || same(ends, begun.get(graph)) ? null : ends }, { gesture: "camera" });
  }
}

const numbersOf = ({ eye, center, up }) => [eye, center, up].flatMap(({ x, y, z }) => [x, y, z].map((v) => round(v) + 0));
const cameraOf = (graph) => numbersOf(graph._fullLayout.scene._scene.getCamera());
const firstOf = (graph) => numbersOf(graph._fullLayout.scene._scene.viewInitial);

const asCamera = ([a, b, c, d, e, f, g, h, i]) => ({
  eye: { x: a, y: b, z: c }, center: { x: d, y: e, z: f }, up: { x: g, y: h, z: i } });

/* The figure goes where the scenario says, if it is not there. Asked whenever either is new, and not whenever Plotly has
 * drawn: that is before it tells what a hand has done. */
export function follow(view) {
  const scenario = client().present();
  const graph = graphOf(view);
  if (!scenario || !graph || !graph._fullLayout) return;
  if (graph._fullLayout.scene) {
    if (scenario.dimensions === 3 && graph._fullLayout.scene._scene) turn(graph, scenario.camera);
  } else if (scenario.dimensions === 2 || view !== "state-space") stretch(graph, scenario);
}

/* Asked for once, and before it is done: a figure that is drawn anew comes here again in the midst of it. */
function turn(graph, camera) {
  if (same(camera, tried.get(graph) ?? null)) return;
  tried.set(graph, camera);
  if (camera && same(camera, cameraOf(graph))) return;
  const { eye, center, up } = camera ? asCamera(camera) : graph._fullLayout.scene._scene.viewInitial;
  window.Plotly.relayout(graph, { "scene.camera": { eye, center, up } });
}

function stretch(graph, { camera, dimensions }) {
  const axes = graph._fullLayout;
  if (!axes.xaxis || !axes.xaxis.range || !graph.data.length) return;
  const wanted = camera && dimensions === 2 ? camera : begun.get(graph);
  const there = endsOf(axes);
  /* Asked for once: a figure that cannot go there is left where it is. */
  if (!wanted || same(wanted, there) || same(tried.get(graph), [wanted, there])) return;
  tried.set(graph, [wanted, there]);
  window.Plotly.relayout(graph, { "xaxis.range": wanted.slice(0, 2), "yaxis.range": wanted.slice(2) });
}

/* Dash hands a figure that was turned back to Plotly as if it were a new one, and Plotly then forgets that a hand has
 * turned it. So each new figure of a space that is there already gets the camera that it has. Of a plane, this is the
 * place to see where its axes end by themselves. */
let kept = false;
function watchFigures() {
  if (kept || !window.Plotly) return;
  kept = true;
  const { react } = window.Plotly;
  window.Plotly.react = (graph, figure, ...rest) => {
    const view = PLANES.find((name) => graphOf(name) === graph);
    const { scene, xaxis, yaxis } = figure.layout || {};
    if (view && !scene && xaxis && xaxis.range && yaxis.range && figure.data.length) begin(graph, figure.layout);
    const there = graph._fullLayout && graph._fullLayout.scene && graph._fullLayout.scene._scene;
    const turned = there && scene ? {
      ...figure, layout: { ...figure.layout, scene: { ...scene, camera: there.getCamera() } },
    } : figure;
    const drawn = react(graph, turned, ...rest);
    if (view) drawn.then(() => follow(view));
    return drawn;
  };
}
