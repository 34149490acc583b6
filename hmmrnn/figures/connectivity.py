"""The weights as matrices: W_hh ordered by population, with W_ih and W_out beside it.

Of more neurons than a screen has lines for, a cell is the strongest of a block of weights.
"""

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
# Rows and columns of W_hh; 512 by 512 numbers of four bytes are 1.4 MB on their way to the page.
MAX_ROWS = 512
# In pixels, right of the matrices: for the colour bar with its labels, and between it and the matrices.
BAR_ROOM, BAR_PAD = 76, 8


def draw_connectivity(network: Network, populations: Populations | None, theme: Theme) -> go.Figure:
    """Draw the weights in the order of the populations, or of the index while these are being computed.

    `layout.meta` holds what a click needs: `labels`, the name of each row, `order`, the neurons from the first on, and
    `each`, how many of these a row stands for.
    """
    each = neurons_each(network)
    order = np.arange(network.n_neurons) if populations is None else populations.order
    inputs = np.argsort(-np.abs(network.W_ih).sum(axis=0), kind="stable")[:MAX_INPUT_COLUMNS]
    labels = _labels(order, populations) if each == 1 else _block_labels(order, each)
    from_input = [f"input {i}" for i in inputs]
    to_output = [f"output {o}" for o in range(network.n_outputs)]
    weights_in = strongest_of_blocks(network.W_ih[np.ix_(order, inputs)], each, 1)
    recurrent = strongest_of_blocks(network.W_hh[np.ix_(order, order)], each, each)
    weights_out = strongest_of_blocks(network.W_out[:, order], 1, each)
    bar = {**make_colour_bar("weight", side="top"), "x": 1, "xpad": BAR_PAD}
    traces = [
        _cells(recurrent, _bound(network.W_hh), labels, labels, theme, name="W_hh", showscale=True, colorbar=bar),
        _cells(weights_in, _bound(network.W_ih), labels, from_input, theme, name="W_ih", xaxis="x2"),
        _cells(weights_out, _bound(network.W_out), to_output, labels, theme, name="W_out", yaxis="y2"),
    ]
    bare = {"showgrid": False, "showticklabels": False, "ticks": ""}
    axes = {
        "xaxis": {**bare, "title": "from neuron", "domain": [0.0, 0.73], "anchor": "y2"},
        "xaxis2": {**bare, "title": "inputs", "domain": [0.75, 1.0], "anchor": "y"},
        "yaxis": {**bare, "title": "to neuron", "domain": [0.2, 1.0], "autorange": "reversed"},
        "yaxis2": {**bare, "domain": [0.0, 0.16], "autorange": "reversed"},
    }
    shapes = draw_block_lines(order, populations, theme, each)
    place = {"xref": "paper", "yref": "paper", "x": 0.745, "y": 0, "xanchor": "left", "yanchor": "top"}
    note = make_note("◂ readout W_out", **place)
    meta = {"order": order.tolist(), "labels": labels, "each": each}
    # Fixed: where Plotly makes room for the colour bar by itself, the bar may lie on the inputs.
    margin = {"l": 30, "r": BAR_ROOM, "t": 8, "b": 42, "autoexpand": False}
    look = {"dragmode": "zoom", "shapes": shapes, "annotations": [note], "meta": meta, "margin": margin}
    return go.Figure(traces, make_layout(theme, axes, **look))


def neurons_each(network: Network) -> int:
    """How many neurons a row of W_hh stands for."""
    return -(-network.n_neurons // MAX_ROWS)


def strongest_of_blocks(weights: NDArray[np.floating], rows: int, columns: int) -> NDArray[np.floating]:
    """The weight of largest magnitude of each block of so many rows and columns; the last ones may be smaller."""
    down, right = (np.arange(0, size, step) for size, step in zip(weights.shape, (rows, columns), strict=True))

    def over_blocks(extreme: np.ufunc) -> NDArray[np.floating]:
        found: NDArray[np.floating] = extreme.reduceat(extreme.reduceat(weights, down, axis=0), right, axis=1)
        return found

    high, low = over_blocks(np.maximum), over_blocks(np.minimum)
    return np.where(high >= -low, high, low)


def draw_block_lines(
    order: NDArray[np.integer], populations: Populations | None, theme: Theme, each: int = 1
) -> list[dict[str, Any]]:
    """Draw lines between the populations, across W_hh, where a row stands for so many neurons."""
    if populations is None:
        return []
    key = [f"{populations.role[i]}{populations.output[i]}" for i in order]
    edges = [position / each - 0.5 for position in range(1, len(key)) if key[position] != key[position - 1]]
    line = {"type": "line", "line": {"color": theme.muted, "width": 1}, "xref": "x", "yref": "y"}
    rows = [{**line, "xref": "x domain", "x0": 0, "x1": 1, "y0": edge, "y1": edge} for edge in edges]
    columns = [{**line, "yref": "y domain", "y0": 0, "y1": 1, "x0": edge, "x1": edge} for edge in edges]
    return rows + columns


def _labels(order: NDArray[np.integer], populations: Populations | None) -> list[str]:
    if populations is None:
        return [f"neuron {i}" for i in order]
    return [f"neuron {i} ({populations.describe(int(i))})" for i in order]


def _block_labels(order: NDArray[np.integer], each: int) -> list[str]:
    """Names of the rows; each is another one."""
    blocks = (order[first : first + each] for first in range(0, len(order), each))
    return [f"neurons {', '.join(map(str, block))}" for block in blocks]


def _bound(weights: NDArray[np.floating]) -> float:
    # A few large weights would leave the rest without contrast.
    return float(np.quantile(np.abs(weights), 0.99)) or 1.0


def _cells(
    weights: NDArray[np.floating], bound: float, rows: list[str], columns: list[str], theme: Theme, **more: Any
) -> Any:
    hover = "to %{y}<br>from %{x}<br>weight %{z:.3f}"
    return draw_cells(weights.astype(np.float32), (-bound, bound), theme.diverging, hover, x=columns, y=rows, **more)
