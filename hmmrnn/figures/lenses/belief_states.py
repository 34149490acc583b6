"""What activity tells of the belief and the belief of activity: around switches, and by region."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.lenses.curves import LABELS, beside_intact, draw_values, name_categories
from hmmrnn.figures.panels import Panel, Row, draw_band, draw_line_at, split_columns, stack_rows, write_key
from hmmrnn.figures.theme import REGION_LABELS, Theme
from hmmrnn.lenses.belief_states import Belief

HEIGHT, GAP = 260, 0.1
NAMES = ("belief from activity", "activity from belief")


def draw_belief(now: Belief, intact: Belief | None, theme: Theme) -> go.Figure:
    """Draw both shares of variance around a switch and by region, one row for each network."""
    return stack_rows([_row(result, name, theme) for name, result in beside_intact(now, intact)], theme)


def _row(result: Belief, name: str, theme: Theme) -> Row:
    colours = (theme.colour_of(0), theme.colour_of(2))
    overall = (result.r2_belief_from_h, result.r2_h_from_belief)
    around, regions = [], []
    for place, (label, colour) in enumerate(zip(NAMES, colours, strict=True)):
        value, error = result.around_switch[:, place], result.around_switch_se[:, place]
        around.append(draw_band(result.offset, value - error, value + error, colour, opacity=0.25))
        around.append(draw_values(result.offset, value, error, label, colour, theme, mode="lines"))
        known = [region for region, count in zip(result.regions, result.region_counts, strict=True) if count]
        there = [result.regions.index(region) for region in known]
        labels = [REGION_LABELS[region] for region in known]
        value, error = result.by_region[there, place], result.by_region_se[there, place]
        regions.append(draw_values(labels, value, error, label, colour, theme, mode="markers"))
    low = float(np.nanmin([np.nanmin(result.around_switch, initial=0.0), np.nanmin(result.by_region, initial=0.0)]))
    y = {"title": "share of variance explained", "range": [low - 0.05, 1.02]}
    x = {"title": f"steps from a switch ({result.switches:,} switches)", "dtick": 10}
    labels = [REGION_LABELS[region] for region in result.regions]
    panels = [
        Panel(around, x, y, f"{name}around a switch", shapes=[draw_line_at(0, theme)], of="switch"),
        Panel(regions, name_categories("region", labels), {**y, "title": ""}, f"{name}by region"),
    ]
    said = [f"{label}: {share:.3f}" for label, share in zip(NAMES, overall, strict=True)]
    return Row(panels, split_columns(2, GAP, LABELS), HEIGHT, [write_key(list(zip(said, colours, strict=True)))])
