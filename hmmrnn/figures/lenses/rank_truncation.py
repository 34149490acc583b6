"""Rank: switches, transitions, occupancy and leave rates of a network against the rank of its weights."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.figures.panels import Floats, Panel, Row, draw, draw_measured, split_columns, stack_rows, write_key
from hmmrnn.figures.theme import Theme
from hmmrnn.lenses.rank_truncation import KINDS, RankTruncation

HEIGHT, GAP = 230, 0.1
NAMES = {"weighted": "activity-weighted", "svd": "plain (SVD)", "random": "random directions"}
SYMBOLS = {"weighted": "circle", "svd": "diamond", "random": "x"}


def draw_rank(now: RankTruncation, intact: RankTruncation | None, theme: Theme) -> go.Figure:
    """Draw four measures against the rank; the full network is a dotted line, the intact one a grey curve."""
    colours = {"weighted": theme.accent, "svd": theme.outputs[0], "random": theme.muted}
    marks = [(NAMES[kind], colours[kind]) for kind in KINDS]
    grey = [("intact, activity-weighted", theme.ghost)] if intact is not None else []
    key = [write_key([*marks, *grey]), "dotted: full rank&nbsp;&nbsp;&nbsp;no marker: the network diverges"]
    panels = [
        _panel(now, intact, measure, colours, theme) for measure in ("switches", "transitions", "overlap", "left")
    ]
    columns = split_columns(2, GAP)
    return stack_rows([Row(panels[:2], columns, HEIGHT, key), Row(panels[2:], columns, HEIGHT)], theme)


def _panel(
    now: RankTruncation, intact: RankTruncation | None, measure: str, colours: dict[str, str], theme: Theme
) -> Panel:
    heading, unit, full = {
        "switches": ("switches of the output", "per step", now.switch_rate_full),
        "transitions": ("transitions between outputs", "mean difference of probabilities", None),
        "overlap": ("occupancy of the plane in common", "share", 1.0),
        "left": ("left out of what the weights do", "share of E|W h|²", None),
    }[measure]
    traces: list[Any] = []
    if intact is not None:
        mean, _ = _measured(intact, measure, "weighted")
        look = {"line": {"color": theme.ghost, "width": 2}}
        traces.append(draw("lines", intact.ranks, mean, "intact", "intact, rank %{x}: %{y:.3g}", **look))
    for kind in KINDS:
        mean, error = _measured(now, measure, kind)
        hover = f"{NAMES[kind]}, rank %{{x}}: %{{customdata}}<extra></extra>"
        about = {"symbol": SYMBOLS[kind], "hovertemplate": hover}
        traces.append(draw_measured(np.array(now.ranks), mean, error, NAMES[kind], colours[kind], theme, **about))
    x = {"title": "rank", "type": "log", "tickvals": list(now.ranks), "ticktext": list(map(str, now.ranks))}
    y: dict[str, Any] = {"title": unit, "rangemode": "tozero"}
    if full is not None:
        ends = {"x": [now.ranks[0], now.ranks[-1]], "y": [full, full]}
        traces.append(draw("lines", ends["x"], ends["y"], "full rank", line={"color": theme.muted, "dash": "dot"}))
    return Panel(traces, x, y, heading)


def _measured(result: RankTruncation, measure: str, kind: str) -> tuple[Floats, Floats]:
    unknown = np.full(len(result.ranks), np.nan)
    if measure == "switches":
        found = {
            "weighted": (result.switch_rate_weighted, result.switch_rate_weighted_se),
            "svd": (result.switch_rate_svd, result.switch_rate_svd_se),
            "random": (result.switch_rate_weighted_null, {}),
        }[kind]
        mean, error = (np.array([one.get(str(r), np.nan) for r in result.ranks]) for one in found)
        return mean, error
    values = {"transitions": result.transition_error, "overlap": result.overlap, "left": result.left_out}[measure]
    return values[kind], unknown
