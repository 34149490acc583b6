/* A figure is saved as a table of what it draws, under the names and units of its axes, colours and labels. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { open } from "./page.mjs";

const { colourOf, tableOf } = await open(["panels/takeaway-figures", "panels/takeaway-table"]);

const packed = (values, dtype, shape) => ({
  bdata: Buffer.from(values.buffer).toString("base64"), dtype, ...(shape ? { shape } : {}) });
const layout = {
  xaxis: { title: { text: "PC1 of h" } }, yaxis: { title: { text: "PC1 of h" } }, yaxis2: { title: "Share (%)" },
  scene: { xaxis: { title: { text: "a" } }, yaxis: { title: { text: "b" } }, zaxis: { title: { text: "c" } } },
};
const linesOf = (data, more = layout) => tableOf({ data, layout: more }).trimEnd().split("\n");

test("states have places, a colour with its unit, run and step", () => {
  const [head, ...rows] = linesOf([{
    type: "scattergl", name: "output 1", x: packed(Float32Array.of(0.1, NaN), "f4"), y: [3, 4],
    marker: { color: packed(Float64Array.of(0.5, 1.5), "f8"), colorbar: { title: { text: "speed (units per step)" } } },
    customdata: packed(Int16Array.of(0, 7, 1, 8), "i2", "2, 2"),
    hovertemplate: "run: %{customdata[0]}, step: %{customdata[1]}",
  }]);
  assert.equal(head, "trace,PC1 of h (x),PC1 of h (y),speed (units per step),run,step");
  assert.deepEqual(rows, ["output 1,0.1,3,0.5,0,7", "output 1,,4,1.5,1,8"]);
});

test("what is selected has a column, where each row is a moment", () => {
  const data = [{
    name: "output 1", x: [1, 2], y: [3, 4], customdata: [[0, 7], [1, 8]], hovertemplate: "run %{customdata[0]}, step %{customdata[1]}",
  }, { name: "orbit", x: [5], y: [6] }];
  const [head, ...rows] = tableOf({ data, layout }, (run, step) => run === 1 && step === 8).trimEnd().split("\n");
  assert.equal(head, "trace,PC1 of h (x),PC1 of h (y),run,step,selected");
  assert.deepEqual(rows, ["output 1,1,3,0,7,0", "output 1,2,4,1,8,1", "orbit,5,6,,,"]);
});

test("a detail of the label has its unit, an error bar its sign, and a trace without a name its number", () => {
  const [head, row] = linesOf([{
    type: "bar", x: [1], y: [2], yaxis: "y2", error_y: { array: [0.25] }, customdata: [12],
    hovertemplate: "residency time: %{customdata:.1f} steps", text: ["so, \"so\""],
  }]);
  assert.equal(head, "trace,PC1 of h,Share (%),Share (%) ±,label,residency time (steps)");
  assert.equal(row, "trace 1,1,2,0.25,\"so, \"\"so\"\"\",12");
});

test("a space has three axes, and what is hidden is not written", () => {
  const spatial = { type: "scatter3d", name: "run 1", x: [1], y: [2], z: [3] };
  assert.deepEqual(linesOf([spatial, { ...spatial, visible: "legendonly" }]), ["trace,a,b,c", "run 1,1,2,3"]);
});

test("each cell of a grid has its row, column and value", () => {
  const grid = { type: "heatmap", name: "W", z: packed(Float32Array.of(1, 2, 3, 4), "f4", "2, 2"), x: ["p", "q"], y: [5, 6] };
  assert.deepEqual(linesOf([grid]), ["trace,row,column,value", "W,5,p,1", "W,5,q,2", "W,6,p,3", "W,6,q,4"]);
});

test("plots beside each other are distinguished by their headings, or by numbers", () => {
  const two = [{ name: "a", x: [1], y: [1] }, { name: "b", x: [2], y: [2], xaxis: "x2" }];
  assert.deepEqual(linesOf(two, {}).map((line) => line.split(",")[1]), ["panel", "1", "2"]);
  const annotations = [{ xref: "x domain", text: "A" }, { xref: "x2 domain", text: "B" }];
  assert.deepEqual(linesOf(two, { annotations }).map((line) => line.split(",")[1]), ["panel", "A", "B"]);
});

test("a cell is coloured as Plotly colours it: linear between two steps of the scale, and no further", () => {
  const scale = { colorscale: [[0, "#000000"], [0.5, "rgb(100, 0, 50)"], [1, "#ffffff"]], zmin: -1, zmax: 1 };
  [[-1, "rgb(0,0,0)"], [-0.5, "rgb(50,0,25)"], [0, "rgb(100,0,50)"], [1, "rgb(255,255,255)"], [9, "rgb(255,255,255)"]]
    .forEach(([value, colour]) => assert.equal(colourOf(scale, value), colour));
});
