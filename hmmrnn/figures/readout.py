"""How the readout lies to the plane of the orbit: its rows in the plane, and their angles with it and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.experiments.readout import ReadoutAngles
from hmmrnn.figures.panels import Panel, Row, stacked
from hmmrnn.figures.theme import FONT_SIZE, Theme

HEIGHT = 240
# Shares of the width; the gaps hold the labels of the axes.
EDGES = ((0.0, 0.27), (0.38, 0.66), (0.75, 1.0))
# Above a right angle there is room for the words.
TOP_ANGLE = 112
SYMBOLS = ("circle", "square", "diamond")


def readout(angles: ReadoutAngles, theme: Theme) -> go.Figure:
    """Draw the rows of W_out beside the plane; the height of the layout is what the figure needs, in pixels."""
    return stacked(
        [Row([_shadows(angles, theme), _bars(angles, theme), _between(angles, theme)], EDGES, HEIGHT)], theme
    )


def _names(angles: ReadoutAngles) -> list[str]:
    return [f"output {o}" for o in range(len(angles.angle))]


def _shadows(angles: ReadoutAngles, theme: Theme) -> Panel:
    """The shadow of each row, scaled to length 1, on the plane: on the outer circle it lies in the plane."""
    turn = np.linspace(0, 2 * np.pi, 181)
    circles = [
        go.Scatter(
            x=radius * np.cos(turn),
            y=radius * np.sin(turn),
            mode="lines",
            name=name,
            line={"color": theme.muted, "width": 1.2, "dash": dash},
            hovertemplate=f"{name}<extra></extra>",
        )
        for radius, name, dash in (
            (1.0, "in the plane", "solid"),
            (np.cos(np.radians(angles.random_angle)), "random row", "dot"),
        )
    ]
    look = {"range": [-1.15, 1.15], "dtick": 0.5, "fixedrange": True}
    return Panel(
        [*circles, *_rows(angles, theme)],
        x={**look, "title": "PC1 (share of the row)", "constrain": "domain"},
        y={**look, "title": "PC2", "scaleanchor": "x", "scaleratio": 1},
        heading="rows of W<sub>out</sub> in the plane",
    )


def _rows(angles: ReadoutAngles, theme: Theme) -> list[Any]:
    length, direction = np.cos(np.radians(angles.angle)), np.radians(angles.direction)
    return [
        go.Scatter(
            x=[0, length[o] * np.cos(direction[o])],
            y=[0, length[o] * np.sin(direction[o])],
            mode="lines+markers+text",
            name=name,
            text=["", str(o)],
            textposition="top center",
            textfont={"size": FONT_SIZE, "color": theme.outputs[o % len(theme.outputs)]},
            line={"color": theme.outputs[o % len(theme.outputs)], "width": 3},
            marker={"size": [0, 10], "symbol": SYMBOLS[o % len(SYMBOLS)], "opacity": 1},
            hovertemplate=f"{name}<br>{angles.angle[o]:.1f}° with the plane, towards {angles.direction[o]:.0f}°"
            f"<br>length {angles.length[o]:.2f} logits per unit of activity<extra></extra>",
        )
        for o, name in enumerate(_names(angles))
    ]


def _bars(angles: ReadoutAngles, theme: Theme) -> Panel:
    bars = go.Bar(
        x=[str(o) for o in range(len(angles.angle))],
        y=angles.angle,
        name="angle with the plane",
        marker={"color": [theme.outputs[o % len(theme.outputs)] for o in range(len(angles.angle))]},
        text=_written(angles.angle),
        textfont={"size": FONT_SIZE},
        textposition="outside",
        textangle=0,
        cliponaxis=False,
        hovertemplate="output %{x}: %{y:.2f}° with the plane<extra></extra>",
    )
    random = angles.random_angle
    note = {
        "text": f"random row {random:.0f}°",
        "showarrow": False,
        "font": {"size": FONT_SIZE, "color": theme.muted},
        "x": (len(angles.angle) - 1) / 2,
        "y": 1,
        "yanchor": "top",
    }
    line = {
        "type": "line",
        "x0": -0.5,
        "x1": len(angles.angle) - 0.5,
        "y0": random / TOP_ANGLE,
        "y1": random / TOP_ANGLE,
    }
    return Panel(
        [bars],
        x={"title": "output", "type": "category", "fixedrange": True},
        y={"title": "degrees", "range": [0, TOP_ANGLE], "tickvals": [0, 30, 60, 90], "fixedrange": True},
        heading="angle with the plane",
        notes=[note],
        shapes=[{**line, "line": {"color": theme.muted, "width": 1.5, "dash": "dot"}}],
    )


def _between(angles: ReadoutAngles, theme: Theme) -> Panel:
    outputs = [str(o) for o in range(len(angles.angle))]
    cells = go.Heatmap(
        x=outputs,
        y=outputs,
        z=angles.between,
        zmin=0,
        zmax=180,
        colorscale=theme.diverging,
        showscale=False,
        name="angle between rows",
        text=[_written(row) for row in angles.between],
        texttemplate="%{text}",
        textfont={"size": FONT_SIZE},
        hovertemplate="rows of outputs %{y} and %{x}: %{z:.1f}°<extra></extra>",
    )
    look: dict[str, Any] = {"title": "output", "type": "category", "fixedrange": True}
    return Panel([cells], x=look, y={**look, "autorange": "reversed"}, heading="angle between rows (degrees)")


def _written(degrees: np.ndarray) -> list[str]:
    return [f"{value:.0f}°" if np.isfinite(value) else "no row" for value in degrees]
