"""Switching and stability against the gain mu of each population: one row per population, on common scales.

The last panel of a row shows the path of the network at three of the gains, in the plane of the intact network.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.gain_sweep import GainSweep
from hmmrnn.figures.panels import (
    Floats,
    Panel,
    Row,
    draw,
    draw_line_at,
    draw_measured,
    shade_unknown,
    split_columns,
    stack_rows,
    write_key,
)
from hmmrnn.figures.theme import FONT_SIZE, Theme, make_note
from hmmrnn.figures.words import say_count

HEIGHT, GAP = 150, 0.085
SCALED = {"recurrent": "recurrent input", "input": "noise input", "unit": "all input"}
# In radii of the intact orbit: the farthest that a path is drawn.
FARTHEST = 2.5
STEPS = [3, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000]
SYMBOLS = ("circle", "square", "diamond", "triangle-up")


def draw_gain_sweeps(sweeps: Mapping[str, GainSweep], theme: Theme) -> go.Figure:
    """Draw gain sweeps of one network; the height of the layout is what the figure needs, in pixels.

    Raises:
        ValueError: there are none.
    """
    if not sweeps:
        raise ValueError("sweeps must hold at least one gain sweep; got none")
    every = list(sweeps.values())
    scales = _scales(every)
    rows = [
        Row(
            [_leave_rate(one, scales, theme), *_means(one, scales, theme), _paths(one, scales, theme)],
            split_columns(4, GAP),
            HEIGHT,
            [*([] if place else _legend(every, theme)), _title(name, one)],
        )
        for place, (name, one) in enumerate(sweeps.items())
    ]
    return stack_rows(rows, theme)


def _legend(sweeps: list[GainSweep], theme: Theme) -> list[str]:
    one = sweeps[0]
    seen = np.any([np.isfinite(sweep.leave_rate).any(axis=0) for sweep in sweeps], axis=0)
    outputs = [(f"output {o}", theme.colour_of(o)) for o in range(len(seen)) if seen[o]]
    paths = [(f"mu = {mu:g}", colour) for mu, colour in zip(one.path_mu, _path_colours(theme), strict=True)]
    runs = (
        f"{one.trajectories} runs of {one.steps:,} steps at each gain, sigma = {one.sigma:g}; bars: ± 1 standard error"
    )
    pairs = "critical pairs: ● just before a switch, □ at any state"
    return [runs, write_key(outputs, "× output not visited"), f"paths: {write_key(paths, pairs)}"]


def _title(name: str, sweep: GainSweep) -> str:
    count = len(sweep.neurons)
    return f"<b>{name}</b> ({say_count(count, 'neuron')}, {SCALED[sweep.target]} × mu)"


def _path_colours(theme: Theme) -> tuple[str, str, str]:
    """Silenced, intact (the ghost, as everywhere) and doubled."""
    return theme.accent, theme.ghost, theme.text


def _scales(sweeps: list[GainSweep]) -> dict[str, list[float]]:
    """Ranges that hold the values of all sweeps, so that rows can be compared."""
    rate = [np.nan_to_num(mean + np.nan_to_num(error)).max() for mean, error in map(_per_thousand, sweeps)]
    pairs = [
        np.nan_to_num(mean + np.nan_to_num(error)).max()
        for one in sweeps
        for mean, error in (
            (one.critical_pairs, one.critical_pairs_se),
            (one.critical_pairs_anywhere, one.critical_pairs_anywhere_se),
        )
    ]
    interval = np.concatenate([one.interval for one in sweeps])
    interval = np.log10(interval[np.isfinite(interval)])
    # Room below zero for what is not visited.
    return {
        "rate": [-0.08 * (max(rate) or 1.0), 1.05 * (max(rate) or 1.0)],
        "interval": [interval.min() - 0.15, interval.max() + 0.15] if len(interval) else [0.0, 3.0],
        "pairs": [-0.08 * (max(pairs) or 1.0), 1.05 * (max(pairs) or 1.0)],
        "x": _path_range(sweeps, 0),
        "y": _path_range(sweeps, 1),
    }


def _path_range(sweeps: list[GainSweep], axis: int) -> list[float]:
    points = np.concatenate([one.paths[..., axis].reshape(len(one.path_mu), -1) for one in sweeps], axis=1)
    intact = points[1][np.isfinite(points[1])]
    every = points[np.isfinite(points)]
    if not len(every):
        return [-1.0, 1.0]
    low, high = every.min(), every.max()
    if len(intact) and intact.max() > intact.min():
        middle, half = (intact.max() + intact.min()) / 2, FARTHEST * (intact.max() - intact.min()) / 2
        low, high = max(low, middle - half), min(high, middle + half)
    margin = 0.05 * ((high - low) or 1.0)
    return [float(low - margin), float(high + margin)]


def _gain_axis(sweep: GainSweep) -> dict[str, Any]:
    low, high = float(sweep.mu.min()), float(sweep.mu.max())
    margin = 0.04 * ((high - low) or 1.0)
    return {"title": "gain mu", "range": [low - margin, high + margin], "nticks": 4}


def _per_thousand(sweep: GainSweep) -> tuple[Floats, Floats]:
    """(O, G) leave rates in 1,000 steps, and their errors."""
    return 1000 * sweep.leave_rate.T, 1000 * sweep.leave_rate_se.T


def _leave_rate(sweep: GainSweep, scales: dict[str, list[float]], theme: Theme) -> Panel:
    traces: list[Any] = []
    for output, (rate, error) in enumerate(zip(*_per_thousand(sweep), strict=True)):
        if np.isnan(rate).all():
            continue
        look = {
            "symbol": SYMBOLS[output % len(SYMBOLS)],
            "hovertemplate": _hover(f"output {output} is left", " times in 1,000 steps"),
        }
        traces.append(draw_measured(sweep.mu, rate, error, f"output {output}", theme.colour_of(output), theme, **look))
        missed = np.isnan(rate) & ~sweep.diverged
        if missed.any():
            traces.append(_not_visited(sweep.mu[missed], output, scales["rate"][0] / 2, theme))
    notes, shapes = shade_unknown({"diverges": sweep.diverged}, sweep.mu, theme)
    y = {"title": "in 1,000 steps", "range": scales["rate"], "nticks": 4}
    return Panel(traces, _gain_axis(sweep), y, "leave rate", notes, [*shapes, draw_line_at(1, theme)])


def _not_visited(mu: Floats, output: int, height: float, theme: Theme) -> Any:
    """Crosses below zero, where no rate can be."""
    marker = {"color": theme.colour_of(output), "symbol": "x-thin-open", "size": 7}
    name, hover = f"output {output} not visited", f"mu = %{{x:.2g}}: output {output} is not visited"
    return draw("markers", mu, np.full(len(mu), height), name, hover, marker=marker)


def _hover(what: str, unit: str = "") -> str:
    return f"mu = %{{x:.2g}}: {what} %{{customdata}}{unit}<extra></extra>"


def _means(sweep: GainSweep, scales: dict[str, list[float]], theme: Theme) -> list[Panel]:
    """Steps per switch, and critical pairs."""
    mu = sweep.mu
    still = np.isnan(sweep.interval) & ~sweep.diverged
    notes, shapes = shade_unknown({"diverges": sweep.diverged, "no switch seen": still}, mu, theme)
    shapes.append(draw_line_at(1, theme))
    hover = _hover("steps per switch")
    between = draw_measured(mu, sweep.interval, sweep.interval_se, "interval", theme.text, theme, hovertemplate=hover)
    hover = _hover("critical pairs anywhere")
    mean, error = sweep.critical_pairs_anywhere, sweep.critical_pairs_anywhere_se
    look = {"symbol": "square-open", "dash": "dot", "hovertemplate": hover}
    anywhere = draw_measured(mu, mean, error, "critical pairs anywhere", theme.muted, theme, **look)
    hover = _hover("critical pairs before switches")
    mean, error = sweep.critical_pairs, sweep.critical_pairs_se
    before = draw_measured(mu, mean, error, "critical pairs before switches", theme.text, theme, hovertemplate=hover)
    steps = {"title": "steps", "type": "log", "range": scales["interval"], "tickvals": STEPS}
    count = {"title": "mean count", "range": scales["pairs"], "nticks": 4}
    return [
        Panel([between], _gain_axis(sweep), steps, "mean interval", notes, shapes),
        Panel([anywhere, before], _gain_axis(sweep), count, "critical pairs", notes, shapes),
    ]


def _paths(sweep: GainSweep, scales: dict[str, list[float]], theme: Theme) -> Panel:
    traces = []
    # The intact one at the back, the silenced one, which is often the smallest, in front.
    for place in (1, 2, 0):
        mu, colour = sweep.path_mu[place], _path_colours(theme)[place]
        runs = sweep.paths[place, ..., :2]
        gap = np.full((len(runs), 1, 2), np.nan)
        points = np.concatenate([runs, gap], axis=1).reshape(-1, 2).astype(np.float32)
        name, hover = f"mu = {mu:g}", f"mu = {mu:g}<br>PC1 %{{x:.2f}}, PC2 %{{y:.2f}}"
        traces.append(draw("lines", points[:, 0], points[:, 1], name, hover, line={"color": colour, "width": 1}))
    lost = [f"mu = {mu:g}" for mu, runs in zip(sweep.path_mu, sweep.paths, strict=True) if np.isnan(runs).all()]
    corner = {"x": scales["x"][0], "xanchor": "left", "y": 1, "yanchor": "top"}
    look = {"font": {"size": FONT_SIZE, "color": theme.muted}, "bgcolor": theme.ground}
    notes = [make_note(f"{', '.join(lost)}: diverges", **corner, **look)] if lost else []
    x, y = ({"title": f"PC{axis + 1} (activity)", "range": scales[name], "nticks": 4} for axis, name in enumerate("xy"))
    return Panel(traces, x, y, "path in the plane", notes)
