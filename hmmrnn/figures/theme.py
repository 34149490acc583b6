"""The palette, the symbols and the common layout of every figure and page.

There are three palettes, and none has a colour of another: outputs, after Okabe and Ito (2008); regions; and the signs
of weights and other values around zero, green below and purple above. Readers with any of the three colour blindnesses
can tell them apart. Regions and outputs have a symbol beside their colour, so that colour is never the only carrier.
"""

from dataclasses import dataclass
from typing import Any

from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, TRANSITION, UNASSIGNED

FONT = "Inter, 'Segoe UI', system-ui, -apple-system, 'DejaVu Sans', sans-serif"
FONT_SIZE = 14

REGION_LABELS = {
    CLUSTER: "cluster",
    KICK_ZONE: "kick zone",
    TRANSITION: "transition",
    UNASSIGNED: "unassigned",
}
REGION_SYMBOLS = {CLUSTER: "circle", KICK_ZONE: "diamond", TRANSITION: "cross", UNASSIGNED: "x"}

# The same in a line of text.
REGION_SIGNS = {CLUSTER: "●", KICK_ZONE: "◆", TRANSITION: "✚", UNASSIGNED: "✖"}

# Without the buttons that would send the figure to a service elsewhere.
GRAPH_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "responsive": True,
    "scrollZoom": True,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
}


@dataclass(frozen=True)
class Theme:
    """The colours of one ground."""

    name: str  # "light" or "dark"
    # ground, text, muted, grid: of page, labels, secondary labels and grid lines.
    ground: str
    text: str
    muted: str
    grid: str
    ghost: str  # of the intact network where it is drawn behind an intervened one
    accent: str  # of what a figure points out: kick groups, fixed points, the bifurcation
    # focus, good, caution: of the control in use on a page, and of good and mixed results in its text.
    focus: str
    good: str
    caution: str
    outputs: tuple[str, ...]  # one colour per output, at least 8
    regions: dict[str, str]  # colour of each region
    # sequential, diverging: Plotly colour scales, from low to high.
    sequential: str | list[list[Any]]
    diverging: list[list[Any]]

    def colour_of(self, output: int) -> str:
        """The colour of an output; after the last colour the first one comes again."""
        return self.outputs[output % len(self.outputs)]

    def css_variables(self) -> str:
        """The colours of a page, as CSS custom properties."""
        colours = {
            "panel": self.ground,
            "line": self.grid,
            **{name: getattr(self, name) for name in ("text", "muted", "accent", "focus", "good", "caution")},
        }
        return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


LIGHT = Theme(
    name="light",
    ground="#ffffff",
    text="#1c2430",
    muted="#566072",
    grid="#e3e7ee",
    ghost="#a9b1be",
    accent="#b3261e",
    focus="#0a5a9c",
    good="#00664b",
    caution="#8a5a00",
    outputs=("#0072b2", "#a35a86", "#d55e00", "#00614a", "#b27c00", "#3a94c9", "#6b7280", "#8a7f00"),
    regions={CLUSTER: "#5a416e", KICK_ZONE: "#c9a400", TRANSITION: "#16a8b3", UNASSIGNED: "#8d96a5"},
    sequential="Cividis",
    diverging=[[0.0, "#6a8c58"], [0.25, "#b6cba9"], [0.5, "#f7f7f7"], [0.75, "#c39bd0"], [1.0, "#72018c"]],
)
DARK = Theme(
    name="dark",
    ground="#171b22",
    text="#e6e9ef",
    muted="#a3acba",
    grid="#2c333f",
    ghost="#5a6474",
    accent="#ff8a80",
    focus="#7cc4f5",
    good="#4fd1ab",
    caution="#f0c24b",
    outputs=("#56b4e9", "#e0a3c6", "#f5883a", "#1fa37f", "#f0c24b", "#8fd0f5", "#b8bfca", "#f0e442"),
    regions={CLUSTER: "#7664a3", KICK_ZONE: "#ffe066", TRANSITION: "#68f0ea", UNASSIGNED: "#7c8698"},
    sequential="Cividis",
    diverging=[[0.0, "#a0d878"], [0.25, "#4a6a3a"], [0.5, "#1d222b"], [0.75, "#6a347f"], [1.0, "#c858f2"]],
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def make_layout(theme: Theme, axes: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Make a figure's layout in the project's fonts, margins and colours.

    It is one plain dictionary: to update a figure piece by piece takes many times as long, and figures that are drawn
    while a slider moves have milliseconds.

    Args:
        axes: the axes by name ("xaxis", "yaxis2"), each with what it has of its own; `title` is its text, with unit.
        more: any other part of the layout, added to or replacing the common one.
    """
    return {
        **{name: make_axis(theme, **own) for name, own in axes.items()},
        "font": {"family": FONT, "size": FONT_SIZE, "color": theme.text},
        "paper_bgcolor": theme.ground,
        "plot_bgcolor": theme.ground,
        "margin": {"l": 52, "r": 12, "t": 8, "b": 42},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": FONT_SIZE}},
        "hoverlabel": {"font": {"family": FONT, "size": FONT_SIZE}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": theme.muted, "activecolor": theme.text},
        "template": "none",
        "uirevision": "keep",
        **more,
    }


def make_axis(theme: Theme, title: str = "", **own: Any) -> dict[str, Any]:
    """Make one axis; `own` adds to or replaces the common look."""
    return {
        "title": {"text": title, "standoff": 6, "font": {"size": FONT_SIZE}},
        "tickfont": {"size": FONT_SIZE},
        "gridcolor": theme.grid,
        "linecolor": theme.grid,
        "tickcolor": theme.grid,
        "ticks": "outside",
        "zeroline": False,
        "automargin": True,
        **own,
    }


def make_colour_bar(title: str, side: str = "right") -> dict[str, Any]:
    """Make the scale beside a figure that is coloured by a value; `title` is its text, with unit, on a side of it."""
    return {"title": {"text": title, "side": side, "font": {"size": FONT_SIZE}}, "thickness": 12, "outlinewidth": 0}


def make_note(text: str, **place: Any) -> dict[str, Any]:
    """Make an annotation without an arrow; `place` says where it is, and may change its look."""
    return {"text": text, "showarrow": False, "font": {"size": FONT_SIZE}, **place}


def make_band(colour: str, x0: float, x1: float, **own: Any) -> dict[str, Any]:
    """Make a rectangle without an outline below the traces, over the whole height unless `own` says otherwise."""
    band = {"type": "rect", "x0": x0, "x1": x1, "y0": 0, "y1": 1, "fillcolor": colour, "line": {"width": 0}}
    return {**band, "layer": "below", **own}


def make_line(theme: Theme, dash: str = "dot", colour: str = "", **place: Any) -> dict[str, Any]:
    """Make a straight line below the traces; `place` has x0, x1, y0 and y1, or x or y for two that are equal."""
    for axis in {"x", "y"} & place.keys():
        place |= {f"{axis}0": place[axis], f"{axis}1": place.pop(axis)}
    line = {"color": colour or theme.muted, "width": 1, "dash": dash}
    return {"type": "line", **place, "line": line, "layer": "below"}
