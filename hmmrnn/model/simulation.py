"""Simulation of a network under seeded noise, or on given inputs.

    x_t ~ N(0, sigma^2 I_M)        y_t ~ Categorical(p_t)        output_t = argmax logits_t

Each trajectory draws from streams of its own. A run with more trajectories or more steps therefore begins
with the same numbers as the shorter one, and two networks simulated with the same seed see the same noise:
every comparison in this project is a paired one.

Source: Torre et al. (2025), section 2.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.model.inputs import repeated
from hmmrnn.model.network import Floats, Network, Result, rollout
from hmmrnn.model.weight_checks import check_number, check_whole

# A run counts as diverged once its activity is this many times larger than anything that drives it.
DIVERGENCE_RATIO = 1e6

_NOISE, _EMISSION, _START = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Trajectory(Result):
    """B runs of T steps of one network; row t is the state after step t + 1."""

    h: Floats  # (B, T, N) activity
    pre_activation: Floats  # (B, T, N) input to the activation function; of a gated cell, to that of its candidate
    logits: Floats  # (B, T, O) readout before the softmax
    probabilities: Floats  # (B, T, O) emission probabilities
    output: NDArray[np.int64]  # (B, T) argmax of the logits
    emission: NDArray[np.int64]  # (B, T) sampled symbols
    h0: Floats  # (B, S) state before the first step
    sigma: float  # standard deviation of the noise
    seed: int  # the seed of noise and emissions
    # (B,) first step whose activity is not finite, or more than 1e6 times what drives it; -1 where there is none.
    # From that step on the values mean nothing.
    diverged_at: NDArray[np.int64]
    # (B, T, S) what further runs go on from: h itself, but in an LSTM with its memory, and where the readout sees the
    # input with what it sees.
    state: Floats = None  # type: ignore[assignment]  # None is replaced by h

    def __post_init__(self) -> None:
        if self.state is None:
            object.__setattr__(self, "state", self.h)
        super().__post_init__()

    @property
    def diverged(self) -> bool:
        """Whether any of the runs diverges."""
        return bool((self.diverged_at >= 0).any())

    @cached_property
    def valid(self) -> NDArray[np.bool_]:
        """(B, T) True up to the step where a run diverges."""
        end = np.where(self.diverged_at < 0, self.h.shape[1], self.diverged_at)
        return np.arange(self.h.shape[1]) < end[:, None]


def simulate(
    network: Network,
    steps: int,
    trajectories: int = 1,
    sigma: float = 1.0,
    seed: int = 0,
    h0: ArrayLike | None = None,
    given: Floats | None = None,
) -> Trajectory:
    """Run a network under noise.

    Args:
        sigma: standard deviation of each noise input, in the units of training (1).
        h0: (N,) or (B, N) activity before the first step, or (S,) or (B, S) the whole state; zeros if None.
        given: (T, M) a sequence of inputs beside the noise, the same in every run; it begins anew after its last row.

    Raises:
        ValueError: steps or trajectories below 1, sigma negative or not finite, or h0 of another shape.
    """
    return follow_drive(network, draw_drive(network, steps, trajectories, sigma, seed, given=given), sigma, seed, h0)


def run(network: Network, inputs: ArrayLike, h0: ArrayLike | None = None) -> Trajectory:
    """Run a network on given inputs (B, T, M), without any noise of its own; emissions are drawn with seed 0.

    Args:
        h0: (N,) or (B, N) activity before the first step, or (S,) or (B, S) the whole state; zeros if None.

    Raises:
        ValueError: inputs or h0 has another shape or is not finite, or there is no trajectory or no step.
    """
    given = np.asarray(inputs, dtype=np.float64)
    if given.ndim != 3 or given.shape[2] != network.n_inputs or 0 in given.shape[:2]:
        raise ValueError(
            f"inputs must have shape (B, T, {network.n_inputs}) with B and T at least 1; got {given.shape}"
        )
    if not np.isfinite(given).all():
        raise ValueError("inputs must be finite; got NaN or infinite values")
    return respond(network, given, sigma=0.0, seed=0, h0=h0)


def respond(network: Network, noise: Floats, sigma: float, seed: int, h0: ArrayLike | None = None) -> Trajectory:
    """Run a network on noise that has been drawn before, as `simulate` does on noise of its own.

    Args:
        noise: (B, T, M), from `draw_noise` with the same sigma and seed.
        sigma, seed: where the noise came from; the seed also draws the emissions.

    Raises:
        ValueError: h0 has another shape or is not finite.
    """
    return follow_drive(network, network.drive(noise), sigma, seed, h0)


def follow_drive(network: Network, drive: Floats, sigma: float, seed: int, h0: ArrayLike | None = None) -> Trajectory:
    """Run a network under a drive (B, T, D) that is W_ih x + b_h of noise x, in the precision of the drive."""
    start = initial_state(network, len(drive), h0)
    pre_activation, h, state = rollout(network, drive, start)
    logits = network.logits(state)
    probabilities = softmax(logits)
    return Trajectory(
        h=h,
        pre_activation=pre_activation,
        logits=logits,
        probabilities=probabilities,
        output=logits.argmax(axis=-1),
        emission=draw_emissions(probabilities, seed),
        h0=start,
        sigma=float(sigma),
        seed=int(seed),
        diverged_at=first_divergence(h, drive, start),
        state=state,
    )


def draw_noise(n_inputs: int, steps: int, trajectories: int, sigma: float, seed: int, first: int = 0) -> Floats:
    """Draw (B, T, M) noise, the same for the same seed whatever the network does with it.

    `first` is the number of the first trajectory: with it, a large set of runs can be drawn part by part.

    Raises:
        ValueError: steps or trajectories below 1, seed negative, or sigma negative or not finite.
    """
    check_counts(steps, trajectories)
    check_noise(sigma, seed)
    noise = np.empty((trajectories, steps, n_inputs))
    for b in range(trajectories):
        _stream(seed, _NOISE, first + b).standard_normal(out=noise[b])
    noise *= sigma
    return noise


def draw_drive(
    network: Network,
    steps: int,
    trajectories: int,
    sigma: float,
    seed: int,
    first: int = 0,
    given: Floats | None = None,
    single: bool = False,
) -> Floats:
    """Drive (B, T, D) of a network under the noise of `draw_noise`, and a given sequence (T, M) beside it.

    It is in single or in double precision.

    Raises:
        ValueError: as `draw_noise`.
    """
    check_counts(steps, trajectories)
    # Of many inputs the noise is larger than all that comes of it: one trajectory's at a time.
    beside = 0.0 if given is None else repeated(given, steps)
    drive = np.empty((trajectories, steps, network.n_drive), dtype=np.float32 if single else np.float64)
    for b in range(trajectories):
        entering = draw_noise(network.n_inputs, steps, 1, sigma, seed, first + b)[0] + beside
        drive[b] = network.drive(entering.astype(drive.dtype, copy=False))
    return drive


def check_counts(steps: int, trajectories: int) -> None:
    """Raise ValueError if there can be no runs of so many steps."""
    check_whole("steps", steps)
    check_whole("trajectories", trajectories)
    if min(steps, trajectories) < 1:
        raise ValueError(f"steps and trajectories must be >= 1; got {steps} and {trajectories}")


def check_noise(sigma: float, seed: int) -> None:
    """Raise ValueError if no noise can have this sigma or seed."""
    check_whole("seed", seed)
    check_number("sigma", sigma)
    if seed < 0:
        raise ValueError(f"seed must be >= 0; got {seed}")
    if not np.isfinite(sigma) or sigma < 0:
        raise ValueError(f"sigma must be >= 0; got {sigma:g}")


def draw_emissions(probabilities: Floats, seed: int) -> NDArray[np.int64]:
    """Sample a symbol from each row of (B, T, O) probabilities; returns (B, T)."""
    batch, steps, n_outputs = probabilities.shape
    draws = np.stack([_stream(seed, _EMISSION, b).random(steps) for b in range(batch)])
    edges = np.cumsum(probabilities, axis=-1)[..., : n_outputs - 1]
    return (draws[..., None] >= edges).sum(axis=-1)


def draw_starts(network: Network, trajectories: int, seed: int) -> Floats:
    """(B, S) random states to start from: standard normal numbers, from streams of their own.

    Source: Torre et al. (2025), stored settings of the chain networks (h_0 ~ N(0, 1)).
    """
    whole = np.zeros((trajectories, network.n_state))
    for b, state in enumerate(whole):
        state[: network.n_state - network.n_skip] = _stream(seed, _START, b).standard_normal(
            network.n_state - network.n_skip
        )
    return whole


def initial_state(network: Network, trajectories: int, h0: ArrayLike | None) -> Floats:
    """Return h0 as (B, S): zeros if None, one state for all runs if (S,); of activity alone, the rest is zero.

    Raises:
        ValueError: h0 has another shape or is not finite.
    """
    whole = np.zeros((trajectories, network.n_state))
    if h0 is None:
        return whole
    state, n = np.asarray(h0, dtype=np.float64), network.n_neurons
    widths = dict.fromkeys((n, network.n_state))
    shapes = [shape for width in widths for shape in ((width,), (trajectories, width))]
    if state.shape not in shapes:
        raise ValueError(f"h0 must have shape {' or '.join(map(str, shapes))}; got {state.shape}")
    if not np.isfinite(state).all():
        raise ValueError("h0 must be finite; got NaN or infinite values")
    whole[:, : state.shape[-1]] = state
    return whole


def first_divergence(h: Floats, drive: Floats, h0: Floats) -> NDArray[np.int64]:
    """(B,) first step at which activity is not finite or 1e6 times larger than drive and start; -1 if none."""
    # A run is measured by what has driven it so far, so that neither its length nor the runs beside it matter.
    # The largest magnitude of the drive, without a second array of its size.
    largest = np.maximum(drive.max(axis=-1), -drive.min(axis=-1))
    driven = np.maximum(largest, np.abs(h0).max(axis=-1, keepdims=True))
    bound = DIVERGENCE_RATIO * np.maximum(np.maximum.accumulate(driven, axis=1), np.finfo(float).tiny)
    # NaN compares as False, so it lands outside with the infinities.
    outside = ~(np.maximum(h.max(axis=-1), -h.min(axis=-1)) <= bound)
    return np.where(outside.any(axis=1), outside.argmax(axis=1), -1)


def softmax(logits: Floats) -> Floats:
    """Probabilities (..., O) of logits (..., O), safe for large values; NaN where the logits are not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return weights / weights.sum(axis=-1, keepdims=True)


def _stream(seed: int, purpose: int, trajectory: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(purpose, trajectory))))
