"""Runs of the network in the plane of its orbit, over those of the intact network under the same noise.

The plane may have a third axis, for networks whose orbits lie in more than two directions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.analysis.trajectory_summary import TrajectorySummary
from hmmrnn.analysis.unstable_directions import REPELLOR, SADDLE, STABLE, SeenPoints
from hmmrnn.figures.panels import Floats
from hmmrnn.figures.theme import (
    FONT_SIZE,
    REGION_LABELS,
    REGION_SYMBOLS,
    Theme,
    make_colour_bar,
    make_layout,
    make_note,
)

MARKER_SIZE = 4
MOMENT = "run %{customdata[0]}, step %{customdata[1]}"
MARGIN = 0.04
# So many states can still be turned in three dimensions without a graphics card.
MAX_STATES_3D = 2000
MARKER_SIZES = {2: MARKER_SIZE, 3: 2.2}
GHOST_OPACITY, PATH_WIDTH = {2: 0.6, 3: 0.35}, {2: 0.8, 3: 1.5}
FIXED_POINT_SIZES = {2: 13, 3: 7}
FIXED_POINT_KINDS = {
    STABLE: ("fixed point", {2: "star", 3: "diamond"}),
    SADDLE: ("saddle", {2: "x-thin", 3: "x"}),
    REPELLOR: ("repellor", {2: "circle-open", 3: "circle-open"}),
}
# Length of an unstable direction that lies in the plane, in standard deviations of the states along PC1.
REACH = 0.6


@dataclass(frozen=True, eq=False)
class Colouring:
    """What the states are coloured by."""

    label: str  # with its unit, as the colour bar and the hover text name it
    # (B, T) one value per state, NaN where a state is not drawn; None colours by output or region.
    values: Floats | None = None
    region: NDArray[np.str_] | None = None  # (B, T) region of each state, "" where it is not known and not drawn


def draw_state_space(
    now: TrajectorySummary,
    intact: TrajectorySummary | None,
    colouring: Colouring,
    theme: Theme,
    fixed_points: Floats | SeenPoints | None = None,
    without_noise: Floats | None = None,
    dimensions: int = 2,
    ghost_name: str = "intact",
) -> go.Figure:
    """Draw runs in the plane.

    Args:
        intact: the intact network under the same noise, drawn as a grey ghost; None when nothing is touched.
        fixed_points: of the network without noise, each distinct one once; (S, C) if only their places are known.
        without_noise: (S, T, C) runs without noise.
        dimensions: 2, or 3 with the third component as depth and with no more than 2,000 states.
        ghost_name: of the network that is drawn as a ghost, if it is not the intact one.
    """
    # Lines take longest to draw: one run as a path shows the motion, dots are enough for the others.
    ghost = [] if intact is None else [_ghost(intact, theme, dimensions, ghost_name)]
    traces = [*ghost, *_states(now, colouring, theme, dimensions), _path(now, theme, dimensions)]
    if without_noise is not None:
        traces.append(_without_noise(without_noise, theme, dimensions))
    if fixed_points is not None:
        seen = (
            fixed_points
            if isinstance(fixed_points, SeenPoints)
            else SeenPoints.plain(np.asarray(fixed_points, dtype=np.float64))
        )
        traces += [*_fixed_points(seen, theme, dimensions), *_unstable(seen, theme, dimensions)]
    stretch = [plane_range([now, intact], axis) for axis in range(dimensions)]
    if dimensions == 3:
        drawn = make_layout(theme, {}, scene=_scene(stretch, theme), margin={"l": 0, "r": 0, "t": 8, "b": 0})
        # The dots of the states are too small to show their colour in a legend.
        return go.Figure(traces, {**drawn, "legend": {**drawn["legend"], "itemsizing": "constant"}})
    return go.Figure(traces, make_layout(theme, plane_axes(*stretch), hovermode="closest", dragmode="pan"))


def draw_states_beside(
    now: TrajectorySummary,
    before: TrajectorySummary,
    colouring: Colouring,
    theme: Theme,
    fixed_points: Floats | SeenPoints | None = None,
) -> go.Figure:
    """Draw two sets of runs beside each other, on the same axes: A on the left, the network as it is now on the right.

    Args:
        now, before: the runs under the same noise.
        colouring: what the states of `now` are coloured by; those of `before` are coloured by output, unless it says
            the same of them.
        fixed_points: of the network without noise.
    """
    right = draw_state_space(now, None, colouring, theme, fixed_points)
    left = draw_state_space(before, None, Colouring("output"), theme, fixed_points)
    there = {trace.name for trace in right.data}
    for trace in left.data:
        # An entry of the legend that both have is written once.
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
        make_layout(theme, sides, hovermode="closest", dragmode="pan", annotations=names),
    )


def _panel_name(text: str, x: float, theme: Theme) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": x, "y": 1, "xanchor": "left", "yanchor": "top"}
    return make_note(f"<b>{text}</b>", font={"size": FONT_SIZE, "color": theme.text}, **place)


def find_drawn_states(summary: TrajectorySummary, colouring: Colouring, dimensions: int) -> NDArray[np.bool_]:
    """Find the (B, T) states that are drawn: all that can be coloured; in three dimensions at most 2,000 of them."""
    shown = np.isfinite(summary.points[..., 0])
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


def plane_range(summaries: list[TrajectorySummary | None], axis: int) -> list[float] | None:
    """The range of one axis that holds the states of all runs, so that every view of the plane shows the same part.

    It is at least half as wide as the states are far from the centre of the plane: a network at rest is a point in the
    plane, and not a part of it.
    """
    points = np.concatenate([summary.points.reshape(-1, summary.points.shape[-1]) for summary in summaries if summary])
    points = points[np.isfinite(points[:, axis])]
    if not len(points):
        return None
    low, high = float(points[:, axis].min()), float(points[:, axis].max())
    least = float(np.abs(points[:, :2]).max()) / 2 or 1.0
    margin = max(MARGIN * (high - low), (least - (high - low)) / 2)
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


def _scatter(mode: str, points: Floats, dimensions: int, name: str, hover: str = "", **look: Any) -> Any:
    """Points (S, C) as a trace in two or three dimensions; `hover` is shown before the place, if there is any."""
    place = "PC1 %{x:.2f}, PC2 %{y:.2f}" + (", PC3 %{z:.2f}" if dimensions == 3 else "") + " (activity)"
    about = {"hovertemplate": f"{hover}<br>{place}<extra></extra>"} if hover else {"hoverinfo": "skip"}
    x, y, *depth = points.T[:dimensions]
    if depth:
        return go.Scatter3d(x=x, y=y, z=depth[0], mode=mode, name=name, **about, **look)
    return go.Scattergl(x=x, y=y, mode=mode, name=name, **about, **look)


def _ghost(intact: TrajectorySummary, theme: Theme, dimensions: int, name: str) -> Any:
    points = intact.points[_thinned(np.isfinite(intact.points[..., 0]), dimensions)]
    marker = {"size": 0.75 * MARKER_SIZES[dimensions], "color": theme.ghost, "opacity": GHOST_OPACITY[dimensions]}
    return _scatter("markers", points, dimensions, name, marker=marker)


def _path(now: TrajectorySummary, theme: Theme, dimensions: int) -> Any:
    line = {"color": theme.text, "width": PATH_WIDTH[dimensions]}
    return _scatter("lines", now.points[0], dimensions, "run 1", line=line, opacity=0.7)


def _broken(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(S, C) all runs as one line, with a gap between one run and the next."""
    gap = np.full((len(points), 1, points.shape[2]), np.nan, dtype=np.float32)
    return np.concatenate([points, gap], axis=1).reshape(-1, points.shape[2])


