"""Mean weights between all parts of a network: noise inputs, populations and readout.

    mean(to, from) = mean of W[i, j] over i in `to`, j in `from`        W: W_hh, W_ih or W_out

Source: Torre et al. (2025), section 4.4 (excitation within a kick group, inhibition between kick groups).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import mean_and_error
from hmmrnn.analysis.populations import Populations, summarise_block_weights
from hmmrnn.model.network import Floats, Network, Result


@dataclass(frozen=True, eq=False)
class BlockMeans(Result):
    """Mean weights of a network with P populations, M noise inputs and O outputs, from column to row.

    The first P rows and columns are the populations, in their order. The last column is all noise inputs together, and
    each of the last O rows is the readout of one output. Recurrent weights are in units of activity per unit of
    activity, those of the noise in units of activity per unit of noise, those of the readout in logits per unit of
    activity. Weights of a neuron onto itself are left out.
    """

    blocks: tuple[tuple[str, int], ...]  # (P) role and output of each population
    sizes: NDArray[np.int64]  # (P,) number of neurons
    # n_inputs, n_outputs: M and O.
    n_inputs: int
    n_outputs: int
    mean: Floats  # (P + O, P + 1) mean weight; NaN where there is no weight
    se: Floats  # (P + O, P + 1) its standard error, from the spread of the weights; NaN with fewer than two
    counts: NDArray[np.int64]  # (P + O, P + 1) number of weights


def average_weights(network: Network, roles: Populations) -> BlockMeans:
    """Average the weights of each part of a network onto each other part."""
    recurrent = summarise_block_weights(network, roles)
    members = [list(roles.members(*block)) for block in recurrent.blocks]
    inner = len(members)
    shape = (inner + network.n_outputs, inner + 1)
    mean, se, counts = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
    mean[:inner, :inner], se[:inner, :inner], counts[:inner, :inner] = recurrent.mean, recurrent.se, recurrent.counts
    outer = {(row, inner): network.W_ih[neurons] for row, neurons in enumerate(members)}
    outer |= {
        (inner + output, column): network.W_out[output, neurons]
        for output in range(network.n_outputs)
        for column, neurons in enumerate(members)
    }
    for cell, weights in outer.items():
        counts[cell] = weights.size
        mean[cell], se[cell] = mean_and_error(weights.ravel())
    return BlockMeans(recurrent.blocks, recurrent.sizes, network.n_inputs, network.n_outputs, mean, se, counts)
