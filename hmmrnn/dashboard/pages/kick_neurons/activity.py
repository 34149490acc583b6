"""Activity: pre-activation of the kick neurons through the first run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.populations import INTEGRATING, KICK
from hmmrnn.analysis.trajectory_summary import Singles
from hmmrnn.dashboard.view import FAST, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.activity import PopulationTrace, draw_activity, draw_raster
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count

MEAN_LABELS = {KICK: "kick neurons of {}, mean", INTEGRATING: "integrators for {}, mean"}


@dataclass(frozen=True, eq=False)
class Activity:
    """The kick neurons and populations in the first run; of a network without any, all neurons.

    Attributes:
        neurons: the kick neurons; () if the network has none.
        group_output: the output of each one's group.
        pre_activation: (T, G) of each; (T, N) of all where there are none.
        output: (T,) of the network.
        means: of the populations.
    """

    neurons: tuple[int, ...]
    group_output: tuple[int, ...] = ()
    pre_activation: Singles | None = None
    output: NDArray[np.int8] | None = None
    means: tuple[PopulationTrace, ...] = ()


def compute(explored: Explored) -> Activity:
    """The kick neurons' activity, if the search has found any."""
    found = queries.kick_neurons_of.known(explored)
    groups = () if found is None else found.groups
    # A neuron may be in the groups of several exits out of an output.
    members = list(dict.fromkeys((int(i), group.output) for group in groups for i in group.neurons))
    if not members:
        everything = queries.pre_activation_of(explored, tuple(range(explored.network.n_neurons)))
        return Activity((), pre_activation=everything[0], output=queries.summary_of(explored).output[0])
    neurons, outputs = zip(*members, strict=True)
    means = [
        PopulationTrace(MEAN_LABELS[role].format(output), output, mean)
        for (role, output), mean in queries.population_means_of(explored).items()
    ]
    values, output = queries.pre_activation_of(explored, neurons), queries.summary_of(explored).output
    return Activity(neurons, outputs, values[0], output[0], tuple(means))


def figures(_explored: Explored, shown: Activity, theme: Theme) -> Sequence[go.Figure | None]:
    """A line for each kick neuron, over the output as background; a raster of all neurons where there are none."""
    if shown.pre_activation is None or shown.output is None:
        return (None,)
    if not shown.neurons:
        return (draw_raster(shown.pre_activation, shown.output, theme),)
    return (draw_activity(shown.pre_activation, shown.output, shown.neurons, shown.group_output, theme, shown.means),)


def caption(explored: Explored, shown: Activity, _theme: Theme) -> str:
    """How many neurons and populations, in which run."""
    if not shown.neurons:
        neurons = say_count(explored.network.n_neurons, "neuron")
        return (
            f"this network has no kick neurons: all {neurons}, run 1 of {explored.scenario.trajectories}, below: output"
        )
    return (
        f"{len(shown.neurons)} kick neurons and means of {len(shown.means)} populations, "
        f"run 1 of {explored.scenario.trajectories}, background: output"
    )


VIEW = View(
    id="activity",
    title="Activity",
    help="Pre-activation of the kick neurons through the first run, with the output as the background colour, and the "
    "means of the kick groups and of the populations that integrate noise for them. A kick neuron crosses zero "
    "shortly before the output that it ends is left. Where no kick neurons were found, all neurons are shown.",
    kind=FAST,
    compute=compute,
    figures=figures,
    caption=caption,
    needs_kick_neurons=True,
    tall=True,
)
