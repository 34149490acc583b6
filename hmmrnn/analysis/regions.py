"""Residency time: how long the output of a state lasts under noise, and the region that follows from it.

    residency time = mean number of steps until argmax logits differs from the state's own output
    < 2 steps: transition        2 to 8: kick zone        > 8: cluster, if max softmax > 0.8

The logit of that output reverses direction often where the network integrates noise, and hardly ever in a
transition.

Source: Torre et al. (2025), section 4 (cluster, kick zone, transition).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.analysis.numerics import on_all_cores
from hmmrnn.model.network import Floats, Network, Result, few_threads, rollout
from hmmrnn.model.simulation import check_noise, softmax
from hmmrnn.model.weight_checks import check_whole

CLUSTER = "cluster"
KICK_ZONE = "kick_zone"
TRANSITION = "transition"
UNASSIGNED = "unassigned"
REGIONS = (CLUSTER, KICK_ZONE, TRANSITION, UNASSIGNED)

TRANSITION_BELOW = 2
KICK_ZONE_UP_TO = 8
CLUSTER_MIN_PROBABILITY = 0.8

# States per block: they share their noise, so W_ih x is computed once for all of them.
BLOCK_STATES = 256
# Steps between two looks at which states are finished: short enough to waste few steps, long enough that the
# bookkeeping stays small against the matrix products.
SEGMENT_STEPS = 8
# A difference of logits below this, relative to the largest logit, is rounding and has no direction.
ROUNDING = 1e-12

# Beside the purposes of the noise in a simulation, so that no stream serves twice.
_RESIDENCY = 2


@dataclass(frozen=True, eq=False)
class Residency(Result):
    """How long the output of each of S states lasts."""

    # (S,) mean number of steps until the output changes; a change at the first step counts 1, none at all counts
    # `max_steps`.
    time: Floats
    sign_changes: Floats  # (S,) mean number of times that the logit of the state's output reverses direction up to then
    region: NDArray[np.str_]  # (S,) one of `REGIONS` for each state
    output: NDArray[np.int64]  # (S,) argmax of the state's logits
    max_probability: Floats  # (S,) largest emission probability of the state
    next_output: Floats  # (S, O) share of the rollouts in which each output came next; the rest saw no change
    # rollouts, max_steps, sigma, seed: of the measurement.
    rollouts: int
    max_steps: int
    sigma: float
    seed: int


def residency(
    network: Network,
    states: ArrayLike,
    rollouts: int = 20,
    max_steps: int = 60,
    sigma: float = 1.0,
    seed: int = 0,
) -> Residency:
    """Measure how long the output of each state (S, N) lasts under noise, at most max_steps, and label its region.

    States at positions 0 to 255 see the same noise, those at 256 to 511 the next, and so on (`block_noise`).
    The result for a state depends on its position and not on how many states follow, and two networks
    measured with the same seed see the same noise. Without biases, time and sign changes of states s h at noise s
    sigma are those of h at sigma; the probability that tells a cluster from an unassigned state does depend on
    the scale.

    Raises:
        ValueError: states has another shape or is not finite, rollouts is below 1, max_steps does not reach beyond
            the kick zone, or sigma or seed is negative, or sigma not finite.
        FloatingPointError: activity grew beyond what a float holds.

    Source: Torre et al. (2025), section 4; 20 realisations of up to 60 steps are the paper's.
    """
    states = checked_states(network, states)
    check_whole("rollouts", rollouts)
    check_whole("max_steps", max_steps)
    if rollouts < 1:
        raise ValueError(f"rollouts must be >= 1; got {rollouts}")
    if max_steps <= KICK_ZONE_UP_TO:
        raise ValueError(f"max_steps must be above {KICK_ZONE_UP_TO}, or nothing can be a cluster; got {max_steps}")
    check_noise(sigma, seed)
    starts = range(0, len(states), BLOCK_STATES)

    def of_block(start: int) -> tuple[Floats, Floats, Floats]:
        noise = block_noise(network.n_inputs, start // BLOCK_STATES, rollouts, max_steps, sigma, seed)
        return _over_realisations(network, states[start : start + BLOCK_STATES], network.drive(noise))

    with few_threads(network):
        blocks = on_all_cores(of_block, starts) or [(np.empty(0), np.empty(0), np.empty((0, network.n_outputs)))]
    steps, sign_changes, followed = (np.concatenate(part) for part in zip(*blocks, strict=True))
    logits = network.logits(states)
    max_probability = softmax(logits).max(axis=-1)
    return Residency(
        time=steps / rollouts,
        sign_changes=sign_changes / rollouts,
        region=label_regions(steps / rollouts, max_probability),
        output=logits.argmax(axis=-1),
        max_probability=max_probability,
        next_output=followed / rollouts,
        rollouts=rollouts,
        max_steps=max_steps,
        sigma=float(sigma),
        seed=int(seed),
    )


def label_regions(time: Floats, max_probability: Floats) -> NDArray[np.str_]:
    """Name the region of each state, (S,) of `REGIONS`, by the paper's thresholds."""
    slow = np.where(max_probability > CLUSTER_MIN_PROBABILITY, CLUSTER, UNASSIGNED)
    return np.where(time < TRANSITION_BELOW, TRANSITION, np.where(time <= KICK_ZONE_UP_TO, KICK_ZONE, slow))


