"""The table of neurons: roles, scores and weights, and the keyboard's way to every intervention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dash_ag_grid as dag
import numpy as np

from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.analysis.populations import Populations
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.components import kick_groups
from hmmrnn.dashboard.components.kick_groups import known_roles
from hmmrnn.dashboard.view import FAST, Json, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.model.network import Network

EFFECT = "Cohen's d of the pre-activation, selected against rest: difference of the means in pooled standard deviations"
APART = "mean pre-activation in the selected moments, less that in the rest"


@dataclass(frozen=True, eq=False)
class Neurons:
    """What is known of the neurons of a network: roles and kick neurons are None while these are sought."""

    roles: Populations | None
    found: KickNeurons | None


def compute(explored: Explored) -> Neurons:
    """Roles and scores, as far as they are known."""
    return Neurons(known_roles(explored), queries.kick_neurons_of.known(explored))


def properties(explored: Explored, known: Neurons) -> Json:
    """Columns and rows of the table; which neurons are silenced, the page's script marks."""
    network, roles, found = explored.network, known.roles, known.found
    values = {
        "neuron": np.arange(network.n_neurons),
        **_scores(found),
        **{f"out{o}": network.W_out[o] for o in range(network.n_outputs)},
        "recurrent": np.linalg.norm(network.W_hh, axis=1),
        "input": np.linalg.norm(network.W_ih, axis=1),
    }
    rows = [
        {
            "id": str(i),
            "silenced": False,
            "role": "" if roles is None else roles.describe(i),
            **{name: _json_number(column[i]) for name, column in values.items()},
        }
        for i in range(network.n_neurons)
    ]
    ordered = rows if roles is None else [rows[i] for i in roles.order]
    return {"columnDefs": _columns(network, found), "rowData": ordered}


def _columns(network: Network, found: KickNeurons | None) -> list[Json]:
    decimals = {"function": "params.value == null ? '' : d3.format('.2f')(params.value)"}
    number = {"type": "numericColumn", "filter": "agNumberColumnFilter", "valueFormatter": decimals, "width": 128}
    wide = {**number, "width": 150}
    score = "(mean pre-activation in transition - in cluster) / standard deviation; 0 without a kick neuron's profile"
    alone = "how often the output is still left that way with this neuron alone silenced, as a ratio to intact"
    groups = found.groups if found else ()
    outputs = _left(found)
    return [
        {
            "field": "silenced",
            "headerName": "Silenced",
            "editable": True,
            "width": 108,
            "pinned": "left",
            "cellDataType": "boolean",
            "cellRenderer": "agCheckboxCellRenderer",
        },
        {"field": "neuron", "headerName": "Neuron", "type": "numericColumn", "width": 98, "pinned": "left"},
        # Filled and shown by the page while moments are selected; see assets/linking/contrast-columns.mjs.
        {"field": "effect", "headerName": "Cohen's d", "headerTooltip": EFFECT, "hide": True, **wide},
        {"field": "apart", "headerName": "Selected - rest", "headerTooltip": APART, "hide": True, **wide},
        {"field": "role", "headerName": "Role", "width": 206, "filter": "agTextColumnFilter"},
        *(
            {
                "field": f"score{kick_groups.key_of(g)}",
                "headerName": f"Score, {kick_groups.name_exit(g)}",
                "headerTooltip": score,
                **wide,
            }
            for g in groups
        ),
        *(
            {
                "field": f"alone{kick_groups.key_of(g)}",
                "headerName": f"Alone, {kick_groups.name_exit(g)}",
                "headerTooltip": alone,
                **wide,
            }
            for g in groups
        ),
        *({"field": f"cluster{o}", "headerName": f"Pre in cluster {o}", **wide} for o in outputs),
        *({"field": f"transition{o}", "headerName": f"Pre leaving {o}", **wide} for o in outputs),
        *({"field": f"out{o}", "headerName": f"W_out to {o}", **number} for o in range(network.n_outputs)),
        {"field": "recurrent", "headerName": "|W_hh| in", **number},
        {"field": "input", "headerName": "|W_ih| in", **number},
    ]


def _left(found: KickNeurons | None) -> list[int]:
    """The outputs that have a group."""
    return sorted({group.output for group in found.groups}) if found else []


def _scores(found: KickNeurons | None) -> dict[str, Any]:
    if found is None:
        return {}
    outputs = _left(found)
    return {
        **{f"score{kick_groups.key_of(group)}": group.scores for group in found.groups},
        **{f"alone{kick_groups.key_of(group)}": group.single_ratios for group in found.groups},
        **{f"cluster{o}": found.cluster[o] for o in outputs},
        **{f"transition{o}": found.transition[o] for o in outputs},
    }


def _json_number(value: Any) -> float | int | None:
    if isinstance(value, np.integer):
        return int(value)
    return round(float(value), 4) if np.isfinite(value) else None


def _inside() -> Any:
    return dag.AgGrid(
        id=ids.NEURON_TABLE,
        columnDefs=[],
        rowData=[],
        getRowId="params.data.id",
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True, "wrapHeaderText": True},
        dashGridOptions={
            "rowHeight": 32,
            "headerHeight": 52,
            "animateRows": False,
            "rowClassRules": {"row-silenced": "params.data.silenced"},
        },
        className="neuron-table",
        style={"height": "100%", "width": "100%"},
    )


VIEW = View(
    id=ids.NEURON_TABLE,
    title="Neurons",
    help="Every neuron with its role, its scores and its weights. Tick one to silence it: the way to "
    "every intervention by keyboard.",
    kind=FAST,
    of="network",
    compute=compute,
    properties=properties,
    inside=_inside,
)
