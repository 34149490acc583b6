"""Connectivity: the weights of the network, ordered by role."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.populations import Populations
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.components.kick_groups import known_roles
from hmmrnn.dashboard.view import FAST, View
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.connectivity import MAX_INPUT_COLUMNS, draw_connectivity, neurons_each
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count


def figures(explored: Explored, roles: Populations | None, theme: Theme) -> Sequence[go.Figure]:
    """The weights; the page's script marks the neurons of interventions."""
    return (draw_connectivity(explored.network, roles, theme),)


def caption(explored: Explored, roles: Populations | None, _theme: Theme) -> str:
    """How many neurons and inputs, in which order."""
    network = explored.network
    order = "by index" if roles is None else "by role"
    inputs = min(network.n_inputs, MAX_INPUT_COLUMNS)
    neurons, all_inputs = say_count(network.n_neurons, "neuron"), say_count(network.n_inputs, "input")
    each = neurons_each(network)
    cells = f", each cell the strongest weight of {each} by {each} neurons" if each > 1 else ""
    return f"{neurons} {order}{cells}; {inputs} strongest of {all_inputs}"


VIEW = View(
    id=ids.CONNECTIVITY,
    title="Connectivity",
    help="Weights from column to row: recurrent at the upper left, the strongest noise inputs beside it, the readout "
    "below it. Neurons are ordered by role: kick neurons of each output, then the populations that integrate "
    "noise for them (they excite one kick group and inhibit the others), then the rest. Click a cell to silence "
    "the neuron of its row, or a readout cell for the neuron of its column; click again to bring it back.",
    kind=FAST,
    of="network",
    compute=known_roles,
    figures=figures,
    caption=caption,
)
