"""The path of the network in the plane: intact as a ghost, intervened in colour, under the same noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.theme import REGION_LABELS, REGION_SYMBOLS, Theme, colour_bar, layout
from hmmrnn.motion import Motion
from hmmrnn.regions import REGIONS

MARKER_SIZE = 4
MARGIN = 0.04


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
) -> go.Figure:
    """Draw runs in the plane.

    Args:
        now: the network as it is now.
        intact: the intact network under the same noise, drawn as a grey ghost; None when nothing is touched.
        colouring: what the states are coloured by.
        theme: colours of the ground.
        fixed_points: (S, C) where runs without noise end; each distinct one once.
        without_noise: (S, T, C) runs without noise.
    """
    # Lines are what costs most to draw: one run as a path shows the motion, dots are enough for the rest.
    ghost = [] if intact is None else [_ghost(intact, theme)]
    traces = [*ghost, *_states(now, colouring, theme), _path(now, theme)]
    if without_noise is not None:
        traces.append(_without_noise(without_noise, theme))
    if fixed_points is not None and len(fixed_points):
        traces.append(_fixed_points(fixed_points, theme))
    axes = plane_axes(*(plane_range([now, intact], axis) for axis in (0, 1)))
    return go.Figure(traces, layout(theme, axes, hovermode="closest", dragmode="pan"))


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


def _ghost(intact: Motion, theme: Theme) -> Any:
    points = intact.points[np.isfinite(intact.points[..., 0])]
    return go.Scattergl(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        name="intact",
        hoverinfo="skip",
        marker={"size": MARKER_SIZE - 1, "color": theme.ghost, "opacity": 0.6},
    )


def _path(now: Motion, theme: Theme) -> Any:
    return go.Scattergl(
        x=now.points[0, :, 0],
        y=now.points[0, :, 1],
        mode="lines",
        name="run 1",
        hoverinfo="skip",
        line={"color": theme.text, "width": 0.8},
        opacity=0.7,
    )


def _broken(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """x and y of all runs as one line, with a gap between one run and the next."""
    gap = np.full((len(points), 1, points.shape[2]), np.nan, dtype=np.float32)
    flat = np.concatenate([points, gap], axis=1).reshape(-1, points.shape[2])
    return flat[:, 0], flat[:, 1]


def _states(motion: Motion, colouring: Colouring, theme: Theme) -> list[Any]:
    if colouring.values is not None:
        return [_by_value(motion, colouring, theme)]
    if colouring.region is not None:
        kinds = [(colouring.region == r, REGION_LABELS[r], theme.regions[r], REGION_SYMBOLS[r]) for r in REGIONS]
    else:
        outputs = range(motion.probabilities.shape[2])
        kinds = [(motion.output == o, f"output {o}", theme.outputs[o % len(theme.outputs)], "circle") for o in outputs]
    drawn = np.isfinite(motion.points[..., 0])
    return [_of_kind(motion, drawn & shown, *look) for shown, *look in kinds if (drawn & shown).any()]


def _of_kind(motion: Motion, shown: NDArray[np.bool_], name: str, colour: str, symbol: str) -> Any:
    run, step = _indices(motion)
    points = motion.points[shown]
    return go.Scattergl(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        name=name,
        marker={"size": MARKER_SIZE, "color": colour, "symbol": symbol, "opacity": 0.75},
        customdata=np.stack([run[shown], step[shown]], axis=-1),
        hovertemplate=f"{name}<br>run %{{customdata[0]}}, step %{{customdata[1]}}"
        "<br>PC1 %{x:.2f}, PC2 %{y:.2f}<extra></extra>",
    )


def _by_value(motion: Motion, colouring: Colouring, theme: Theme) -> Any:
    run, step = _indices(motion)
    values = np.asarray(colouring.values, dtype=np.float32)
    shown = np.isfinite(motion.points[..., 0]) & np.isfinite(values)
    points, values = motion.points[shown], values[shown]
    return go.Scattergl(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        name=colouring.label,
        showlegend=False,
        marker={
            "size": MARKER_SIZE,
            "color": values,
            "opacity": 0.8,
            **_scale(values, theme),
            "colorbar": colour_bar(colouring.label),
        },
        customdata=np.stack([run[shown], step[shown]], axis=-1),
        hovertemplate=f"{colouring.label} %{{marker.color:.3g}}<br>run %{{customdata[0]}}, step %{{customdata[1]}}"
        "<br>PC1 %{x:.2f}, PC2 %{y:.2f}<extra></extra>",
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


def _without_noise(paths: NDArray[np.floating], theme: Theme) -> Any:
    x, y = _broken(paths.astype(np.float32))
    return go.Scattergl(
        x=x, y=y, mode="lines", name="without noise", line={"color": theme.accent, "width": 1.2}, hoverinfo="skip"
    )


def _fixed_points(points: NDArray[np.floating], theme: Theme) -> Any:
    return go.Scattergl(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        name="fixed point",
        marker={"symbol": "star", "size": 13, "color": theme.accent, "line": {"width": 1, "color": theme.ground}},
        hovertemplate="fixed point without noise<br>PC1 %{x:.2f}, PC2 %{y:.2f}<extra></extra>",
    )
