/* A matrix that is multiplied with vectors of which many entries are 0: what takes nearly all the time of a step.
 *
 * It is stored column by column: columns of silent neurons are skipped, and four columns at once share each reading and
 * writing of the result. product.wat does so in WebAssembly, about ten times as fast as `addProduct` below, which serves
 * where a browser or a page does not allow that. Both give the same numbers to the last bit.
 */

import { CODE } from "./product-code.mjs";

const NUMBER = Float64Array.BYTES_PER_ELEMENT;
const PAGE = 65536;
/* Bytes that two numbers take, which are read at once; and what is noted of an entry. */
const TWO = 2 * NUMBER;

/* Once for all matrices; null where it cannot be had. */
let compiled;

function compile() {
  const code = Uint8Array.from(atob(CODE), (letter) => letter.charCodeAt(0));
  if (!globalThis.WebAssembly || !WebAssembly.validate(code)) return null;
  try {
    return new WebAssembly.Module(code);
  } catch (error) {
    /* The policy of the page around forbids it. */
    if (error instanceof WebAssembly.CompileError) return null;
    throw error;
  }
}

export class Matrix {
  /* values: (rows x columns), row by row; isFast = false keeps to JavaScript. */
  constructor(values, rows, isFast = true) {
    const length = values.length / rows;
    if (isFast && compiled === undefined) compiled = compile();
    const made = isFast && compiled && length ? fastProduct : plainProduct;
    /* (vector, into) => into += the product with a vector. */
    this.addProduct = made(values, rows, length);
  }
}

/* Column by column; `stride`: numbers from one to the next. */
function fill(columns, values, rows, length, stride) {
  for (let i = 0; i < rows; i++) for (let j = 0; j < length; j++) columns[j * stride + i] = values[i * length + j];
}

function fastProduct(values, rows, length) {
  const stride = Math.ceil((rows * NUMBER) / TWO) * TWO;
  const chosen = length * stride;
  const into = chosen + (length + 1) * TWO;
  const vector = into + stride;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((vector + length * NUMBER) / PAGE) });
  const { exports } = new WebAssembly.Instance(compiled, { page: { memory } });
  const product = /** @type {(...places: number[]) => void} */ (exports.addProduct);
  fill(new Float64Array(memory.buffer), values, rows, length, stride / NUMBER);
  const given = new Float64Array(memory.buffer, vector, length);
  const found = new Float64Array(memory.buffer, into, rows);
  return (from, to) => {
    given.set(from);
    found.set(to);
    product(0, stride, vector, vector + length * NUMBER, chosen, into);
    to.set(found);
  };
}

function plainProduct(values, rows, length) {
  /* Of one kind for all matrices: a loop that meets several kinds of array is several times slower. */
  const columns = new Float64Array(values.length);
  fill(columns, values, rows, length, rows);
  const chosen = new Int32Array(length + 1);
  return (from, to) => addProduct(columns, rows, from, chosen, to);
}

function addProduct(columns, rows, vector, chosen, into) {
  let count = 0;
  /* No branch: which neurons are silent changes from step to step, and no processor foresees it. */
  for (let j = 0; j < vector.length; j++) {
    chosen[count] = j;
    count += vector[j] !== 0 ? 1 : 0;
  }
  const whole = count - (count % 4);
  let k = 0;
  for (; k < whole; k += 4) {
    const a = chosen[k] * rows;
    const b = chosen[k + 1] * rows;
    const c = chosen[k + 2] * rows;
    const d = chosen[k + 3] * rows;
    const va = vector[chosen[k]];
    const vb = vector[chosen[k + 1]];
    const vc = vector[chosen[k + 2]];
    const vd = vector[chosen[k + 3]];
    for (let i = 0; i < rows; i++) {
      into[i] += columns[a + i] * va + columns[b + i] * vb + columns[c + i] * vc + columns[d + i] * vd;
    }
  }
  for (; k < count; k++) {
    const a = chosen[k] * rows;
    const va = vector[chosen[k]];
    for (let i = 0; i < rows; i++) into[i] += columns[a + i] * va;
  }
}
