"""Several rows of plots below each other, in one figure that is as high as they need.

Rows have their height in pixels, so that letters do not depend on how many rows there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from hmmrnn.figures.theme import FONT_SIZE, Theme, layout

# In pixels: around the figure, a line of text, and the room for tick labels and title below a plot.
LEFT, RIGHT, TOP, LINE, FOOT = 50, 10, 4, 20, 46


@dataclass(frozen=True, eq=False)
class Panel:
    """A pair of axes with its traces; `left` and `right` are shares of the figure's width."""

    traces: Sequence[Any]
    left: float
    right: float
    x: dict[str, Any]
    y: dict[str, Any]
    heading: str = ""
    notes: Sequence[dict[str, Any]] = ()
    shapes: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, eq=False)
class Row:
    """Panels beside each other, under a common title; the heights of the plots and of what is below them in pixels."""

    panels: Sequence[Panel]
    height: int
    title: str = ""
    foot: int = FOOT

    @property
    def head(self) -> int:
        """Height of the title and the headings, in pixels."""
        return LINE * (bool(self.title) + any(panel.heading for panel in self.panels))


def stacked(rows: Sequence[Row], theme: Theme) -> go.Figure:
    """One row below the other; each panel gets axes of its own."""
    inner = sum(row.head + row.height + row.foot for row in rows)
    traces: list[Any] = []
    axes: dict[str, dict[str, Any]] = {}
    notes: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        top += row.head
        domain = [1 - (top + row.height) / inner, 1 - top / inner]
        for panel in row.panels:
            name = str(len(axes) // 2 + 1) if axes else ""
            still = {"fixedrange": True, "automargin": False}
            axes[f"xaxis{name}"] = {"domain": [panel.left, panel.right], "anchor": f"y{name}", **still, **panel.x}
            axes[f"yaxis{name}"] = {"domain": domain, "anchor": f"x{name}", **still, **panel.y}
            traces += [trace.update(xaxis=f"x{name}", yaxis=f"y{name}") for trace in panel.traces]
            heading = [above(panel.heading, f"x{name} domain", domain[1])] if panel.heading else []
            notes += [*heading, *({**note, "xref": f"x{name} domain", "yref": f"y{name}"} for note in panel.notes)]
            shapes += [{**shape, "xref": f"x{name}", "yref": f"y{name} domain"} for shape in panel.shapes]
        if row.title:
            notes.append(above(row.title, "paper", domain[1], x=0, xanchor="left", xshift=8 - LEFT))
            notes[-1]["yshift"] = row.head - LINE
        top += row.height + row.foot
    more = {"annotations": notes, "shapes": shapes, "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": 0}}
    look = {"height": inner + TOP, "showlegend": False, "barmode": "group", "bargap": 0.25, "dragmode": False}
    return go.Figure(traces, layout(theme, axes, **more, **look))


def above(text: str, xref: str, top: float, **own: Any) -> dict[str, Any]:
    """A line of text above a plot whose upper edge is at `top`, a share of the figure's height."""
    at = {"xref": xref, "x": 0.5, "xanchor": "center", "yref": "paper", "y": top, "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": FONT_SIZE}, **at, **own}
