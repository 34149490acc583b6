"""Who drives whom: W_hh ordered by population, with W_ih and W_out beside it, to be clicked on."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.theme import Theme, colour_bar, layout
from hmmrnn.network import Network
from hmmrnn.populations import CONTROL, INTEGRATING, KICK, Populations

# More inputs than this are noise like all others: the strongest say enough, and the cells stay visible.
MAX_INPUT_COLUMNS = 40
ROLE_LABELS = {KICK: "kick", INTEGRATING: "integrating", CONTROL: "control"}


def connectivity(network: Network, populations: Populations | None, theme: Theme) -> go.Figure:
    """Draw the weights in the order of the populations, or of the index while these are being computed.

    `layout.meta` holds what a click needs: `labels`, the name of each position, and `order`, its neuron.

    Args:
        network: the intact network.
        populations: roles and order of its neurons; None while they are being computed.
        theme: colours of the ground.
    """
    order = np.arange(network.n_neurons) if populations is None else populations.order
    inputs = np.argsort(-np.abs(network.W_ih).sum(axis=0), kind="stable")[:MAX_INPUT_COLUMNS]
    labels = _labels(order, populations)
    from_input = [f"input {i}" for i in inputs]
    to_output = [f"output {o}" for o in range(network.n_outputs)]
    weights_in = network.W_ih[np.ix_(order, inputs)]
    recurrent = network.W_hh[np.ix_(order, order)]
    traces = [
        _cells(
            recurrent,
            _bound(network.W_hh),
            labels,
            labels,
            theme,
            name="W_hh",
            colorbar=colour_bar("weight"),
            showscale=True,
        ),
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
    shapes = block_lines(order, populations, theme)
    note = {
        "text": "◂ readout W_out",
        "xref": "paper",
        "yref": "paper",
        "x": 0.745,
        "y": 0,
        "xanchor": "left",
        "yanchor": "top",
        "showarrow": False,
    }
    meta = {"order": order.tolist(), "labels": labels}
    return go.Figure(traces, layout(theme, axes, dragmode="zoom", shapes=shapes, annotations=[note], meta=meta))


def marks(
    order: NDArray[np.integer], touched: set[int], populations: Populations | None, theme: Theme
) -> list[dict[str, Any]]:
    """Shapes that mark the rows and columns of intervened neurons, over the block lines of the populations."""
    shapes = block_lines(order, populations, theme)
    at = np.flatnonzero(np.isin(order, list(touched)))
    for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else []:
        low, high = run[0] - 0.5, run[-1] + 0.5
        style = {
            "type": "rect",
            "line": {"color": theme.accent, "width": 1.5},
            "fillcolor": theme.accent,
            "opacity": 0.35,
        }
        for axes, x, y in (
            (("x", "y"), (0, 1), (low, high)),
            (("x2", "y"), (0, 1), (low, high)),
            (("x", "y"), (low, high), (0, 1)),
            (("x", "y2"), (low, high), (0, 1)),
        ):
            whole_x, whole_y = x == (0, 1), y == (0, 1)
            shapes.append(
                {
                    **style,
                    "xref": f"{axes[0]} domain" if whole_x else axes[0],
                    "yref": f"{axes[1]} domain" if whole_y else axes[1],
                    "x0": x[0],
                    "x1": x[1],
                    "y0": y[0],
                    "y1": y[1],
                }
            )
    return shapes


def block_lines(order: NDArray[np.integer], populations: Populations | None, theme: Theme) -> list[dict[str, Any]]:
    """Lines between the populations, across W_hh."""
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
    return [f"neuron {i} ({_role(populations, int(i))})" for i in order]


def _role(populations: Populations, neuron: int) -> str:
    role, output = populations.role[neuron], populations.output[neuron]
    return ROLE_LABELS[role] if role == CONTROL else f"{ROLE_LABELS[role]}, output {output}"


def _bound(weights: NDArray[np.floating]) -> float:
    # A few large weights would leave the rest without contrast.
    return float(np.quantile(np.abs(weights), 0.99)) or 1.0


def _cells(
    weights: NDArray[np.floating], bound: float, rows: list[str], columns: list[str], theme: Theme, **more: Any
) -> Any:
    return go.Heatmap(
        z=weights.astype(np.float32),
        x=columns,
        y=rows,
        zmin=-bound,
        zmax=bound,
        colorscale=theme.diverging,
        hovertemplate="to %{y}<br>from %{x}<br>weight %{z:.3f}<extra></extra>",
        **{"showscale": False, **more},
    )
