"""How a network came about: its curves over training, and the plane of one snapshot, chosen by a slider.

The slider works in the browser alone: on the page, in a saved file and in a report. Each of its steps brings the points
of its snapshot, and rings around its values on the curves. It restyles traces and nothing else: frames keep the old
stretch of the plane, and at a change of the layout Dash draws the figure anew, with the slider where it began.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.experiments.emergence import Emergence
from hmmrnn.figures.panels import stretches
from hmmrnn.figures.theme import FONT_SIZE, Theme, layout

X_TITLE = "optimizer step"

# In pixels: the whole figure; around it; lines of text above a panel; where the panels of each column are, from the
# top; where the slider and what it says are.
HEIGHT = 780
LEFT, RIGHT, TOP, BOTTOM = 74, 12, 6, 46
CURVES = {"": (28, 178), "2": (226, 326), "3": (374, 474), "4": (560, 728)}
PLANE, PERTURBATION = (52, 374), (560, 728)
SLIDER_Y = 430
# Shares of the width.
LEFT_COLUMN, RIGHT_COLUMN = (0.0, 0.51), (0.61, 1.0)
ERROR_WIDTH = 1.2
# Of activity and of rates, which is more than can be seen.
DECIMALS = 4
# Of the outputs, as Plotly calls them and as letters.
MARKS = (("circle", "●"), ("square", "■"), ("diamond", "◆"))


def emergence(result: Emergence, theme: Theme, snapshot: int | None = None) -> go.Figure:
    """Draw a series of snapshots; the height of the layout is what the figure needs, in pixels.

    Args:
        result: curves and points of K snapshots.
        theme: colours of the ground.
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
    steps = [_step(_said(result, k), traces, first=len(curves)) for k, traces in enumerate(shown)]
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
    return go.Figure([*curves, *shown[snapshot]], layout(theme, axes, **own))


# ---- where things are ----


def _domain(span: tuple[int, int]) -> list[float]:
    """A stretch in pixels from the top of the plots, as shares of their height from the bottom."""
    return [1 - span[1] / (HEIGHT - TOP - BOTTOM), 1 - span[0] / (HEIGHT - TOP - BOTTOM)]


