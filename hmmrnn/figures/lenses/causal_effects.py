"""What silencing each neuron does to each exit, beside the band of chance, and total beside direct effects."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.lenses.curves import LABELS, beside_intact
from hmmrnn.figures.panels import Panel, Row, draw, draw_band, format_values, split_columns, stack_rows, write_key
from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.causal_effects import Effects

HEIGHT, GAP, PER_ROW = 230, 0.14, 2
# Of the pairs of neurons, so many with the largest total effects are drawn.
PAIRS = 1500


def draw_effects(now: Effects, intact: Effects | None, theme: Theme) -> go.Figure:
    """Draw the effects on each exit by neuron, and total beside direct effects, for each network."""
    rows = []
    for name, result in beside_intact(now, intact):
        panels = [_exit(result, place, name, theme) for place in range(len(result.exits))]
        panels.append(_pairs(result, name, theme))
        rows += [
            Row(chosen, split_columns(PER_ROW, GAP, LABELS)[: len(chosen)], HEIGHT, [_key(theme)] if first == 0 else ())
            for first in range(0, len(panels), PER_ROW)
            for chosen in [panels[first : first + PER_ROW]]
        ]
    return stack_rows(rows, theme)


def _key(theme: Theme) -> str:
    marks = [("beyond the band", theme.accent), ("within", theme.muted)]
    return write_key(marks, "band: 95 % of the largest effects by chance")


def _exit(result: Effects, place: int, name: str, theme: Theme) -> Panel:
    effect, error = result.effect[:, place], result.effect_se[:, place]
    neurons = np.arange(len(effect))
    beyond = np.abs(effect) > result.band[place]
    edges, band = np.array([-1.0, len(effect)]), np.full(2, result.band[place])
    traces = [draw_band(edges, -band, band, theme.grid)]
    for label, chosen, colour in (("within", ~beyond, theme.muted), ("beyond the band", beyond, theme.accent)):
        traces.append(_neurons(neurons[chosen], effect[chosen], error[chosen], label, colour))
    rate = f"{result.leave_rate[place]:.3f} ± {result.leave_rate_se[place]:.1g}"
    heading = f"{name}{result.exits[place].replace('->', ' → ')}, rate {rate}"
    x = {"title": "silenced neuron", "range": [-1, len(effect)]}
    return Panel(traces, x, {"title": "change (per step)"}, heading, of="neurons")


def _neurons(neurons: Any, effect: Any, error: Any, label: str, colour: str) -> Any:
    bars = {"type": "data", "array": np.nan_to_num(error), "color": colour, "thickness": 1, "width": 0}
    hover = "neuron %{x}: %{customdata} per step"
    about = {"customdata": format_values(effect, error), "marker": {"color": colour, "size": 5}, "error_y": bars}
    return draw("markers", neurons, effect, label, hover, **about)


def _pairs(result: Effects, name: str, theme: Theme) -> Panel:
    off = ~np.eye(len(result.total), dtype=bool)
    to, source = np.nonzero(off & np.isfinite(result.total))
    order = np.argsort(-np.abs(result.total[to, source]), kind="stable")[:PAIRS]
    to, source = to[order], source[order]
    direct, total = result.direct[to, source], result.total[to, source]
    ends = [float(direct.min(initial=0.0)), float(direct.max(initial=0.0))]
    marker = {"color": theme.colour_of(0), "size": 4, "opacity": 0.5}
    hover = "%{customdata[1]} silenced: neuron %{customdata[0]} by %{y:.3g}, directly %{x:.3g}"
    traces = [
        draw("markers", direct, total, "pairs", hover, marker=marker, customdata=np.stack([to, source], axis=-1)),
        draw("lines", ends, ends, "total = direct", line={"color": theme.muted, "dash": "dot", "width": 1}),
    ]
    x, y = {"title": "direct effect −W E[h] (activity)"}, {"title": "total effect (activity)"}
    return Panel(traces, x, y, f"{name}the {len(order):,} largest effects on inputs", of="pairs")
