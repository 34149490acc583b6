"""Who drives whom: W_hh ordered by population, with W_ih and W_out beside it, to be clicked on."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from hmmrnn.figures.theme import Theme, styled
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
    figure = make_subplots(
        rows=2, cols=2, column_widths=[0.74, 0.26], row_heights=[0.86, 0.14],
        horizontal_spacing=0.02, vertical_spacing=0.03, shared_xaxes="columns", shared_yaxes="rows",
    )  # fmt: skip
    bound = _bound(network.W_hh)
    labels = _labels(order, populations)
    figure.add_trace(_cells(network.W_hh[np.ix_(order, order)], bound, labels, labels, theme, bar=True), row=1, col=1)
    from_input = [f"input {i}" for i in inputs]
    weights_in = network.W_ih[np.ix_(order, inputs)]
    figure.add_trace(_cells(weights_in, _bound(network.W_ih), labels, from_input, theme), row=1, col=2)
    to_output = [f"output {o}" for o in range(network.n_outputs)]
    figure.add_trace(_cells(network.W_out[:, order], _bound(network.W_out), to_output, labels, theme), row=2, col=1)
    figure.update_yaxes(title_text="to neuron", autorange="reversed", row=1, col=1)
    figure.update_yaxes(title_text="output", autorange="reversed", row=2, col=1)
    figure.update_xaxes(title_text="from neuron", row=2, col=1)
    figure.update_xaxes(title_text="noise input", row=1, col=2)
    figure = styled(figure, theme, dragmode="zoom", meta={"order": order.tolist(), "labels": labels})
    figure.update_xaxes(showgrid=False, showticklabels=False, ticks="")
    figure.update_yaxes(showgrid=False, showticklabels=False, ticks="")
    figure.update_layout(shapes=block_lines(order, populations, theme))
    return figure


def marks(order: NDArray[np.integer], touched: set[int], populations: Populations | None, theme: Theme) -> list[dict[str, Any]]:
    """Shapes that mark the rows and columns of intervened neurons, over the block lines of the populations."""
    shapes = block_lines(order, populations, theme)
    at = np.flatnonzero(np.isin(order, list(touched)))
    for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else []:
        low, high = run[0] - 0.5, run[-1] + 0.5
        style = {"type": "rect", "line": {"color": theme.accent, "width": 1.5}, "fillcolor": theme.accent, "opacity": 0.35}
        for axes, x, y in (
            (("x", "y"), (0, 1), (low, high)),
            (("x2", "y"), (0, 1), (low, high)),
            (("x", "y"), (low, high), (0, 1)),
            (("x", "y3"), (low, high), (0, 1)),
        ):
            whole_x, whole_y = x == (0, 1), y == (0, 1)
            shapes.append({
                **style,
                "xref": f"{axes[0]} domain" if whole_x else axes[0],
                "yref": f"{axes[1]} domain" if whole_y else axes[1],
                "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1],
            })  # fmt: skip
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
    weights: NDArray[np.floating], bound: float, rows: list[str], columns: list[str], theme: Theme, bar: bool = False
) -> Any:
    return go.Heatmap(
        z=weights.astype(np.float32), zmin=-bound, zmax=bound, colorscale=theme.diverging, showscale=bar,
        colorbar={"title": {"text": "weight", "side": "right"}, "thickness": 12, "outlinewidth": 0},
        x=columns, y=rows, hovertemplate="to %{y}<br>from %{x}<br>weight %{z:.3f}<extra></extra>",
    )  # fmt: skip
