"""The plane by how long the output is kept there: cluster, kick zone, transition; or by what else varies over it."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.state_space import plane_axes
from hmmrnn.figures.theme import REGION_LABELS, REGION_SYMBOLS, Theme, colour_bar, layout
from hmmrnn.landscape import Landscape
from hmmrnn.regions import REGIONS
from hmmrnn.statespace import DriftField

REGION_COLOURS = {
    "region": "Region",
    "residency": "Residency time",
    "sign_changes": "Sign changes",
    "unstable": "Unstable eigenvalues",
}
MOMENT = "run %{customdata[0]}, step %{customdata[1]}<br>PC1 %{x:.2f}, PC2 %{y:.2f} (activity)"


def region_map(
    landscape: Landscape, colour: str, theme: Theme, x_range: list[float] | None, y_range: list[float] | None
) -> go.Figure:
    """Draw sampled states by region, residency time, sign changes or count of unstable eigenvalues.

    Args:
        landscape: the sampled states.
        colour: a key of `REGION_COLOURS`.
        theme: colours of the ground.
        x_range, y_range: the stretch of the plane to show; None shows what is there.
    """
    points, resident = landscape.points, landscape.residency
    if colour == "region":
        traces = _by_region(landscape, theme)
    elif colour == "residency":
        traces = [_by_value(points, landscape.at, resident.time, "residency time (steps)", theme)]
    elif colour == "sign_changes":
        traces = [_by_value(points, landscape.at, resident.sign_changes, "sign changes (count)", theme)]
    else:
        some, unstable = landscape.spectra_at, landscape.spectra.unstable
        traces = [_by_value(points[some], landscape.at[some], unstable, "eigenvalues with |λ| > 1 (count)", theme)]
    traces.append(_arrows(landscape.drift, theme))
    return go.Figure(traces, layout(theme, plane_axes(x_range, y_range), hovermode="closest", dragmode="pan"))


def _by_region(landscape: Landscape, theme: Theme) -> list[Any]:
    traces = []
    for region in REGIONS:
        inside = landscape.residency.region == region
        if inside.any():
            points = landscape.points[inside]
            traces.append(
                go.Scattergl(
                    x=points[:, 0],
                    y=points[:, 1],
                    mode="markers",
                    name=REGION_LABELS[region],
                    marker={
                        "size": 5,
                        "color": theme.regions[region],
                        "symbol": REGION_SYMBOLS[region],
                        "opacity": 0.8,
                    },
                    customdata=_moments(landscape.at[inside], landscape.residency.time[inside]),
                    hovertemplate=f"{REGION_LABELS[region]}<br>residency time %{{customdata[2]:.1f}} steps"
                    f"<br>{MOMENT}<extra></extra>",
                )
            )
    return traces


def _moments(at: NDArray[np.integer], *more: NDArray[np.number]) -> NDArray[np.float32]:
    """Run and step of each state, as the page counts them: runs from 0, steps from 1; and what else is known."""
    return np.column_stack([at[:, 0], at[:, 1] + 1, *more]).astype(np.float32)


def _by_value(
    points: NDArray[np.floating], at: NDArray[np.integer], values: NDArray[np.number], label: str, theme: Theme
) -> Any:
    return go.Scattergl(
        x=points[:, 0].astype(np.float32),
        y=points[:, 1].astype(np.float32),
        mode="markers",
        showlegend=False,
        marker={
            "size": 5,
            "color": values.astype(np.float32),
            "colorscale": theme.sequential,
            "opacity": 0.85,
            "colorbar": colour_bar(label),
        },
        customdata=_moments(at),
        hovertemplate=f"{label} %{{marker.color:.3g}}<br>{MOMENT}<extra></extra>",
    )


def _arrows(drift: DriftField, theme: Theme) -> Any:
    """The mean step of each grid cell as a line with an arrow head at its end."""
    ends = drift.centers + drift.displacement
    gap = np.full_like(ends, np.nan)
    path = np.stack([drift.centers, ends, gap], axis=1).reshape(-1, 2).astype(np.float32)
    head = np.tile([0, 8, 0], len(ends))
    return go.Scatter(
        x=path[:, 0],
        y=path[:, 1],
        mode="lines+markers",
        name="mean step",
        # The text of the view says what arrows are; a legend of five entries would take the room of the map.
        showlegend=False,
        hoverinfo="skip",
        line={"color": theme.text, "width": 1.2},
        marker={"symbol": "arrow", "angleref": "previous", "size": head, "color": theme.text},
    )
