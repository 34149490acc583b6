"""What is emitted along the orbit: probabilities against phase, how long each phase is occupied, which region it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.theme import REGION_LABELS, Theme, layout
from hmmrnn.hmm import HMM
from hmmrnn.regions import REGIONS
from hmmrnn.statespace import OrbitProfile


def orbit(
    now: OrbitProfile,
    intact: OrbitProfile | None,
    hmm: HMM | None,
    theme: Theme,
    region_of_phase: NDArray[np.str_] | None = None,
) -> go.Figure:
    """Draw emission probabilities (median and quartiles) and occupancy against the phase of the orbit.

    Args:
        now: the network as it is now.
        intact: the intact network's profile, drawn as a dotted ghost; None when nothing is touched.
        hmm: its emission rows are drawn as reference lines; None without a known target.
        theme: colours of the ground.
        region_of_phase: (P,) the commonest region in each phase bin, "" where there is none; None while it is
            being computed.
    """
    degrees = np.degrees(now.phase_centers)
    traces: list[Any] = []
    for output in range(now.median.shape[1]):
        traces += _band(degrees, now, output, theme.outputs[output % len(theme.outputs)])
        if intact is not None:
            traces.append(_ghost(degrees, intact.median[:, output], f"intact, output {output}", theme))
    if intact is not None:
        traces.append(_bars(degrees, intact.occupancy, "intact", theme.ghost))
    traces.append(_bars(degrees, now.occupancy, "occupancy", theme.muted))
    if region_of_phase is not None:
        traces.append(_strip(degrees, region_of_phase, theme))
    levels = () if hmm is None else np.unique(hmm.B.round(6))
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {
            "title": "orbit phase (degrees)",
            "range": [0, 360],
            "dtick": 60,
            "anchor": "free",
            "position": 0,
            "unifiedhovertitle": {"text": "phase %{x:.0f} degrees"},
        },
        "yaxis": {"title": "P(emission)", "range": [-0.03, 1.03], "domain": [0.42, 1.0]},
        "yaxis2": {"title": "% time", "rangemode": "tozero", "nticks": 3, "domain": [0.13, 0.36]},
        "yaxis3": {"visible": False, "domain": [0.0, 0.08]},
    }
    shapes = [_level(float(level), theme) for level in levels]
    return go.Figure(
        traces, layout(theme, axes, shapes=shapes, barmode="overlay", bargap=0, hovermode="x unified", dragmode="pan")
    )


def _level(level: float, theme: Theme) -> dict[str, Any]:
    line = {"color": theme.muted, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "yref": "y", "y0": level, "y1": level, "line": line}


def _band(degrees: NDArray[np.floating], profile: OrbitProfile, output: int, colour: str) -> list[Any]:
    there = np.isfinite(profile.median[:, output])
    x = degrees[there]
    outline = np.concatenate([x, x[::-1]])
    quartiles = np.concatenate([profile.upper_quartile[there, output], profile.lower_quartile[there, output][::-1]])
    band = go.Scatter(
        x=outline,
        y=quartiles,
        fill="toself",
        mode="lines",
        line={"width": 0},
        fillcolor=_transparent(colour),
        name=f"output {output}, quartiles",
        hoverinfo="skip",
        showlegend=False,
    )
    median = go.Scatter(
        x=x,
        y=profile.median[there, output],
        mode="lines+markers",
        name=f"output {output}",
        line={"color": colour, "width": 2},
        marker={"size": 4, "symbol": ("circle", "square", "diamond")[output % 3]},
        hovertemplate="p = %{y:.3f}",
    )
    return [band, median]


def _ghost(degrees: NDArray[np.floating], median: NDArray[np.floating], name: str, theme: Theme) -> Any:
    return go.Scatter(
        x=degrees,
        y=median,
        mode="lines",
        name=name,
        line={"color": theme.ghost, "width": 1.5, "dash": "dash"},
        hoverinfo="skip",
        showlegend=False,
    )


def _bars(degrees: NDArray[np.floating], occupancy: NDArray[np.floating], name: str, colour: str) -> Any:
    return go.Bar(
        x=degrees,
        y=100 * occupancy,
        name=name,
        marker={"color": colour, "line": {"width": 0}},
        opacity=0.75,
        hovertemplate="%{y:.1f} %",
        showlegend=False,
        yaxis="y2",
    )


def _strip(degrees: NDArray[np.floating], known: NDArray[np.str_], theme: Theme) -> Any:
    """One row of cells in the colours of the regions."""
    place = {name: index for index, name in enumerate(REGIONS)}
    values = np.array([[place.get(str(name), np.nan) for name in known]])
    steps = [(index / len(REGIONS), (index + 1) / len(REGIONS), theme.regions[name]) for name, index in place.items()]
    return go.Heatmap(
        x=degrees,
        z=values,
        zmin=-0.5,
        zmax=len(REGIONS) - 0.5,
        showscale=False,
        name="region",
        yaxis="y3",
        colorscale=[[edge, colour] for low, high, colour in steps for edge in (low, high)],
        text=[[REGION_LABELS.get(str(name), "") for name in known]],
        hovertemplate="%{text}<extra></extra>",
    )


def _transparent(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
