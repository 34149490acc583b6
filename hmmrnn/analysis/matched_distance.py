"""Matched distance between the sequences of a network and of its HMM, paired one to one at least cost.

    d(x, y) = ||onehot(x) - onehot(y)|| = sqrt(2 #{t: x_t != y_t})
    matched distance = min over one-to-one pairings of the mean of d over the pairs

Sequences are random, so two batches of the HMM itself have a distance above zero, the more so the smaller they are.
This floor, for batches of the same size, is given with every matched distance.

Source: Torre et al. (2025), section 3. The paper pairs by the plan of Sinkhorn's algorithm for the same distance, which
is blurred; the pairing here is its limit of zero blur.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.fidelity import long_runs, whole
from hmmrnn.analysis.numerics import mean_and_error
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Network, few_threads
from hmmrnn.model.simulation import draw_emissions

TRANSIENT = 100
WINDOWS_PER_RUN = 4


@dataclass(frozen=True, eq=False)
class MatchedDistances:
    """Matched distances of R batches of sequences, and their floor, with errors from the spread between them."""

    # distance, distance_se: mean Euclidean distance of a network's sequences to those of the HMM that they are
    # matched with; NaN if too many runs diverged to fill a batch.
    distance: float
    distance_se: float
    # floor, floor_se: the same for the HMM's sequences and others of its own.
    floor: float
    floor_se: float
    # excess, excess_se: distance above the floor, batch by batch.
    excess: float
    excess_se: float
    # distances, floors: (R,) the single batches.
    distances: Floats
    floors: Floats
    size: int  # B, sequences per batch
    length: int  # T, steps per sequence
    diverged: int  # number of runs that diverged; no sequence is cut from them
    seed: int  # seed of noise, emissions and the HMM's sequences


def match_sequences(
    network: Network,
    hmm: HMM,
    seed: int = 0,
    batches: int = 8,
    size: int = 128,
    length: int = 100,
    sigma: float = 1.0,
) -> MatchedDistances:
    """Match R batches of B sequences of T steps of a network with those of an HMM, and these with others of its own.

    The network's sequences are successive windows, four of each run, cut after a transient of 100 steps. Those of the
    HMM are independent and begin in its stationary distribution. No two batches share a run. The same seed gives every
    network the same noise, and the same sequences of the HMM to be matched with.

    Raises:
        ValueError: the numbers of outputs differ, or a number is below 1, or size is no multiple of 4.
    """
    hmm.check_outputs(network.n_outputs)
    if batches < 1 or length < 1:
        raise ValueError(f"batches and length must be >= 1; got {batches} and {length}")
    if size < 1 or size % WINDOWS_PER_RUN:
        raise ValueError(f"size must be a multiple of {WINDOWS_PER_RUN}, the windows of a run; got {size}")
    with few_threads(network):
        windows, diverged = _windows(network, seed, batches, size, length, sigma)
    settled = replace(hmm, start=hmm.stationary)
    own = settled.sample(2 * batches * size, length, seed)[0].reshape(2, batches, size, length)
    floors = np.array([matched_distance(one, other) for one, other in zip(*own, strict=True)])
    # Runs that diverged leave fewer batches, not smaller ones: the floor depends on the size.
    distances = np.array([matched_distance(one, other) for one, other in zip(windows, own[0], strict=False)])
    (distance, distance_se), (floor, floor_se), (excess, excess_se) = (
        map(float, mean_and_error(one)) for one in (distances, floors, distances - floors[: len(distances)])
    )
    means = distance, distance_se, floor, floor_se, excess, excess_se
    return MatchedDistances(*means, distances, floors, size, length, diverged, seed)


def matched_distance(one: NDArray[np.integer], other: NDArray[np.integer]) -> float:
    """Mean Euclidean distance between sequences (B, T) and those of (B, T) others that they are best paired with.

    Raises:
        ValueError: the two are not equally many sequences of equal length.
    """
    # Imported here, because the dashboard's processes do without SciPy.
    from scipy.optimize import linear_sum_assignment

    one, other = np.asarray(one), np.asarray(other)
    if one.ndim != 2 or one.shape != other.shape or not one.size:
        raise ValueError(f"both batches must have the same shape (B, T); got {one.shape} and {other.shape}")
    symbols = np.arange(max(one.max(), other.max()) + 1)
    # In single precision counts up to 2^24 are exact, and products are fast.
    flat, others = ((batch[..., None] == symbols).reshape(len(batch), -1).astype(np.float32) for batch in (one, other))
    distance = np.sqrt(2.0 * (one.shape[1] - flat @ others.T))
    return float(distance[linear_sum_assignment(distance)].mean())


def _windows(
    network: Network, seed: int, batches: int, size: int, length: int, sigma: float
) -> tuple[NDArray[np.int64], int]:
    """(R, B, T) symbols of the batches that the finite runs fill, and the number of the other runs."""
    steps = TRANSIENT + WINDOWS_PER_RUN * length
    probabilities = long_runs(network, steps, batches * size // WINDOWS_PER_RUN, sigma, seed)
    finite = whole(probabilities)
    windows = draw_emissions(probabilities, seed)[finite, TRANSIENT:].reshape(-1, length)
    full = len(windows) // size
    return windows[: full * size].reshape(full, size, length), int((~finite).sum())
