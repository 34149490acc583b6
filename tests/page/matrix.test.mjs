/* Products of matrices with vectors: WebAssembly's and JavaScript's are the same numbers, and those of a double loop. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Matrix } from "../../assets/engine/matrix.mjs";
import { Stream } from "../../assets/engine/random.mjs";

const SIZES = [[1, 1], [2, 3], [3, 4], [3, 150], [7, 5], [50, 33], [150, 100], [151, 150], [64, 1]];

const drawn = (stream, length) => Float64Array.from({ length }, () => stream.normal());

function naive(values, rows, vector, into) {
  const length = values.length / rows;
  return into.map((start, i) => vector.reduce((sum, value, j) => sum + values[i * length + j] * value, start));
}

SIZES.forEach(([rows, length]) => {
  const stream = new Stream(5, rows, length);
  const values = Float32Array.from(drawn(stream, rows * length));
  const matrices = [new Matrix(values, rows), new Matrix(values, rows, false)];
  const products = (vector, start) => matrices.map((matrix) => {
    const into = start.slice();
    matrix.addProduct(vector, into);
    return into;
  });

  test(`${rows} x ${length}: each entry is the sum over its row`, () => {
    const given = drawn(stream, length);
    /* All entries, every other one, a few, none. */
    [1, 2, 11, Infinity].forEach((every) => {
      const vector = given.map((value, j) => ((j + 1) % every ? 0 : value));
      const start = drawn(stream, rows);
      const [fast, plain] = products(vector, start);
      assert.deepEqual(fast, plain);
      naive(values, rows, vector, start).forEach((wanted, i) => (
        assert.ok(Math.abs(fast[i] - wanted) <= 1e-12 * (1 + Math.abs(wanted)), `entry ${i}: ${fast[i]}, wanted ${wanted}`)));
    });
  });

  test(`${rows} x ${length}: what is no finite number stays one that is not`, () => {
    [NaN, Infinity].forEach((value) => {
      const vector = new Float64Array(length);
      vector[length - 1] = value;
      const [fast, plain] = products(vector, new Float64Array(rows));
      assert.deepEqual(fast, plain);
      assert.ok(fast.every((entry) => !Number.isFinite(entry)));
    });
  });
});
