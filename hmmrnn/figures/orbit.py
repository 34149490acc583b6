"""Emission probabilities along the orbit, with the occupancy and the commonest region of each phase."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.orbit import OrbitProfile
from hmmrnn.analysis.regions import REGIONS
from hmmrnn.figures.panels import draw, draw_band, draw_cells
from hmmrnn.figures.theme import REGION_LABELS, Theme, make_layout, make_line
from hmmrnn.model.hmm import HMM

MARKERS = 12


def draw_orbit(
    now: OrbitProfile,
    intact: OrbitProfile | None,
    hmm: HMM | None,
    theme: Theme,
    region_of_phase: NDArray[np.str_] | None = None,
    ways: Mapping[tuple[int, int], NDArray[np.floating]] | None = None,
) -> go.Figure:
    """Draw emission probabilities (median and quartiles) and occupancy against the phase of the orbit.

    Args:
        intact: the intact network's profile, drawn as a dotted ghost; None when nothing is touched.
        hmm: its emission rows are drawn as reference lines; None without a known target.
        region_of_phase: (P,) the commonest region in each phase bin, "" where there is none; None while it is
            being computed.
        ways: phases in degrees (L,) that the most likely way of each exit passes through; None unless they are shown.
    """
    degrees = np.degrees(now.phase_centers)
    traces: list[Any] = []
    for output in range(now.median.shape[1]):
        traces += _band(degrees, now, output, theme.colour_of(output))
        if intact is not None:
            traces.append(_ghost(degrees, intact.median[:, output], f"intact, output {output}", theme))
    if intact is not None:
        traces.append(_bars(degrees, intact.occupancy, "intact", theme.ghost))
    traces.append(_bars(degrees, now.occupancy, "occupancy", theme.muted))
    if region_of_phase is not None:
        traces.append(_strip(degrees, region_of_phase, theme))
    traces += [_way(*way, phases, row, theme) for row, (way, phases) in enumerate((ways or {}).items())]
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
        **({"yaxis4": {"visible": False, "domain": [0.36, 0.42], "range": [len(ways) - 0.5, -0.5]}} if ways else {}),
    }
    shapes = [make_line(theme, xref="x domain", x0=0, x1=1, yref="y", y=float(level)) for level in levels]
    return go.Figure(
        traces,
        make_layout(theme, axes, shapes=shapes, hovermode="x unified", dragmode="pan"),
    )


def _band(degrees: NDArray[np.floating], profile: OrbitProfile, output: int, colour: str) -> list[Any]:
    quartiles = profile.lower_quartile[:, output], profile.upper_quartile[:, output]
    name = f"output {output}, quartiles"
    band = draw_band(degrees, *quartiles, _transparent(colour), name=name, showlegend=False)
    median = go.Scatter(
        # NaN in an empty bin: no line leads across it.
        x=degrees,
        y=profile.median[:, output],
        mode="lines+markers",
        name=f"output {output}",
        line={"color": colour, "width": 2},
        # A few of them tell the outputs apart; each is an element of the page.
        marker={"size": 5, "symbol": ("circle", "square", "diamond")[output % 3], "maxdisplayed": MARKERS},
        hovertemplate="p = %{y:.3f}",
    )
    return [band, median]


def _ghost(degrees: NDArray[np.floating], median: NDArray[np.floating], name: str, theme: Theme) -> Any:
    line = {"color": theme.ghost, "width": 1.5, "dash": "dash"}
    return draw("lines", degrees, median, name, line=line, showlegend=False)


def _bars(degrees: NDArray[np.floating], occupancy: NDArray[np.floating], name: str, colour: str) -> Any:
    # One element for all bins, which bars would not be.
    return go.Scatter(
        x=degrees,
        y=100 * occupancy,
        name=name,
        mode="lines",
        line={"shape": "hvh", "width": 0, "color": colour},
        fill="tozeroy",
        fillcolor=colour,
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
    colours = [[edge, colour] for low, high, colour in steps for edge in (low, high)]
    ends, text = (-0.5, len(REGIONS) - 0.5), [[REGION_LABELS.get(str(name), "") for name in known]]
    # The text is shown by the mouse alone.
    bare: dict[str, Any] = {"texttemplate": None, "textfont": None, "name": "region", "yaxis": "y3"}
    return draw_cells(values, ends, colours, "%{text}", text, x=degrees, **bare)


def _way(a: int, b: int, degrees: NDArray[np.floating], row: int, theme: Theme) -> Any:
    """The phases of a way as a line of its own height, broken where it passes 360 degrees, with an arrow at its end."""
    steps = np.diff(degrees)
    jumps = np.flatnonzero(np.abs(steps) > 180)
    # The line leads to the edge and goes on from the other one.
    edges = np.where(steps[jumps, None] > 0, [0.0, np.nan, 360.0], [360.0, np.nan, 0.0])
    x, colour = np.insert(degrees, np.repeat(jumps + 1, 3), edges.ravel()), theme.colour_of(b)
    head = {"symbol": "arrow", "angleref": "previous", "size": np.where(np.arange(len(x)) == len(x) - 1, 10, 0)}
    look: dict[str, Any] = {"line": {"color": colour, "width": 2}, "marker": {**head, "color": colour}}
    return draw("lines+markers", x, np.full(len(x), row), f"way {a} → {b}", showlegend=False, yaxis="y4", **look)


def _transparent(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
