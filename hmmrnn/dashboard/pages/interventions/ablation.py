"""The paper's ablations: critical pairs and switches against the gain, beside the published curves."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.published.ablation import Ablations
from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer.experiments import ABLATION, EXPERIMENTS
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.ablation import describe_ablations, draw_ablations
from hmmrnn.figures.theme import Theme
from hmmrnn.report.reference import published_ablation


def figures(_explored: Explored, found: Ablations, theme: Theme) -> Sequence[go.Figure]:
    """A row for each kick triple, and one of switches."""
    return (draw_ablations(found, published_ablation(), theme),)


def caption(explored: Explored, found: Ablations, _theme: Theme) -> str:
    """What silencing each triple does, in how many runs."""
    return f"{describe_ablations(found)}; sigma 1, seed {explored.scenario.seed}"


VIEW = View(
    id=ABLATION,
    title="As published",
    help="The paper's own procedure. The three neurons with the highest score for leaving an output are a kick triple; "
    "the gain scales their recurrent input, or the noise input of their 60 strongest inputs, or that of the control. "
    "Critical pairs are counted in the 30 Jacobians around each upward switch and summed; where a run has fewer than "
    "two, the windows lie at the switches of gain 1, so the low values there are of a network that no longer switches. "
    "Grey: the published curves of one two-state network. There one triple stops the switching at gains up to 0.3 in "
    "all nine runs, and the other never does. The gain sweep measures the same with more runs and with leave rates.",
    kind=TASK,
    compute=EXPERIMENTS[ABLATION].compute,
    figures=figures,
    caption=caption,
    tall=True,
    wide=True,
)
