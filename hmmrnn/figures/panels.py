"""How do several plots make one figure? Rows of panels below each other, with heights in pixels and a heading each.

Letters then have their size however many rows there are, and a tab scrolls what does not fit into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.theme import FONT_SIZE, Theme, layout

Floats = NDArray[np.floating]

# In pixels: around the figure, below a row for the labels of its axes, and for a line of text.
LEFT, RIGHT, TOP, FOOT, LINE = 54, 6, 4, 46, 20


@dataclass(frozen=True, eq=False)
class Panel:
    """A pair of axes with its traces.

    Attributes:
        traces: what is drawn.
        x, y: the axes, as `theme.layout` takes them.
        heading: above the panel.
        notes: annotations; `xref` and `yref` say whether x is of the "axis", as it is unless said, or a share of the
            panel (its "domain"), and y of the "axis" or, unless said, the "domain".
        shapes: in x of the axis, and in shares of the panel's height.
    """

    traces: Sequence[Any]
    x: dict[str, Any]
    y: dict[str, Any]
    heading: str = ""
    notes: Sequence[dict[str, Any]] = ()
    shapes: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, eq=False)
class Row:
    """Panels beside each other.

    Attributes:
        panels: from left to right.
        edges: left and right edge of each, as shares of the width (`columns`).
        height: of the panels, in pixels.
        lines: of text above the panels and their headings.
        foot: room below the panels for the labels of their axes, in pixels.
    """

    panels: Sequence[Panel]
    edges: Sequence[tuple[float, float]]
    height: int
    lines: Sequence[str] = ()
    foot: int = FOOT

    @property
    def head(self) -> int:
        """Height of the lines and the headings, in pixels."""
        return LINE * (len(self.lines) + any(panel.heading for panel in self.panels))


def columns(count: int, gap: float, left: float = 0.0) -> list[tuple[float, float]]:
    """Left and right edges of panels of equal width, with gaps and what is left of them for the labels of axes."""
    width = (1 - left + gap) / count
    return [(left + place * width, left + (place + 1) * width - gap) for place in range(count)]


def stacked(rows: Sequence[Row], theme: Theme, still: bool = False, **more: Any) -> go.Figure:
    """Draw one row below the other; the height of the layout is what the figure needs, in pixels.

    Args:
        rows: from top to bottom.
        theme: colours of the ground.
        still: whether the mouse moves no axis.
        more: any other part of the layout.
    """
    inner = sum(row.head + row.height + row.foot for row in rows)
    common = {"automargin": False, **({"fixedrange": True} if still else {})}
    traces: list[Any] = []
    axes: dict[str, dict[str, Any]] = {}
    notes: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        top += row.head
        domain = [1 - (top + row.height) / inner, 1 - top / inner]
        for panel, (left, right) in zip(row.panels, row.edges, strict=True):
            name = str(len(axes) // 2 + 1) if axes else ""
            axes[f"xaxis{name}"] = {"domain": [left, right], "anchor": f"y{name}", **common, **panel.x}
            axes[f"yaxis{name}"] = {"domain": domain, "anchor": f"x{name}", **common, **panel.y}
            traces += [trace.update(xaxis=f"x{name}", yaxis=f"y{name}") for trace in panel.traces]
            notes += [_text(panel.heading, f"x{name} domain", 0.5, "center", domain[1])] if panel.heading else []
            notes += [_placed(note, name) for note in panel.notes]
            shapes += [{**shape, "xref": f"x{name}", "yref": f"y{name} domain"} for shape in panel.shapes]
        for place, line in enumerate(row.lines):
            shift = row.head - LINE * (place + 1)
            notes.append({**_text(line, "paper", 0, "left", domain[1]), "xshift": 8 - LEFT, "yshift": shift})
        top += row.height + row.foot
    margin = {"l": LEFT, "r": RIGHT, "t": TOP, "b": 0}
    look = {"height": inner + TOP, "showlegend": False, "hovermode": "closest", "dragmode": False, **more}
    return go.Figure(traces, layout(theme, axes, annotations=notes, shapes=shapes, margin=margin, **look))


def measured(x: Floats, y: Floats, error: Floats, name: str, colour: str, theme: Theme, **own: Any) -> Any:
    """Means as markers joined by a line, with a standard error that does not cover them; a gap where one is NaN."""
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode=own.pop("mode", "lines+markers"),
        line={"color": colour, "width": 1.5, "dash": own.pop("dash", "solid")},
        marker={"color": colour, "size": 5, "symbol": own.pop("symbol", "circle")},
        error_y={"type": "data", "array": np.nan_to_num(error), "color": theme.muted, "thickness": 1, "width": 0},
        customdata=said(y, error),
        hovertemplate=own.pop("hovertemplate"),
        **own,
    )


def said(values: Floats, errors: Floats) -> list[str]:
    """For pointing at: three digits of each value, and its standard error if there is one."""
    return [
        f"{value:.3g}" + (f" ± {error:.2g}" if np.isfinite(error) else "")
        for value, error in zip(values, errors, strict=True)
    ]


def line_at(x: float, theme: Theme) -> dict[str, Any]:
    """A dotted line over the height of a panel, as at the value that is the intact network's."""
    line = {"color": theme.muted, "width": 1, "dash": "dot"}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line, "layer": "below"}


