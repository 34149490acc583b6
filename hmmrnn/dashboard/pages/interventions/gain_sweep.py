"""Gain sweep: switches, regularity and critical pairs against the gain of a population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.gain_sweep import GainSweep
from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer.experiments import EXPERIMENTS, GAIN_SWEEP
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.gain_sweep import draw_gain_sweeps
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count


def figures(_explored: Explored, sweeps: Mapping[str, GainSweep], theme: Theme) -> Sequence[go.Figure]:
    """A row for each population."""
    return (draw_gain_sweeps(sweeps, theme),)


def caption(explored: Explored, sweeps: Mapping[str, GainSweep], _theme: Theme) -> str:
    """How many gains, populations and runs."""
    one = next(iter(sweeps.values()))
    runs = f"{one.trajectories} runs of {one.steps:,} steps each"
    text = (
        f"{len(one.mu)} gains of {say_count(len(sweeps), 'population')}: {runs}, sigma {one.sigma:g}, seed {one.seed}"
    )
    return text if explored.scenario.pair is None else f"{text}; paths: every step, in the plane of the pair"


VIEW = View(
    id=GAIN_SWEEP,
    title="Gain sweep",
    help="The input of a population is turned down or up. The gain mu goes from 0 (silenced) over 1 (as it is) to 2 "
    "(doubled), under the same noise: on the recurrent input of the kick neurons, on the noise input of the "
    "populations that feed them, and on all input of the control population. Critical pairs are eigenvalues of the "
    "Jacobian near the unit circle that turn the state; they are counted shortly before switches.",
    kind=TASK,
    compute=EXPERIMENTS[GAIN_SWEEP].compute,
    figures=figures,
    caption=caption,
    tall=True,
    wide=True,
)
