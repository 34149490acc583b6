"""HMM: the Hidden Markov Model that the network was trained to emulate, as a graph."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.hmm_graph import MIN_PROBABILITY, HMMGraph
from hmmrnn.dashboard.view import FAST, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.hmm_graph import draw_hmm_graph
from hmmrnn.figures.theme import Theme

NO_HMM = "this network's file names no known HMM"


def figures(_explored: Explored, graph: HMMGraph | None, theme: Theme) -> Sequence[go.Figure | None]:
    """One graph."""
    return (None if graph is None else draw_hmm_graph(graph, theme),)


def caption(_explored: Explored, graph: HMMGraph | None, _theme: Theme) -> str:
    """Which HMM it is, of how many states, and what the numbers are."""
    if graph is None:
        return NO_HMM
    states, outputs = graph.emissions.shape
    text = f"{graph.name}: {states} states, {outputs} emissions; probabilities per step"
    return text + (f"; {graph.left_out} transitions below {MIN_PROBABILITY:g} left out" if graph.left_out else "")


VIEW = View(
    id="hmm",
    title="HMM",
    help="The Hidden Markov Model that the network was trained to emulate. Each circle is a hidden state, with the "
    "emission that it most often makes and how likely that is, in the colour of that output; point at it for the "
    "others. Each arrow is a transition, wider the likelier it is, with its probability per step; a loop is the "
    "probability to stay.",
    kind=FAST,
    of="network",
    compute=queries.hmm_graph_of,
    figures=figures,
    caption=caption,
    tall=True,
)
