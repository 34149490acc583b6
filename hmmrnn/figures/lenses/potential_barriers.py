"""Potential landscape: U over the plane with minima, saddles and barriers, and U along PC1 and along the phase."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.panels import Floats, Panel, Row, draw, draw_band, split_columns, stack_rows
from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.potential_barriers import Potential

HEIGHT, LINES, GAP = 380, 210, 0.1
# Of the landscape so many nats are told apart, in steps of a contour.
DEPTH, CONTOUR = 6.0, 0.5


def draw_potential(now: Potential, intact: Potential | None, theme: Theme) -> go.Figure:
    """Draw the landscape, and below it both curves; the intact network stands beside the one as it is now."""
    shown = [("now" if intact is not None else "", now), *([] if intact is None else [("intact", intact)])]
    columns = split_columns(len(shown), GAP)
    lines = [line for name, result in shown for line in _lines(result, name)]
    return stack_rows(
        [
            Row([_landscape(result, name, theme) for name, result in shown], columns, HEIGHT),
            Row(_curves(shown, theme), split_columns(2, GAP), LINES, lines),
        ],
        theme,
    )


def _landscape(result: Potential, name: str, theme: Theme) -> Panel:
    centres = (result.edges[:, 1:] + result.edges[:, :-1]) / 2
    contours = go.Contour(
        x=centres[0],
        y=centres[1],
        z=np.minimum(result.potential, DEPTH).T,
        contours={"start": 0, "end": DEPTH, "size": CONTOUR, "showlabels": True, "labelfont": {"color": "#ffffff"}},
        colorscale=theme.sequential,
        zmin=0,
        zmax=DEPTH,
        line={"width": 0.6, "color": theme.ground},
        showscale=False,
        name="potential",
        hovertemplate="PC1 %{x:.3g}, PC2 %{y:.3g}<br>U %{z:.3g} nats<extra></extra>",
    )
    traces: list[Any] = [contours]
    for output, place in result.minima.items():
        look = {"symbol": "circle", "size": 13, "color": theme.colour_of(int(output))}
        outline = {**look, "line": {"width": 2, "color": theme.ground}}
        text = {"text": [output], "textposition": "top center", "textfont": {"color": "#ffffff"}}
        hover = f"minimum of output {output}"
        traces.append(draw("markers+text", [place[0]], [place[1]], hover, hover, marker=outline, **text))
    for pair, place in result.saddles.items():
        cross = {"symbol": "x", "size": 11, "color": theme.accent, "line": {"width": 1.5, "color": "#ffffff"}}
        hover = f"saddle of outputs {pair.replace('-', ' and ')}"
        traces.append(draw("markers", [place[0]], [place[1]], hover, hover, marker=cross))
    x, y = ({"title": f"PC{axis + 1} (activity)", "showgrid": False} for axis in (0, 1))
    return Panel(
        traces, x, y, f"{name + ': ' if name else ''}U = −ln p in nats; circles: minima, crosses: saddles", of="plane"
    )


def _lines(result: Potential, name: str) -> list[str]:
    """Barriers beside leave rates, a line for each pair of outputs."""
    return [
        f"{name and name + ': '}{pair.replace('->', ' → ')}: barrier {height:.2f} ± {result.barriers_se[pair]:.2f} "
        f"nats (null {result.barriers_null[pair]:.2f}), leave rate {result.leave_rates.get(pair, 0.0):.4f} per step"
        for pair, height in result.barriers.items()
    ] or [f"{name and name + ': '}no two outputs have minima that are joined"]


def _curves(shown: list[tuple[str, Potential]], theme: Theme) -> list[Panel]:
    along: list[Any] = []
    turning: list[Any] = []
    for name, result in reversed(shown):
        colour = theme.ghost if name == "intact" else theme.accent
        middle = (result.line_edges[1:] + result.line_edges[:-1]) / 2
        phase = np.degrees((np.arange(len(result.phase)) + 0.5) * 2 * np.pi / len(result.phase))
        along += _curve(middle, result.line, result.line_se, f"along PC1{name and ', ' + name}", colour)
        turning += _curve(phase, result.phase, result.phase_se, f"along the phase{name and ', ' + name}", colour)
    y = {"title": "U (nats)", "range": [0, DEPTH]}
    grey = "; grey: intact" if len(shown) > 1 else ""
    around = {"title": "phase of the orbit (degrees)", "range": [0, 360]}
    return [
        Panel(along, {"title": "PC1 (activity)"}, y, f"U along PC1{grey}", of="first"),
        Panel(turning, around, y, f"U along the phase{grey}", of="phase"),
    ]


def _curve(x: Floats, mean: Floats, error: Floats, name: str, colour: str) -> list[Any]:
    known = np.where(np.isfinite(error), error, 0.0)
    band = draw_band(x, mean - known, mean + known, colour, opacity=0.25)
    hover = f"{name}<br>%{{x:.3g}}: %{{y:.3g}} nats"
    return [band, draw("lines", x, mean, name, hover, line={"color": colour, "width": 2})]
