"""Ways between the outputs in the plane: the most likely one, the mean of the observed switches, and committor 0.5."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.switch_paths import SwitchPaths
from hmmrnn.model.network import Floats


def draw_ways(paths: SwitchPaths, theme: Theme) -> list[Any]:
    """Draw the way of each exit in the colour of the output that it leads to, and dotted the mean of its switches."""
    traces = []
    for path in paths.paths:
        (a, b), colour = path.exit, theme.colour_of(path.exit[1])
        said = f"most likely way {a} → {b}<br>{len(path.way)} cells, {path.log_probability:.1f} nats"
        ends = np.where(np.arange(len(path.way)) == len(path.way) - 1, 11, 0)
        marker = {"size": ends, "color": colour, "line": {"color": theme.ground, "width": 1.5}}
        look = {"marker": marker, "line": {"color": colour, "width": 3}}
        traces.append(_line(path.way, "outline", line={"color": theme.ground, "width": 6}))
        traces.append(_line(path.way, f"way {a} → {b}", said, mode="lines+markers", **look))
        said = f"mean of {path.switches:,} switches {a} → {b}<br>%{{text}} steps after the switch"
        traces.append(_line(path.mean, "outline", line={"color": theme.ground, "width": 5}))
        dotted = {"color": colour, "width": 2.5, "dash": "dot"}
        traces.append(_line(path.mean, f"mean {a} → {b}", said, line=dotted, text=path.offset.astype(str)))
    return traces


def draw_half(paths: SwitchPaths, theme: Theme) -> list[Any]:
    """Draw the line on which half of the runs reach one core of each pair of outputs before the other."""
    traces = []
    for path in paths.paths:
        a, b = path.exit
        # From b to a it is the same line.
        if a < b or (b, a) not in [other.exit for other in paths.paths]:
            pieces = paths.half_line(path)
            gap = np.full((len(pieces), 1, 2), np.nan)
            points = np.concatenate([pieces, gap], axis=1).reshape(-1, 2)
            said = f"from here half of the runs come to {b} before {a}"
            traces.append(_line(points, f"half {a}, {b}", said, line={"color": theme.accent, "width": 3}))
    return traces


def _line(points: Floats, name: str, hover: str = "", mode: str = "lines", **look: Any) -> Any:
    """A line that lies on the states, which are drawn by the graphics card: whatever is not lies below them."""
    about = {"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}
    x, y = points.astype(np.float32).T
    return go.Scattergl(x=x, y=y, mode=mode, name=name, showlegend=False, **about, **look)
