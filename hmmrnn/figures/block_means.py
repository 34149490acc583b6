"""Mean weights between noise inputs, populations and readout as a table, with the numbers in the cells."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.block_means import BlockMeans
from hmmrnn.analysis.populations import CONTROL, INTEGRATING, KICK
from hmmrnn.figures.panels import Panel, Row, split_columns, stack_rows
from hmmrnn.figures.theme import FONT_SIZE, Theme, make_line

# In pixels: a row of the table, and the room for three lines of text below it.
CELL, FOOT = 30, 76
# Share of the width for the names of the rows.
NAMES = 0.24
SHORT = {KICK: "kick", INTEGRATING: "integr.", CONTROL: "control"}
LONG = {KICK: "kick group", INTEGRATING: "integrating", CONTROL: "control"}
UNITS = {
    "recurrent": "activity per activity",
    "noise": "activity per unit of noise",
    "readout": "logits per unit of activity",
}


def draw_block_means(means: BlockMeans, theme: Theme) -> go.Figure:
    """Draw the table; the height of the layout is what the figure needs, in pixels.

    Recurrent, noise and readout weights have a colour scale each, as their units differ.
    """
    inner = len(means.blocks)
    parts = {
        "recurrent": (slice(0, inner), slice(0, inner)),
        "noise": (slice(0, inner), slice(inner, None)),
        "readout": (slice(inner, None), slice(0, inner)),
    }
    rows, columns = _row_names(means), _column_names(means)
    cells = [_cells(means, name, part, theme) for name, part in parts.items()]
    bare = {"showgrid": False, "ticks": ""}
    x = {**bare, "title": "from", "tickvals": [*range(len(columns))], "ticktext": columns, "tickangle": 0}
    x["range"] = [-0.5, len(columns) - 0.5]
    y = {**bare, "title": "to", "tickvals": [*range(len(rows))], "ticktext": rows, "range": [len(rows) - 0.5, -0.5]}
    line = make_line(theme, "solid", x=inner - 0.5, y0=means.n_outputs / len(rows), y1=1)
    across = make_line(theme, "solid", x0=-0.5, x1=inner - 0.5, y=means.n_outputs / len(rows))
    shapes = [{**one, "layer": "above"} for one in (line, across)]
    panel = Panel(cells, x, y, shapes=shapes)
    return stack_rows([Row([panel], split_columns(1, 0, NAMES), CELL * len(rows), foot=FOOT)], theme, still=True)


def _row_names(means: BlockMeans) -> list[str]:
    populations = [
        f"{LONG[role]}{_of(output)} ({size})" for (role, output), size in zip(means.blocks, means.sizes, strict=True)
    ]
    return [*populations, *(f"readout {output}" for output in range(means.n_outputs))]


def _column_names(means: BlockMeans) -> list[str]:
    populations = [
        f"{SHORT[role]}{_of(output)}<br>({size})"
        for (role, output), size in zip(means.blocks, means.sizes, strict=True)
    ]
    return [*populations, f"noise<br>({means.n_inputs})"]


def _of(output: int) -> str:
    return "" if output < 0 else f" {output}"


def _cells(means: BlockMeans, name: str, part: tuple[slice, slice], theme: Theme) -> Any:
    mean, se, counts = means.mean[part], means.se[part], means.counts[part]
    bound = float(np.nanmax(np.abs(mean), initial=0.0)) or 1.0
    rows, columns = _row_names(means)[part[0]], [text.replace("<br>", " ") for text in _column_names(means)[part[1]]]
    names = [[f"{source} onto {to}" for source in columns] for to in rows]
    row, column = part[0].start, part[1].start
    return go.Heatmap(
        z=mean.round(5),
        x=[*range(column, column + len(columns))],
        y=[*range(row, row + len(rows))],
        name=f"{name} weights",
        zmin=-bound,
        zmax=bound,
        colorscale=theme.diverging,
        showscale=False,
        text=[[f"{value:+.3f}" if np.isfinite(value) else "" for value in line] for line in mean.round(3) + 0.0],
        texttemplate="%{text}",
        textfont={"size": FONT_SIZE},
        xgap=2,
        ygap=2,
        customdata=np.dstack([names, se.round(5), counts]),
        hovertemplate="%{customdata[0]}<br>mean %{z:+.4f} ± %{customdata[1]} "
        + f"{UNITS[name]}<br>%{{customdata[2]}} weights<extra></extra>",
    )
