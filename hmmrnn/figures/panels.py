"""Figures of several panels: rows below each other, with heights in pixels and a heading for each panel.

Text keeps its size however many rows there are; what does not fit into a tab is reached by scrolling.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.theme import FONT_SIZE, Theme, make_band, make_layout, make_line, make_note

Floats = NDArray[np.floating]

# In pixels: around the figure, below a row for the labels of its axes, and for a line of text.
LEFT, RIGHT, TOP, FOOT, LINE = 54, 6, 4, 46, 20
# In pixels: all panels beside each other where a figure is narrowest, and a letter.
NARROWEST, LETTER = 680, 7.5
_MARKUP = re.compile("<[^>]*>|&[a-z]+;")


@dataclass(frozen=True, eq=False)
class Panel:
    """A pair of axes with its traces."""

    traces: Sequence[Any]  # what is drawn
    # x, y: the axes, as `theme.layout` takes them.
    x: dict[str, Any]
    y: dict[str, Any]
    heading: str = ""  # above the panel
    # Annotations; `xref` and `yref` say whether x is of the "axis", as it is unless said, or a share of the panel
    # (its "domain"), and y of the "axis" or, unless said, the "domain".
    notes: Sequence[dict[str, Any]] = ()
    shapes: Sequence[dict[str, Any]] = ()  # in x of the axis, and in shares of the panel's height
    # What the page marks in it; "" for nothing. The moment: in a "plane", or along x where that is the "first"
    # coordinate of the plane, the "phase" of the orbit in degrees, or the steps from a "switch". The neuron that is
    # pointed at or picked: along x among "neurons", in "pairs" of them, or in rows and columns of "groups".
    of: str = ""
    members: Sequence[Sequence[int]] = ()  # neurons of each of the groups, in their order


@dataclass(frozen=True, eq=False)
class Row:
    """Panels beside each other."""

    panels: Sequence[Panel]  # from left to right
    edges: Sequence[tuple[float, float]]  # left and right edge of each, as shares of the width (`split_columns`)
    height: int  # of the panels, in pixels
    lines: Sequence[str] = ()  # of text above the panels and their headings
    foot: int = FOOT  # room below the panels for the labels of their axes, in pixels

    @property
    def head(self) -> int:
        """Height of the lines and the headings, in pixels."""
        return LINE * (len(self.lines) + any(panel.heading for panel in self.panels))


def split_columns(count: int, gap: float, left: float = 0.0) -> list[tuple[float, float]]:
    """Split the width into panels of equal width: their edges, with gaps, and room at the left for labels."""
    width = (1 - left + gap) / count
    # Plotly refuses an edge that rounding has put beyond 1.
    return [(left + place * width, min(1.0, left + (place + 1) * width - gap)) for place in range(count)]


def stack_rows(rows: Sequence[Row], theme: Theme, still: bool = False, **more: Any) -> go.Figure:
    """Draw rows one below the other; the layout has the height that they need. `still` axes do not move."""
    inner = sum(row.head + row.height + row.foot for row in rows)
    common = {"automargin": False, **({"fixedrange": True} if still else {})}
    traces: list[Any] = []
    axes: dict[str, dict[str, Any]] = {}
    notes: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    marked: dict[str, list[list[Any]]] = {}
    top = 0
    for row in rows:
        top += row.head
        domain = [1 - (top + row.height) / inner, 1 - top / inner]
        for panel, (left, right) in zip(row.panels, row.edges, strict=True):
            name = str(len(axes) // 2 + 1) if axes else ""
            axes[f"xaxis{name}"] = {"domain": [left, right], "anchor": f"y{name}", **common, **panel.x}
            axes[f"yaxis{name}"] = {"domain": domain, "anchor": f"x{name}", **common, **panel.y}
            if panel.of:
                members = [[list(group) for group in panel.members]] if panel.members else []
                marked.setdefault(panel.of, []).append([f"xaxis{name}", f"yaxis{name}", *members])
            traces += [trace.update(xaxis=f"x{name}", yaxis=f"y{name}") for trace in panel.traces]
            notes += [_heading(panel, f"x{name} domain", (left, right), domain[1])] if panel.heading else []
            notes += [_placed(note, name) for note in panel.notes]
            shapes += [{**shape, "xref": f"x{name}", "yref": f"y{name} domain"} for shape in panel.shapes]
        for place, line in enumerate(row.lines):
            shift = row.head - LINE * (place + 1)
            notes.append({**_text(line, "paper", 0, "left", domain[1]), "xshift": 8 - LEFT, "yshift": shift})
        top += row.height + row.foot
    margin = {"l": LEFT, "r": RIGHT, "t": TOP, "b": 0}
    look = {"height": inner + TOP, "showlegend": False, "hovermode": "closest", "dragmode": False, **more}
    look |= {"meta": {**marked, **look.get("meta", {})}} if marked else {}
    return go.Figure(traces, make_layout(theme, axes, annotations=notes, shapes=shapes, margin=margin, **look))


def draw(mode: str, x: Any, y: Any, name: str, hover: str = "", **own: Any) -> Any:
    """Draw points as lines, markers or text; `hover` is what the mouse shows of a point, nothing if it is empty."""
    about = {"hovertemplate": f"{hover}<extra></extra>"} if hover else {"hoverinfo": "skip"}
    return go.Scatter(x=x, y=y, mode=mode, name=name, **about, **own)


def draw_band(x: NDArray[np.number], low: Floats, high: Floats, colour: str, **own: Any) -> Any:
    """Fill the area between two curves over x (G,); nothing is filled where they are NaN."""
    there = np.flatnonzero(np.isfinite(low) & np.isfinite(high))
    parts = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1)
    gap = [np.nan]
    outline = np.concatenate([line for i in parts for line in (x[i], x[i[::-1]], gap)])[:-1]
    edge = np.concatenate([line for i in parts for line in (high[i], low[i[::-1]], gap)])[:-1]
    fill = {"fill": "toself", "fillcolor": colour, "line": {"width": 0}}
    return go.Scatter(x=outline, y=edge, mode="lines", hoverinfo="skip", **fill, **own)


def draw_cells(z: Any, ends: tuple[float, float], colours: Any, hover: str, text: Any = None, **own: Any) -> Any:
    """Draw a matrix in colours between the two ends, with a text in each cell if there is one."""
    written = {"text": text, "texttemplate": "%{text}", "textfont": {"size": FONT_SIZE}} if text is not None else {}
    look = {"zmin": ends[0], "zmax": ends[1], "colorscale": colours, "showscale": False, **written}
    return go.Heatmap(z=z, **{**look, "hovertemplate": f"{hover}<extra></extra>", **own})


def draw_measured(x: Floats, y: Floats, error: Floats, name: str, colour: str, theme: Theme, **own: Any) -> Any:
    """Draw means as markers joined by a line, with standard errors; a gap where a mean is NaN."""
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode=own.pop("mode", "lines+markers"),
        line={"color": colour, "width": 1.5, "dash": own.pop("dash", "solid")},
        marker={"color": colour, "size": 5, "symbol": own.pop("symbol", "circle")},
        error_y={"type": "data", "array": np.nan_to_num(error), "color": theme.muted, "thickness": 1, "width": 0},
        customdata=format_values(y, error),
        hovertemplate=own.pop("hovertemplate"),
        **own,
    )


def format_values(values: Floats, errors: Floats) -> list[str]:
    """Write three digits of each value, and its standard error if there is one, for the hover text."""
    return [
        f"{value:.3g}" + (f" ± {error:.2g}" if np.isfinite(error) else "")
        for value, error in zip(values, errors, strict=True)
    ]


def draw_line_at(x: float, theme: Theme) -> dict[str, Any]:
    """Draw a dotted line over the height of a panel, as at the value of the intact network."""
    return make_line(theme, x=x, y0=0, y1=1)


def find_stretches(where: NDArray[np.bool_], x: Floats) -> list[tuple[float, float]]:
    """Find the ends of each stretch of neighbouring x (G,) that are marked, half way to the next unmarked ones."""
    between = (x[1:] + x[:-1]) / 2
    edges = np.concatenate([x[:1], between, x[-1:]])
    change = np.diff(np.concatenate([[False], where, [False]]).astype(int))
    starts, ends = np.flatnonzero(change > 0), np.flatnonzero(change < 0)
    return [(float(edges[start]), float(edges[end])) for start, end in zip(starts, ends, strict=True)]


def shade_unknown(
    reasons: Mapping[str, NDArray[np.bool_]], x: Floats, theme: Theme
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Shade the stretches of x (G,) that have no value, with the reason: notes and shapes of a `Panel`."""
    found = [(reason, ends) for reason, where in reasons.items() for ends in find_stretches(where, x)]
    look = {"y": 0.5, "textangle": -90, "font": {"size": FONT_SIZE, "color": theme.muted}}
    notes = [make_note(reason, x=(start + end) / 2, **look) for reason, (start, end) in found]
    return notes, [make_band(theme.grid, *ends) for _, ends in found]


