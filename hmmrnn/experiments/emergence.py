"""How does it come about in training? The snapshots of one training, each looked at in the same way.

Early there is one fixed point, around which noise jitters the state, and no orbit; then the Jacobian gets unstable
eigenvalues at the states that noise leads to, and the orbit opens: the bifurcation. With z = W_hh h + b_h before the
noise e ~ N(0, s_i^2), s_i = sigma |row i of W_ih|, is added, noise perturbs neuron i at state h by

    first order    1[z_i > 0] e_i                                       zero on average, variance 1[z_i > 0] s_i^2
    second order   E[max(z_i + e_i, 0)] - max(z_i, 0) = s_i (f(u) - |u| F(-|u|)),  u = z_i / s_i

with density f and distribution F of the standard normal: the second is the exact shift of the mean that the kink of
the ReLU makes out of noise without a mean.

Source: Torre et al. (2025), section on the emergence of the dynamics in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.network import Floats, Network, rollout
from hmmrnn.progress import Tell, ignore
from hmmrnn.simulation import Trajectory, draw_noise, respond
from hmmrnn.stability import spectra
from hmmrnn.statespace import Plane, fit_plane
from hmmrnn.switching import ratio_of_sums, switching

TRAJECTORIES, STEPS = 24, 400
# Steps after which the start at the origin is forgotten.
TRANSIENT = 100
# A spectrum costs milliseconds; twelve states of each run, 27 steps apart, are nearly independent.
STATES_PER_RUN = 12
DRAWN_RUNS, DRAWN_STEPS = 6, 100

# Standard errors by which states must be unstable, and by which the output must switch.
UNSTABLE_ERRORS, SWITCHING_ERRORS = 4.0, 2.0
# Factor by which the orbit must be larger, for good.
OPENING = 2.0


@dataclass(frozen=True, eq=False)
class Emergence:
    """What K snapshots of a training do under the same noise; NaN where one of a snapshot's runs leaves all bounds.

    Standard errors are from the spread between runs.

    Attributes:
        steps_done: (K,) optimizer steps up to each snapshot.
        loss: (K,) the training's loss; NaN where a snapshot does not say it.
        loss_floor, loss_plateau: what the HMM itself and independent symbols reach; NaN if it is not said.
        transition_rate, transition_rate_se: (K,) probability per step that the output changes.
        unstable_share, unstable_share_se: (K,) share of the visited states with an eigenvalue above 1 in magnitude.
        critical_share, critical_share_se: (K,) share of them with a critical pair (see `stability.Spectra`).
        first_order, first_order_se: (K,) root mean square, over visited states and neurons, of the perturbation of a
            neuron by one step's noise to first order, in units of activity.
        second_order, second_order_se: (K,) mean, over the same, of the exact shift of a neuron's activity.
        radius, radius_se: (K,) root mean square distance of the state from its mean in the plane of PC1 and PC2 of
            the snapshot's own states, in units of activity.
        plane_share: (K,) share of the variance of h in that plane.
        noise: (K,) root mean square length of the noise that enters all neurons in one step, in units of activity.
        points: (K, B', T', 2) consecutive states in that plane; the sign of each direction follows the snapshot before.
        output: (K, B', T') output at these states.
        diverged: (K,) number of runs that left all bounds.
        bifurcation: the snapshot at which the orbit opens, by the rule of `find_bifurcation`; None if none does.
        sigma, seed, trajectories, steps, states: what was asked for; `states` visited states had their spectrum taken.
    """

    steps_done: NDArray[np.int64]
    loss: Floats
    loss_floor: float
    loss_plateau: float
    transition_rate: Floats
    transition_rate_se: Floats
    unstable_share: Floats
    unstable_share_se: Floats
    critical_share: Floats
    critical_share_se: Floats
    first_order: Floats
    first_order_se: Floats
    second_order: Floats
    second_order_se: Floats
    radius: Floats
    radius_se: Floats
    plane_share: Floats
    noise: Floats
    points: NDArray[np.float32]
    output: NDArray[np.int8]
    diverged: NDArray[np.int64]
    bifurcation: int | None
    sigma: float
    seed: int
    trajectories: int
    steps: int
    states: int


def emergence(series: Sequence[Network], sigma: float = 1.0, seed: int = 0, tell: Tell = ignore) -> Emergence:
    """Look at each snapshot of a training under the same noise, and find where its orbit opens.

    Args:
        series: K snapshots in the order of training, whose metadata say `steps_done`, and, where they are known,
            `loss`, `loss_floor` and `loss_plateau`.
        sigma: standard deviation of the noise, in the units of training (1).
        seed: of the noise, which is the same for all snapshots.
        tell: told the share that is done after each snapshot.

    Raises:
        ValueError: the series is empty, its networks differ in size, hear no noise, are not in the order of their steps
            or do not say them, sigma is not above 0, seed is negative, or a snapshot has no activity.
    """
    steps_done = _checked(series)
    if not sigma > 0:
        raise ValueError(f"sigma must be > 0; got {sigma:g}")
    noise = draw_noise(series[0].n_inputs, STEPS, TRAJECTORIES, sigma, seed)
    seen = _seen(series, noise, sigma, seed, tell)
    arrays: dict[str, NDArray[Any]] = {
        "steps_done": steps_done,
        "loss": np.array([_said(network, "loss") for network in series]),
        "noise": np.array([sigma * np.linalg.norm(network.W_ih) for network in series]),
        **{name: np.array([getattr(snapshot, name) for snapshot in seen]) for name in _Snapshot._fields},
    }
    for array in arrays.values():
        array.setflags(write=False)
    rate, share = ((arrays[name], arrays[f"{name}_se"]) for name in ("transition_rate", "unstable_share"))
    return Emergence(
        **arrays,
        loss_floor=_said(series[-1], "loss_floor"),
        loss_plateau=_said(series[-1], "loss_plateau"),
        bifurcation=find_bifurcation(*rate, *share, amplification=arrays["radius"] / arrays["noise"]),
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
    """Find the snapshot at which an orbit opens, or None.

    An orbit is live in a snapshot if states are unstable, their share above zero by more than 4 standard errors, and
    if the output switches, its rate above zero by more than 2. Where a network is stable everywhere that share is
    exactly zero, so neither noise nor a slow growth of its weights meets the first condition. The bifurcation is the
    first snapshot

    - whose orbit is live, while that of the snapshot before is not, nor those of most of the snapshots before; and
    - from which on the orbit is larger for good: the median amplification of noise is at least twice that before.

    So a spoilt snapshot among others, a series without change and one that is live from its start have none. A
    snapshot that is not finite is passed over, and the first of a series is never it, as nothing was before.

    Args:
        transition_rate, transition_rate_se: (K,) probability per step that the output changes, and its error.
        unstable_share, unstable_share_se: (K,) share of the states with an unstable eigenvalue, and its error.
        amplification: (K,) radius of the orbit in units of the noise of one step.

    Returns:
        Its position in the series.
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


