/* How much each neuron differs inside a selection: two columns of the table, there as long as there is a selection. */

import { idOf } from "../core/configuration.mjs";
import { grid } from "../core/dash.mjs";

const COLUMNS = ["effect", "apart"];

const table = () => grid(idOf("NEURON_TABLE"));

function write(values) {
  const api = table();
  if (!api) return null;
  const update = [];
  api.forEachNode((node) => update.push({ ...node.data, ...values(node.data.neuron) }));
  api.applyTransaction({ update });
  return api;
}

/* The rows and columns come anew when roles are known; what is shown is then shown again. */
let shown = null;
let heard = null;

function keep(api) {
  if (heard === api) return;
  heard = api;
  const again = () => window.setTimeout(() => {
    const column = api.getColumn("effect");
    const first = api.getDisplayedRowAtIndex(0);
    if (shown && column && first && !(column.isVisible() && first.data.effect !== undefined)) showContrast(shown);
  }, 0);
  ["newColumnsLoaded", "rowDataUpdated"].forEach((name) => api.addEventListener(name, again));
}

/* found: { effect, inside, outside }, one value for each neuron. */
export function showContrast(found) {
  const { effect, inside, outside } = found;
  shown = found;
  const api = write((i) => ({
    effect: effect[i] === null ? Number.MAX_VALUE : Math.abs(effect[i]), apart: inside[i] - outside[i],
  }));
  if (!api) return;
  keep(api);
  api.setColumnsVisible(COLUMNS, true);
  /* Beside the neuron's number: further on they would be out of sight. */
  api.moveColumns(COLUMNS, api.getAllDisplayedColumns().findIndex((column) => column.getColId() === "neuron") + 1);
  api.applyColumnState({ state: [{ colId: "effect", sort: "desc" }], defaultState: { sort: null } });
}

export function hideContrast() {
  shown = null;
  const api = table();
  const column = api && api.getColumn("effect");
  if (!column || !column.isVisible()) return;
  api.setColumnsVisible(COLUMNS, false);
  api.applyColumnState({ state: [{ colId: "effect", sort: null }] });
}