def paint(colour: str, text: str) -> str:
    """Write a text in a colour."""
    return f'<span style="color:{colour}">{text}</span>'


def write_key(marks: Iterable[tuple[str, str]], *more: str) -> str:
    """Write the meaning of colours, and more, as a line of text, which keeps its place when the figure grows."""
    return "&nbsp;&nbsp;&nbsp;".join([*(f"{paint(colour, '■')} {name}" for name, colour in marks), *more])


def _placed(note: dict[str, Any], name: str) -> dict[str, Any]:
    """A note of the panel whose axes have this name, with the references that Plotly knows."""
    of = {"xref": "axis", "yref": "domain", **note}
    names = {ref: f"{ref[0]}{name}" for ref in ("xref", "yref")}
    return {**note, **{ref: own if of[ref] == "axis" else f"{own} domain" for ref, own in names.items()}}


def _heading(panel: Panel, xref: str, edges: tuple[float, float], top: float) -> dict[str, Any]:
    """The heading in the middle of its panel; one that would reach beyond the figure ends with the panel."""
    width = LETTER * len(_MARKUP.sub(" ", panel.heading)) / NARROWEST
    if sum(edges) / 2 + width / 2 > 1:
        return _text(panel.heading, xref, 1, "right", top)
    return _text(panel.heading, xref, 0.5, "center", top)


def _text(text: str, xref: str, x: float, anchor: str, top: float) -> dict[str, Any]:
    return make_note(text, xref=xref, x=x, xanchor=anchor, yref="paper", y=top, yanchor="bottom")
