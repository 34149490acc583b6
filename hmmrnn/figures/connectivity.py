"""The weights as matrices: W_hh ordered by population, with W_ih and W_out beside it."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.populations import Populations
from hmmrnn.figures.panels import draw_cells
from hmmrnn.figures.theme import Theme, make_colour_bar, make_layout, make_note
from hmmrnn.model.network import Network

# The strongest inputs are enough, as all are noise; and the cells stay wide enough to see.
MAX_INPUT_COLUMNS = 40


def draw_connectivity(network: Network, populations: Populations | None, theme: Theme) -> go.Figure:
    """Draw the weights in the order of the populations, or of the index while these are being computed.

    `layout.meta` holds what a click needs: `labels`, the name of each position, and `order`, its neuron.
    """
    order = np.arange(network.n_neurons) if populations is None else populations.order
    inputs = np.argsort(-np.abs(network.W_ih).sum(axis=0), kind="stable")[:MAX_INPUT_COLUMNS]
    labels = _labels(order, populations)
    from_input = [f"input {i}" for i in inputs]
    to_output = [f"output {o}" for o in range(network.n_outputs)]
    weights_in = network.W_ih[np.ix_(order, inputs)]
    recurrent, bar = network.W_hh[np.ix_(order, order)], make_colour_bar("weight", side="top")
    traces = [
        _cells(recurrent, _bound(network.W_hh), labels, labels, theme, name="W_hh", showscale=True, colorbar=bar),
        _cells(weights_in, _bound(network.W_ih), labels, from_input, theme, name="W_ih", xaxis="x2"),
        _cells(network.W_out[:, order], _bound(network.W_out), to_output, labels, theme, name="W_out", yaxis="y2"),
    ]
    bare = {"showgrid": False, "showticklabels": False, "ticks": ""}
    axes = {
        "xaxis": {**bare, "title": "from neuron", "domain": [0.0, 0.73], "anchor": "y2"},
        "xaxis2": {**bare, "title": "inputs", "domain": [0.75, 1.0], "anchor": "y"},
        "yaxis": {**bare, "title": "to neuron", "domain": [0.2, 1.0], "autorange": "reversed"},
        "yaxis2": {**bare, "domain": [0.0, 0.16], "autorange": "reversed"},
    }
    shapes = draw_block_lines(order, populations, theme)
    place = {"xref": "paper", "yref": "paper", "x": 0.745, "y": 0, "xanchor": "left", "yanchor": "top"}
    note = make_note("◂ readout W_out", **place)
    meta = {"order": order.tolist(), "labels": labels}
    # Fixed: where Plotly makes room for the colour bar by itself, the bar may lie on the inputs.
    margin = {"l": 30, "r": 76, "t": 8, "b": 42, "autoexpand": False}
    look = {"dragmode": "zoom", "shapes": shapes, "annotations": [note], "meta": meta, "margin": margin}
    return go.Figure(traces, make_layout(theme, axes, **look))


def draw_block_lines(order: NDArray[np.integer], populations: Populations | None, theme: Theme) -> list[dict[str, Any]]:
    """Draw lines between the populations, across W_hh."""
    if populations is None:
        return []
    key = [f"{populations.role[i]}{populations.output[i]}" for i in order]
    edges = [position - 0.5 for position in range(1, len(key)) if key[position] != key[position - 1]]
    line = {"type": "line", "line": {"color": theme.muted, "width": 1}, "xref": "x", "yref": "y"}
    rows = [{**line, "xref": "x domain", "x0": 0, "x1": 1, "y0": edge, "y1": edge} for edge in edges]
    columns = [{**line, "yref": "y domain", "y0": 0, "y1": 1, "x0": edge, "x1": edge} for edge in edges]
    return rows + columns


def _labels(order: NDArray[np.integer], populations: Populations | None) -> list[str]:
    if populations is None:
        return [f"neuron {i}" for i in order]
    return [f"neuron {i} ({populations.describe(int(i))})" for i in order]


def _bound(weights: NDArray[np.floating]) -> float:
    # A few large weights would leave the rest without contrast.
    return float(np.quantile(np.abs(weights), 0.99)) or 1.0


def _cells(
    weights: NDArray[np.floating], bound: float, rows: list[str], columns: list[str], theme: Theme, **more: Any
) -> Any:
    hover = "to %{y}<br>from %{x}<br>weight %{z:.3f}"
    return draw_cells(weights.astype(np.float32), (-bound, bound), theme.diverging, hover, x=columns, y=rows, **more)
