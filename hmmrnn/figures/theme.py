"""Which colour means what, and how does every figure look? Said once, here.

The colours are those of Okabe and Ito, told apart by colour-blind eyes; on dark ground they are lightened.
Regions carry a marker symbol of their own beside the colour, so that colour is never the only carrier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hmmrnn.regions import CLUSTER, KICK_ZONE, TRANSITION, UNASSIGNED

FONT = "Inter, 'Segoe UI', system-ui, -apple-system, 'DejaVu Sans', sans-serif"
FONT_SIZE = 14

REGION_LABELS = {
    CLUSTER: "cluster",
    KICK_ZONE: "kick zone",
    TRANSITION: "transition",
    UNASSIGNED: "unassigned",
}
REGION_SYMBOLS = {CLUSTER: "circle", KICK_ZONE: "diamond", TRANSITION: "cross", UNASSIGNED: "x"}

# The same symbols in a line of text.
REGION_SIGNS = {CLUSTER: "●", KICK_ZONE: "◆", TRANSITION: "✚", UNASSIGNED: "✖"}

# Shown without the buttons that would send the figure to a service elsewhere.
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
    """The colours of one ground.

    Attributes:
        name: "light" or "dark".
        ground, text, muted, grid: of page, labels, secondary labels and grid lines.
        ghost: of the intact network when it stands behind an intervened one.
        outputs: one colour per output symbol, at least 8.
        regions: colour of each region.
        sequential, diverging: Plotly colour scales, from low to high.
    """

    name: str
    ground: str
    text: str
    muted: str
    grid: str
    ghost: str
    accent: str
    outputs: tuple[str, ...]
    regions: dict[str, str]
    sequential: str | list[list[Any]]
    diverging: list[list[Any]]


LIGHT = Theme(
    name="light",
    ground="#ffffff",
    text="#1c2430",
    muted="#566072",
    grid="#e3e7ee",
    ghost="#a9b1be",
    accent="#b3261e",
    outputs=("#0072b2", "#a35a86", "#d55e00", "#00805d", "#b27c00", "#3a94c9", "#6b7280", "#8a7f00"),
    regions={CLUSTER: "#5b4b9a", KICK_ZONE: "#e08a00", TRANSITION: "#009e73", UNASSIGNED: "#8d96a5"},
    sequential="Cividis",
    diverging=[[0.0, "#0a5a9c"], [0.25, "#86b6dc"], [0.5, "#f7f7f7"], [0.75, "#f0a875"], [1.0, "#b4460a"]],
)
DARK = Theme(
    name="dark",
    ground="#171b22",
    text="#e6e9ef",
    muted="#a3acba",
    grid="#2c333f",
    ghost="#5a6474",
    accent="#ff8a80",
    outputs=("#56b4e9", "#e0a3c6", "#f5883a", "#2fcaa0", "#f0c24b", "#8fd0f5", "#b8bfca", "#f0e442"),
    regions={CLUSTER: "#a799f0", KICK_ZONE: "#ffb347", TRANSITION: "#2fcaa0", UNASSIGNED: "#7c8698"},
    sequential="Cividis",
    diverging=[[0.0, "#6fb7f2"], [0.25, "#2f5f8c"], [0.5, "#1d222b"], [0.75, "#9a4f1c"], [1.0, "#ff9d5c"]],
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def layout(theme: Theme, axes: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A figure's layout in the project's fonts, margins and colours.

    It is made as one plain dictionary: updating a figure piece by piece takes many times as long, and the figures
    that follow the hand have milliseconds.

    Args:
        theme: colours of the ground.
        axes: the axes by name ("xaxis", "yaxis2"), each with what it has of its own; `title` is its text, with unit.
        more: any other part of the layout, added to or replacing the common one.
    """
    return {
        **{name: axis(theme, **own) for name, own in axes.items()},
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


def axis(theme: Theme, title: str = "", **own: Any) -> dict[str, Any]:
    """One axis; `own` adds to or replaces the common look."""
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


def colour_bar(title: str) -> dict[str, Any]:
    """The scale beside a figure that is coloured by a value; `title` is its text, with unit."""
    return {"title": {"text": title, "side": "right", "font": {"size": FONT_SIZE}}, "thickness": 12, "outlinewidth": 0}
