"""How far has a training come? Its loss at each step, between what independent symbols and what the HMM itself reach.

The cost of two sequences is half the squared distance of their one-hot codes, which is the number of steps at which
their symbols differ; the divergence is in that unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.theme import Theme, layout

X_TITLE = "optimizer step"
Y_TITLE = "Sinkhorn divergence (differing symbols)"
FEW_STEPS = 20


def loss_curve(
    losses: Sequence[float], floor: float | None, plateau: float | None, steps: int, theme: Theme
) -> go.Figure:
    """Draw the loss of a training, with floor and plateau as lines over its whole length.

    Args:
        losses: (S,) Sinkhorn divergence at each step so far.
        floor: the same between two batches of the HMM; None if it is not known yet.
        plateau: that of symbols drawn independently; None if it is not known yet.
        steps: of the whole training.
        theme: colours.
    """
    marks = (("independent symbols (plateau)", plateau, "dot"), ("HMM against HMM (floor)", floor, "dash"))
    traces: list[Any] = [
        go.Scatter(
            x=np.arange(1, len(losses) + 1),
            y=np.asarray(losses, dtype=np.float32),
            # A line through one point is none.
            mode="lines" if len(losses) > FEW_STEPS else "lines+markers",
            name="loss",
            line={"color": theme.outputs[0], "width": 1.5},
            hovertemplate="step %{x}<br>loss %{y:.3f}<extra></extra>",
        ),
        *(_line(name, value, dash, steps, theme) for name, value, dash in marks if value is not None),
    ]
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": X_TITLE, "range": [0, steps], "tickformat": ",d"},
        "yaxis": {"title": Y_TITLE, "rangemode": "tozero", "showticklabels": bool(len(losses))},
    }
    return go.Figure(traces, layout(theme, axes, hovermode="closest", showlegend=bool(len(losses))))


def _line(name: str, value: float, dash: str, steps: int, theme: Theme) -> Any:
    return go.Scatter(
        x=[0, steps],
        y=[value, value],
        mode="lines",
        name=f"{name} {value:.2f}",
        hovertemplate=f"{name}: {value:.3f}<extra></extra>",
        line={"color": theme.text, "width": 1.5, "dash": dash},
    )
