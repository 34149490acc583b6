"""The paper's measures of emissions: squared differences of transition matrices, transition rate, readout projections.

    squared difference    mean over cells of (P_network - P_hmm)^2, P: symbol transitions of 5,000 sequences (rows: 1)
    transition rate       mean of 1 / dwell over the dwells of the output that begin and end within 5,000 steps
    projection            |C w| / |w| for the readout rows w of the first and the last output, C: PC1 and PC2

Source: Torre et al. (2025), section 3 and figures of training and of the readout, and the published code.
"""

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import mean_and_error
from hmmrnn.analysis.orbit import Plane
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Network, few_threads
from hmmrnn.model.simulation import draw_noise, respond

SEQUENCES, LENGTH, AT_ONCE = 5000, 100, 500
RATE_STEPS, WARM_UP, RATE_RUNS = 5000, 10, 4

Mean = tuple[float, float]


def transition_difference(
    network: Network, hmm: HMM, seed: int = 0, sequences: int = SEQUENCES, length: int = LENGTH
) -> Mean:
    """Mean squared difference of the transition matrices of emitted symbols, with its standard error over ten batches.

    Both begin as in training: the network at h_0 = 0, the HMM at its start distribution. NaN if a run diverges.
    """
    batch = min(AT_ONCE, sequences)
    wanted, _ = hmm.sample(sequences, length, seed)
    found = []
    with few_threads(network):
        for first in range(0, sequences, batch):
            noise = draw_noise(network.n_inputs, length, batch, 1.0, seed, first)
            run = respond(network, noise, 1.0, seed + first)
            if run.diverged:
                return float("nan"), float("nan")
            found.append(_counts(run.emission, hmm.n_outputs))
    target = _rows(_counts(wanted, hmm.n_outputs))
    total = np.sum(found, axis=0)
    whole = float(np.mean((_rows(total) - target) ** 2))
    # Without each batch in turn (jackknife): a mean of squares is biased within a single batch.
    without = np.array([np.mean((_rows(total - one) - target) ** 2) for one in found])
    n = len(without)
    return whole, float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())) if n > 1 else float("nan")


def memoryless_difference(hmm: HMM) -> float:
    """The same difference of a network that emits each symbol as often as the HMM, but independently of the last."""
    return float(np.mean((hmm.marginal - _rows(hmm.joint(1))) ** 2))


def _counts(symbols: NDArray[np.integer], n_outputs: int) -> NDArray[np.float64]:
    code = symbols[:, :-1] * n_outputs + symbols[:, 1:]
    return np.bincount(code.ravel(), minlength=n_outputs**2).reshape(n_outputs, n_outputs).astype(np.float64)


def _rows(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), np.finfo(float).tiny)


def transition_rate(network: Network, seed: int = 0) -> Mean:
    """Mean of 1 / dwell in 5,000 steps after 10, with its standard error over four runs; NaN if one diverges."""
    run = respond(network, draw_noise(network.n_inputs, WARM_UP + RATE_STEPS, RATE_RUNS, 1.0, seed), 1.0, seed)
    if run.diverged:
        return float("nan"), float("nan")
    mean, error = mean_and_error(np.array([mean_inverse_dwell(one[WARM_UP:]) for one in run.output]))
    return float(mean), float(error)


def mean_inverse_dwell(output: NDArray[np.int64]) -> float:
    """Mean of 1 / dwell of the complete dwells of a run (T,); 0 where there is none."""
    dwells = np.diff(np.flatnonzero(np.diff(output)))
    return float(np.mean(1 / dwells)) if len(dwells) else 0.0


def readout_projection(network: Network, plane: Plane) -> float:
    """Mean length of the shadows on the plane of the unit readout rows of the first and the last output."""
    rows = network.W_out[[0, -1]]
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(float).tiny)
    return float(np.linalg.norm(unit @ plane.components[:2].T, axis=1).mean())