class _Snapshot(NamedTuple):
    """One row of the curves of `Emergence`."""

    transition_rate: float
    transition_rate_se: float
    unstable_share: float
    unstable_share_se: float
    critical_share: float
    critical_share_se: float
    first_order: float
    first_order_se: float
    second_order: float
    second_order_se: float
    radius: float
    radius_se: float
    plane_share: float
    points: NDArray[np.float32]
    output: NDArray[np.int8]
    diverged: int


def _checked(series: Sequence[Network]) -> NDArray[np.int64]:
    """(K,) steps done."""
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


def _seen(series: Sequence[Network], noise: Floats, sigma: float, seed: int, tell: Tell) -> list[_Snapshot]:
    """What is seen of each snapshot."""
    seen: list[_Snapshot] = []
    plane: Plane | None = None
    for done, network in enumerate(series, start=1):
        run = respond(network, noise, sigma, seed)
        if run.diverged:
            seen.append(_gone(run))
        else:
            plane = _facing(fit_plane(run.h[:, TRANSIENT:]), plane)
            seen.append(_look(network, run, plane))
        tell(done / len(series))
    return seen


def _said(network: Network, name: str) -> float:
    """A number of the metadata; NaN where it is not said."""
    return float(network.metadata.get(name, "nan"))


def _facing(plane: Plane, before: Plane | None) -> Plane:
    """The plane with the signs of its directions chosen so that they point as those of the plane before."""
    if before is None:
        return plane
    agreement = (plane.components * before.components).sum(axis=1, keepdims=True)
    components = np.where(agreement < 0, -plane.components, plane.components)
    return Plane(plane.mean, components, plane.explained_variance_ratio, plane.scale)


