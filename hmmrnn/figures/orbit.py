"""What is emitted along the orbit: probabilities against phase, how long each phase is occupied, which region it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from hmmrnn.figures.theme import REGION_LABELS, Theme, styled
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
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, row_heights=[0.66, 0.24, 0.10], vertical_spacing=0.04)
    degrees = np.degrees(now.phase_centers)
    for output in range(now.median.shape[1]):
        colour = theme.outputs[output % len(theme.outputs)]
        figure.add_traces(_band(degrees, now, output, colour), rows=1, cols=1)
        if intact is not None:
            figure.add_trace(_ghost(degrees, intact.median[:, output], theme), row=1, col=1)
    for level in [] if hmm is None else np.unique(hmm.B.round(6)):
        figure.add_hline(y=level, line={"color": theme.muted, "width": 1, "dash": "dot"}, row=1, col=1)
    if intact is not None:
        figure.add_trace(_bars(degrees, intact.occupancy, "intact", theme.ghost), row=2, col=1)
    figure.add_trace(_bars(degrees, now.occupancy, "occupancy", theme.muted), row=2, col=1)
    figure.add_trace(_strip(degrees, region_of_phase, theme), row=3, col=1)
    figure.update_yaxes(title_text="P(emission)", range=[-0.03, 1.03], row=1, col=1)
    figure.update_yaxes(title_text="% time", rangemode="tozero", nticks=3, row=2, col=1)
    figure.update_yaxes(visible=False, row=3, col=1)
    figure.update_xaxes(range=[0, 360], dtick=60)
    figure.update_xaxes(title_text="orbit phase (degrees)", row=3, col=1)
    return styled(figure, theme, barmode="overlay", bargap=0, hovermode="x unified")


def _band(degrees: NDArray[np.floating], profile: OrbitProfile, output: int, colour: str) -> list[Any]:
    there = np.isfinite(profile.median[:, output])
    x = degrees[there]
    outline = np.concatenate([x, x[::-1]])
    quartiles = np.concatenate([profile.upper_quartile[there, output], profile.lower_quartile[there, output][::-1]])
    band = go.Scatter(
        x=outline, y=quartiles, fill="toself", mode="lines", line={"width": 0}, fillcolor=_transparent(colour),
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    median = go.Scatter(
        x=x, y=profile.median[there, output], mode="lines+markers", name=f"output {output}",
        line={"color": colour, "width": 2}, marker={"size": 4, "symbol": ("circle", "square", "diamond")[output % 3]},
        hovertemplate="%{y:.3f}",
    )  # fmt: skip
    return [band, median]


def _ghost(degrees: NDArray[np.floating], median: NDArray[np.floating], theme: Theme) -> Any:
    return go.Scatter(
        x=degrees, y=median, mode="lines", line={"color": theme.ghost, "width": 1.5, "dash": "dash"},
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _bars(degrees: NDArray[np.floating], occupancy: NDArray[np.floating], name: str, colour: str) -> Any:
    return go.Bar(
        x=degrees, y=100 * occupancy, name=name, marker={"color": colour, "line": {"width": 0}},
        opacity=0.75, hovertemplate="%{y:.1f} %", showlegend=False,
    )  # fmt: skip


def _strip(degrees: NDArray[np.floating], region: NDArray[np.str_] | None, theme: Theme) -> Any:
    """One row of cells in the colours of the regions; empty while they are being computed."""
    known = np.full(len(degrees), "") if region is None else region
    place = {name: index for index, name in enumerate(REGIONS)}
    values = np.array([[place.get(str(name), np.nan) for name in known]])
    steps = [(index / len(REGIONS), (index + 1) / len(REGIONS), theme.regions[name]) for name, index in place.items()]
    return go.Heatmap(
        x=degrees, z=values, zmin=-0.5, zmax=len(REGIONS) - 0.5, showscale=False, name="region",
        colorscale=[[edge, colour] for low, high, colour in steps for edge in (low, high)],
        text=[[REGION_LABELS.get(str(name), "") for name in known]], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _transparent(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
