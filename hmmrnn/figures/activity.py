"""Pre-activation of chosen neurons and means of populations through time, with the output as the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.theme import Theme, layout

# Of the populations of one output, in their order.
DASHES = ("solid", "dash", "dot")
NEURON_OPACITY = 0.45


@dataclass(frozen=True, eq=False)
class PopulationTrace:
    """The mean over a population of neurons.

    Attributes:
        name: of the population, as the legend says it.
        output: the output that it ends or integrates noise for; -1 if it belongs to none.
        values: (T,) mean pre-activation; NaN from a divergence on.
    """

    name: str
    output: int
    values: NDArray[np.floating]


def activity(
    pre_activation: NDArray[np.floating],
    output: NDArray[np.integer],
    neurons: tuple[int, ...],
    group_output: tuple[int, ...],
    theme: Theme,
    populations: Sequence[PopulationTrace] = (),
) -> go.Figure:
    """Draw one run.

    Args:
        pre_activation: (T, G) of G neurons; NaN from a divergence on.
        output: (T,) output at each step.
        neurons: (G,) which neurons these are.
        group_output: (G,) the output whose kick group each belongs to.
        theme: colours of the ground.
        populations: means to draw as well, as thick lines; single neurons then stand back.
    """
    traces = [*_neurons(pre_activation, neurons, group_output, bool(populations), theme), *_means(populations, theme)]
    ends = [_end(pre_activation), *(_end(population.values[:, None]) for population in populations)]
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": "time (steps)", "range": [1, len(output)]},
        "yaxis": {"title": "pre-activation", "zeroline": True, "zerolinecolor": theme.text},
    }
    return go.Figure(traces, layout(theme, axes, shapes=_background(output[: min(ends)], theme), dragmode="pan"))


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
        traces.append(
            go.Scatter(
                x=steps,
                y=pre_activation[:, column].astype(np.float32),
                mode="lines",
                name=f"kick neurons of output {group}",
                legendgroup=str(group),
                showlegend=group not in named,
                line={"color": theme.outputs[group % len(theme.outputs)], "width": 1.2},
                opacity=NEURON_OPACITY if behind else 1,
                hovertemplate=f"neuron {neuron}<br>step %{{x}}: pre-activation %{{y:.2f}}<extra></extra>",
            )
        )
        named.add(group)
    return traces


def _means(populations: Sequence[PopulationTrace], theme: Theme) -> list[Any]:
    traces, drawn = [], [population.output for population in populations]
    for place, population in enumerate(populations):
        output, earlier = population.output, drawn[:place].count(population.output)
        colour = theme.muted if output < 0 else theme.outputs[output % len(theme.outputs)]
        traces.append(
            go.Scatter(
                x=np.arange(1, len(population.values) + 1),
                y=population.values.astype(np.float32),
                mode="lines",
                name=population.name,
                line={"color": colour, "width": 2.6, "dash": DASHES[earlier % len(DASHES)]},
                hovertemplate=f"{population.name}<br>step %{{x}}: pre-activation %{{y:.2f}}<extra></extra>",
            )
        )
    return traces


def _end(pre_activation: NDArray[np.floating]) -> int:
    """Number of steps before a divergence."""
    return int(np.isfinite(pre_activation).all(axis=1).sum())


def _background(output: NDArray[np.integer], theme: Theme) -> list[dict[str, Any]]:
    """One rectangle for each stretch of equal output."""
    edges = np.flatnonzero(np.diff(output)) + 1
    starts, ends = np.r_[0, edges], np.r_[edges, len(output)]
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": int(start) + 0.5,
            "x1": int(end) + 0.5,
            "y0": 0,
            "y1": 1,
            "fillcolor": theme.outputs[int(output[start]) % len(theme.outputs)],
            "opacity": 0.12,
            "line": {"width": 0},
            "layer": "below",
        }
        for start, end in zip(starts, ends, strict=True)
    ]
