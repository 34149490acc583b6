"""The loss of a training at each step, between the loss of independent symbols and that of the HMM itself.

The cost of two sequences is half the squared distance of their one-hot codes, which is the number of steps at which
their symbols differ; the divergence is in that unit.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.panels import draw
from hmmrnn.figures.theme import Theme, make_layout

X_TITLE = "optimizer step"
Y_TITLE = "Sinkhorn divergence (differing symbols)"
FEW_STEPS = 20


def draw_loss_curve(
    losses: Sequence[float], floor: float | None, plateau: float | None, steps: int, theme: Theme
) -> go.Figure:
    """Draw the losses (S,) of a training so far, with floor and plateau, once they are known, over its whole length."""
    marks = (("independent symbols (plateau)", plateau, "dot"), ("HMM against HMM (floor)", floor, "dash"))
    traces: list[Any] = [
        draw(
            # A line needs more than one point.
            "lines" if len(losses) > FEW_STEPS else "lines+markers",
            np.arange(1, len(losses) + 1),
            np.asarray(losses, dtype=np.float32),
            "loss",
            "step %{x}<br>loss %{y:.3f}",
            line={"color": theme.colour_of(0), "width": 1.5},
        ),
        *(_line(name, value, dash, steps, theme) for name, value, dash in marks if value is not None),
    ]
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": X_TITLE, "range": [0, steps], "tickformat": ",d"},
        "yaxis": {"title": Y_TITLE, "rangemode": "tozero", "showticklabels": bool(len(losses))},
    }
    return go.Figure(traces, make_layout(theme, axes, hovermode="closest", showlegend=bool(len(losses))))


def _line(name: str, value: float, dash: str, steps: int, theme: Theme) -> Any:
    line = {"color": theme.text, "width": 1.5, "dash": dash}
    return draw("lines", [0, steps], [value, value], f"{name} {value:.2f}", f"{name}: {value:.3f}", line=line)
