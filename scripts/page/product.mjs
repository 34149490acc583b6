/* Compile assets/engine/product.wat into product-code.mjs beside it; with --check, say whether that is what is there. */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import wabt from "wabt";

const engine = new URL("../../assets/engine/", import.meta.url);
const source = new URL("product.wat", engine);
const made = new URL("product-code.mjs", engine);

const { parseWat } = await wabt();
const { buffer } = parseWat("product.wat", readFileSync(source, "utf8"), { simd: true }).toBinary({});
const lines = Buffer.from(buffer).toString("base64").match(/.{1,112}/g);
const text = [
  "/* What product.wat is compiled to, in base64. Made by `npm run product` in scripts/page; change product.wat. */", "",
  `export const CODE = ${lines.map((line) => `"${line}"`).join("\n  + ")};`, ""].join("\n");

if (!process.argv.includes("--check")) writeFileSync(made, text);
else if (readFileSync(made, "utf8") !== text) {
  process.stderr.write("assets/engine/product-code.mjs is not what product.wat is compiled to: run `npm run product` in scripts/page\n");
  process.exitCode = 1;
}