def _states(summary: TrajectorySummary, colouring: Colouring, theme: Theme, dimensions: int) -> list[Any]:
    drawn = find_drawn_states(summary, colouring, dimensions)
    if colouring.values is not None:
        return [_by_value(summary, drawn, colouring, theme, dimensions)]
    if colouring.region is not None:
        kinds = [(colouring.region == r, REGION_LABELS[r], theme.regions[r], REGION_SYMBOLS[r]) for r in REGIONS]
    else:
        outputs = range(summary.probabilities.shape[2])
        kinds = [(summary.output == o, f"output {o}", theme.colour_of(o), "circle") for o in outputs]
    return [
        _of_kind(summary, drawn & shown, name, colour, symbol, dimensions)
        for shown, name, colour, symbol in kinds
        if (drawn & shown).any()
    ]


def _of_kind(
    summary: TrajectorySummary, shown: NDArray[np.bool_], name: str, colour: str, symbol: str, dimensions: int
) -> Any:
    run, step = _indices(summary)
    marker = {"size": MARKER_SIZES[dimensions], "color": colour, "symbol": symbol, "opacity": 0.75}
    moments = np.stack([run[shown], step[shown]], axis=-1)
    return _scatter(
        "markers", summary.points[shown], dimensions, name, f"{name}<br>{MOMENT}", marker=marker, customdata=moments
    )