def _curve_axes() -> dict[str, dict[str, Any]]:
    """Curves share their steps: whoever zooms into one sees the same steps in all."""
    x = {"domain": list(LEFT_COLUMN), "tickformat": ",d"}
    y = {"fixedrange": True, "automargin": False, "nticks": 5}
    zero = {**y, "rangemode": "tozero"}
    log = {"type": "log", "dtick": 1, "tickformat": "~s"}
    bare = {"showticklabels": False, "matches": "x"}
    return {
        "xaxis": {**x, "anchor": "y", "showticklabels": False},
        "yaxis": {**zero, "title": "symbols", "domain": _domain(CURVES[""]), "anchor": "x"},
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
    orders = f"{_named('●', '1st order', first)}, {_named('◆', '2nd order', second)}"
    outputs = ", ".join(
        _named(MARKS[o % len(MARKS)][1], f"output {o}", theme.outputs[o % len(theme.outputs)]) for o in _outputs(result)
    )
    texts = (
        (LEFT_COLUMN[0], CURVES[""], "loss: Sinkhorn divergence (differing symbols)"),
        (LEFT_COLUMN[0], CURVES["2"], "changes of the output"),
        (
            LEFT_COLUMN[0],
            CURVES["3"],
            f"{_named('●', 'unstable eigenvalue', first)}, {_named('◆', 'critical pair', second)}",
        ),
        (LEFT_COLUMN[0], CURVES["4"], f"orbit radius{gone}"),
        (RIGHT_COLUMN[0], PERTURBATION, f"noise on a neuron: {orders}"),
        (RIGHT_COLUMN[0], PLANE, f"plane of one snapshot<br>{outputs}"),
    )
    return [*(_heading(text, x, _domain(span)[1]) for x, span, text in texts), *_levels(result, theme)]


def _named(symbol: str, text: str, colour: str) -> str:
    return f'<span style="color:{colour}">{symbol} {text}</span>'


def _levels(result: Emergence, theme: Theme) -> list[dict[str, Any]]:
    """Names of what is marked in the loss: its plateau and floor at their ends, the bifurcation at the foot."""
    font = {"size": FONT_SIZE, "color": theme.text}
    end = {"showarrow": False, "font": font, "xref": "x domain", "x": 0.9, "xanchor": "right", "yref": "y"}
    levels = (
        (result.loss_plateau, "independent symbols", "bottom"),
        (result.loss_floor, "HMM itself", "top"),
    )
    notes = [
        {**end, "y": value, "yanchor": side, "text": f"{name} {value:.1f}"}
        for value, name, side in levels
        if np.isfinite(value)
    ]
    if result.bifurcation is not None:
        step = int(result.steps_done[result.bifurcation])
        side = "left" if step < result.steps_done[[0, -1]].mean() else "right"
        text = {"text": f"orbit opens at step {step:,}", "font": {**font, "color": theme.accent}, "showarrow": False}
        notes.append({**text, "xref": "x", "x": step, "xanchor": side, "yref": "y domain", "y": 0, "yanchor": "bottom"})
    return notes


def _heading(text: str, x: float, y: float) -> dict[str, Any]:
    place = {"xref": "paper", "yref": "paper", "x": x, "y": y, "xanchor": "left", "yanchor": "bottom"}
    return {"text": text, "showarrow": False, "font": {"size": FONT_SIZE}, "align": "left", **place}


# ---- curves ----


def _pair(theme: Theme) -> tuple[str, str]:
    """Colours of the first and the second curve of a panel."""
    return theme.outputs[0], theme.outputs[2]


def _loss(result: Emergence, theme: Theme) -> list[Any]:
    levels = ((result.loss_plateau, "independent symbols (plateau)", "dot"), (result.loss_floor, "HMM (floor)", "dash"))
    ends = result.steps_done[[0, -1]]
    lines = [
        go.Scatter(
            x=ends,
            y=[value, value],
            mode="lines",
            name=name,
            line={"color": theme.text, "width": 1.5, "dash": dash},
            hovertemplate=f"{name}: {value:.3f}<extra></extra>",
        )
        for value, name, dash in levels
        if np.isfinite(value)
    ]
    traces = [*lines, _curve(result, result.loss, None, "loss", "", 0, theme)]
    at = result.bifurcation
    if at is not None:
        traces.append(
            go.Scatter(
                x=result.steps_done[[at]],
                y=result.loss[[at]],
                mode="markers",
                name="bifurcation",
                marker={"size": 13, "symbol": "star", "color": theme.accent},
                hovertemplate="bifurcation: step %{x:,}, loss %{y:.2f}<extra></extra>",
            )
        )
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
    values: NDArray[np.floating],
    error: NDArray[np.floating] | None,
    name: str,
    axis: str,
    which: int,
    theme: Theme,
) -> Any:
    """A curve over the steps with its standard errors; the second of a panel has another colour, symbol and dash."""
    colour = _pair(theme)[which]
    bars = {} if error is None else {"error_y": {"array": error, "width": 0, "thickness": ERROR_WIDTH, "color": colour}}
    return go.Scatter(
        x=result.steps_done,
        y=values,
        mode="lines+markers",
        name=name,
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        line={"color": colour, "width": 1.6, "dash": ("solid", "dash")[which]},
        marker={"size": 5, "symbol": ("circle", "diamond")[which]},
        hovertemplate=f"step %{{x:,}}<br>{name} %{{y:.3g}}<extra></extra>",
        **bars,
    )


