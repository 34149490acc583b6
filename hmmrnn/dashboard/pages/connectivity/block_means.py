"""Block means: mean weights between the populations, from the noise, and to the readout."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.block_means import BlockMeans
from hmmrnn.dashboard.view import FAST, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.block_means import draw_block_means
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count

NO_GROUPS = "this network has no kick neurons, so there are no populations to average over"


def compute(explored: Explored) -> BlockMeans | None:
    """The mean weights, if the search has found kick neurons."""
    found = queries.kick_neurons_of.known(explored)
    if found is None or not any(group.neurons for group in found.groups):
        return None
    return queries.block_means_of(explored)


def figures(_explored: Explored, means: BlockMeans | None, theme: Theme) -> Sequence[go.Figure | None]:
    """One table."""
    return (None if means is None else draw_block_means(means, theme),)


def caption(_explored: Explored, means: BlockMeans | None, _theme: Theme) -> str:
    """Of which network the weights are, their units, and what the numbers in brackets are."""
    if means is None:
        return NO_GROUPS
    return (
        f"intact network, from column to row, {say_count(int(means.sizes.sum()), 'neuron')} in "
        f"{say_count(len(means.blocks), 'population')}; "
        "units: activity per activity (recurrent), activity per noise (noise), logits per activity (readout), with "
        "colours of their own"
    )


VIEW = View(
    id="block-means",
    title="Block means",
    help="The circuit in small: the mean weight of each population of neurons onto each, of the noise inputs onto each "
    "population, and of each population onto the readout of each output. Kick groups excite themselves and inhibit "
    "each other; the integrating population of an output excites the kick group of that output and inhibits the "
    "others. Weights of a neuron onto itself are left out. Numbers in brackets count neurons or inputs; orange is "
    "above 0, blue below. Interventions change nothing here.",
    kind=FAST,
    of="network",
    compute=compute,
    figures=figures,
    caption=caption,
    needs_kick_neurons=True,
    tall=True,
    wide=True,
)
