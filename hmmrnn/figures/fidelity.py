"""The network's long-run statistics beside its HMM's."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.fidelity import LAGS, Fidelity
from hmmrnn.figures.theme import Theme, layout

# Axis suffix, left and right edge, axis titles.
PANELS = (
    ("", 0.0, 0.12, "symbol", "share"),
    ("2", 0.25, 0.74, "symbol and next symbol", "probability"),
    ("3", 0.88, 1.0, "lag (steps)", "agreement"),
)


def fidelity(now: Fidelity, theme: Theme) -> go.Figure:
    """Draw marginals, transitions and lag agreement, network beside HMM, with standard errors."""
    n = len(now.marginal)
    pairs = [f"{i}{j}" for i in range(n) for j in range(n)]
    transitions = (now.target_transitions.ravel(), now.transitions.ravel(), now.transitions_se.ravel())
    traces = [
        *_pair("", [str(i) for i in range(n)], now.target_marginal, now.marginal, now.marginal_se, theme),
        *_pair("2", pairs, *transitions, theme),
        *_pair("3", [str(lag) for lag in LAGS], now.target_agreement, now.agreement, now.agreement_se, theme),
    ]
    axes: dict[str, dict[str, Any]] = {}
    for axis, left, right, x, y in PANELS:
        axes[f"xaxis{axis}"] = {
            "title": x,
            "type": "category",
            "tickangle": 0,
            "domain": [left, right],
            "anchor": f"y{axis}",
        }
        axes[f"yaxis{axis}"] = {"title": y, "range": [0, 1.05], "anchor": f"x{axis}"}
    return go.Figure(traces, layout(theme, axes, barmode="group", bargap=0.25))


def _pair(axis: str, x: list[str], target: Any, now: Any, error: Any, theme: Theme) -> list[Any]:
    shown = {"showlegend": not axis, "xaxis": f"x{axis}", "yaxis": f"y{axis}", "hovertemplate": "%{y:.3f}"}
    bars = {"type": "data", "array": np.nan_to_num(error), "color": theme.text, "thickness": 1}
    return [
        go.Bar(x=x, y=target, name="HMM (exact)", marker={"color": theme.ghost}, **shown),
        go.Bar(x=x, y=now, name="network", marker={"color": theme.outputs[0]}, error_y=bars, **shown),
    ]
