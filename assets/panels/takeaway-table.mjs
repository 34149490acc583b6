/* The data of a figure as a table: one row for each point or cell, under the names of the axes with their units. */

const ARRAYS = {
  f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array,
  u1: Uint8Array, u2: Uint16Array, u4: Uint32Array,
};
const GRIDS = ["heatmap", "contour"];
/* A value of the hover text: the words before it, and a unit right behind it. */
const SAID = /([^<>{}%:,;]*?)[\s:]*%\{customdata(?:\[(\d+)\])?[^}]*\}(?:\s+([\w/%°]+)(?=\s*(?:[<,;]|$)))?/g;

/* The text of a CSV file, as pandas.read_csv reads it, of a figure's data and layout. `isSelected`: (run, step) => whether
 * the selection holds that moment, or null where nothing is selected; it becomes the column `selected`, 1 or 0. */
export function tableOf({ data, layout }, isSelected = null) {
  const shown = data.filter((trace) => trace.visible !== false && trace.visible !== "legendonly");
  const rows = shown.flatMap((trace) => {
    const name = words(trace.name || `trace ${data.indexOf(trace) + 1}`);
    const head = { trace: name, ...panelOf(trace, shown, layout) };
    return GRIDS.includes(trace.type) ? cells(trace, head) : points(trace, layout, head);
  });
  if (isSelected) {
    rows.filter(({ run, step }) => run !== undefined && step !== undefined)
      .forEach((row) => { row.selected = Number(isSelected(row.run, row.step)); });
  }
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(","));
  return [columns.map(cell).join(","), ...lines, ""].join("\n");
}

/* ---- points ---- */

function points(trace, layout, head) {
  const letters = ["x", "y", "z"].filter((letter) => trace[letter] !== undefined);
  const names = axisNames(trace, layout, letters);
  const places = letters.map((letter, i) => [names[i], values(trace[letter])]);
  const columns = [...places];
  letters.forEach((letter, i) => columns.push(...errors(trace, letter, names[i])));
  columns.push(...colours(trace), ...labels(trace), ...details(trace));
  const count = Math.max(0, ...places.map(([, list]) => list.length));
  return Array.from({ length: count }, (_, i) => (
    { ...head, ...Object.fromEntries(columns.map(([name, list]) => [name, list[i]])) }));
}

function axisNames(trace, layout, letters) {
  const names = letters.map((letter) => title(axisOf(trace, layout, letter)) || letter);
  const twice = (name) => names.filter((other) => other === name).length > 1;
  return names.map((name, i) => (twice(name) ? `${name} (${letters[i]})` : name));
}

function axisOf(trace, layout, letter) {
  if (trace.z !== undefined) return (layout[trace.scene || "scene"] || {})[`${letter}axis`];
  return layout[(trace[`${letter}axis`] || letter).replace(letter, `${letter}axis`)];
}

const title = (part) => words((part && part.title && (part.title.text ?? part.title)) || "");

function errors(trace, letter, name) {
  const bars = trace[`error_${letter}`];
  return bars && bars.array && bars.visible !== false ? [[`${name} ±`, values(bars.array)]] : [];
}

/* Colours that are numbers, under the name of their scale. */
function colours(trace) {
  const { color, colorbar } = trace.marker || {};
  const list = isList(color) ? values(color) : [];
  return list.length && list.every((value) => typeof value !== "string") ? [[title(colorbar) || "value", list]] : [];
}

function labels(trace) {
  return isList(trace.text) ? [["label", values(trace.text).map(words)]] : [];
}

/* What the hover text says beside the place, as far as it is in numbers. */
function details(trace) {
  const list = trace.customdata === undefined ? [] : rowsIn(trace.customdata);
  return [...String(trace.hovertemplate || "").matchAll(SAID)]
    .map(([, name, index, unit], i) => /** @type {[string, any[]]} */ ([
      `${name.trim() || `detail ${i + 1}`}${unit ? ` (${unit})` : ""}`,
      list.map((item) => (index === undefined ? item : item[index])),
    ]))
    .filter(([, found]) => found.length && found.every((value) => typeof value === "number"));
}

/* ---- cells ---- */

function cells(trace, head) {
  const grid = rowsIn(trace.z);
  const across = trace.x === undefined ? null : values(trace.x);
  const down = trace.y === undefined ? null : values(trace.y);
  const text = isList(trace.text) ? rowsIn(trace.text) : null;
  return grid.flatMap((line, r) => Array.from(line, (value, c) => ({
    ...head, row: down ? down[r] : r, column: across ? across[c] : c, value,
    ...(text ? { label: words(text[r][c]) } : {}),
  })));
}

/* ---- panels ---- */

/* Which of several plots in one figure a trace is in: its heading, or its number. */
function panelOf(trace, traces, layout) {
  const place = ({ xaxis = "x", yaxis = "y", scene = "" }) => (scene || `${xaxis}${yaxis}`);
  const places = [...new Set(traces.map(place))];
  if (places.length < 2) return {};
  const heading = (layout.annotations || []).find((note) => note.xref === `${trace.xaxis || "x"} domain`);
  return { panel: heading ? words(heading.text) : places.indexOf(place(trace)) + 1 };
}

/* ---- arrays, as a figure may hold them: as lists, typed, or packed in base64 ---- */

const isPacked = (given) => Boolean(given) && typeof given.bdata === "string";
const isList = (given) => Array.isArray(given) || ArrayBuffer.isView(given) || isPacked(given);

function values(given) {
  const list = isPacked(given)
    ? new ARRAYS[given.dtype](Uint8Array.from(atob(given.bdata), (char) => char.charCodeAt(0)).buffer) : given;
  return list instanceof Float32Array ? Array.from(list, shortest) : Array.from(list);
}

/* The same in rows where there are such; a flat list as it is. */
function rowsIn(given) {
  const list = values(given);
  const shape = isPacked(given) && given.shape ? String(given.shape).split(",").map(Number) : [];
  if (shape.length < 2) return list.map((item) => (isList(item) ? values(item) : item));
  return Array.from({ length: shape[0] }, (_, row) => list.slice(row * shape[1], (row + 1) * shape[1]));
}

/* The shortest number that single precision rounds to the same value. */
function shortest(value) {
  for (let digits = 6; digits < 9; digits += 1) {
    const near = Number(value.toPrecision(digits));
    if (Math.fround(near) === value) return near;
  }
  return value;
}

/* ---- text ---- */

/* Titles may hold tags and entities of HTML. */
function words(text) {
  if (!/[<&]/.test(text)) return String(text);
  const page = new DOMParser().parseFromString(String(text).replace(/<br\s*\/?>/g, " "), "text/html");
  return page.body.textContent.replace(/\s+/g, " ").trim();
}

function cell(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return "";
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
