"""Emergence: the mechanism in snapshots of a training."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.emergence import Emergence
from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer.experiments import EMERGENCE, EXPERIMENTS, whose_training
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.emergence import draw_emergence
from hmmrnn.figures.theme import Theme


def figures(_explored: Explored, traced: Emergence, theme: Theme) -> Sequence[go.Figure]:
    """Curves over the training, and the orbit of each snapshot."""
    return (draw_emergence(traced, theme),)


def caption(explored: Explored, traced: Emergence, _theme: Theme) -> str:
    """Whose training it is, the step where the orbit opens, and what the curves are of."""
    steps, at = traced.steps_done, traced.bifurcation
    opens = "no bifurcation" if at is None else f"the orbit opens at step {steps[at]:,}"
    return (
        f"{whose_training(explored)} {len(steps)} snapshots, steps {steps[0]:,} to {steps[-1]:,}: {opens}; each "
        f"{traced.trajectories} runs of {traced.steps} steps, {traced.states} spectra, sigma {traced.sigma:g}, "
        f"seed {traced.seed}"
    )


VIEW = View(
    id=EMERGENCE,
    title="Emergence",
    help="Snapshots of a training for this HMM (the line below says whose), each under the noise of the scenario: how "
    "often the output switches, how many states are unstable, how much a neuron is perturbed by noise, and the orbit "
    "in each snapshot's own plane; the slider goes through them. The step where the orbit opens is found, and marked "
    "on the loss. Interventions do not apply: the snapshots are other networks.",
    kind=TASK,
    compute=EXPERIMENTS[EMERGENCE].compute,
    figures=figures,
    caption=caption,
    tall=True,
    wide=True,
)
