"""Eigenvalues of the Jacobian in the complex plane, by region, beside the unit circle."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.theme import FONT_SIZE, REGION_LABELS, REGION_SYMBOLS, Theme, layout
from hmmrnn.landscape import Landscape
from hmmrnn.regions import REGIONS


def spectrum(landscape: Landscape, theme: Theme) -> go.Figure:
    """Draw the eigenvalues at the sampled states of each region; zeros of inactive neurons are left out."""
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
    legend = {"orientation": "v", "x": 1.02, "y": 1, "font": {"size": FONT_SIZE}}
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": "Re λ"},
        "yaxis": {"title": "Im λ", "scaleanchor": "x", "scaleratio": 1},
    }
    return go.Figure(traces, layout(theme, axes, legend=legend, hovermode="closest", dragmode="pan"))
