"""The path of the network in the plane: intact as a ghost, intervened in colour, under the same noise.

The plane may have a third axis, for networks whose orbits lie in more than two directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.theme import FONT_SIZE, REGION_LABELS, REGION_SYMBOLS, Theme, colour_bar, layout
from hmmrnn.motion import Motion
from hmmrnn.regions import REGIONS

MARKER_SIZE = 4
MARGIN = 0.04
# So many states can still be turned in three dimensions without a graphics card.
MAX_STATES_3D = 2000
MARKER_SIZES = {2: MARKER_SIZE, 3: 2.2}
GHOST_OPACITY, PATH_WIDTH = {2: 0.6, 3: 0.35}, {2: 0.8, 3: 1.5}
FIXED_POINT_SYMBOLS, FIXED_POINT_SIZES = {2: "star", 3: "diamond"}, {2: 13, 3: 7}


@dataclass(frozen=True, eq=False)
class Colouring:
    """What the states are coloured by.

    Attributes:
        label: with its unit, as the colour bar and the hover text name it.
        values: (B, T) one value per state, NaN where a state is not drawn; None colours by output or region.
        region: (B, T) region of each state, "" where it is not known and not drawn.
    """

    label: str
    values: NDArray[np.floating] | None = None
    region: NDArray[np.str_] | None = None


def state_space(
    now: Motion,
    intact: Motion | None,
    colouring: Colouring,
    theme: Theme,
    fixed_points: NDArray[np.floating] | None = None,
    without_noise: NDArray[np.floating] | None = None,
    dimensions: int = 2,
    ghost_name: str = "intact",
) -> go.Figure:
    """Draw runs in the plane.

    Args:
        now: the network as it is now.
        intact: the intact network under the same noise, drawn as a grey ghost; None when nothing is touched.
        colouring: what the states are coloured by.
        theme: colours of the ground.
        fixed_points: (S, C) where runs without noise end; each distinct one once.
        without_noise: (S, T, C) runs without noise.
        dimensions: 2, or 3 with the third component as depth and with no more than 2,000 states.
        ghost_name: what the ghost is called, if it is not the intact network.
    """
    # Lines are what costs most to draw: one run as a path shows the motion, dots are enough for the rest.
    ghost = [] if intact is None else [_ghost(intact, theme, dimensions, ghost_name)]
    traces = [*ghost, *_states(now, colouring, theme, dimensions), _path(now, theme, dimensions)]
    if without_noise is not None:
        traces.append(_without_noise(without_noise, theme, dimensions))
    if fixed_points is not None and len(fixed_points):
        traces.append(_fixed_points(fixed_points, theme, dimensions))
    stretch = [plane_range([now, intact], axis) for axis in range(dimensions)]
    if dimensions == 3:
        drawn = layout(theme, {}, scene=_scene(stretch, theme), margin={"l": 0, "r": 0, "t": 8, "b": 0})
        # The dots of the states are too small to show their colour in a legend.
        return go.Figure(traces, {**drawn, "legend": {**drawn["legend"], "itemsizing": "constant"}})
    return go.Figure(traces, layout(theme, plane_axes(*stretch), hovermode="closest", dragmode="pan"))


def states_beside(
    now: Motion,
    before: Motion,
    colouring: Colouring,
    theme: Theme,
    fixed_points: NDArray[np.floating] | None = None,
) -> go.Figure:
    """Draw two sets of runs beside each other, on the same axes: on the left A, on the right the network as it is now.

    Args:
        now, before: the runs under the same noise.
        colouring: what the states of `now` are coloured by; those of `before` are coloured by output, unless it says
            the same of them.
        theme: colours of the ground.
        fixed_points: (S, C) where runs without noise end.
    """
    right = state_space(now, None, colouring, theme, fixed_points)
    left = state_space(before, None, Colouring("output"), theme, fixed_points)
    there = {trace.name for trace in right.data}
    for trace in left.data:
        # What both have in common is named once.
        trace.update(xaxis="x2", yaxis="y2", showlegend=trace.name not in there)
    stretch = [plane_range([now, before], axis) for axis in (0, 1)]
    axes = plane_axes(*stretch)
    x2 = {**axes["xaxis"], "domain": [0, 0.48], "anchor": "y2", "matches": "x"}
    y2 = {**axes["yaxis"], "anchor": "x2", "matches": "y"}
    axes["xaxis"]["domain"] = [0.52, 1]
    axes["yaxis"] |= {"title": "", "showticklabels": False}
    names = [_panel_name("A", 0.0, theme), _panel_name("B, now", 0.52, theme)]
    sides = {**axes, "xaxis2": x2, "yaxis2": y2}
    return go.Figure(
        [*left.data, *right.data],
        layout(theme, sides, hovermode="closest", dragmode="pan", annotations=names),
    )


def _panel_name(text: str, x: float, theme: Theme) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": x, "y": 1, "xanchor": "left", "yanchor": "top"}
    return {"text": f"<b>{text}</b>", "showarrow": False, "font": {"size": FONT_SIZE, "color": theme.text}, **place}


def drawn_states(motion: Motion, colouring: Colouring, dimensions: int) -> NDArray[np.bool_]:
    """(B, T) which states are drawn: all that can be coloured; in three dimensions at most 2,000, evenly chosen."""
    shown = np.isfinite(motion.points[..., 0])
    if colouring.values is not None:
        shown &= np.isfinite(colouring.values)
    elif colouring.region is not None:
        shown &= colouring.region != ""
    return _thinned(shown, dimensions)


def plane_axes(x_range: list[float] | None, y_range: list[float] | None) -> dict[str, dict[str, Any]]:
    """The axes of every view of the plane."""
    return {
        "xaxis": {"title": "PC1 of h (activity)", "range": x_range},
        "yaxis": {"title": "PC2 of h (activity)", "range": y_range},
    }


def plane_range(motions: list[Motion | None], axis: int) -> list[float] | None:
    """The stretch of one axis that holds the states of all motions, so that every view of the plane shows the same."""
    values = np.concatenate([motion.points[..., axis].ravel() for motion in motions if motion is not None])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low or 1.0)
    return [low - margin, high + margin]


def _scene(stretch: list[list[float] | None], theme: Theme) -> dict[str, Any]:
    """The three axes, in the shape of the view: true to scale, the third would be too flat to see."""
    look = {
        "gridcolor": theme.grid,
        "linecolor": theme.grid,
        "zerolinecolor": theme.grid,
        "backgroundcolor": theme.ground,
        "tickfont": {"size": FONT_SIZE - 2, "color": theme.muted},
        "nticks": 4,
    }
    titles = [{"text": f"PC{i + 1} of h", "font": {"size": FONT_SIZE}} for i in range(3)]
    axes = {
        f"{name}axis": {**look, "title": title, "range": limits}
        for name, title, limits in zip("xyz", titles, stretch, strict=True)
    }
    camera = {"eye": {"x": 1.3, "y": -2.45, "z": 0.95}, "center": {"x": 0.0, "y": 0.0, "z": -0.32}}
    shape = {"aspectmode": "manual", "aspectratio": {"x": 1.7, "y": 1.0, "z": 0.85}}
    return {**axes, **shape, "camera": camera, "bgcolor": theme.ground, "dragmode": "turntable"}


def _thinned(shown: NDArray[np.bool_], dimensions: int) -> NDArray[np.bool_]:
    every = 1 if dimensions == 2 else max(1, -(-np.count_nonzero(shown) // MAX_STATES_3D))
    kept = np.zeros_like(shown)
    kept.flat[np.flatnonzero(shown)[::every]] = True
    return kept


def _scatter(points: NDArray[np.floating], dimensions: int, **look: Any) -> Any:
    """Points (S, C) as a trace in two or three dimensions."""
    x, y, *depth = points.T[:dimensions]
    if depth:
        return go.Scatter3d(x=x, y=y, z=depth[0], **look)
    return go.Scattergl(x=x, y=y, **look)


def _place(dimensions: int) -> str:
    return "PC1 %{x:.2f}, PC2 %{y:.2f}" + (", PC3 %{z:.2f}" if dimensions == 3 else "") + " (activity)"


def _ghost(intact: Motion, theme: Theme, dimensions: int, name: str) -> Any:
    return _scatter(
        intact.points[_thinned(np.isfinite(intact.points[..., 0]), dimensions)],
        dimensions,
        mode="markers",
        name=name,
        hoverinfo="skip",
        marker={"size": 0.75 * MARKER_SIZES[dimensions], "color": theme.ghost, "opacity": GHOST_OPACITY[dimensions]},
    )


def _path(now: Motion, theme: Theme, dimensions: int) -> Any:
    return _scatter(
        now.points[0],
        dimensions,
        mode="lines",
        name="run 1",
        hoverinfo="skip",
        line={"color": theme.text, "width": PATH_WIDTH[dimensions]},
        opacity=0.7,
    )


def _broken(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S, C) all runs as one line, with a gap between one run and the next."""
    gap = np.full((len(points), 1, points.shape[2]), np.nan, dtype=np.float32)
    return np.concatenate([points, gap], axis=1).reshape(-1, points.shape[2])


