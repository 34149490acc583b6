/* The buttons over a graph are one stop of the Tab key, and arrow keys lead along them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { goAlong, makeToolbars } from "../../assets/core/toolbar.mjs";

/* A graph with as many buttons, each a stop of its own, as Plotly makes them. */
function graphWith(count) {
  const focused = [];
  const bar = { role: null, setAttribute(name, value) { this[name] = value; }, querySelectorAll: () => buttons };
  const buttons = Array.from({ length: count }, (_, i) => ({
    tabIndex: 0, focus: () => focused.push(i), closest: (what) => (what === ".modebar" ? bar : buttons[i]) }));
  return { buttons, bar, focused, querySelectorAll: () => [bar], stops: () => buttons.flatMap(({ tabIndex }, i) => (tabIndex === 0 ? [i] : [])) };
}

const press = (graph, i, key) => goAlong({ key, target: graph.buttons[i], preventDefault() {} });

test("Tab stops once, and where it was stopped before when the graph is drawn anew", () => {
  const graph = graphWith(8);
  makeToolbars(graph);
  assert.deepEqual([graph.stops(), graph.bar.role], [[0], "toolbar"]);
  press(graph, 0, "ArrowRight");
  makeToolbars(graph);
  assert.deepEqual(graph.stops(), [1]);
});

test("arrow keys go along the buttons and around, and other keys do nothing", () => {
  const graph = graphWith(3);
  makeToolbars(graph);
  press(graph, 0, "ArrowRight");
  press(graph, 1, "ArrowRight");
  press(graph, 2, "ArrowRight");
  press(graph, 0, "ArrowLeft");
  press(graph, 2, "Enter");
  assert.deepEqual([graph.focused, graph.stops()], [[1, 2, 0, 2], [2]]);
});
