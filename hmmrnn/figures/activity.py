"""Pre-activation of chosen neurons and means of populations through time, with the output as the background."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.panels import draw, draw_cells
from hmmrnn.figures.theme import Theme, make_band, make_colour_bar, make_layout

# Of the populations of one output, in their order.
DASHES = ("solid", "dash", "dot")
NEURON_OPACITY = 0.45
# The share of the values of a raster that its colours reach.
EXTREME = 0.98
PLACE = "step %{x}: pre-activation %{y:.2f}"


@dataclass(frozen=True, eq=False)
class PopulationTrace:
    """The mean over a population of neurons."""

    name: str  # of the population, as the legend says it
    output: int  # the output that it ends or integrates noise for; -1 if it belongs to none
    values: NDArray[np.floating]  # (T,) mean pre-activation; NaN from a divergence on


def draw_activity(
    pre_activation: NDArray[np.floating],
    output: NDArray[np.integer],
    neurons: tuple[int, ...],
    group_output: tuple[int, ...],
    theme: Theme,
    populations: Sequence[PopulationTrace] = (),
) -> go.Figure:
    """Draw pre-activations (T, G) of one run, up to a divergence, behind the means of populations if there are any."""
    traces = [*_neurons(pre_activation, neurons, group_output, bool(populations), theme), *_means(populations, theme)]
    ends = [_end(pre_activation), *(_end(population.values[:, None]) for population in populations)]
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": "time (steps)", "range": [1, len(output)]},
        "yaxis": {"title": "pre-activation", "zeroline": True, "zerolinecolor": theme.text},
    }
    return go.Figure(traces, make_layout(theme, axes, shapes=_background(output[: min(ends)], theme), dragmode="pan"))


def draw_raster(pre_activation: NDArray[np.floating], output: NDArray[np.integer], theme: Theme) -> go.Figure:
    """Draw pre-activations (T, N) of one run as a raster of all neurons by index, over the output as a strip."""
    steps, size = np.arange(1, len(output) + 1), np.abs(pre_activation[np.isfinite(pre_activation)])
    # A few large values would leave the rest without contrast.
    bound = float(np.quantile(size, EXTREME)) if size.size else 0.0
    cells = draw_cells(
        pre_activation.T.astype(np.float32),
        (-(bound or 1.0), bound or 1.0),
        theme.diverging,
        "neuron %{y}<br>step %{x}: pre-activation %{z:.2f}",
        x=steps,
        name="pre-activation",
        showscale=True,
        colorbar=make_colour_bar("pre-activation"),
    )
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": "time (steps)", "range": [1, len(output)], "anchor": "y2"},
        "yaxis": {"title": "neuron", "domain": [0.1, 1.0], "autorange": "reversed", "showgrid": False},
        "yaxis2": {"visible": False, "domain": [0.0, 0.06], "range": [0, 1]},
    }
    end = _end(pre_activation)
    strip = [{**band, "yref": "y2 domain", "opacity": 1} for band in _background(output[:end], theme)]
    return go.Figure([cells], make_layout(theme, axes, shapes=strip, dragmode="pan"))


def _neurons(
    pre_activation: NDArray[np.floating],
    neurons: tuple[int, ...],
    group_output: tuple[int, ...],
    behind: bool,
    theme: Theme,
) -> list[Any]:
    steps = np.arange(1, len(pre_activation) + 1)
    traces: list[Any] = []
    named: set[int] = set()
    for column, (neuron, group) in enumerate(zip(neurons, group_output, strict=True)):
        look = {"line": {"color": theme.colour_of(group), "width": 1.2}, "opacity": NEURON_OPACITY if behind else 1}
        legend = {"legendgroup": str(group), "showlegend": group not in named}
        values, name = pre_activation[:, column].astype(np.float32), f"kick neurons of output {group}"
        traces.append(draw("lines", steps, values, name, f"neuron {neuron}<br>{PLACE}", **look, **legend))
        named.add(group)
    return traces


def _means(populations: Sequence[PopulationTrace], theme: Theme) -> list[Any]:
    traces, drawn = [], [population.output for population in populations]
    for place, population in enumerate(populations):
        output, earlier = population.output, drawn[:place].count(population.output)
        colour = theme.muted if output < 0 else theme.colour_of(output)
        line = {"color": colour, "width": 2.6, "dash": DASHES[earlier % len(DASHES)]}
        steps, values = np.arange(1, len(population.values) + 1), population.values.astype(np.float32)
        traces.append(draw("lines", steps, values, population.name, f"{population.name}<br>{PLACE}", line=line))
    return traces


def _end(pre_activation: NDArray[np.floating]) -> int:
    """Number of steps before a divergence."""
    return int(np.isfinite(pre_activation).all(axis=1).sum())


def _background(output: NDArray[np.integer], theme: Theme) -> list[dict[str, Any]]:
    """One rectangle for each stretch of equal output."""
    edges = np.flatnonzero(np.diff(output)) + 1
    starts, ends = np.r_[0, edges], np.r_[edges, len(output)]
    look = {"xref": "x", "yref": "paper", "opacity": 0.12}
    return [
        make_band(theme.colour_of(int(output[start])), int(start) + 0.5, int(end) + 0.5, **look)
        for start, end in zip(starts, ends, strict=True)
    ]
