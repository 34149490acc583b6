"""Ways between outputs in a plane or in space: the most likely one, the mean of the switches, and committor 0.5."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.switch_paths import SwitchPaths
from hmmrnn.model.network import Floats

# What the lines lie on: states in a plane, which the graphics card draws, cells of a lens, or states in space.
STATES, CELLS, SPACE = "states", "cells", "space"


def draw_ways(paths: SwitchPaths, theme: Theme, on: str = STATES) -> list[Any]:
    """Draw the way of each exit in the colour of the output that it leads to, and dotted the mean of its switches."""
    traces = []
    for path in paths.paths:
        (a, b), colour = path.exit, theme.colour_of(path.exit[1])
        way = paths.with_depth(path.way) if on == SPACE else path.way
        said = f"most likely way {a} → {b}<br>{len(path.way)} cells, {path.log_probability:.1f} nats"
        ends = np.where(np.arange(len(way)) == len(way) - 1, 11, 0)
        marker = {"size": ends, "color": colour, "line": {"color": theme.ground, "width": 1.5}}
        look = {"marker": marker, "line": {"color": colour, "width": 3 if on != SPACE else 6}}
        traces += _outline(way, 6, theme, on)
        traces.append(_line(way, f"way {a} → {b}", on, said, mode="lines+markers", **look))
        said = f"mean of {path.switches:,} switches {a} → {b}<br>%{{text}} steps after the switch"
        mean = path.mean if on == SPACE else path.mean[:, :2]
        traces += _outline(mean, 5, theme, on)
        dotted = {"color": colour, "width": 2.5, "dash": "dot"}
        traces.append(_line(mean, f"mean {a} → {b}", on, said, line=dotted, text=path.offset.astype(str)))
    return traces


def draw_half(paths: SwitchPaths, theme: Theme, on: str = STATES) -> list[Any]:
    """Draw the line on which half of the runs reach one core of each pair of outputs before the other."""
    traces = []
    for path in paths.paths:
        a, b = path.exit
        # From b to a it is the same line.
        if a < b or (b, a) not in [other.exit for other in paths.paths]:
            pieces = paths.half_line(path)
            pieces = paths.with_depth(pieces) if on == SPACE else pieces
            gap = np.full((len(pieces), 1, pieces.shape[-1]), np.nan)
            points = np.concatenate([pieces, gap], axis=1).reshape(-1, pieces.shape[-1])
            said = f"from here half of the runs come to {b} before {a}"
            traces.append(_line(points, f"half {a}, {b}", on, said, line={"color": theme.accent, "width": 3}))
    return traces


def draw_over_lens(figure: go.Figure, shown: list[SwitchPaths | None], theme: Theme) -> None:
    """Draw ways and committor 0.5 over the planes of a lens, as many of each network as of the next one."""
    panels = (figure.layout.meta or {}).get("plane", [])
    each = len(panels) // len(shown)
    for place, (x, y) in enumerate(panels[: each * len(shown)]):
        paths = shown[place // each]
        if paths is not None:
            axes = {"xaxis": x.replace("axis", ""), "yaxis": y.replace("axis", "")}
            lines = [*draw_half(paths, theme, CELLS), *draw_ways(paths, theme, CELLS)]
            figure.add_traces([line.update(axes) for line in lines])


def _outline(points: Floats, width: float, theme: Theme, on: str) -> list[Any]:
    """The ground around a line; in space there is none, as it would lie before other lines."""
    return [] if on == SPACE else [_line(points, "outline", on, line={"color": theme.ground, "width": width})]


def _line(points: Floats, name: str, on: str, hover: str = "", mode: str = "lines", **look: Any) -> Any:
    """A line that lies on what is there: states are drawn by the graphics card, and whatever is not lies below them."""
    about = {"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}
    x, y, *depth = points.astype(np.float32).T
    kind = {STATES: go.Scattergl, CELLS: go.Scatter, SPACE: go.Scatter3d}[on]
    place = {"z": depth[0]} if on == SPACE else {}
    return kind(x=x, y=y, **place, mode=mode, name=name, showlegend=False, **about, **look)