def _states(motion: Motion, colouring: Colouring, theme: Theme, dimensions: int) -> list[Any]:
    drawn = drawn_states(motion, colouring, dimensions)
    if colouring.values is not None:
        return [_by_value(motion, drawn, colouring, theme, dimensions)]
    if colouring.region is not None:
        kinds = [(colouring.region == r, REGION_LABELS[r], theme.regions[r], REGION_SYMBOLS[r]) for r in REGIONS]
    else:
        outputs = range(motion.probabilities.shape[2])
        kinds = [(motion.output == o, f"output {o}", theme.outputs[o % len(theme.outputs)], "circle") for o in outputs]
    return [
        _of_kind(motion, drawn & shown, name, colour, symbol, dimensions)
        for shown, name, colour, symbol in kinds
        if (drawn & shown).any()
    ]


def _of_kind(motion: Motion, shown: NDArray[np.bool_], name: str, colour: str, symbol: str, dimensions: int) -> Any:
    run, step = _indices(motion)
    return _scatter(
        motion.points[shown],
        dimensions,
        mode="markers",
        name=name,
        marker={"size": MARKER_SIZES[dimensions], "color": colour, "symbol": symbol, "opacity": 0.75},
        customdata=np.stack([run[shown], step[shown]], axis=-1),
        hovertemplate=f"{name}<br>run %{{customdata[0]}}, step %{{customdata[1]}}"
        f"<br>{_place(dimensions)}<extra></extra>",
    )


