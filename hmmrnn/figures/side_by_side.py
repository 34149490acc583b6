"""Networks side by side: what each two have in common as a matrix beside its null, as a map, and orbit on orbit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.comparison.side_by_side import SideBySide
from hmmrnn.figures.panels import draw, draw_cells, format_values
from hmmrnn.figures.theme import Theme, make_colour_bar, make_layout
from hmmrnn.model.network import Floats

ROW, HEAD, FOOT = 19, 30, 52
SMALLEST, LEFT_PER_LETTER, MOST_LETTERS = 230, 7, 30
# With more networks than that, points on the map are named by numbers alone.
NAMED = 12
LEVELS = ("top", "middle", "bottom")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")


@dataclass(frozen=True)
class Pair:
    """What each two networks have in common: how it is drawn, and what it says."""

    title: str  # in the list of choices, and of the colour bar
    words: str  # one sentence
    ends: tuple[float, float] | None  # of the colours; None: 0 and the largest value


PAIRS = {
    "r2": Pair(
        "R² (row explains column)",
        "Share of the variance of the column's network that a regression on the row's explains, in runs left out under "
        "the same noise. The null has the runs of one in another order.",
        (0.0, 1.0),
    ),
    "correlation": Pair(
        "Canonical correlation",
        "Mean canonical correlation between the ten widest directions of both under the same noise. The null has the "
        "runs of one in another order.",
        (0.0, 1.0),
    ),
    "orbit_distance": Pair(
        "Distance of orbits (Procrustes)",
        "1 - R² of the best turn, reflection, scale and start of one mean orbit on the other; 0 is the same shape. The "
        "null visits the places of one in a random order.",
        (0.0, 1.0),
    ),
    "kick_alike": Pair(
        "Kick groups alike",
        "Correlation of the kick groups for the same exit: mean pre-activation around the switches of all exits. The "
        "null takes random groups of neurons of the other network. Empty where both have no exit in common.",
        (-1.0, 1.0),
    ),
    "kick_matched": Pair(
        "Kick groups matched",
        "Share of the row's kick groups whose most alike group in the column's network belongs to the same exit. The "
        "null is one over the number of groups.",
        (0.0, 1.0),
    ),
    "kick_shared": Pair(
        "Kick neurons shared",
        "Neurons that are kick neurons of both, by their number, over those of either. Numbers mean the same only in "
        "networks that began as one, such as snapshots of a training. The null is what as many random neurons share.",
        (0.0, 1.0),
    ),
    **{
        name: Pair(
            f"Weight difference {name}",
            f"2 ||A - B|| / (||A|| + ||B||) of {name}, for networks of equal size: 0 is the same. The null has the "
            "neurons of one in another order.",
            (0.0, 1.5),
        )
        for name in ("W_hh", "W_ih", "W_out")
    },
    "dsa": Pair(
        "Distance of DSA",
        "Distance of the eigenvalues of linear maps fitted to delayed coordinates. The null is the larger distance "
        "between two halves of the runs of one and the same network.",
        None,
    ),
}


def draw_pairs(found: SideBySide, name: str, theme: Theme) -> go.Figure:
    """Draw one of `PAIRS` as a matrix, and its null beside it in the same colours; rows and columns are numbered."""
    pair, values = PAIRS[name], found.pairs[name]
    null, error = found.pairs[f"{name}_null"], found.pairs.get(f"{name}_se")
    rows = _numbered(found)
    columns = [str(place + 1) for place in range(len(rows))]
    low, high = pair.ends or (0.0, float(np.nanmax(values, initial=0.0)) or 1.0)
    colours = theme.diverging if low < 0 else theme.sequential
    bar = make_colour_bar("")
    traces = [
        _matrix(values, error, found, (low, high), colours, name="measured", showscale=True, colorbar=bar),
        _matrix(null, None, found, (low, high), colours, name="null", xaxis="x2", yaxis="y2"),
    ]
    for trace, ticks in zip(traces, (rows, rows), strict=True):
        trace.x, trace.y = columns, ticks
    bare = {"showgrid": False, "type": "category", "ticks": ""}
    crowded = {"tickfont": {"size": 11}} if len(rows) > 20 else {}
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {**bare, **crowded, "title": "network (number)", "domain": [0.0, 0.48], "anchor": "y"},
        "yaxis": {**bare, "autorange": "reversed", "anchor": "x", "automargin": False},
        "xaxis2": {**bare, **crowded, "title": "null", "domain": [0.52, 1.0], "anchor": "y2"},
        "yaxis2": {**bare, "autorange": "reversed", "anchor": "x2", "showticklabels": False},
    }
    left = 16 + LEFT_PER_LETTER * max(len(row) for row in rows)
    margin = {"l": left, "r": 76, "t": 8, "b": FOOT, "autoexpand": False}
    height = max(SMALLEST, HEAD + ROW * len(rows) + FOOT)
    return go.Figure(traces, make_layout(theme, axes, margin=margin, height=height, dragmode=False))


def draw_map(found: SideBySide, theme: Theme) -> go.Figure:
    """Draw the networks in the plane in which their distances by R^2 are kept best."""
    names = _numbered(found)
    few = len(names) <= NAMED
    text = names if few else [str(place + 1) for place in range(len(names))]
    middle = (found.place.max(axis=0) + found.place.min(axis=0)) / 2
    # Names lead inwards, so that none is cut off at the edge.
    sides = np.where(found.place[:, 0] > middle[0], "left", "right")
    traces = [
        draw(
            "markers+text",
            found.place[place : place + 1, 0],
            found.place[place : place + 1, 1],
            name,
            hover=f"{name}<br>%{{x:.2f}}, %{{y:.2f}}",
            text=[text[place]],
            textposition=f"{LEVELS[place % len(LEVELS)]} {sides[place]}",
            marker={"size": 9, **_look(place, theme)},
        )
        for place, name in enumerate(names)
    ]
    spread = np.ptp(found.place, axis=0).max() or 1.0
    wide, high = ([float(m - 0.75 * spread), float(m + 0.75 * spread)] for m in middle)
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": "distance 1 − R², first direction", "range": wide},
        "yaxis": {"title": "second direction", "range": high, "scaleanchor": "x", "constrain": "domain"},
    }
    return go.Figure(traces, make_layout(theme, axes, showlegend=False, hovermode="closest", dragmode="pan"))


def draw_orbits(found: SideBySide, theme: Theme) -> go.Figure:
    """Draw the mean orbits, each turned and scaled onto that of the first network."""
    traces = []
    for place, name in enumerate(_numbered(found)):
        x, y = np.concatenate([found.orbits[place], found.orbits[place, :1]]).T
        distance = found.pairs["orbit_distance"][0, place]
        look = _look(place, theme)
        line = {"color": look["color"], "width": 3 if place == 0 else 1.5, "dash": "solid" if place < 8 else "dot"}
        traces.append(draw("lines", x, y, name, hover=f"{name}<br>distance {distance:.3f}", line=line))
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": f"PC1 of {_short(found.names[0])} (activity)"},
        "yaxis": {"title": "PC2 (activity)", "scaleanchor": "x", "constrain": "domain"},
    }
    few = len(traces) <= NAMED
    return go.Figure(traces, make_layout(theme, axes, showlegend=few, hovermode="closest", dragmode="pan"))


def _matrix(
    values: Floats, error: Floats | None, found: SideBySide, ends: tuple[float, float], colours: Any, **own: Any
) -> Any:
    names = _numbered(found)
    size = len(names)
    said = np.array(format_values(values.ravel(), np.full(size**2, np.nan) if error is None else error.ravel()))
    of = [f"{a}<br>{b}" for a in names for b in names]
    pairs = [f"{both}<br>{value}" for both, value in zip(of, said, strict=True)]
    # The text is shown by the mouse alone.
    text = np.array(pairs).reshape(size, size)
    bare: dict[str, Any] = {"texttemplate": None, "textfont": None, "xgap": 1, "ygap": 1}
    return draw_cells(values.astype(np.float32), ends, colours, "%{text}", text, **{**bare, **own})


def _look(place: int, theme: Theme) -> dict[str, Any]:
    many = len(theme.outputs)
    return {"color": theme.colour_of(place), "symbol": SYMBOLS[place // many % len(SYMBOLS)]}


def _numbered(found: SideBySide) -> list[str]:
    return [f"{place + 1} {_short(name)}" for place, name in enumerate(found.names)]


def _short(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"
