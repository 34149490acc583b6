"""Eigenvalues of the Jacobian in the complex plane, by region, beside the unit circle."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.theme import REGION_LABELS, REGION_SYMBOLS, Theme, styled
from hmmrnn.landscape import Landscape
from hmmrnn.regions import REGIONS


def spectrum(landscape: Landscape, theme: Theme) -> go.Figure:
    """Draw the eigenvalues at the sampled states of each region; zeros of inactive neurons are left out."""
    figure = go.Figure()
    angle = np.linspace(0, 2 * np.pi, 181)
    figure.add_trace(
        go.Scatter(
            x=np.cos(angle), y=np.sin(angle), mode="lines", name="|λ| = 1", hoverinfo="skip",
            line={"color": theme.muted, "width": 1.2},
        )
    )  # fmt: skip
    region = landscape.residency.region[landscape.spectra_at]
    for name in REGIONS:
        values = landscape.spectra.eigenvalues[region == name].ravel()
        values = values[np.abs(values) > 1e-9]
        if len(values):
            figure.add_trace(
                go.Scattergl(
                    x=values.real.astype(np.float32), y=values.imag.astype(np.float32), mode="markers",
                    name=f"{REGION_LABELS[name]} ({np.count_nonzero(region == name)} states)",
                    marker={"size": 4, "color": theme.regions[name], "symbol": REGION_SYMBOLS[name], "opacity": 0.5},
                    hovertemplate=f"{REGION_LABELS[name]}<br>λ = %{{x:.3f}} + %{{y:.3f}} i<extra></extra>",
                )
            )  # fmt: skip
    figure = styled(figure, theme, xaxis_title_text="Re λ", yaxis_title_text="Im λ", hovermode="closest", dragmode="pan")
    return figure.update_yaxes(scaleanchor="x", scaleratio=1)
