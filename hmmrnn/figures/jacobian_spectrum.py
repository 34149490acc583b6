"""Eigenvalues of the Jacobian in the complex plane, by region, beside the unit circle; their counts along the orbit."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.regions import REGIONS
from hmmrnn.analysis.state_survey import OrbitSpectrum, StateSurvey
from hmmrnn.figures.panels import draw, draw_measured
from hmmrnn.figures.theme import FONT_SIZE, REGION_LABELS, REGION_SYMBOLS, Theme, make_layout, make_note
from hmmrnn.figures.words import say_count


def draw_jacobian_spectrum(survey: StateSurvey, theme: Theme, along: OrbitSpectrum | None = None) -> go.Figure:
    """Draw the eigenvalues, but for zeros, at the sampled states of each region, and their counts along the orbit."""
    eigenvalues = _eigenvalues(survey, theme)
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": "Re λ"},
        "yaxis": {"title": "Im λ", "scaleanchor": "x", "scaleratio": 1},
    }
    own: dict[str, Any] = {"hovermode": "closest", "dragmode": "pan"}
    if along is None:
        legend = {"orientation": "v", "x": 1.02, "y": 1, "font": {"size": FONT_SIZE}}
        return go.Figure(eigenvalues, make_layout(theme, axes, legend=legend, **own))
    # The complex plane is square and leaves half of a wide figure free.
    axes["xaxis"] |= {"domain": [0, 0.46]}
    phase = {"domain": [0.55, 1], "range": [0, 360], "dtick": 60}
    count = {"title": "per state", "rangemode": "tozero", "nticks": 4}
    axes |= {
        "xaxis2": {**phase, "anchor": "y2", "showticklabels": False},
        "yaxis2": {**count, "domain": [0.55, 0.91], "anchor": "x2"},
        "xaxis3": {**phase, "anchor": "y3", "matches": "x2", "title": "orbit phase (degrees)"},
        "yaxis3": {**count, "domain": [0, 0.36], "anchor": "x3"},
    }
    # Below the legend, which covers both columns.
    notes = [_heading("unstable eigenvalues (mean)", 0.91), _heading("critical pairs (mean)", 0.36)]
    return go.Figure([*eigenvalues, *_counts(along, theme)], make_layout(theme, axes, annotations=notes, **own))


def _eigenvalues(survey: StateSurvey, theme: Theme) -> list[Any]:
    angle = np.linspace(0, 2 * np.pi, 181)
    line = {"color": theme.muted, "width": 1.2}
    traces: list[Any] = [draw("lines", np.cos(angle), np.sin(angle), "|λ| = 1", line=line)]
    region = survey.residency.region[survey.spectra_at]
    for name in REGIONS:
        values = survey.spectra.eigenvalues[region == name].ravel()
        values = values[np.abs(values) > 1e-9]
        if len(values):
            traces.append(
                go.Scattergl(
                    x=values.real.astype(np.float32),
                    y=values.imag.astype(np.float32),
                    mode="markers",
                    name=f"{REGION_LABELS[name]} ({say_count(int((region == name).sum()), 'state')})",
                    marker={"size": 4, "color": theme.regions[name], "symbol": REGION_SYMBOLS[name], "opacity": 0.5},
                    hovertemplate=f"{REGION_LABELS[name]}<br>λ = %{{x:.3f}} + %{{y:.3f}} i<extra></extra>",
                )
            )
    return traces


def _counts(along: OrbitSpectrum, theme: Theme) -> list[Any]:
    degrees = np.degrees(along.phase_centers)
    panels = (
        ("unstable eigenvalues", along.unstable, along.unstable_se, "2", theme.colour_of(0), "circle", "solid"),
        ("critical pairs", along.critical_pairs, along.critical_pairs_se, "3", theme.colour_of(2), "diamond", "dash"),
    )
    traces = []
    for name, mean, error, axis, colour, symbol, dash in panels:
        about = f"phase %{{x:.0f}}°: %{{customdata}} {name} per state<extra></extra>"
        on = {"xaxis": f"x{axis}", "yaxis": f"y{axis}", "showlegend": False, "hovertemplate": about}
        traces.append(draw_measured(degrees, mean, error, name, colour, theme, symbol=symbol, dash=dash, **on))
    return traces


def _heading(text: str, top: float) -> dict[str, Any]:
    return make_note(text, xref="x2 domain", x=0, xanchor="left", yref="paper", y=top, yanchor="bottom")
