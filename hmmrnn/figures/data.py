"""Own data: the curve over numbers of states, and the statistics of data, HMM and network side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.fidelity import LAGS
from hmmrnn.analysis.symbol_statistics import RUN_STEPS, Comparison, SymbolStatistics
from hmmrnn.figures.panels import (
    Panel,
    Row,
    draw,
    draw_line_at,
    draw_measured,
    format_values,
    split_columns,
    stack_rows,
)
from hmmrnn.figures.theme import Theme
from hmmrnn.training.baum_welch import HMMFit

HEIGHT, GAP, WIDE, LABELS = 190, 0.1, 0.08, 0.02


def draw_states_curve(fit: HMMFit, shown: int, theme: Theme) -> go.Figure:
    """Draw held-out likelihood and BIC against the number of states; a line is at the number that is shown."""
    hover = "%{x} states: %{customdata}<extra></extra>"
    number = fit.states.astype(np.float64)
    held = draw_measured(number, fit.held_out, fit.held_out_se, "held out", theme.text, theme, hovertemplate=hover)
    unknown = np.full(len(fit.bic), np.nan)
    bic = draw_measured(number, fit.bic, unknown, "BIC", theme.text, theme, hovertemplate=hover)
    states = {"title": "states (number)", "dtick": 1 + len(fit.states) // 16}
    mark = [draw_line_at(shown, theme)]
    panels = [
        Panel([held], states, {"title": "nats / symbol"}, "Held-out log-likelihood", shapes=mark),
        Panel([bic], states, {"title": "BIC (nats)"}, "BIC: least is best", shapes=mark),
    ]
    return stack_rows([Row(panels, split_columns(2, GAP, LABELS), HEIGHT)], theme, still=True)


def draw_comparison(found: Comparison, theme: Theme) -> go.Figure:
    """Draw shares, agreement over lags, and run lengths of data, HMM, network and independent symbols."""
    sides = {"data": found.data, "HMM": found.hmm, "network": found.network, "independent": found.null}
    known = {name: side for name, side in sides.items() if side is not None}
    lags, steps = np.array(LAGS, dtype=float), np.arange(RUN_STEPS, dtype=float)
    shares = [_points(found.alphabet, one.marginal, one.marginal_se, name, theme) for name, one in known.items()]
    lag = {"title": "lag (steps)", "type": "log", "tickvals": list(LAGS)}
    panels = [
        Panel(shares, {"title": "symbol", "type": "category"}, {"title": "share", "rangemode": "tozero"}, "Shares"),
        Panel(
            [_curve(lags, one.agreement, one.agreement_se, name, theme) for name, one in known.items()],
            lag,
            {"title": "P(same)"},
            "Agreement over time",
        ),
        Panel(
            _runs(steps, known, theme),
            {"title": "steps"},
            {"title": "share of runs", "type": "log", "tickformat": "~g"},
            "Runs longer than",
        ),
    ]
    key = "○ data&nbsp;&nbsp;&nbsp;□ HMM&nbsp;&nbsp;&nbsp;◆ network&nbsp;&nbsp;&nbsp;× independent symbols"
    return stack_rows([Row(panels, split_columns(3, WIDE), HEIGHT, [key])], theme, still=True)


def _look(name: str, theme: Theme) -> tuple[str, str, str]:
    """Colour, marker and dash of a side; the marker says it without colour."""
    return {
        "data": (theme.text, "circle-open", "solid"),
        "HMM": (theme.muted, "square-open", "dot"),
        "network": (theme.text, "diamond", "dash"),
        "independent": (theme.ghost, "x-thin-open", "dot"),
    }[name]


def _points(x: tuple[str, ...], y: np.ndarray, error: np.ndarray, name: str, theme: Theme) -> go.Scatter:
    colour, symbol, _ = _look(name, theme)
    bars = {"type": "data", "array": np.nan_to_num(error), "color": theme.muted, "thickness": 1, "width": 0}
    look = {"marker": {"color": colour, "symbol": symbol, "size": 8}, "error_y": bars}
    return draw(
        "markers", list(x), y, name, f"{name}, %{{x}}: %{{customdata}}", customdata=format_values(y, error), **look
    )


def _curve(x: np.ndarray, y: np.ndarray, error: np.ndarray, name: str, theme: Theme) -> go.Scatter:
    colour, symbol, dash = _look(name, theme)
    hover = f"{name}, %{{x}} steps: %{{customdata}}<extra></extra>"
    return draw_measured(x, y, error, name, colour, theme, dash=dash, symbol=symbol, hovertemplate=hover)


def _runs(steps: np.ndarray, known: Mapping[str, SymbolStatistics], theme: Theme) -> list[go.Scatter]:
    """Where no run is longer there is nothing to draw: the axis is logarithmic."""
    drawn = []
    for name, one in known.items():
        there = one.runs_longer > 0
        drawn.append(_curve(steps[there], one.runs_longer[there], one.runs_longer_se[there], name, theme))
    return drawn