def stretches(where: NDArray[np.bool_], x: Floats) -> list[tuple[float, float]]:
    """Ends of each run of neighbouring x (G,) that are marked, half way to the next ones that are not."""
    between = (x[1:] + x[:-1]) / 2
    edges = np.concatenate([x[:1], between, x[-1:]])
    change = np.diff(np.concatenate([[False], where, [False]]).astype(int))
    starts, ends = np.flatnonzero(change > 0), np.flatnonzero(change < 0)
    return [(float(edges[start]), float(edges[end])) for start, end in zip(starts, ends, strict=True)]


def unknown(
    reasons: Mapping[str, NDArray[np.bool_]], x: Floats, theme: Theme
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Shade the stretches of x (G,) where there is no value, and write the reason into them.

    Args:
        reasons: in words, and (G,) where each holds.
        x: where values are sought.
        theme: colours of the ground.

    Returns:
        notes and shapes of a `Panel`.
    """
    found = [(reason, ends) for reason, where in reasons.items() for ends in stretches(where, x)]
    look = {"y": 0.5, "textangle": -90, "showarrow": False, "font": {"size": FONT_SIZE, "color": theme.muted}}
    notes = [{"text": reason, "x": (start + end) / 2, **look} for reason, (start, end) in found]
    fill = {"type": "rect", "y0": 0, "y1": 1, "fillcolor": theme.grid, "line": {"width": 0}, "layer": "below"}
    return notes, [{"x0": start, "x1": end, **fill} for _, (start, end) in found]


def key(marks: Iterable[tuple[str, str]]) -> str:
    """Colours and what they mean, as a line of text: it stays in its place when the figure grows."""
    return "&nbsp;&nbsp;&nbsp;".join(f'<span style="color:{colour}">■</span> {name}' for name, colour in marks)


def _placed(note: dict[str, Any], name: str) -> dict[str, Any]:
    """A note of the panel whose axes have this name, with the references that Plotly knows."""
    of = {"xref": "axis", "yref": "domain", **note}
    names = {ref: f"{ref[0]}{name}" for ref in ("xref", "yref")}
    return {**note, **{ref: own if of[ref] == "axis" else f"{own} domain" for ref, own in names.items()}}


def _text(text: str, xref: str, x: float, anchor: str, top: float) -> dict[str, Any]:
    at = {"xref": xref, "x": x, "xanchor": anchor, "yref": "paper", "y": top, "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": FONT_SIZE}, **at}
