"""Belief: how well the HMM's belief about its hidden state and the network's activity can be decoded from each other.

    smoothed_t(s) = P(s_t = s | y_0 .. y_{T-1})         filtered_t(s) = P(s_t = s | y_0 .. y_t)
    (a) belief decoded from h     R^2 of a ridge regression of the belief on h, left-out runs
    (b) h predicted from belief   R^2 of a ridge regression of h on the belief, left-out runs, pooled over neurons

(a) near 1 says that the network holds what the task asks for. (b) far below (a) says that it holds more than that.

Source: the forward-backward algorithm (Baum et al., 1970); expressive architectures and the structure that they invent;
belief states in trained networks as in Shai et al. (2024).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, no_progress
from hmmrnn.analysis.regions import REGIONS, residency
from hmmrnn.lenses.cross_validation import explained, predict_by_ridge
from hmmrnn.lenses.runs import check_moves, settled_runs, target_of
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Network, Result

RUNS, STEPS = 32, 500
# States whose region is measured, and steps around a switch of the output.
REGION_STATES, AROUND = 1600, 20
MIN_STEPS = 20


@dataclass(frozen=True, eq=False)
class Belief(Result):
    """What activity tells of the belief, and the belief of activity: shares of variance, by cross-validation."""

    # (a) smoothed belief from h, and with the belief of another run in its place.
    r2_belief_from_h: float
    r2_belief_from_h_se: float
    r2_belief_from_h_null: float
    # (b) h from the smoothed belief, and from that of another run.
    r2_h_from_belief: float
    r2_h_from_belief_se: float
    r2_h_from_belief_null: float
    # The same with the filtered belief, which knows the emissions up to now only.
    r2_filtered_from_h: float
    r2_filtered_from_h_se: float
    r2_h_from_filtered: float
    r2_h_from_filtered_se: float
    regions: tuple[str, ...]  # (R) names of the regions
    # by_region, by_region_se: (R, 2) of (a) and (b) at states of each region; NaN with fewer than 20 states.
    by_region: Floats
    by_region_se: Floats
    region_counts: NDArray[np.int64]  # (R,) states that were looked at
    offset: NDArray[np.int64]  # (F,) steps after a switch of the output; 0 is its first step
    # around_switch, around_switch_se: (F, 2) of (a) and (b) at this distance from a switch.
    around_switch: Floats
    around_switch_se: Floats
    switches: int  # number of switches
    seed: int  # seed of the noise


def belief(network: Network, seed: int = 0, *, on_progress: ProgressCallback = no_progress) -> Belief:
    """Regress the HMM's belief given the network's emissions on activity, and activity on the belief.

    Raises:
        ValueError: the network's HMM is not known, or the network diverges or is silent.
    """
    hmm = target_of(network)
    run = settled_runs(network, seed, RUNS, STEPS)
    check_moves(run.h, "activity")
    smoothed, filtered = beliefs(hmm, run.emission)
    on_progress(0.2)
    decoded, predicted = predict_by_ridge(run.h, smoothed), predict_by_ridge(smoothed, run.h)
    other = np.roll(smoothed, 1, axis=0)
    on_progress(0.5)
    names = ("r2_belief_from_h", "r2_h_from_belief", "r2_filtered_from_h", "r2_h_from_filtered")
    pairs = (
        (smoothed, decoded),
        (run.h, predicted),
        (filtered, predict_by_ridge(run.h, filtered)),
        (run.h, predict_by_ridge(filtered, run.h)),
    )
    numbers: dict[str, float] = {}
    for name, pair in zip(names, pairs, strict=True):
        numbers[name], numbers[f"{name}_se"] = explained(*pair)
    numbers["r2_belief_from_h_null"] = explained(other, predict_by_ridge(run.h, other))[0]
    numbers["r2_h_from_belief_null"] = explained(run.h, predict_by_ridge(other, run.h))[0]
    on_progress(0.7)
    region = _sampled_regions(network, run.state, seed)
    both = pairs[:2]
    by_region = np.array([[_where(*pair, region == name) for pair in both] for name in REGIONS])
    offset = np.arange(-AROUND, AROUND + 1)
    moments, switches = _around_switches(run.output, offset)
    around = np.array([[_where(*pair, one) for pair in both] for one in moments])
    return Belief(
        **numbers,
        regions=REGIONS,
        by_region=by_region[..., 0],
        by_region_se=by_region[..., 1],
        region_counts=np.array([(region == name).sum() for name in REGIONS]),
        offset=offset,
        around_switch=around[..., 0],
        around_switch_se=around[..., 1],
        switches=switches,
        seed=seed,
    )


def beliefs(hmm: HMM, emissions: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Smoothed and filtered beliefs (B, T, K) about the hidden state, given emissions (B, T) and a stationary start.

    A symbol that the HMM cannot emit says nothing.

    Raises:
        ValueError: a symbol lies outside 0 to O - 1, or the HMM has no single stationary distribution.
    """
    hmm.check_symbols(emissions)
    likely = hmm.B.T[emissions]
    filtered = np.empty(likely.shape)
    prior = np.broadcast_to(hmm.stationary, likely[:, 0].shape)
    for t in range(emissions.shape[1]):
        filtered[:, t] = _normalised(prior * likely[:, t], prior)
        prior = filtered[:, t] @ hmm.A
    smoothed = filtered.copy()
    later = np.ones(likely[:, 0].shape)
    for t in range(emissions.shape[1] - 2, -1, -1):
        evidence = likely[:, t + 1] * later
        evidence = np.where(evidence.any(axis=1, keepdims=True), evidence, 1.0)
        later = evidence @ hmm.A.T
        later /= later.sum(axis=1, keepdims=True)
        smoothed[:, t] = _normalised(filtered[:, t] * later, filtered[:, t])
    return smoothed, filtered


def _normalised(weights: Floats, otherwise: Floats) -> Floats:
    total = weights.sum(axis=-1, keepdims=True)
    return np.divide(weights, total, out=np.array(otherwise), where=total > 0)


def _sampled_regions(network: Network, state: Floats, seed: int) -> NDArray[np.str_]:
    """(B, T) region of some of the states, "" elsewhere."""
    runs, steps, n = state.shape
    chosen = np.random.default_rng([seed, runs]).permutation(runs * steps)[:REGION_STATES]
    region = np.full(runs * steps, "", dtype="<U10")
    region[chosen] = residency(network, state.reshape(-1, n)[chosen], seed=seed).region
    return region.reshape(runs, steps)


def _around_switches(output: NDArray[np.int64], offset: NDArray[np.int64]) -> tuple[NDArray[np.bool_], int]:
    """(F, B, T) steps at each offset from a switch, and how many switches."""
    changed = np.zeros(output.shape, dtype=bool)
    changed[:, 1:] = output[:, 1:] != output[:, :-1]
    runs, at = np.nonzero(changed)
    moments = np.zeros((len(offset), *output.shape), dtype=bool)
    for place, shift in enumerate(offset):
        there = (at + shift >= 0) & (at + shift < output.shape[1])
        moments[place, runs[there], at[there] + shift] = True
    return moments, len(at)


def _where(y: Floats, predicted: Floats, where: NDArray[np.bool_]) -> tuple[float, float]:
    """R^2 and its error over some steps; NaN with too few of them."""
    if np.count_nonzero(where) < MIN_STEPS:
        return float("nan"), float("nan")
    return explained(y, predicted, where)
