/* The numbers that Python wrote (the package numbers), and comparisons with them. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { unpacked } from "../../assets/engine/network.mjs";

export const numbers = (name) => JSON.parse(readFileSync(join(process.env.HMMRNN_NUMBERS, `${name}.json`), "utf-8"));

/* Two lists, or numbers in base64, that may differ by `absolute` + `relative` times the wanted value. */
export function assertClose(found, wanted, { absolute = 0, relative = 0 } = {}, what = "") {
  const expected = wanted.bdata === undefined ? wanted : unpacked(wanted);
  assert.equal(found.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const most = absolute + relative * Math.abs(expected[i]);
    if (!(Math.abs(found[i] - expected[i]) <= most)) {
      assert.fail(`${what} [${i}]: ${found[i]}, expected ${expected[i]} to within ${most}`);
    }
  }
}