def region_shares(region: NDArray[np.str_]) -> dict[str, float]:
    """Share of the states in each of `REGIONS`; NaN if there are no states."""
    if not region.size:
        return dict.fromkeys(REGIONS, float("nan"))
    return {name: float(np.mean(region == name)) for name in REGIONS}


def block_noise(n_inputs: int, block: int, rollouts: int, max_steps: int, sigma: float, seed: int) -> Floats:
    """Draw the noise (rollouts, max_steps, M) that all states of one block see."""
    rng = np.random.default_rng([seed, _RESIDENCY, block])
    return sigma * rng.standard_normal((rollouts, max_steps, n_inputs))


def checked_states(network: Network, states: ArrayLike, name: str = "states") -> Floats:
    """Return states as an array (S, N) of finite floats; of a network with memory, (S, `Network.n_state`).

    Raises:
        ValueError: they have another shape or are not finite.
    """
    array = np.asarray(states, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != network.n_state:
        parts = ": [h, c] of each state" if network.n_state > network.n_neurons else ""
        raise ValueError(f"{name} must have shape (S, {network.n_state}){parts}; got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; got {np.count_nonzero(~np.isfinite(array)):,} NaN or infinite values")
    return array


def _over_realisations(network: Network, states: Floats, drives: Floats) -> tuple[Floats, Floats, Floats]:
    """Sums over drives (R, T, N): steps (S,), sign changes (S,), and how often each output came next (S, O)."""
    steps, sign_changes = np.zeros((2, len(states)))
    followed = np.zeros((len(states), network.n_outputs))
    for drive in drives:
        one_steps, one_changes, one_next = _until_change(network, states, drive)
        steps += one_steps
        sign_changes += one_changes
        changed = np.flatnonzero(one_next >= 0)
        followed[changed, one_next[changed]] += 1
    return steps, sign_changes, followed


def _until_change(
    network: Network, states: Floats, drive: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """What happens to each state under one drive (T, N), (S,) each.

    Steps until its output changes, sign changes up to then, and the output that comes next; -1 if it does not change.
    """
    logits = network.logits(states)
    own = logits.argmax(axis=-1)
    steps, sign_changes = np.zeros((2, len(states)), dtype=np.int64)
    following = np.full(len(states), -1)
    # Rows that are not finished yet, and what the next segment needs of them.
    rows = np.arange(len(states))
    h, logit, direction = states, logits[rows, own], np.zeros(len(states))
    for start in range(0, len(drive), SEGMENT_STEPS):
        segment = drive[start : start + SEGMENT_STEPS]
        # One realisation drives all rows: broadcasting it costs no memory, and the step's arrays fit the cache.
        path = rollout(network, np.broadcast_to(segment, (len(rows), *segment.shape)), h).state.swapaxes(0, 1)
        logits = _finite_logits(network, path)
        output = logits.argmax(axis=-1)
        left = output != own[rows]
        counted = np.ones_like(left)
        counted[1:] = ~np.logical_or.accumulate(left[:-1], axis=0)
        own_logit = np.take_along_axis(logits, own[None, rows, None], axis=-1)[..., 0]
        directions = np.concatenate([direction[None], _directions(own_logit, logit, logits)])
        steps[rows] += counted.sum(axis=0)
        sign_changes[rows] += ((directions[1:] * directions[:-1] < 0) & counted).sum(axis=0)
        stays = ~left.any(axis=0)
        following[rows[~stays]] = output[left.argmax(axis=0), np.arange(len(rows))][~stays]
        if not stays.any():
            break
        rows, h, logit, direction = rows[stays], path[-1][stays], own_logit[-1][stays], directions[-1][stays]
    return steps, sign_changes, following


def _finite_logits(network: Network, path: Floats) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        logits = network.logits(path)
    if not np.isfinite(logits).all():
        raise FloatingPointError(
            "activity grew beyond what a float holds before the output changed: the network diverges from these "
            "states; lower the gain of the intervention"
        )
    return logits


def _directions(own_logit: Floats, before: Floats, logits: Floats) -> Floats:
    """Sign (T, S) of each step of a logit (T, S) that was `before` (S,) at the start; 0 within rounding."""
    difference = np.diff(own_logit, axis=0, prepend=before[None])
    rounding = ROUNDING * np.abs(logits).max(axis=-1)
    return np.where(np.abs(difference) > rounding, np.sign(difference), 0.0)