def _by_value(motion: Motion, drawn: NDArray[np.bool_], colouring: Colouring, theme: Theme, dimensions: int) -> Any:
    run, step = _indices(motion)
    values = np.asarray(colouring.values, dtype=np.float32)
    points, values = motion.points[drawn], values[drawn]
    return _scatter(
        points,
        dimensions,
        mode="markers",
        name=colouring.label,
        showlegend=False,
        marker={
            "size": MARKER_SIZES[dimensions],
            "color": values,
            "opacity": 0.8,
            **_scale(values, theme),
            "colorbar": colour_bar(colouring.label),
        },
        customdata=np.stack([run[drawn], step[drawn]], axis=-1),
        hovertemplate=f"{colouring.label} %{{marker.color:.3g}}<br>run %{{customdata[0]}}, step %{{customdata[1]}}"
        f"<br>{_place(dimensions)}<extra></extra>",
    )


def _scale(values: NDArray[np.floating], theme: Theme) -> dict[str, Any]:
    """A diverging scale centred on 0 for signed values, a sequential one otherwise."""
    if len(values) and values.min() < 0:
        # The few extreme states would leave the rest without contrast.
        bound = float(np.quantile(np.abs(values), 0.98)) or 1.0
        return {"colorscale": theme.diverging, "cmin": -bound, "cmax": bound}
    return {"colorscale": theme.sequential}


def _indices(motion: Motion) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    batch, steps = motion.output.shape
    run = np.broadcast_to(np.arange(batch, dtype=np.int16)[:, None], (batch, steps))
    return run, np.broadcast_to(np.arange(1, steps + 1, dtype=np.int16), (batch, steps))


def _without_noise(paths: NDArray[np.floating], theme: Theme, dimensions: int) -> Any:
    return _scatter(
        _broken(paths.astype(np.float32)),
        dimensions,
        mode="lines",
        name="without noise",
        line={"color": theme.accent, "width": 1.2},
        hoverinfo="skip",
    )


def _fixed_points(points: NDArray[np.floating], theme: Theme, dimensions: int) -> Any:
    look = {"symbol": FIXED_POINT_SYMBOLS[dimensions], "size": FIXED_POINT_SIZES[dimensions]}
    return _scatter(
        points,
        dimensions,
        mode="markers",
        name="fixed point",
        marker={**look, "color": theme.accent, "line": {"width": 1, "color": theme.ground}},
        hovertemplate=f"fixed point without noise<br>{_place(dimensions)}<extra></extra>",
    )