def _by_value(
    summary: TrajectorySummary, drawn: NDArray[np.bool_], colouring: Colouring, theme: Theme, dimensions: int
) -> Any:
    run, step = _indices(summary)
    values = np.asarray(colouring.values, dtype=np.float32)
    points, values = summary.points[drawn], values[drawn]
    return _scatter(
        "markers",
        points,
        dimensions,
        colouring.label,
        f"{colouring.label} %{{marker.color:.3g}}<br>{MOMENT}",
        showlegend=False,
        marker={
            "size": MARKER_SIZES[dimensions],
            "color": values,
            "opacity": 0.8,
            **_scale(values, theme),
            "colorbar": make_colour_bar(colouring.label),
        },
        customdata=np.stack([run[drawn], step[drawn]], axis=-1),
    )


def _scale(values: Floats, theme: Theme) -> dict[str, Any]:
    """A diverging scale centred on 0 for signed values, a sequential one otherwise."""
    if len(values) and values.min() < 0:
        # The few extreme states would leave the rest without contrast.
        bound = float(np.quantile(np.abs(values), 0.98)) or 1.0
        return {"colorscale": theme.diverging, "cmin": -bound, "cmax": bound}
    return {"colorscale": theme.sequential}


def _indices(summary: TrajectorySummary) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    batch, steps = summary.output.shape
    run = np.broadcast_to(np.arange(batch, dtype=np.int16)[:, None], (batch, steps))
    return run, np.broadcast_to(np.arange(1, steps + 1, dtype=np.int16), (batch, steps))


def _without_noise(paths: Floats, theme: Theme, dimensions: int) -> Any:
    line = {"color": theme.accent, "width": 1.2}
    return _scatter("lines", _broken(paths.astype(np.float32)), dimensions, "without noise", line=line)


def _fixed_points(seen: SeenPoints, theme: Theme, dimensions: int) -> list[Any]:
    return [
        _scatter(
            "markers",
            seen.points[seen.kind == kind],
            dimensions,
            name,
            f"{name} without noise",
            marker={
                "symbol": symbols[dimensions],
                "size": FIXED_POINT_SIZES[dimensions],
                "color": theme.accent,
                "line": {
                    "width": 1 if kind == STABLE else 2,
                    "color": theme.ground if kind == STABLE else theme.accent,
                },
            },
        )
        for kind, (name, symbols) in FIXED_POINT_KINDS.items()
        if (seen.kind == kind).any()
    ]


def _unstable(seen: SeenPoints, theme: Theme, dimensions: int) -> list[Any]:
    """Arrows along which activity leaves, both ways, as long as the direction lies in the plane."""
    if not len(seen.owner):
        return []
    places = seen.points[np.concatenate([seen.owner, seen.owner])]
    ends = places + REACH * seen.reach * np.concatenate([seen.directions, -seen.directions])
    points = _broken(np.stack([places, ends], axis=1).astype(np.float32))
    x, y, *depth = points.T[:dimensions]
    line = {"color": theme.accent, "width": 1.6}
    plainly: dict[str, Any] = {"name": "unstable direction", "line": line, "hoverinfo": "skip"}
    if depth:
        return [go.Scatter3d(x=x, y=y, z=depth[0], mode="lines", **plainly)]
    # An arrow at each end, and none at the point itself.
    size = np.tile([0, 9, 0], len(places))
    marker = {"symbol": "arrow", "size": size, "angleref": "previous", "color": theme.accent}
    return [go.Scatter(x=x, y=y, mode="lines+markers", marker=marker, **plainly)]
