"""Noise: orbit, time between switches and regularity against sigma, and the spread of runs that share their noise."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer.experiments import EXPERIMENTS, NOISE, NoiseEffects
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.noise_sensitivity import draw_noise_sensitivity
from hmmrnn.figures.noise_sweep import draw_noise_sweep
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count

SENSITIVITY = "sensitivity"


def figures(_explored: Explored, effects: NoiseEffects, theme: Theme) -> Sequence[go.Figure | None]:
    """The sweep of sigma, and below it the spread."""
    spread = effects.sensitivity
    return (
        draw_noise_sweep(effects.sweep, effects.resonance, theme),
        None if spread is None else draw_noise_sensitivity(spread, theme),
    )


def caption(_explored: Explored, effects: NoiseEffects, _theme: Theme) -> str:
    """How many strengths, runs and states the curves are of."""
    sweep, spread = effects.sweep, effects.sensitivity
    runs = f"{sweep.trajectories} runs of {sweep.steps:,} steps each"
    text = f"{len(sweep.sigmas)} strengths of the noise: {runs}, seed {sweep.seed}"
    if spread is None:
        return f"{text}; spread: the network as it is now visits neither clusters nor transitions"
    states = " and ".join(
        say_count(count, f"{region} state") for region, count in zip(spread.regions, spread.counts, strict=True)
    )
    return f"{text}; spread from {states}, {spread.rollouts} rollouts each"


VIEW = View(
    id=NOISE,
    title="Noise",
    help="Against the strength of the noise: the size of the orbit, the time between switches and how regular it is. "
    "Without a bias the activity is proportional to sigma, and nothing else changes. Regularity against the gain "
    "of the kick neurons shows the resonance. Below, how far runs from one state come apart when all share their "
    "noise, half of it, or nothing: clusters spread, transitions hardly.",
    kind=TASK,
    compute=EXPERIMENTS[NOISE].compute,
    figures=figures,
    caption=caption,
    graphs=(NOISE, SENSITIVITY),
    tall=True,
    wide=True,
)
