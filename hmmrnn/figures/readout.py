"""The readout and the plane of the orbit: the rows of W_out in the plane, their angles with it and each other."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.readout import ReadoutAngles
from hmmrnn.figures.panels import Panel, Row, draw, draw_cells, stack_rows
from hmmrnn.figures.theme import FONT_SIZE, Theme, make_line, make_note

HEIGHT = 240
# Shares of the width; the gaps hold the labels of the axes.
EDGES = ((0.0, 0.27), (0.38, 0.66), (0.75, 1.0))
# Above a right angle there is room for text.
TOP_ANGLE = 112
SYMBOLS = ("circle", "square", "diamond")


def draw_readout(angles: ReadoutAngles, theme: Theme) -> go.Figure:
    """Draw the rows of W_out beside the plane; the height of the layout is what the figure needs, in pixels."""
    return stack_rows(
        [Row([_projections(angles, theme), _bars(angles, theme), _between(angles, theme)], EDGES, HEIGHT)], theme
    )


def _projections(angles: ReadoutAngles, theme: Theme) -> Panel:
    """The projection of each row, scaled to length 1, on the plane: one that lies in the plane reaches the circle."""
    turn = np.linspace(0, 2 * np.pi, 181)
    random = np.cos(np.radians(angles.random_angle))
    circles = []
    for radius, name, dash in ((1.0, "in the plane", "solid"), (random, "random row", "dot")):
        line = {"color": theme.muted, "width": 1.2, "dash": dash}
        circles.append(draw("lines", radius * np.cos(turn), radius * np.sin(turn), name, name, line=line))
    look = {"range": [-1.15, 1.15], "dtick": 1, "fixedrange": True}
    return Panel(
        [*circles, *_rows(angles, theme)],
        x={**look, "title": "PC1 (share)", "constrain": "domain"},
        y={**look, "title": "PC2 (share)", "scaleanchor": "x", "scaleratio": 1},
        heading="rows of W<sub>out</sub> in the plane",
    )


def _rows(angles: ReadoutAngles, theme: Theme) -> list[Any]:
    length, direction = np.cos(np.radians(angles.angle)), np.radians(angles.direction)
    return [
        draw(
            "lines+markers+text",
            [0, length[o] * np.cos(direction[o])],
            [0, length[o] * np.sin(direction[o])],
            name,
            f"{name}<br>{angles.angle[o]:.1f}° with the plane, towards {angles.direction[o]:.0f}°"
            f"<br>length {angles.length[o]:.2f} logits per unit of activity",
            text=["", str(o)],
            textposition="top center",
            textfont={"size": FONT_SIZE, "color": theme.colour_of(o)},
            line={"color": theme.colour_of(o), "width": 3},
            marker={"size": [0, 10], "symbol": SYMBOLS[o % len(SYMBOLS)], "opacity": 1},
        )
        for o, name in enumerate(f"output {o}" for o in range(len(angles.angle)))
    ]


def _bars(angles: ReadoutAngles, theme: Theme) -> Panel:
    bars = go.Bar(
        x=[str(o) for o in range(len(angles.angle))],
        y=angles.angle,
        name="angle with the plane",
        marker={"color": [theme.colour_of(o) for o in range(len(angles.angle))]},
        text=_written(angles.angle),
        textfont={"size": FONT_SIZE},
        textposition="outside",
        textangle=0,
        cliponaxis=False,
        hovertemplate="output %{x}: %{y:.2f}° with the plane<extra></extra>",
    )
    random = angles.random_angle
    font = {"size": FONT_SIZE, "color": theme.muted}
    note = make_note(f"random row {random:.0f}°", font=font, x=(len(angles.angle) - 1) / 2, y=1, yanchor="top")
    level = make_line(theme, x0=-0.5, x1=len(angles.angle) - 0.5, y=random / TOP_ANGLE)
    return Panel(
        [bars],
        x={"title": "output", "type": "category", "fixedrange": True},
        y={"title": "degrees", "range": [0, TOP_ANGLE], "tickvals": [0, 30, 60, 90], "fixedrange": True},
        heading="angle with the plane",
        notes=[note],
        shapes=[level],
    )


def _between(angles: ReadoutAngles, theme: Theme) -> Panel:
    outputs = [str(o) for o in range(len(angles.angle))]
    text, hover = [_written(row) for row in angles.between], "rows of outputs %{y} and %{x}: %{z:.1f}°"
    on = {"x": outputs, "y": outputs, "name": "angle between rows"}
    cells = draw_cells(angles.between, (0, 180), theme.diverging, hover, text, **on)
    look: dict[str, Any] = {"title": "output", "type": "category", "fixedrange": True}
    return Panel([cells], x=look, y={**look, "autorange": "reversed"}, heading="angle between rows")


def _written(degrees: np.ndarray) -> list[str]:
    return [f"{value:.0f}°" if np.isfinite(value) else "no row" for value in degrees]
