"""The recovered HMM beside its target, its number of states, its error by the length, and the loss around it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.lenses.curves import LABELS, beside_intact, draw_values
from hmmrnn.figures.panels import Floats, Panel, Row, draw, draw_cells, split_columns, stack_rows, write_key
from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.hmm_recovery import Recovered

CELL, HEIGHT, GAP = 40, 230, 0.09


def draw_recovered(now: Recovered, intact: Recovered | None, theme: Theme) -> go.Figure:
    """Draw the probabilities of each network, and three tests of the one as it is now."""
    rows = [_matrices(result, name, theme) for name, result in beside_intact(now, intact)]
    marks = [("network's emissions", theme.colour_of(0)), ("target's own emissions", theme.muted)]
    panels = [_orders(now, theme), _lengths(now, theme), _landscape(now, theme)]
    return stack_rows([*rows, Row(panels, split_columns(3, GAP, LABELS), HEIGHT, [write_key(marks)])], theme)


def _matrices(result: Recovered, name: str, theme: Theme) -> Row:
    panels = [
        _matrix(result.A, result.A_se, result.target_A, f"{name}transitions A (target)", "next state", theme),
        _matrix(result.B, result.B_se, result.target_B, f"{name}emissions B (target)", "output", theme),
    ]
    return Row(panels, split_columns(2, GAP, LABELS), CELL * len(result.A))


def _matrix(values: Floats, error: Floats, target: Floats, heading: str, title: str, theme: Theme) -> Panel:
    text = [
        [f"{value:.3f} ({there:.3f})" for value, there in zip(*rows, strict=True)]
        for rows in zip(values, target, strict=True)
    ]
    cells = draw_cells(
        values,
        (0, 1.6),
        [[0.0, theme.ground], [1.0, theme.colour_of(0)]],
        f"state %{{y}}, {title} %{{x}}: %{{z:.4f}} ± %{{customdata[0]:.4f}}, target %{{customdata[1]:.4f}}",
        text,
        customdata=np.stack([error, target], axis=-1),
        xgap=1,
        ygap=1,
    )
    whole = {"dtick": 1, "showgrid": False}
    return Panel([cells], {**whole, "title": title}, {**whole, "title": "state", "autorange": "reversed"}, heading)


def _orders(now: Recovered, theme: Theme) -> Panel:
    traces = [
        draw_values(now.states, now.bic[:, s], None, name, colour, theme)
        for s, (name, colour) in enumerate((("network", theme.colour_of(0)), ("target", theme.muted)))
    ]
    # One state has nothing to remember: its value is far above all others, and out of the picture.
    top = 1.2 * float(now.bic[1:].max(initial=1e-6))
    y = {"title": "BIC (nats per emission)", "range": [-0.05 * top, top]}
    heading = f"states asked for: {now.states_by_bic} (target's: {now.states_by_bic_null})"
    return Panel(traces, {"title": "hidden states", "dtick": 1, "range": [0.5, len(now.states) + 0.5]}, y, heading)


def _lengths(now: Recovered, theme: Theme) -> Panel:
    traces = [
        draw_values(now.lengths, now.error_by_length[:, s], now.error_by_length_se[:, s], name, colour, theme)
        for s, (name, colour) in enumerate((("network", theme.colour_of(0)), ("target", theme.muted)))
    ]
    log = {"type": "log", "nticks": 4}
    return Panel(traces, {**log, "title": "emissions"}, {**log, "title": "mean error of A"}, "error by length")


def _landscape(now: Recovered, theme: Theme) -> Panel:
    loss = np.log10(np.maximum(now.landscape, 1e-12))
    ends = (float(np.nanmin(loss)), float(np.nanmax(loss)))
    hover = "rates × %{x:.2f}, contrast × %{y:.2f}: 10^%{z:.2f}"
    cells = draw_cells(loss.T, ends, theme.sequential, hover, x=now.rates, y=now.contrasts)
    lowest = np.unravel_index(np.nanargmin(now.landscape), now.landscape.shape)
    best = {"size": 11, "symbol": "x", "color": theme.accent}
    marks = [
        draw("markers", [now.rates[lowest[0]]], [now.contrasts[lowest[1]]], "lowest", "lowest", marker=best),
        draw("markers", [1.0], [1.0], "target", "target", marker={**best, "symbol": "circle-open"}),
    ]
    x, y = {"title": "rates (× target)"}, {"title": "contrast (× target)"}
    return Panel([cells, *marks], x, y, "log loss of joints; × lowest, ○ target")
