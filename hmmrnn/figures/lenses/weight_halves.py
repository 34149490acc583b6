"""Symmetric and skew halves: what mixtures of them do, and how large both are by block."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.panels import Floats, Panel, Row, draw_cells, split_columns, stack_rows
from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.weight_halves import WeightHalves

HEIGHT, CELL, GAP = 300, 34, 0.1


def draw_weight_halves(now: WeightHalves, intact: WeightHalves | None, theme: Theme) -> go.Figure:
    """Draw switch rate and size of the activity over alpha and beta, and the split of both halves by blocks."""
    shown = [("now: " if intact is not None else "", now), *([] if intact is None else [("intact: ", intact)])]
    rows = [
        Row([_rates(one, name, theme), _sizes(one, name, theme)], split_columns(2, GAP), HEIGHT) for name, one in shown
    ]
    if now.blocks_symmetric:
        rows.append(_blocks(now, theme))
    return stack_rows(rows, theme)


def _rates(result: WeightHalves, name: str, theme: Theme) -> Panel:
    text = _told(1000 * result.switch_rate, result.diverges_at, "{:.0f}")
    about = np.stack([1000 * result.switch_rate, 1000 * result.switch_rate_se, result.diverges_at], axis=-1)
    hover = (
        "S × %{y}, K × %{x}<br>%{customdata[0]:.3g} ± %{customdata[1]:.2g} switches per 1,000 steps"
        "<br>diverges at step %{customdata[2]} (0: never)"
    )
    known = 1000 * result.switch_rate
    most = float(np.nanmax(known)) if np.isfinite(known).any() else 1.0
    return _grid(result, known, (0.0, max(most, 1e-9)), text, about, hover, f"{name}switches per 1,000 steps", theme)


def _sizes(result: WeightHalves, name: str, theme: Theme) -> Panel:
    with np.errstate(divide="ignore"):
        size = np.log10(np.where(result.size > 0, result.size, np.nan))
    text = _told(result.size, result.diverges_at, "{:.2g}")
    hover = "S × %{y}, K × %{x}<br>%{customdata:.3g} times the activity of the network itself"
    return _grid(result, size, (-1.0, 1.0), text, result.size, hover, f"{name}activity, times that of α = β = 1", theme)


def _told(values: Floats, diverges_at: Floats, form: str) -> list[list[str]]:
    """The value of each cell, or the step at which the network diverges."""
    return [
        [f"∞ {at:.0f}" if at else form.format(value) for value, at in zip(row, steps, strict=True)]
        for row, steps in zip(values, diverges_at, strict=True)
    ]


def _grid(
    result: WeightHalves,
    values: Floats,
    ends: tuple[float, float],
    text: Any,
    about: Any,
    hover: str,
    heading: str,
    theme: Theme,
) -> Panel:
    names = [f"{value:g}" for value in result.grid]
    scale = [[0.0, theme.ground], [1.0, theme.ghost]] if ends[0] >= 0 else theme.diverging
    cells = draw_cells(values, ends, scale, hover, text, x=names, y=names, customdata=about, hoverongaps=True)
    x = {"title": "β, times K; α, times S", "type": "category", "showgrid": False}
    return Panel([cells], x, {"title": "α", "type": "category", "showgrid": False}, heading)


def _blocks(result: WeightHalves, theme: Theme) -> Row:
    panels = [
        _matrix(shares, f"share of ‖{half}‖² by block", theme)
        for half, shares in (("S", result.blocks_symmetric), ("K", result.blocks_skew))
    ]
    names = list(dict.fromkeys(key.partition("<-")[0] for key in result.blocks_symmetric))
    foot = 30 + 7 * max(map(len, names))
    return Row(panels, split_columns(2, 0.22, 0.1), CELL * len(names) + 10, foot=foot)


def _matrix(shares: Mapping[str, float], heading: str, theme: Theme) -> Panel:
    names = list(dict.fromkeys(key.partition("<-")[0] for key in shares))
    values = np.array([[shares[f"{to}<-{source}"] for source in names] for to in names])
    text = [[f"{100 * value:.0f} %" for value in row] for row in values]
    scale = [[0.0, theme.ground], [1.0, theme.ghost]]
    cells = draw_cells(values, (0.0, values.max() or 1.0), scale, "%{y} from %{x}: %{z:.3f}", text, x=names, y=names)
    x = {"title": "from", "tickangle": -90, "showgrid": False}
    return Panel([cells], x, {"title": "", "autorange": "reversed", "showgrid": False}, heading)
