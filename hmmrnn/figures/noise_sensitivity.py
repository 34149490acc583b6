"""The spread of rollouts from states of clusters and of transitions, under noise that is shared or their own."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.noise_sensitivity import NoiseSensitivity
from hmmrnn.figures.panels import (
    Floats,
    Panel,
    Row,
    draw,
    draw_band,
    format_values,
    split_columns,
    stack_rows,
    write_key,
)
from hmmrnn.figures.theme import REGION_LABELS, Theme

HEIGHT, GAP = 205, 0.085
DASHES = (("dot", "┈┈"), ("dash", "╌╌"), ("solid", "──"), ("dashdot", "─┈"), ("longdash", "━ ━"))


def draw_noise_sensitivity(result: NoiseSensitivity, theme: Theme) -> go.Figure:
    """Draw the spread over time; the height of the layout is what the figure needs, in pixels."""
    panels = [
        _panel(result, result.trace, result.trace_se, "trace of the covariance", "activity²", theme),
        _panel(result, result.distance, result.distance_se, "mean distance to the mean path", "activity", theme),
    ]
    marks = [f"{_dash(place)[1]} γ = {gamma:g}" for place, gamma in enumerate(result.gammas)]
    mixtures = write_key((), "own share of the noise:", *marks, "bands: ± 1 standard error between states")
    return stack_rows([Row(panels, split_columns(2, GAP), HEIGHT, [_states(result, theme), mixtures])], theme)


def _states(result: NoiseSensitivity, theme: Theme) -> str:
    marks = []
    for name, count, available, diverged in zip(
        result.regions, result.counts, result.available, result.diverged, strict=True
    ):
        states = f"{count} of {available:,} states" if available else "no state seen"
        lost = f", {diverged} diverge" if diverged else ""
        marks.append((f"{REGION_LABELS[name]} ({states}{lost})", theme.regions[name]))
    return write_key(marks, f"{result.rollouts} rollouts each, sigma = {result.sigma:g}")


def _dash(place: int) -> tuple[str, str]:
    return DASHES[place % len(DASHES)]


def _panel(result: NoiseSensitivity, mean: Floats, error: Floats, heading: str, unit: str, theme: Theme) -> Panel:
    traces: list[Any] = []
    for r, region in enumerate(result.regions):
        if result.counts[r]:
            for g in range(len(result.gammas)):
                traces += _curve(result, (r, g), mean[r, g], error[r, g], theme.regions[region])
    last = mean.shape[2]
    x = {"title": "steps after the state", "range": [0, last + 0.5], "nticks": 6}
    return Panel(traces, x, {"title": unit, "rangemode": "tozero", "nticks": 5}, heading)


def _curve(result: NoiseSensitivity, place: tuple[int, int], mean: Floats, error: Floats, colour: str) -> list[Any]:
    r, g = place
    steps = np.arange(1, len(mean) + 1)
    known = np.isfinite(mean) & np.isfinite(error)
    x, low, high = steps[known], (mean - error)[known], (mean + error)[known]
    band = draw_band(x, low, high, colour, opacity=0.18)
    name = f"{REGION_LABELS[result.regions[r]]}, γ = {result.gammas[g]:g}"
    look = {"line": {"color": colour, "width": 2, "dash": _dash(g)[0]}, "customdata": format_values(mean, error)}
    line = draw("lines", steps, mean, name, f"{name}<br>after %{{x}} steps: %{{customdata}}", **look)
    return [band, line] if len(x) else [line]
