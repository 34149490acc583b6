"""What students of sparse recordings know of other neurons, their leave rates, and groups silenced in both."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from hmmrnn.figures.lenses.curves import LABELS, beside_intact, draw_values, name_categories
from hmmrnn.figures.panels import Panel, Row, split_columns, stack_rows, write_key
from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.sparse_recordings import SparseRecordings

HEIGHT, GAP = 230, 0.09
MEASURES = (("r2_unseen", "R² of unseen neurons"), ("agreement", "steps with the same output"))


def draw_sparse(now: SparseRecordings, intact: SparseRecordings | None, theme: Theme) -> go.Figure:
    """Draw what students know, by the share of neurons that was recorded, in two rows for each network."""
    rows = []
    for name, result in beside_intact(now, intact):
        marks = [("student", theme.colour_of(0)), ("outputs alone", theme.ghost)]
        panels = [_measure(result, *measure, name, theme) for measure in MEASURES]
        rows.append(Row(panels, split_columns(2, GAP, LABELS), HEIGHT, [write_key(marks)]))
        rows.append(Row([_rates(result, theme), _groups(result, theme)], split_columns(2, GAP, LABELS), HEIGHT))
    return stack_rows(rows, theme)


def _measure(result: SparseRecordings, field: str, words: str, name: str, theme: Theme) -> Panel:
    value, error, null = (getattr(result, f"{field}{end}") for end in ("", "_se", "_null"))
    shares = list(value)
    traces = [
        draw_values(shares, list(null.values()), None, "outputs alone", theme.ghost, theme, dash="dot"),
        draw_values(shares, list(value.values()), list(error.values()), "student", theme.colour_of(0), theme),
    ]
    axis = name_categories("share of neurons recorded (m / N)", shares)
    return Panel(traces, axis, {"title": "share", "rangemode": "tozero"}, f"{name}{words}")


def _rates(result: SparseRecordings, theme: Theme) -> Panel:
    order = ["teacher", *result.r2_unseen, "outputs"]
    outputs = range(len(result.leave_rate["teacher"]))
    traces = [
        draw_values(
            order,
            [result.leave_rate[key][output] for key in order],
            [result.leave_rate_se[key][output] for key in order],
            f"output {output}",
            theme.colour_of(output),
            theme,
            mode="markers",
        )
        for output in outputs
    ]
    y = {"title": "leave rate (per step)", "rangemode": "tozero"}
    return Panel(traces, name_categories("teacher, m / N, outputs alone", order), y, "leave rates, by output")


def _groups(result: SparseRecordings, theme: Theme) -> Panel:
    order = ["teacher", *result.r2_unseen]
    traces: list[Any] = [
        draw_values(order, [ratios[key] for key in order], None, name, theme.colour_of(place), theme)
        for place, (name, ratios) in enumerate(result.group_ratio.items())
    ]
    y = {"title": "switches (silenced / intact)", "rangemode": "tozero"}
    heading = "groups silenced, matched neuron by neuron" if traces else "no group was given to silence"
    return Panel(traces, name_categories("teacher, m / N", order), y, heading)
