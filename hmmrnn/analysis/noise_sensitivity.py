"""Noise sensitivity: how far rollouts from one state spread, from cluster states and from transition states.

    x_t = (1 - gamma) shared_t + gamma own_t          gamma = 0: all rollouts see one noise; 1: each its own

    trace     = sum over neurons of the variance of h_t between rollouts
    distance  = mean over rollouts of |h_t - mean over rollouts of h_t|

Both are of rollouts that leave one state; means and errors are over several states of a region. For 0 < gamma < 1 the
noise of each rollout has the variance ((1 - gamma)^2 + gamma^2) sigma^2, as in the paper.

Source: Torre et al. (2025), section 4 (noise sensitivity of clusters and transitions).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.analysis.numerics import ProgressCallback, mean_and_error, no_progress
from hmmrnn.analysis.regions import CLUSTER, REGIONS, TRANSITION, checked_states
from hmmrnn.analysis.state_survey import StateSurvey
from hmmrnn.model.network import Floats, Network, Result, few_threads, rollout
from hmmrnn.model.simulation import Trajectory, check_noise, first_divergence

GAMMAS = (0.0, 0.5, 1.0)
COMPARED = (CLUSTER, TRANSITION)
STATES_PER_REGION = 24

# Beside the purposes of the noise elsewhere, so that no stream serves twice.
_CHOICE, _ROLLOUTS = 5, 6


@dataclass(frozen=True, eq=False)
class NoiseSensitivity(Result):
    """How far rollouts from one state are apart after 1 to T steps, in R regions at G mixtures of their noise."""

    regions: tuple[str, ...]  # (R,) names of the regions, "cluster" and "transition"
    gammas: Floats  # (G,) share of each rollout's noise that is its own
    # (R, G, T) trace of the covariance of h between rollouts, in squared units of activity; NaN in a region without
    # states, and from the step on at which a rollout of any of its states diverges.
    trace: Floats
    trace_se: Floats  # (R, G, T) its standard error, from the spread between states; NaN with a single state
    # distance, distance_se: (R, G, T) mean distance to the mean path, in units of activity, and its error.
    distance: Floats
    distance_se: Floats
    counts: NDArray[np.int64]  # (R,) number of states measured
    available: NDArray[np.int64]  # (R,) number of states that they were drawn from
    diverged: NDArray[np.int64]  # (R,) number of states of which a rollout diverges
    # rollouts, sigma, seed: of the measurement.
    rollouts: int
    sigma: float
    seed: int


def measure_noise_sensitivity(
    network: Network,
    states: ArrayLike,
    region: ArrayLike,
    gammas: Sequence[float] = GAMMAS,
    steps: int = 40,
    rollouts: int = 32,
    sigma: float = 1.0,
    seed: int = 0,
    on_progress: ProgressCallback = no_progress,
) -> NoiseSensitivity:
    """Start many rollouts from cluster states and from transition states, and measure how far they spread.

    The i-th state of each region sees the same noise at every gamma.

    Args:
        states: (S, N) activity to start from; at most 24 of each region are drawn.
        region: (S,) region of each state, one of `REGIONS`; others than cluster and transition are not used.
        gammas: (G,) shares of own noise, 0 to 1.
        sigma, seed: of the noise; the seed also draws the states.

    Raises:
        ValueError: states has another shape or is not finite, region has another shape or an unknown name, there is
            neither a cluster nor a transition state, a gamma is outside 0 to 1, steps is below 1, rollouts is below
            2, or sigma or seed is negative.

    Source: Torre et al. (2025), section 4.
    """
    starts, labels = checked_states(network, states), np.asarray(region)
    shares = _checked(starts, labels, gammas, steps, rollouts, sigma, seed)
    available = np.array([np.count_nonzero(labels == name) for name in COMPARED])
    counts = np.minimum(available, STATES_PER_REGION)
    # Room for the most states; those that are not there stay NaN.
    spread = np.full((2, len(COMPARED), STATES_PER_REGION, len(shares), steps), np.nan)
    with few_threads(network):
        for r, name in enumerate(COMPARED):
            chosen = np.random.default_rng([seed, _CHOICE, r]).permutation(np.flatnonzero(labels == name))
            for i, at in enumerate(chosen[: counts[r]]):
                rng = np.random.default_rng([seed, _ROLLOUTS, i])
                noise = sigma * rng.standard_normal((rollouts + 1, steps, network.n_inputs))
                for g, gamma in enumerate(shares):
                    # The shared noise comes first, then that of each rollout.
                    mixed = (1 - gamma) * noise[0] + gamma * noise[1:]
                    spread[:, r, i, g] = _spread(network, starts[at], mixed)
                on_progress((counts[:r].sum() + i + 1) / counts.sum())
    trace, distance = (_over_states(one, counts) for one in spread)
    lost = [np.isnan(spread[0, r, :count]).any(axis=(1, 2)).sum() for r, count in enumerate(counts)]
    diverged = np.array(lost, dtype=np.int64)
    return NoiseSensitivity(
        COMPARED, shares, *trace, *distance, counts, available, diverged, int(rollouts), float(sigma), int(seed)
    )


def sensitivity_of_survey(
    network: Network, run: Trajectory, survey: StateSurvey, on_progress: ProgressCallback = no_progress
) -> NoiseSensitivity | None:
    """Measure at the surveyed states of a run, under its sigma and seed; None if none is in a cluster or transition."""
    region = survey.residency.region
    if not np.isin(region, COMPARED).any():
        return None
    states = run.state[tuple(survey.at.T)]
    return measure_noise_sensitivity(network, states, region, sigma=run.sigma, seed=run.seed, on_progress=on_progress)


def _checked(
    starts: Floats, labels: NDArray, gammas: Sequence[float], steps: int, rollouts: int, sigma: float, seed: int
) -> Floats:
    shares = np.array(gammas, dtype=np.float64)
    if labels.shape != (len(starts),):
        raise ValueError(f"region must have one label per state, shape ({len(starts)},); got {labels.shape}")
    unknown = [str(name) for name in np.unique(labels) if name not in REGIONS]
    if unknown:
        raise ValueError(f"region must be one of {', '.join(REGIONS)}; got {unknown[0]!r}")
    if not np.isin(labels, COMPARED).any():
        raise ValueError(f"states must include at least one {' or '.join(COMPARED)} state; got {len(starts)} others")
    if shares.ndim != 1 or not len(shares) or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"gammas must be shares from 0 to 1; got {gammas}")
    if steps < 1 or rollouts < 2:
        raise ValueError(f"steps must be >= 1 and rollouts >= 2; got {steps} and {rollouts}")
    check_noise(sigma, seed)
    return shares


def _spread(network: Network, state: Floats, noise: Floats) -> Floats:
    """(2, T) trace of the covariance and mean distance to the mean path; NaN once a rollout diverges."""
    start, drive = np.tile(state, (len(noise), 1)), network.drive(noise)
    h = rollout(network, drive, start).h
    diverged_at = first_divergence(h, drive, start)
    end = diverged_at[diverged_at >= 0].min(initial=h.shape[1])
    apart = h[:, :end] - h[:, :end].mean(axis=0)
    square = (apart**2).sum(axis=2)
    found = np.full((2, h.shape[1]), np.nan)
    found[:, :end] = square.sum(axis=0) / (len(h) - 1), np.sqrt(square).mean(axis=0)
    return found


def _over_states(spread: Floats, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean and standard error (R, G, T) of (R, S, G, T) over the first states of each region."""
    mean, error = np.stack([mean_and_error(one[:count]) for one, count in zip(spread, counts, strict=True)], axis=1)
    return mean, error
