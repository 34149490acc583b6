"""The emergence of the mechanism in training: curves over the steps, and the plane of one snapshot behind a slider.

The slider works in the browser alone: on the page, in a saved file and in a report. Each of its steps holds the points
of its snapshot, and rings around its values on the curves. It only restyles traces: frames would keep the old range of
the plane, and after a change of the layout Dash draws the figure anew, with the slider at its first place.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.emergence import Emergence
from hmmrnn.figures.panels import Floats, draw, find_stretches, paint
from hmmrnn.figures.theme import FONT_SIZE, Theme, make_band, make_layout, make_note

X_TITLE = "optimizer step"

# In pixels: the whole figure; around it; the panels of each column, from the top; the slider and its text.
HEIGHT = 780
LEFT, RIGHT, TOP, BOTTOM = 74, 12, 6, 46
CURVES = {"": (28, 178), "2": (226, 326), "3": (374, 474), "4": (560, 728)}
PLANE, PERTURBATION = (52, 374), (560, 728)
SLIDER_Y = 430
# Shares of the width.
LEFT_COLUMN, RIGHT_COLUMN = (0.0, 0.51), (0.61, 1.0)
ERROR_WIDTH = 1.2
# Of activity and of rates: more than can be seen.
DECIMALS = 4
# Of the outputs, as Plotly calls them and as letters.
MARKS = (("circle", "●"), ("square", "■"), ("diamond", "◆"))


def draw_emergence(result: Emergence, theme: Theme, snapshot: int | None = None) -> go.Figure:
    """Draw a series of snapshots; the height of the layout is what the figure needs, in pixels.

    Args:
        snapshot: position of the one whose plane is shown first; the last if None.

    Raises:
        ValueError: the snapshot is beyond the series.
    """
    last = len(result.steps_done) - 1
    snapshot = last if snapshot is None else snapshot
    if not 0 <= snapshot <= last:
        raise ValueError(f"snapshot must be 0 to {last}; got {snapshot}")
    curves = [*_loss(result, theme), *_rates(result, theme), *_sizes(result, theme)]
    shown = [[*_rings(result, k, theme), *_plane(result, k, theme)] for k in range(last + 1)]
    steps = [_step(_describe(result, k), traces, first=len(curves)) for k, traces in enumerate(shown)]
    own = {
        "height": HEIGHT,
        "margin": {"l": LEFT, "r": RIGHT, "t": TOP, "b": BOTTOM},
        "annotations": _headings(result, theme),
        "shapes": _marks(result, theme),
        "sliders": [_slider(steps, snapshot, theme)],
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": "zoom",
    }
    axes = {**_curve_axes(), **_plane_axes()}
    return go.Figure([*curves, *shown[snapshot]], make_layout(theme, axes, **own))


# ---- where things are ----


def _domain(span: tuple[int, int]) -> list[float]:
    """A stretch in pixels from the top of the plots, as shares of their height from the bottom."""
    return [1 - span[1] / (HEIGHT - TOP - BOTTOM), 1 - span[0] / (HEIGHT - TOP - BOTTOM)]


def _curve_axes() -> dict[str, dict[str, Any]]:
    """The curves share their axis of steps, so that a zoom into one shows the same steps in all."""
    x = {"domain": list(LEFT_COLUMN), "tickformat": ",d"}
    y = {"fixedrange": True, "automargin": False, "nticks": 5}
    zero = {**y, "rangemode": "tozero"}
    log = {"type": "log", "dtick": 1, "tickformat": "~s"}
    bare = {"showticklabels": False, "matches": "x"}
    return {
        "xaxis": {**x, "anchor": "y", "showticklabels": False},
        "yaxis": {**zero, "title": "differing symbols", "domain": _domain(CURVES[""]), "anchor": "x"},
        "xaxis2": {**x, **bare, "anchor": "y2"},
        "yaxis2": {**zero, "title": "per step", "domain": _domain(CURVES["2"]), "anchor": "x2"},
        "xaxis3": {**x, "matches": "x", "anchor": "y3", "title": X_TITLE},
        "yaxis3": {**zero, "title": "% of states", "domain": _domain(CURVES["3"]), "anchor": "x3"},
        "xaxis4": {**x, "matches": "x", "anchor": "y4", "title": X_TITLE},
        "yaxis4": {**y, **log, "title": "activity", "domain": _domain(CURVES["4"]), "anchor": "x4"},
        "xaxis5": {"domain": list(RIGHT_COLUMN), "tickformat": ",d", "matches": "x", "anchor": "y5", "title": X_TITLE},
        "yaxis5": {**zero, "title": "activity", "domain": _domain(PERTURBATION), "anchor": "x5"},
    }


def _plane_axes() -> dict[str, dict[str, Any]]:
    still = {"fixedrange": True, "nticks": 6, "tickformat": "~s"}
    return {
        "xaxis6": {**still, "title": "PC1 of h (activity)", "domain": list(RIGHT_COLUMN), "anchor": "y6"},
        "yaxis6": {**still, "title": "PC2 of h (activity)", "domain": _domain(PLANE), "anchor": "x6"},
    }


def _headings(result: Emergence, theme: Theme) -> list[dict[str, Any]]:
    """What each panel shows, above it; the names of its curves in their colours, with their symbols."""
    first, second = _pair(theme)
    gone = "; grey: runs leave all bounds" if result.diverged.any() else ""
    shares = f"{paint(first, '● unstable eigenvalue')}, {paint(second, '◆ critical pair')}"
    orders = f"{paint(first, '● 1st')}, {paint(second, '◆ 2nd order')}"
    outputs = ", ".join(paint(theme.colour_of(o), f"{MARKS[o % len(MARKS)][1]} output {o}") for o in _outputs(result))
    texts = (
        (LEFT_COLUMN[0], CURVES[""], "loss: Sinkhorn divergence"),
        (LEFT_COLUMN[0], CURVES["2"], "changes of the output"),
        (LEFT_COLUMN[0], CURVES["3"], shares),
        (LEFT_COLUMN[0], CURVES["4"], f"orbit radius{gone}"),
        (RIGHT_COLUMN[0], PERTURBATION, f"noise on a neuron: {orders}"),
        (RIGHT_COLUMN[0], PLANE, f"plane of one snapshot<br>{outputs}"),
    )
    place = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "align": "left"}
    headings = [make_note(text, x=x, y=_domain(span)[1], **place) for x, span, text in texts]
    return [*headings, *_levels(result, theme)]


def _levels(result: Emergence, theme: Theme) -> list[dict[str, Any]]:
    """The names of the lines in the panel of the loss: plateau, floor and bifurcation."""
    font = {"size": FONT_SIZE, "color": theme.text}
    end = {"font": font, "xref": "x domain", "x": 0.9, "xanchor": "right", "yref": "y"}
    levels = ((result.loss_plateau, "independent symbols", "bottom"), (result.loss_floor, "HMM itself", "top"))
    notes = [
        make_note(f"{name} {value:.1f}", y=value, yanchor=side, **end)
        for value, name, side in levels
        if np.isfinite(value)
    ]
    if result.bifurcation is not None:
        step = int(result.steps_done[result.bifurcation])
        side = "left" if step < result.steps_done[[0, -1]].mean() else "right"
        place = {"xref": "x", "x": step, "xanchor": side, "yref": "y domain", "y": 0, "yanchor": "bottom"}
        notes.append(make_note(f"orbit opens at step {step:,}", font={**font, "color": theme.accent}, **place))
    return notes


# ---- curves ----


def _pair(theme: Theme) -> tuple[str, str]:
    """Colours of the first and the second curve of a panel; those of the outputs mean outputs, in the plane."""
    return theme.text, theme.muted


def _loss(result: Emergence, theme: Theme) -> list[Any]:
    levels = ((result.loss_plateau, "independent symbols (plateau)", "dot"), (result.loss_floor, "HMM (floor)", "dash"))
    ends, line = result.steps_done[[0, -1]], {"color": theme.text, "width": 1.5}
    lines = [
        draw("lines", ends, [value] * 2, name, f"{name}: {value:.3f}", line={**line, "dash": dash})
        for value, name, dash in levels
        if np.isfinite(value)
    ]
    traces = [*lines, _curve(result, result.loss, None, "loss", "", 0, theme)]
    if result.bifurcation is not None:
        x, y = (values[[result.bifurcation]] for values in (result.steps_done, result.loss))
        hover, star = "bifurcation: step %{x:,}, loss %{y:.2f}", {"size": 13, "symbol": "star", "color": theme.accent}
        traces.append(draw("markers", x, y, "bifurcation", hover, marker=star))
    return traces


def _rates(result: Emergence, theme: Theme) -> list[Any]:
    percent = (
        (result.unstable_share, result.unstable_share_se, "unstable eigenvalue"),
        (result.critical_share, result.critical_share_se, "critical pair"),
    )
    return [
        _curve(result, result.transition_rate, result.transition_rate_se, "output changes", "2", 0, theme),
        *(_curve(result, 100 * y, 100 * se, name, "3", i, theme) for i, (y, se, name) in enumerate(percent)),
    ]


def _sizes(result: Emergence, theme: Theme) -> list[Any]:
    perturbations = (
        (result.first_order, result.first_order_se, "first order"),
        (result.second_order, result.second_order_se, "second order"),
    )
    return [
        _curve(result, result.radius, result.radius_se, "orbit radius", "4", 0, theme),
        *(_curve(result, y, se, name, "5", i, theme) for i, (y, se, name) in enumerate(perturbations)),
    ]


def _curve(
    result: Emergence,
    values: Floats,
    error: Floats | None,
    name: str,
    axis: str,
    which: int,
    theme: Theme,
) -> Any:
    """A curve over the steps with its standard errors; the second of a panel has another colour, symbol and dash."""
    colour = _pair(theme)[which]
    bars = {} if error is None else {"error_y": {"array": error, "width": 0, "thickness": ERROR_WIDTH, "color": colour}}
    look = {
        "line": {"color": colour, "width": 1.6, "dash": ("solid", "dash")[which]},
        "marker": {"size": 5, "symbol": ("circle", "diamond")[which]},
    }
    on, hover = {"xaxis": f"x{axis}", "yaxis": f"y{axis}"}, f"step %{{x:,}}<br>{name} %{{y:.3g}}"
    return draw("lines+markers", result.steps_done, values, name, hover, **look, **on, **bars)


def _marks(result: Emergence, theme: Theme) -> list[dict[str, Any]]:
    """The bifurcation as a line, and the steps where runs leave all bounds as bands, in both columns."""
    columns = [{"xref": f"x{name}", "yref": f"y{name} domain", "y0": 0, "y1": 1} for name in ("", "2", "3", "4", "5")]
    bands = [
        make_band(theme.ghost, low, high, opacity=0.25, **column)
        for column in columns
        for low, high in find_stretches(result.diverged > 0, result.steps_done.astype(float))
    ]
    if result.bifurcation is None:
        return bands
    step = int(result.steps_done[result.bifurcation])
    line = {"color": theme.accent, "width": 1.5}
    return [*bands, *({"type": "line", **column, "x0": step, "x1": step, "line": line} for column in columns)]


# ---- the plane and its slider ----


def _rings(result: Emergence, snapshot: int, theme: Theme) -> list[Any]:
    """Rings around the values of one snapshot, on each panel of curves."""
    values = {
        "": (result.loss,),
        "2": (result.transition_rate,),
        "3": (100 * result.unstable_share, 100 * result.critical_share),
        "4": (result.radius,),
        "5": (result.first_order, result.second_order),
    }
    step = result.steps_done[snapshot]
    look: dict[str, Any] = {"marker": {"size": 13, "symbol": "circle-open", "color": theme.text, "line": {"width": 2}}}
    rings = []
    for axis, curves in values.items():
        x, y = np.full(len(curves), step), np.array([curve[snapshot] for curve in curves])
        rings.append(draw("markers", x, y, "snapshot shown", xaxis=f"x{axis}", yaxis=f"y{axis}", **look))
    return rings


def _plane(result: Emergence, snapshot: int, theme: Theme) -> list[Any]:
    """The states of one snapshot: the path of one run, and a trace for each output that any snapshot shows."""
    points, output = result.points[snapshot], result.output[snapshot]
    on = {"xaxis": "x6", "yaxis": "y6"}
    traces = [_corners(points, **on)]
    x, y = points[0].T
    traces.append(draw("lines", x, y, "one run", line={"color": theme.muted, "width": 0.8}, **on))
    for o in _outputs(result):
        x, y = points[output == o].T
        name, hover = f"output {o}", f"output {o}<br>PC1 %{{x:.2f}}, PC2 %{{y:.2f}}"
        marker = {"size": 4, "opacity": 0.8, "color": theme.colour_of(o), "symbol": MARKS[o % len(MARKS)][0]}
        traces.append(draw("markers", x, y, name, hover, marker=marker, **on))
    return traces


def _corners(points: NDArray[np.float32], **on: str) -> Any:
    """Two invisible points that give both directions the same scale, with the mean of the states in the middle."""
    reach = np.abs(points).max()
    ends = np.array([-reach, reach]) if np.isfinite(reach) else np.array([-1.0, 1.0])
    return draw("markers", ends, ends, "corners", opacity=0, **on)


def _outputs(result: Emergence) -> list[int]:
    """The outputs that any snapshot shows."""
    return np.unique(result.output).tolist()


def _step(label: str, traces: list[Any], first: int) -> dict[str, Any]:
    """What changes when the slider comes to a snapshot: the places of these traces, from number `first` on."""
    places = {axis: [_numbers(trace[axis]) for trace in traces] for axis in ("x", "y")}
    return {"label": label, "method": "restyle", "args": [places, list(range(first, first + len(traces)))]}


def _numbers(values: Floats) -> list[float | None]:
    """Values for the arguments of a step, which are sent as JSON: rounded, and None for NaN."""
    return [round(value, DECIMALS) if np.isfinite(value) else None for value in values.tolist()]


def _slider(steps: list[dict[str, Any]], snapshot: int, theme: Theme) -> dict[str, Any]:
    return {
        "active": snapshot,
        "steps": steps,
        "x": RIGHT_COLUMN[0],
        "len": RIGHT_COLUMN[1] - RIGHT_COLUMN[0],
        "y": _domain((SLIDER_Y, SLIDER_Y))[0],
        "yanchor": "top",
        "pad": {"t": 0, "b": 0, "l": 0, "r": 0},
        "bgcolor": theme.grid,
        "activebgcolor": theme.muted,
        "bordercolor": theme.muted,
        "tickcolor": theme.muted,
        "minorticklen": 0,
        "ticklen": 0,
        # The labels are too long for a scale: only the one of the snapshot that is shown is written.
        "font": {"size": FONT_SIZE, "color": "rgba(0,0,0,0)"},
        "currentvalue": {"xanchor": "left", "font": {"size": FONT_SIZE, "color": theme.text}},
    }


def _describe(result: Emergence, snapshot: int) -> str:
    step = f"step {result.steps_done[snapshot]:,}: "
    if result.diverged[snapshot]:
        return f"{step}{result.diverged[snapshot]} of {result.trajectories} runs leave all bounds"
    radius, share = result.radius[snapshot], 100 * result.plane_share[snapshot]
    return f"{step}radius {radius:,.{0 if radius >= 100 else 1}f}, {share:.0f} % of variance"