def _gone(run: Trajectory) -> _Snapshot:
    nowhere = np.full((DRAWN_RUNS, DRAWN_STEPS, 2), np.nan, dtype=np.float32)
    output = run.output[:DRAWN_RUNS, -DRAWN_STEPS:].astype(np.int8)
    values: dict[str, Any] = dict.fromkeys(_Snapshot._fields, np.nan)
    return _Snapshot(**{**values, "points": nowhere, "output": output, "diverged": int((run.diverged_at >= 0).sum())})


def _look(network: Network, run: Trajectory, plane: Plane) -> _Snapshot:
    settled = slice(TRANSIENT, None)
    points = plane.project(run.h[:, settled])[..., :2]
    switched = switching(run.output[:, settled], network.n_outputs)
    at = np.linspace(TRANSIENT, run.h.shape[1] - 1, STATES_PER_RUN).astype(np.int64)
    states = run.h[:, at]
    found = spectra(network, states.reshape(-1, network.n_neurons))
    active_variance, shift = _perturbation(network, states, run.sigma)
    return _Snapshot(
        switched.switches_per_1000 / 1000,
        switched.switches_per_1000_se / 1000,
        *_mean((found.unstable > 0).reshape(states.shape[:2])),
        *_mean((found.critical_pairs > 0).reshape(states.shape[:2])),
        *_root(*_mean(active_variance)),
        *_mean(shift),
        *_root(*_mean((points**2).sum(axis=-1))),
        float(plane.explained_variance_ratio[:2].sum()),
        points[:DRAWN_RUNS, -DRAWN_STEPS:].astype(np.float32),
        run.output[:DRAWN_RUNS, -DRAWN_STEPS:].astype(np.int8),
        0,
    )


def _perturbation(network: Network, states: Floats, sigma: float) -> tuple[Floats, Floats]:
    """First-order variance and exact shift of a neuron by one step's noise at states (B, S, N), (B, S) each."""
    from scipy.special import ndtr

    flat = states.reshape(-1, network.n_neurons)
    z = rollout(network, np.broadcast_to(network.b_h, (len(flat), 1, network.n_neurons)), flat).pre_activation[:, 0]
    s = sigma * np.linalg.norm(network.W_ih, axis=1)
    # A neuron that no noise reaches is not perturbed at all: u = inf gives it no shift.
    u = np.abs(np.divide(z, s, out=np.full_like(z, np.inf), where=s > 0))
    finite = np.where(np.isfinite(u), u, 0.0)
    shift = np.where(np.isfinite(u), s * (np.exp(-(finite**2) / 2) / np.sqrt(2 * np.pi) - finite * ndtr(-finite)), 0.0)
    variance = np.where(z > 0, s**2, 0.0)
    shape = states.shape[:2]
    return variance.mean(axis=1).reshape(shape), shift.mean(axis=1).reshape(shape)


def _mean(values: NDArray[np.number] | NDArray[np.bool_]) -> tuple[float, float]:
    """Mean of values (B, S) and its standard error, from the spread between runs."""
    sums = values.sum(axis=1, dtype=np.float64)
    mean, error = ratio_of_sums(sums, np.full(len(sums), values.shape[1]))
    return float(mean), float(error)


def _root(square: float, error: float) -> tuple[float, float]:
    """The square root of a mean square and its standard error."""
    root = float(np.sqrt(square))
    return root, error / (2 * root) if root > 0 else 0.0
