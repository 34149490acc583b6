/* How much each neuron differs inside a selection: two columns of the table, there as long as there is a selection. */

const COLUMNS = ["effect", "apart"];

function grid() {
  try {
    return window.dash_ag_grid ? window.dash_ag_grid.getApi("neuron-table") : null;
  } catch (error) {
    /* The grid's own way of saying that it is not there yet. */
    return null;
  }
}

function write(values) {
  const api = grid();
  if (!api) return null;
  const update = [];
  api.forEachNode((node) => update.push({ ...node.data, ...values(node.data.neuron) }));
  api.applyTransaction({ update });
  return api;
}

/* found: { effect, inside, outside }, one value for each neuron. */
export function showEffects({ effect, inside, outside }) {
  const api = write((i) => ({
    effect: effect[i] === null ? Number.MAX_VALUE : Math.abs(effect[i]), apart: inside[i] - outside[i],
  }));
  if (!api) return;
  api.setColumnsVisible(COLUMNS, true);
  api.applyColumnState({ state: [{ colId: "effect", sort: "desc" }], defaultState: { sort: null } });
}

export function forgetEffects() {
  const api = grid();
  const column = api && api.getColumn("effect");
  if (!column || !column.isVisible()) return;
  api.setColumnsVisible(COLUMNS, false);
  api.applyColumnState({ state: [{ colId: "effect", sort: null }] });
}
