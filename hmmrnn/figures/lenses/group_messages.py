"""Messages between groups: the shares as a matrix, and the length of each message around switches."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.panels import (
    Floats,
    Panel,
    Row,
    draw,
    draw_band,
    draw_cells,
    draw_line_at,
    format_values,
    split_columns,
    stack_rows,
    write_key,
)
from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.group_messages import GroupMessages

CELL, COURSES, GAP = 34, 260, 0.08
# Of the messages, the longest are drawn over time.
DRAWN = 6


def draw_group_messages(now: GroupMessages, intact: GroupMessages | None, theme: Theme) -> go.Figure:
    """Draw the shares with their numbers, and below them the longest messages around switches."""
    shown = [("now" if intact is not None else "", now), *([] if intact is None else [("intact", intact)])]
    height = CELL * len(now.groups) + 10
    foot = 30 + 7 * max(map(len, _senders(now)))
    columns = split_columns(len(shown), GAP + 0.12, 0.1)
    matrices = Row([_matrix(result, name, theme) for name, result in shown], columns, height, foot=foot)
    longest = sorted(now.all_steps, key=lambda key: -now.all_steps[key])[:DRAWN]
    marks = [(key.replace("<-", " ← "), theme.colour_of(place)) for place, key in enumerate(longest)]
    key = [write_key(marks[first : first + 3]) for first in range(0, len(marks), 3)]
    courses = Row([_courses(result, longest, name, theme) for name, result in shown], columns, COURSES, key)
    return stack_rows([matrices, courses], theme)


def _senders(result: GroupMessages) -> list[str]:
    """The groups, then what is no group."""
    return list(dict.fromkeys([*result.groups, *(key.partition("<-")[2] for key in result.shares)]))


def _matrix(result: GroupMessages, name: str, theme: Theme) -> Panel:
    names, senders = list(result.groups), _senders(result)
    share, error, null = (
        np.array([[values.get(f"{to}<-{source}", np.nan) for source in senders] for to in names])
        for values in (result.shares, result.shares_se, result.shares_null)
    )
    # A receiver that never moves has no variance to share.
    text = [[f"{value:.2f}" if np.isfinite(value) else "none" for value in row] for row in share]
    hover = "%{y} from %{x}: %{customdata[0]}, null %{customdata[1]:.2g}"
    about = [
        [[said, n] for said, n in zip(format_values(*row), nulls, strict=True)]
        for row, nulls in zip(zip(share, error, strict=True), null, strict=True)
    ]
    cells = draw_cells(share, (-1.0, 1.0), theme.diverging, hover, text, x=senders, y=names, customdata=about)
    heading = f"{name + ': ' if name else ''}share of the receiver's variance"
    x = {"title": "from", "tickangle": -90, "showgrid": False}
    y = {"title": "", "autorange": "reversed", "showgrid": False}
    return Panel([cells], x, y, heading, of="groups", members=list(result.groups.values()))


def _courses(result: GroupMessages, keys: list[str], name: str, theme: Theme) -> Panel:
    traces: list[Any] = []
    for place, key in enumerate(key for key in keys if key in result.around_switch):
        traces += _course(result, key, theme.colour_of(place))
    heading = f"{name + ': ' if name else ''}length of the messages, {result.switches:,} switches"
    x = {"title": "steps from the switch", "range": [result.lags[0], result.lags[-1]]}
    y = {"title": "activity", "rangemode": "tozero"}
    return Panel(traces, x, y, heading, shapes=[draw_line_at(0, theme)], of="switch")


def _course(result: GroupMessages, key: str, colour: str) -> list[Any]:
    mean, error = result.around_switch[key], result.around_switch_se[key]
    known: Floats = np.where(np.isfinite(error), error, 0.0)
    hover = f"{key}<br>%{{x}} steps from the switch: %{{customdata}}<br>all steps: {result.all_steps[key]:.3g}"
    look = {"line": {"color": colour, "width": 2}, "customdata": format_values(mean, error)}
    line = draw("lines", result.lags, mean, key, hover, **look)
    if not np.isfinite(mean).any():
        return [line]
    return [draw_band(result.lags, mean - known, mean + known, colour, opacity=0.18), line]
