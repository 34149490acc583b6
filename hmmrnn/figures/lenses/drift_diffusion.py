"""Density, drift and probability current over the plane."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.panels import Floats, Panel, Row, draw, draw_cells, split_columns, stack_rows
from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.drift_diffusion import DriftDiffusion

HEIGHT, GAP = 330, 0.06
# Arrows of a field reach over so many cells at most, and stand in every second one.
REACH, EVERY = 1.6, 2
# An arrow of the current is drawn where it is so many standard errors long.
CLEAR = 2.0


def draw_drift_diffusion(now: DriftDiffusion, intact: DriftDiffusion | None, theme: Theme) -> go.Figure:
    """Draw drift and current over the density, and the intact network below the one as it is now."""
    shown = [("now" if intact is not None else "", now), *([] if intact is None else [("intact", intact)])]
    seen = np.stack([_ends(result) for _, result in shown])
    ends = np.stack([seen[..., 0].min(axis=0), seen[..., 1].max(axis=0)], axis=-1)
    rows = [Row(_panels(result, name, ends, theme), split_columns(2, GAP), HEIGHT) for name, result in shown]
    return stack_rows(rows, theme)


def _panels(result: DriftDiffusion, name: str, ends: Floats, theme: Theme) -> list[Panel]:
    size = np.hypot(*np.moveaxis(result.irreversible / result.irreversible_se, -1, 0))
    clear = np.where(size[..., None] >= CLEAR, result.current, np.nan)
    before = f"{name}: " if name else ""
    fields = (
        (f"{before}drift E[z' − z | z]", result.drift, "drift", theme.muted),
        (f"{before}probability current", clear, "current", theme.accent),
    )
    x, y = ({"title": f"PC{axis + 1} (activity)", "range": list(ends[axis])} for axis in (0, 1))
    return [
        Panel([_density(result, theme), *_arrows(result, field, label, colour)], x, y, heading, of="plane")
        for heading, field, label, colour in fields
    ]


def _ends(result: DriftDiffusion) -> Floats:
    """(2, 2) first and last edge along each axis of the cells that are visited."""
    ends = []
    for axis in (0, 1):
        there = np.flatnonzero(result.counts.sum(axis=1 - axis))
        ends.append([result.edges[axis, there[0]], result.edges[axis, there[-1] + 1]])
    return np.array(ends)


def _density(result: DriftDiffusion, theme: Theme) -> Any:
    centres = (result.edges[:, 1:] + result.edges[:, :-1]) / 2
    with np.errstate(divide="ignore"):
        density = np.where(result.counts > 0, np.log10(result.density), np.nan)
    hover = "PC1 %{x:.3g}, PC2 %{y:.3g}<br>density %{customdata:.3g} per activity²"
    ends = (float(np.nanmin(density)), float(np.nanmax(density)))
    scale = [[0.0, theme.ground], [1.0, theme.ghost]]
    return draw_cells(density.T, ends, scale, hover, x=centres[0], y=centres[1], customdata=result.density.T)


def _arrows(result: DriftDiffusion, field: Floats, name: str, colour: str) -> list[Any]:
    """A line from the middle of a cell along its arrow, and a triangle at the end that points there."""
    centres = np.stack(np.meshgrid(*(result.edges[:, 1:] + result.edges[:, :-1]) / 2, indexing="ij"), axis=-1)
    chosen = np.zeros(result.counts.shape, dtype=bool)
    chosen[::EVERY, ::EVERY] = True
    chosen &= np.isfinite(field).all(axis=-1)
    if not chosen.any():
        return []
    start, arrow, cell = centres[chosen], field[chosen], np.diff(result.edges, axis=1)[:, 0]
    # In widths of a cell, so that the longest keeps within its neighbours; the angle is the one that is seen.
    length = np.hypot(*(arrow / cell).T)
    tip = start + arrow * REACH * EVERY / 2 / length.max()
    between = np.full(len(start), np.nan)
    line = np.stack([start, tip, np.stack([between, between], axis=-1)], axis=1).reshape(-1, 2)
    angle = np.degrees(np.arctan2(*(arrow / cell).T))
    head = {"symbol": "triangle-up", "size": 6, "angle": angle, "color": colour}
    hover = f"{name} %{{customdata[0]:.3g}}, %{{customdata[1]:.3g}}"
    return [
        draw("lines", line[:, 0], line[:, 1], name, line={"color": colour, "width": 1}),
        draw("markers", tip[:, 0], tip[:, 1], f"{name}, heads", hover, marker=head, customdata=arrow),
    ]
