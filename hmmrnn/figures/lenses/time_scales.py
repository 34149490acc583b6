"""Lyapunov exponents beside those of shuffled weights, and the largest eigenvalues at states of each region."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.numerics import mean_and_error
from hmmrnn.figures.lenses.curves import LABELS, beside_intact, draw_values
from hmmrnn.figures.panels import Panel, Row, split_columns, stack_rows, write_key
from hmmrnn.figures.theme import REGION_LABELS, REGION_SYMBOLS, Theme
from hmmrnn.lenses.time_scales import TimeScales

HEIGHT, GAP, LARGEST = 270, 0.1, 20


def draw_time_scales(now: TimeScales, intact: TimeScales | None, theme: Theme) -> go.Figure:
    """Draw exponents and eigenvalues, one row for each network."""
    return stack_rows([_row(result, name, theme) for name, result in beside_intact(now, intact)], theme)


def _row(result: TimeScales, name: str, theme: Theme) -> Row:
    panels = [_exponents(result, f"{name}exponents under noise", theme), _eigenvalues(result, name, theme)]
    marks = [("network", theme.colour_of(0)), ("weights in random places", theme.ghost)]
    regions = [(REGION_LABELS[region], theme.regions[region]) for region in np.unique(result.magnitude_region)]
    return Row(panels, split_columns(2, GAP, LABELS), HEIGHT, [write_key([*marks, *regions])])


def _exponents(result: TimeScales, heading: str, theme: Theme) -> Panel:
    rank = np.arange(1, len(result.lyapunov) + 1)
    finite = np.where(np.isfinite(result.lyapunov), result.lyapunov, np.nan)
    traces = [
        draw_values(rank, result.lyapunov_null, None, "weights in random places", theme.ghost, theme, dash="dot"),
        draw_values(rank, finite, result.lyapunov_se, "network", theme.colour_of(0), theme),
    ]
    y = {"title": "nats per step", "zeroline": True, "zerolinecolor": theme.muted}
    return Panel(traces, {"title": "rank of the exponent"}, y, heading)


def _eigenvalues(result: TimeScales, name: str, theme: Theme) -> Panel:
    traces = []
    for region in result.regions:
        there = result.magnitude[result.magnitude_region == region][:, :LARGEST]
        if len(there):
            mean, error = mean_and_error(there)
            rank = np.arange(1, there.shape[1] + 1)
            look = {"symbol": REGION_SYMBOLS[region]}
            traces.append(draw_values(rank, mean, error, REGION_LABELS[region], theme.regions[region], theme, **look))
    x = {"title": "rank of the eigenvalue", "range": [0.5, min(LARGEST, result.magnitude.shape[1]) + 0.5]}
    y = {"title": "|λ| of the step's Jacobian", "rangemode": "tozero"}
    one = draw_values([0, LARGEST + 1], [1, 1], None, "|λ| = 1", theme.muted, theme, mode="lines", dash="dot")
    return Panel([one, *traces], x, y, f"{name}eigenvalues by region")
