"""Formation: the mechanism and the fidelity in snapshots of a training."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.formation import Formation
from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer.experiments import EXPERIMENTS, FORMATION, whose_training
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.formation import draw_formation
from hmmrnn.figures.theme import Theme
from hmmrnn.report.formation import describe_formation
from hmmrnn.report.reference import published_formation


def figures(explored: Explored, found: Formation, theme: Theme) -> Sequence[go.Figure]:
    """Loss, switching, fidelity, weights and silencing over the training."""
    family = explored.hmm.name if explored.hmm else None
    return (draw_formation(found, published_formation(family), theme),)


def caption(explored: Explored, found: Formation, _theme: Theme) -> str:
    """Whose training it is, what the last snapshot shows, and what the numbers are of."""
    return (
        f"{whose_training(explored)} {describe_formation(found)} {len(found.steps_done)} snapshots; leave rates of "
        f"{found.runs} runs of {found.steps} steps, {found.null.shape[2]} random triples, seed {found.seed}"
    )


VIEW = View(
    id=FORMATION,
    title="Formation",
    help="The same training: when a few neurons come to trap the state, and whether the network still is its HMM. "
    "Of each snapshot the three and the six neurons with the highest score for leaving an output are silenced, their "
    "recurrent input alone, as in the paper, or all their input; the leave rate is given over that of the snapshot as "
    "it is, on the same noise. Dotted lines are the values of the paper's own network. A network whose loss is below "
    "that of the HMM itself emits sequences that are more typical than the HMM's own.",
    kind=TASK,
    of="network",
    compute=EXPERIMENTS[FORMATION].compute,
    figures=figures,
    caption=caption,
    tall=True,
    wide=True,
)
