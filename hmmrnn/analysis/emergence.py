"""Emergence of the orbit in training: the snapshots of one training, measured under the same noise.

Early there is one fixed point, around which noise jitters the state, and no orbit; then the Jacobian gets unstable
eigenvalues at the states that noise leads to, and the orbit opens: the bifurcation. With z = W_hh h + b_h before the
noise e ~ N(0, s_i^2), s_i = sigma |row i of W_ih|, is added, noise perturbs neuron i at state h by

    first order    1[z_i > 0] e_i                                       zero on average, variance 1[z_i > 0] s_i^2
    second order   E[max(z_i + e_i, 0)] - max(z_i, 0) = s_i (f(u) - |u| F(-|u|)),  u = z_i / s_i

with density f and distribution F of the standard normal: the second is the exact shift of the mean that the kink of
the ReLU produces from noise of mean zero. For other cells without gates both are of their own activation function, the
second by Gauss-Hermite quadrature; for gated cells the first is exact and the second is not known (NaN), as their gates
see the same noise.

Source: Torre et al. (2025), section on the emergence of the dynamics in training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, columns_of, no_progress, ratio_of_sums
from hmmrnn.analysis.orbit import Plane, fit_plane
from hmmrnn.analysis.stability import spectra
from hmmrnn.analysis.switching import count_switches
from hmmrnn.model.cells import CURRENT, TOTAL, activate, drive_slopes
from hmmrnn.model.network import Floats, Network, Result, rollout
from hmmrnn.model.simulation import Trajectory, draw_noise, respond

TRAJECTORIES, STEPS = 24, 400
# Steps after which the start at the origin is forgotten.
TRANSIENT = 100
# A spectrum costs milliseconds; twelve states of each run, 27 steps apart, are nearly independent.
STATES_PER_RUN = 12
DRAWN_RUNS, DRAWN_STEPS = 6, 100
HERMITE_POINTS = 61
# What is measured of each snapshot with a standard error.
CURVES = ("transition_rate", "unstable_share", "critical_share", "first_order", "second_order", "radius")

# Standard errors by which states must be unstable, and by which the output must switch.
UNSTABLE_ERRORS, SWITCHING_ERRORS = 4.0, 2.0
# Factor by which the orbit must be larger from the bifurcation on.
OPENING = 2.0


@dataclass(frozen=True, eq=False)
class Emergence(Result):
    """Dynamics of K snapshots of a training under the same noise; NaN where one of a snapshot's runs diverges.

    Standard errors are from the spread between runs.
    """

    steps_done: NDArray[np.int64]  # (K,) optimizer steps up to each snapshot
    loss: Floats  # (K,) the training's loss; NaN where its metadata do not hold it
    # loss_floor, loss_plateau: what the HMM itself and independent symbols reach; NaN if the metadata do not hold it.
    loss_floor: float
    loss_plateau: float
    # transition_rate, transition_rate_se: (K,) probability per step that the output changes.
    transition_rate: Floats
    transition_rate_se: Floats
    # unstable_share, unstable_share_se: (K,) share of the visited states with an eigenvalue above 1 in magnitude.
    unstable_share: Floats
    unstable_share_se: Floats
    # critical_share, critical_share_se: (K,) share of them with a critical pair (see `stability.Spectra`).
    critical_share: Floats
    critical_share_se: Floats
    # first_order, first_order_se: (K,) root mean square, over visited states and neurons, of the perturbation of a
    # neuron by one step's noise to first order, in units of activity.
    first_order: Floats
    first_order_se: Floats
    # second_order, second_order_se: (K,) mean, over the same, of the exact shift of a neuron's activity.
    second_order: Floats
    second_order_se: Floats
    # radius, radius_se: (K,) root mean square distance of the state from its mean in the plane of PC1 and PC2 of the
    # snapshot's own states, in units of activity.
    radius: Floats
    radius_se: Floats
    plane_share: Floats  # (K,) share of the variance of h in that plane
    noise: Floats  # (K,) root mean square length of the noise that enters all neurons in one step, in units of activity
    # (K, B', T', 2) consecutive states in that plane; the sign of each direction follows the snapshot before.
    points: NDArray[np.float32]
    output: NDArray[np.int8]  # (K, B', T') output at these states
    diverged: NDArray[np.int64]  # (K,) number of runs that diverged
    # The snapshot at which the orbit opens, by the rule of `find_bifurcation`; None if none does.
    bifurcation: int | None
    # sigma, seed, trajectories, steps: of the runs.
    sigma: float
    seed: int
    trajectories: int
    steps: int
    states: int  # number of visited states whose spectrum was taken, per snapshot


def trace_emergence(
    series: Sequence[Network], sigma: float = 1.0, seed: int = 0, on_progress: ProgressCallback = no_progress
) -> Emergence:
    """Run each snapshot of a training under the same noise, and find the snapshot at which the orbit opens.

    Args:
        series: K snapshots in the order of training, whose metadata say `steps_done`, and, where they are known,
            `loss`, `loss_floor` and `loss_plateau`.

    Raises:
        ValueError: the series is empty, its networks differ in size, have no noise input, are not in the order of their
            steps or do not name them, sigma is not above 0, seed is negative, or a snapshot has no activity.
    """
    steps_done = check_series(series)
    if not sigma > 0:
        raise ValueError(f"sigma must be > 0; got {sigma:g}")
    noise = draw_noise(series[0].n_inputs, STEPS, TRAJECTORIES, sigma, seed)
    seen = _seen(series, noise, sigma, seed, on_progress)
    arrays = columns_of(seen)
    noise_lengths = np.array([sigma * np.linalg.norm(network.W_ih) for network in series])
    rate, share = ((arrays[name], arrays[f"{name}_se"]) for name in ("transition_rate", "unstable_share"))
    return Emergence(
        **arrays,
        steps_done=steps_done,
        loss=np.array([said(network, "loss") for network in series]),
        noise=noise_lengths,
        loss_floor=said(series[-1], "loss_floor"),
        loss_plateau=said(series[-1], "loss_plateau"),
        bifurcation=find_bifurcation(*rate, *share, amplification=arrays["radius"] / noise_lengths),
        sigma=float(sigma),
        seed=int(seed),
        trajectories=TRAJECTORIES,
        steps=STEPS,
        states=TRAJECTORIES * STATES_PER_RUN,
    )


def find_bifurcation(
    transition_rate: Floats,
    transition_rate_se: Floats,
    unstable_share: Floats,
    unstable_share_se: Floats,
    amplification: Floats,
) -> int | None:
    """Find the position of the snapshot at which an orbit opens, from curves (K,), or None.

    An orbit is live in a snapshot if states are unstable, their share above zero by more than 4 standard errors, and
    if the output switches, its rate above zero by more than 2. Where a network is stable everywhere that share is
    exactly zero, so neither noise nor a slow growth of its weights meets the first condition. The bifurcation is the
    first snapshot

    - whose orbit is live, while that of the snapshot before is not, nor those of most of the snapshots before; and
    - from which on the orbit is larger for good: the median amplification of noise is at least twice that before.

    A series without change, one that is live from its start, or one with a single deviating snapshot therefore has
    none. Snapshots that are not finite are skipped. The first snapshot cannot be the bifurcation.
    """
    unstable = unstable_share > UNSTABLE_ERRORS * unstable_share_se
    known = np.flatnonzero(np.isfinite(amplification))
    live = (unstable & (transition_rate > SWITCHING_ERRORS * transition_rate_se))[known]
    size = amplification[known]
    for k in range(1, len(known)):
        begins = live[k] and not live[k - 1] and live[:k].mean() < 0.5
        if begins and np.median(size[k:]) >= OPENING * np.median(size[:k]):
            return int(known[k])
    return None


def check_series(series: Sequence[Network]) -> NDArray[np.int64]:
    """Return the (K,) optimizer steps of a series.

    Raises:
        ValueError: as `trace_emergence`.
    """
    if not len(series):
        raise ValueError("series must hold at least one network; got none")
    shapes = [(network.W_hh.shape, network.W_ih.shape, network.W_out.shape) for network in series]
    if len(set(shapes)) > 1:
        raise ValueError(f"networks of a series must have the same size; got {len(set(shapes))} different ones")
    if not all(network.W_ih.any() for network in series):
        raise ValueError("networks of a series must have noise inputs; one has only weights of 0")
    silent = [position for position, network in enumerate(series) if "steps_done" not in network.metadata]
    if silent:
        raise ValueError(f"networks of a series must say steps_done in their metadata; number {silent[0]} does not")
    steps_done = np.array([int(network.metadata["steps_done"]) for network in series])
    for before, after in pairwise(steps_done):
        if after <= before:
            raise ValueError(f"networks of a series must be in the order of their steps; got {after} after {before}")
    return steps_done


def _seen(
    series: Sequence[Network], noise: Floats, sigma: float, seed: int, on_progress: ProgressCallback
) -> list[dict[str, Any]]:
    """Measure each snapshot."""
    seen: list[dict[str, Any]] = []
    plane: Plane | None = None
    for done, network in enumerate(series, start=1):
        run = respond(network, noise, sigma, seed)
        if run.diverged:
            nowhere = np.full((DRAWN_RUNS, DRAWN_STEPS, 2), np.nan)
            seen.append(_row([(np.nan, np.nan)] * len(CURVES), np.nan, nowhere, run))
        else:
            plane = _facing(fit_plane(run.h[:, TRANSIENT:]), plane)
            seen.append(_look(network, run, plane))
        on_progress(done / len(series))
    return seen


def said(network: Network, name: str) -> float:
    """Read a number of the metadata; NaN where it is missing."""
    return float(network.metadata.get(name, "nan"))


def _facing(plane: Plane, before: Plane | None) -> Plane:
    """The plane with the signs of its directions chosen so that they point as those of the plane before."""
    if before is None:
        return plane
    agreement = (plane.components * before.components).sum(axis=1, keepdims=True)
    components = np.where(agreement < 0, -plane.components, plane.components)
    return Plane(plane.mean, components, plane.explained_variance_ratio, plane.scale)


def _look(network: Network, run: Trajectory, plane: Plane) -> dict[str, Any]:
    settled = slice(TRANSIENT, None)
    points = plane.project(run.h[:, settled])[..., :2]
    switched = count_switches(run.output[:, settled], network.n_outputs)
    at = np.linspace(TRANSIENT, run.h.shape[1] - 1, STATES_PER_RUN).astype(np.int64)
    states = run.state[:, at]
    found = spectra(network, states.reshape(-1, network.n_state))
    active_variance, shift = _perturbation(network, states, run.sigma)
    curves = [
        (switched.switches_per_1000 / 1000, switched.switches_per_1000_se / 1000),
        _mean((found.unstable > 0).reshape(states.shape[:2])),
        _mean((found.critical_pairs > 0).reshape(states.shape[:2])),
        _root(*_mean(active_variance)),
        _mean(shift),
        _root(*_mean((points**2).sum(axis=-1))),
    ]
    return _row(curves, float(plane.explained_variance_ratio[:2].sum()), points[:DRAWN_RUNS, -DRAWN_STEPS:], run)


def _row(curves: Sequence[tuple[float, float]], plane_share: float, points: Floats, run: Trajectory) -> dict[str, Any]:
    """One snapshot, by the names of `Emergence`."""
    names = [f"{name}{end}" for name in CURVES for end in ("", "_se")]
    return {
        **dict(zip(names, chain(*curves), strict=True)),
        "plane_share": plane_share,
        "points": points.astype(np.float32),
        "output": run.output[:DRAWN_RUNS, -DRAWN_STEPS:].astype(np.int8),
        "diverged": int((run.diverged_at >= 0).sum()),
    }


def _perturbation(network: Network, states: Floats, sigma: float) -> tuple[Floats, Floats]:
    """First-order variance and exact shift of a neuron by one step's noise at states (B, S, ...), (B, S) each."""
    flat, shape = states.reshape(-1, network.n_state), states.shape[:2]
    bias = network.drive_bias
    z = rollout(network, np.broadcast_to(bias, (len(flat), 1, len(bias))), flat).pre_activation[:, 0]
    s = sigma * np.linalg.norm(network.W_ih, axis=1)
    if network.is_plain_relu:
        variance, shift = np.where(z > 0, s**2, 0.0), _kink_shift(z, s)
    else:
        variance, shift = _linear_variance(network, flat, sigma), _smooth_shift(network, z, s)
    return variance.mean(axis=1).reshape(shape), shift.mean(axis=1).reshape(shape)