def _marks(result: Emergence, theme: Theme) -> list[dict[str, Any]]:
    """The bifurcation as a line, and the steps where runs leave all bounds as bands, in both columns."""
    columns = _columns()
    style = {"fillcolor": theme.ghost, "opacity": 0.25, "line": {"width": 0}, "layer": "below"}
    bands = [
        {"type": "rect", **column, "x0": low, "x1": high, **style}
        for column in columns
        for low, high in stretches(result.diverged > 0, result.steps_done.astype(float))
    ]
    if result.bifurcation is None:
        return bands
    step = int(result.steps_done[result.bifurcation])
    line = {"color": theme.accent, "width": 1.5}
    return [*bands, *({"type": "line", **column, "x0": step, "x1": step, "line": line} for column in columns)]


def _columns() -> list[dict[str, Any]]:
    """Where lines across the curves run: through each panel."""
    return [{"xref": f"x{name}", "yref": f"y{name} domain", "y0": 0, "y1": 1} for name in ("", "2", "3", "4", "5")]


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
    return [
        go.Scatter(
            x=np.full(len(curves), step),
            y=np.array([curve[snapshot] for curve in curves]),
            mode="markers",
            name="snapshot shown",
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            marker={"size": 13, "symbol": "circle-open", "color": theme.text, "line": {"width": 2}},
            hoverinfo="skip",
        )
        for axis, curves in values.items()
    ]


def _plane(result: Emergence, snapshot: int, theme: Theme) -> list[Any]:
    """The states of one snapshot: the path of one run, and a trace for each output that any snapshot shows."""
    points, output = result.points[snapshot], result.output[snapshot]
    on = {"xaxis": "x6", "yaxis": "y6"}
    path = go.Scatter(
        x=points[0, :, 0],
        y=points[0, :, 1],
        mode="lines",
        name="one run",
        line={"color": theme.muted, "width": 0.8},
        hoverinfo="skip",
        **on,
    )
    states = [
        go.Scatter(
            x=points[output == o, 0],
            y=points[output == o, 1],
            mode="markers",
            name=f"output {o}",
            marker={
                "size": 4,
                "opacity": 0.8,
                "color": theme.outputs[o % len(theme.outputs)],
                "symbol": MARKS[o % len(MARKS)][0],
            },
            hovertemplate=f"output {o}<br>PC1 %{{x:.2f}}, PC2 %{{y:.2f}}<extra></extra>",
            **on,
        )
        for o in _outputs(result)
    ]
    return [_corners(points, **on), path, *states]


def _corners(points: NDArray[np.float32], **on: str) -> Any:
    """Two points that are not seen: both directions get the same scale, and the mean of the states the middle."""
    reach = np.abs(points).max()
    ends = np.array([-reach, reach]) if np.isfinite(reach) else np.array([-1.0, 1.0])
    return go.Scatter(x=ends, y=ends, mode="markers", name="corners", opacity=0, hoverinfo="skip", **on)


def _outputs(result: Emergence) -> list[int]:
    """The outputs that any snapshot shows."""
    return np.unique(result.output).tolist()


def _step(label: str, traces: list[Any], first: int) -> dict[str, Any]:
    """What changes when the slider comes to a snapshot: the places of these traces, from number `first` on."""
    places = {axis: [_numbers(trace[axis]) for trace in traces] for axis in ("x", "y")}
    return {"label": label, "method": "restyle", "args": [places, list(range(first, first + len(traces)))]}


def _numbers(values: NDArray[np.floating]) -> list[float | None]:
    """Values for the arguments of a step, which are sent as they are: rounded, and None where there is none."""
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
        # The labels say too much for a scale: only the one of the snapshot that is shown is written.
        "font": {"size": FONT_SIZE, "color": "rgba(0,0,0,0)"},
        "currentvalue": {"xanchor": "left", "font": {"size": FONT_SIZE, "color": theme.text}},
    }


def _said(result: Emergence, snapshot: int) -> str:
    step = f"step {result.steps_done[snapshot]:,}: "
    if result.diverged[snapshot]:
        return f"{step}{result.diverged[snapshot]} of {result.trajectories} runs leave all bounds"
    radius, share = result.radius[snapshot], 100 * result.plane_share[snapshot]
    return f"{step}radius {radius:,.{0 if radius >= 100 else 1}f}, {share:.0f} % of variance"
