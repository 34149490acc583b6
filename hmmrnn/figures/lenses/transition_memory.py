"""Memory by the lag, and the graph of regions as a matrix of its ways."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.lenses.curves import beside_intact, draw_values, name_categories
from hmmrnn.figures.panels import Panel, Row, draw_cells, split_columns, stack_rows, write_key
from hmmrnn.figures.theme import REGION_LABELS, Theme
from hmmrnn.lenses.transition_memory import Memory, TransitionGraph

HEIGHT, CELL, NAMES = 240, 30, 0.2
# Ways that are rarer have no number.
WRITTEN = 0.005


def draw_memory(now: Memory, intact: Memory | None, theme: Theme) -> go.Figure:
    """Draw memory by the lag, and below it the ways between regions, of the network as it is now and the intact one."""
    shown = beside_intact(now, intact)
    rows = [_curves(shown, theme)]
    for name, result in shown:
        rows.append(_ways(result.graph, name, theme))
    return stack_rows(rows, theme)


def _curves(shown: list[tuple[str, Memory]], theme: Theme) -> Row:
    now = shown[0][1]
    lags = list(now.accuracy)
    colour = theme.colour_of(0)
    traces = [
        draw_values(
            lags, list(now.accuracy_null.values()), None, "labels of other runs", theme.ghost, theme, dash="dot"
        ),
        draw_values(lags, list(now.bayes.values()), None, "HMM's hidden state (Bayes)", theme.text, theme, dash="dash"),
        draw_values(lags, list(now.naive.values()), list(now.naive_se.values()), "present output", theme.muted, theme),
        draw_values(lags, list(now.accuracy.values()), list(now.accuracy_se.values()), "activity", colour, theme),
    ]
    marks = [("activity", colour), ("present output", theme.muted), ("HMM's hidden state", theme.text)]
    marks.append(("labels of other runs", theme.ghost))
    for _, intact in shown[1:]:
        values, errors = list(intact.accuracy.values()), list(intact.accuracy_se.values())
        traces.append(draw_values(lags, values, errors, "activity, intact", theme.accent, theme))
        marks.append(("activity, intact", theme.accent))
    y = {"title": "share of right answers"}
    panel = Panel(traces, name_categories("steps back", lags), y)
    return Row([panel], split_columns(1, 0), HEIGHT, [write_key(marks)])


def _ways(graph: TransitionGraph, name: str, theme: Theme) -> Row:
    regions = [REGION_LABELS[region] for region in graph.region]
    names = [f"{output} {region}" for output, region in zip(graph.output, regions, strict=True)]
    stays = [f"{label} ({dwell:.1f})" for label, dwell in zip(names, graph.dwell, strict=True)]
    percent = 100 * graph.probability
    text = [[f"{value:.0f}" if value >= 100 * WRITTEN else "" for value in row] for row in percent]
    by_chance = np.stack([graph.probability_se, graph.probability_null], axis=-1) * 100
    hover = "from %{y} to %{x}: %{z:.1f} ± %{customdata[0]:.1f} %, %{customdata[1]:.1f} % in random order"
    colours = [[0.0, theme.ground], [1.0, theme.colour_of(0)]]
    cells = draw_cells(
        np.nan_to_num(percent), (0, 150), colours, hover, text, x=names, y=stays, customdata=by_chance, xgap=1, ygap=1
    )
    gain = f"order gain {graph.order_gain:.3f} ± {graph.order_gain_se:.1g} nats per step"
    line = f"{name}% of the ways out of each region; mean steps of a visit in brackets; {gain}"
    x = {**name_categories("next", names), "tickangle": -45}
    y = {**name_categories("", stays), "range": [len(stays) - 0.5, -0.5]}
    chance = f"(chains without memory: {graph.order_gain_null:.3f}, 95 % below {graph.order_gain_band:.3f})"
    return Row([Panel([cells], x, y)], split_columns(1, 0, NAMES), CELL * len(names), [line, chance], foot=130)