def _kink_shift(z: Floats, s: Floats) -> Floats:
    """(S, N) exact shift of the mean of max(z + e, 0) by noise e of standard deviation s (N,)."""
    from scipy.special import ndtr

    # A neuron that no noise reaches is not perturbed at all: u = inf gives it no shift.
    u = np.abs(np.divide(z, s, out=np.full_like(z, np.inf), where=s > 0))
    finite = np.where(np.isfinite(u), u, 0.0)
    return np.where(np.isfinite(u), s * (np.exp(-(finite**2) / 2) / np.sqrt(2 * np.pi) - finite * ndtr(-finite)), 0.0)


def _linear_variance(network: Network, states: Floats, sigma: float) -> Floats:
    """(S, N) variance of a neuron's next activity by one step's noise, to first order."""
    slopes = drive_slopes(network, states, network.drive_bias)
    weights = np.stack([network.W_ih, *(gate.W_ih for gate in network.gates.values())])
    return sigma**2 * np.einsum("sgn,ghn,shn->sn", slopes, np.einsum("gnm,hnm->ghn", weights, weights), slopes)


def _smooth_shift(network: Network, z: Floats, s: Floats) -> Floats:
    """(S, N) shift of the mean of a neuron's next activity; NaN in a gated cell."""
    if network.kind.is_gated:
        return np.full_like(z, np.nan)
    if network.leak == CURRENT:
        return np.zeros_like(z)
    at, weight = np.polynomial.hermite_e.hermegauss(HERMITE_POINTS)
    # The noise reaches f scaled where f is outside the leak, and what f gives is scaled where it is inside.
    inner, outer = (network.alpha, 1.0) if network.leak == TOTAL else (1.0, network.alpha)
    spread = sum(w * activate(network.cell, z + x * inner * s) for x, w in zip(at, weight / weight.sum(), strict=True))
    return np.asarray(outer * (spread - activate(network.cell, z)))


def _mean(values: NDArray[np.number] | NDArray[np.bool_]) -> tuple[float, float]:
    """Mean of values (B, S) and its standard error, from the spread between runs."""
    sums = values.sum(axis=1, dtype=np.float64)
    mean, error = ratio_of_sums(sums, np.full(len(sums), values.shape[1]))
    return float(mean), float(error)


def _root(square: float, error: float) -> tuple[float, float]:
    """The square root of a mean square and its standard error."""
    root = float(np.sqrt(square))
    return root, error / (2 * root) if root > 0 else 0.0
