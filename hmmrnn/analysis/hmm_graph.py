"""An HMM as a graph: its states, their likeliest emissions, and the transitions between them.

    edge i -> j with weight A_ij        emission of state i: argmax_o B_io

Source: Torre et al. (2025), section 2 and figure 1 (the families of target models).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Result

# A transition that is less likely is not drawn: it would be hidden among the others.
MIN_PROBABILITY = 0.001


@dataclass(frozen=True, eq=False)
class HMMGraph(Result):
    """K states and E transitions of an HMM with O emissions; all values are probabilities per step."""

    name: str  # the family of the HMM
    emission: NDArray[np.int64]  # (K,) likeliest emission of each state
    emission_probability: Floats  # (K,) its probability
    emissions: Floats  # (K, O) probability of every emission
    # start, end: (E,) states of each transition, staying included.
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    probability: Floats  # (E,) probability of each transition, at least 0.001
    left_out: int  # number of transitions that are possible and less likely than that
    # Whether the states form a line in the order of their numbers: none reaches another but its neighbours.
    is_chain: bool


def describe_graph(hmm: HMM) -> HMMGraph:
    """Describe an HMM as a graph."""
    emission = hmm.B.argmax(axis=1)
    start, end = np.nonzero(hmm.A >= MIN_PROBABILITY)
    return HMMGraph(
        name=hmm.name,
        emission=emission,
        emission_probability=hmm.B.max(axis=1),
        emissions=hmm.B,
        start=start,
        end=end,
        probability=hmm.A[start, end],
        left_out=int(np.count_nonzero((hmm.A > 0) & (hmm.A < MIN_PROBABILITY))),
        is_chain=bool((np.abs(start - end) <= 1).all()),
    )
