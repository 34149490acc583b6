"""Pre-activation of chosen neurons through time, with the output as the background."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.figures.theme import Theme, layout


def activity(
    pre_activation: NDArray[np.floating],
    output: NDArray[np.integer],
    neurons: tuple[int, ...],
    group_output: tuple[int, ...],
    theme: Theme,
) -> go.Figure:
    """Draw one run.

    Args:
        pre_activation: (T, G) of G neurons; NaN from a divergence on.
        output: (T,) output at each step.
        neurons: (G,) which neurons these are.
        group_output: (G,) the output whose kick group each belongs to.
        theme: colours of the ground.
    """
    steps = np.arange(1, len(output) + 1)
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
                hovertemplate=f"neuron {neuron}<br>step %{{x}}: %{{y:.2f}}<extra></extra>",
            )
        )
        named.add(group)
    axes: dict[str, dict[str, Any]] = {
        "xaxis": {"title": "time (steps)", "range": [1, len(output)]},
        "yaxis": {"title": "pre-activation", "zeroline": True, "zerolinecolor": theme.text},
    }
    return go.Figure(
        traces, layout(theme, axes, shapes=_background(output[: _end(pre_activation)], theme), dragmode="pan")
    )


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
