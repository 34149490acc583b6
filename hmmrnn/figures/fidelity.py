"""The network's long-run statistics beside its HMM's."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from hmmrnn.fidelity import LAGS, Fidelity
from hmmrnn.figures.theme import Theme, styled


def fidelity(now: Fidelity, theme: Theme) -> go.Figure:
    """Draw marginals, transitions and lag agreement, network beside HMM, with standard errors."""
    n = len(now.marginal)
    figure = make_subplots(rows=1, cols=3, column_widths=[0.2, 0.5, 0.3], horizontal_spacing=0.09)
    symbols = [str(i) for i in range(n)]
    _pair(figure, 1, symbols, now.target_marginal, now.marginal, now.marginal_se, theme)
    pairs = [f"{i}→{j}" for i in range(n) for j in range(n)]
    transitions, errors = now.transitions.ravel(), now.transitions_se.ravel()
    _pair(figure, 2, pairs, now.target_transitions.ravel(), transitions, errors, theme)
    lags = [str(lag) for lag in LAGS]
    _pair(figure, 3, lags, now.target_agreement, now.agreement, now.agreement_se, theme)
    for column, (x, y) in enumerate(
        (("symbol", "share"), ("symbol → next symbol", "probability"), ("lag (steps)", "agreement")), start=1
    ):
        figure.update_xaxes(title_text=x, type="category", row=1, col=column)
        figure.update_yaxes(title_text=y, range=[0, 1.05], row=1, col=column)
    return styled(figure, theme, barmode="group", bargap=0.25)


def _pair(figure: go.Figure, column: int, x: list[str], target: Any, now: Any, error: Any, theme: Theme) -> None:
    shown = {"showlegend": column == 1}
    figure.add_trace(
        go.Bar(x=x, y=target, name="HMM (exact)", marker={"color": theme.ghost}, hovertemplate="%{y:.3f}", **shown),
        row=1, col=column,
    )  # fmt: skip
    figure.add_trace(
        go.Bar(
            x=x, y=now, name="network", marker={"color": theme.outputs[0]}, hovertemplate="%{y:.3f}",
            error_y={"type": "data", "array": np.nan_to_num(error), "color": theme.text, "thickness": 1}, **shown,
        ),
        row=1, col=column,
    )  # fmt: skip
