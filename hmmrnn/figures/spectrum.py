"""Eigenvalues of the Jacobian in the complex plane, by region, beside the unit circle; their counts along the orbit."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.experiments.orbit_spectrum import OrbitSpectrum
from hmmrnn.figures.panels import measured
from hmmrnn.figures.theme import FONT_SIZE, REGION_LABELS, REGION_SYMBOLS, Theme, layout
from hmmrnn.landscape import Landscape
from hmmrnn.regions import REGIONS


def spectrum(landscape: Landscape, theme: Theme, along: OrbitSpectrum | None = None) -> go.Figure:
    """Draw the eigenvalues at the sampled states of each region; zeros of inactive neurons are left out.

    Args:
        landscape: regions and spectra of sampled states.
        theme: colours of the ground.
        along: counts of unstable eigenvalues and critical pairs against the orbit's phase, drawn beside the complex
            plane; None while they are being computed.
    """
    eigenvalues = _eigenvalues(landscape, theme)
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": "Re λ"},
        "yaxis": {"title": "Im λ", "scaleanchor": "x", "scaleratio": 1},
    }
    own: dict[str, Any] = {"hovermode": "closest", "dragmode": "pan"}
    if along is None:
        legend = {"orientation": "v", "x": 1.02, "y": 1, "font": {"size": FONT_SIZE}}
        return go.Figure(eigenvalues, layout(theme, axes, legend=legend, **own))
    # The complex plane is square and leaves half of a wide figure free: what is beside it needs no scrolling.
    axes["xaxis"] |= {"domain": [0, 0.46]}
    phase = {"domain": [0.55, 1], "range": [0, 360], "dtick": 60}
    count = {"title": "per state", "rangemode": "tozero", "nticks": 4}
    axes |= {
        "xaxis2": {**phase, "anchor": "y2", "showticklabels": False},
        "yaxis2": {**count, "domain": [0.55, 0.91], "anchor": "x2"},
        "xaxis3": {**phase, "anchor": "y3", "matches": "x2", "title": "orbit phase (degrees)"},
        "yaxis3": {**count, "domain": [0, 0.36], "anchor": "x3"},
    }
    # Below the legend, which runs over both columns.
    notes = [_heading("unstable eigenvalues (mean)", 0.91), _heading("critical pairs (mean)", 0.36)]
    return go.Figure([*eigenvalues, *_counts(along, theme)], layout(theme, axes, annotations=notes, **own))


def _eigenvalues(landscape: Landscape, theme: Theme) -> list[Any]:
    angle = np.linspace(0, 2 * np.pi, 181)
    circle = go.Scatter(
        x=np.cos(angle),
        y=np.sin(angle),
        mode="lines",
        name="|λ| = 1",
        hoverinfo="skip",
        line={"color": theme.muted, "width": 1.2},
    )
    traces: list[Any] = [circle]
    region = landscape.residency.region[landscape.spectra_at]
    for name in REGIONS:
        values = landscape.spectra.eigenvalues[region == name].ravel()
        values = values[np.abs(values) > 1e-9]
        if len(values):
            traces.append(
                go.Scattergl(
                    x=values.real.astype(np.float32),
                    y=values.imag.astype(np.float32),
                    mode="markers",
                    name=f"{REGION_LABELS[name]} ({np.count_nonzero(region == name)} states)",
                    marker={"size": 4, "color": theme.regions[name], "symbol": REGION_SYMBOLS[name], "opacity": 0.5},
                    hovertemplate=f"{REGION_LABELS[name]}<br>λ = %{{x:.3f}} + %{{y:.3f}} i<extra></extra>",
                )
            )
    return traces


def _counts(along: OrbitSpectrum, theme: Theme) -> list[Any]:
    degrees = np.degrees(along.phase_centers)
    panels = (
        ("unstable eigenvalues", along.unstable, along.unstable_se, "2", theme.outputs[0], "circle", "solid"),
        ("critical pairs", along.critical_pairs, along.critical_pairs_se, "3", theme.outputs[2], "diamond", "dash"),
    )
    traces = []
    for name, mean, error, axis, colour, symbol, dash in panels:
        about = f"phase %{{x:.0f}}°: %{{customdata}} {name} per state<extra></extra>"
        on = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "showlegend": False, "hovertemplate": about}
        traces.append(measured(degrees, mean, error, name, colour, theme, symbol=symbol, dash=dash, **on))
    return traces


def _heading(text: str, top: float) -> dict[str, Any]:
    at = {"xref": "x2 domain", "x": 0, "xanchor": "left", "yref": "paper", "y": top, "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": FONT_SIZE}, **at}
