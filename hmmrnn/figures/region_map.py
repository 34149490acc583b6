"""Sampled states in the plane by region, residency time, sign changes or unstable eigenvalues, with the drift."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.orbit import DriftField
from hmmrnn.analysis.regions import REGIONS
from hmmrnn.analysis.state_survey import StateSurvey
from hmmrnn.figures.panels import draw
from hmmrnn.figures.state_space import plane_axes
from hmmrnn.figures.theme import REGION_LABELS, REGION_SYMBOLS, Theme, make_colour_bar, make_layout

REGION_COLOURS = {
    "region": "Region",
    "residency": "Residency time",
    "sign_changes": "Sign changes",
    "unstable": "Unstable eigenvalues",
}
MOMENT = "run %{customdata[0]}, step %{customdata[1]}<br>PC1 %{x:.2f}, PC2 %{y:.2f} (activity)"


def draw_region_map(
    survey: StateSurvey, colour: str, theme: Theme, x_range: list[float] | None, y_range: list[float] | None
) -> go.Figure:
    """Draw sampled states by a key of `REGION_COLOURS`, in a part of the plane, or in all of it if a range is None."""
    points, resident = survey.points, survey.residency
    if colour == "region":
        traces = _by_region(survey, theme)
    elif colour == "residency":
        traces = [_by_value(points, survey.at, resident.time, "residency time (steps)", theme)]
    elif colour == "sign_changes":
        traces = [_by_value(points, survey.at, resident.sign_changes, "sign changes (count)", theme)]
    else:
        some, unstable = survey.spectra_at, survey.spectra.unstable
        traces = [_by_value(points[some], survey.at[some], unstable, "eigenvalues with |λ| > 1 (count)", theme)]
    traces.append(_arrows(survey.drift, theme))
    return go.Figure(traces, make_layout(theme, plane_axes(x_range, y_range), hovermode="closest", dragmode="pan"))


def _by_region(survey: StateSurvey, theme: Theme) -> list[Any]:
    traces = []
    for region in REGIONS:
        inside = survey.residency.region == region
        if inside.any():
            points, look = survey.points[inside], {"color": theme.regions[region], "symbol": REGION_SYMBOLS[region]}
            traces.append(
                go.Scattergl(
                    x=points[:, 0],
                    y=points[:, 1],
                    mode="markers",
                    name=REGION_LABELS[region],
                    marker={**look, "size": 5, "opacity": 0.8},
                    customdata=_moments(survey.at[inside], survey.residency.time[inside]),
                    hovertemplate=f"{REGION_LABELS[region]}<br>residency time %{{customdata[2]:.1f}} steps"
                    f"<br>{MOMENT}<extra></extra>",
                )
            )
    return traces


def _moments(at: NDArray[np.integer], *more: NDArray[np.number]) -> NDArray[np.float32]:
    """Run (from 0) and step (from 1) of each state, and further values for the hover text."""
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
            "colorbar": make_colour_bar(label),
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
    # The caption names the arrows; a legend of five entries would take the room of the map.
    marker = {"symbol": "arrow", "angleref": "previous", "size": head, "color": theme.text}
    line, (x, y) = {"color": theme.text, "width": 1.2}, path.T
    return draw("lines+markers", x, y, "mean step", showlegend=False, line=line, marker=marker)
