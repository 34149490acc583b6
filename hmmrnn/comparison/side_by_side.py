"""Networks side by side: what each does, in one table, and how alike their activity is under the same noise.

    R^2(a, b)        share of the variance of b's activity that a ridge regression on a's explains, left-out runs
    correlation      mean canonical correlation of the two, between their ten widest directions
    orbit distance   1 - R^2 of the best rotation, reflection and scale of one mean orbit onto the other (Procrustes),
                     from the best start; 0: the same shape
    weights(a, b)    2 ||W_a - W_b|| / (||W_a|| + ||W_b||), Frobenius norms, of each matrix
    map              classical scaling in two dimensions of the distances 1 - (R^2(a, b) + R^2(b, a)) / 2

Networks with equally many inputs see the same noise. Null of R^2 and correlation: the runs of one of the two in another
order, so that each meets noise that was not its own. Null of the weights: the neurons of one in another order. Of the
orbits: the mean distance of curves that visit the same places in any order.

Source: Hotelling (1936), canonical correlation; Gower (1975), Procrustes analysis; Torgerson (1952), classical scaling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmmrnn.analysis.kick_neurons import KickNeurons, detect_kick_neurons
from hmmrnn.analysis.numerics import ProgressCallback, no_progress, progress_part
from hmmrnn.comparison.dynamical_similarity import dsa_distances
from hmmrnn.comparison.kick_correspondence import PAIR_MEASURES, KickSide, compare_groups, shared_neurons
from hmmrnn.comparison.one_side import Side, measure_side
from hmmrnn.lenses.cross_validation import explained, predict_by_ridge
from hmmrnn.model.network import Floats, Network, Result

LEAST, MOST = 2, 60
MATRICES = ("W_hh", "W_ih", "W_out")
ORDERS = 20
# Random groups beside each kick group: enough for their mean, and a tenth of what a proof needs.
CONTROLS = 20


@dataclass(frozen=True, eq=False)
class SideBySide(Result):
    """C networks: what each does, and what each pair has in common. What could not be measured is NaN."""

    names: tuple[str, ...]  # (C) of the networks
    # transition_error: (C,) largest error of the emission transitions, from each network's own HMM.
    transition_error: Floats
    log_likelihood_gap: Floats  # (C,) nats per symbol that the HMM's own sequences are likelier
    log_likelihood_gap_se: Floats  # (C,) its standard error
    switch_rate: Floats  # (C,) switches of the output per step
    switch_rate_se: Floats  # (C,) its standard error
    leave_rate: Floats  # (C, O) probability per step of leaving each output, O that of the largest network
    leave_rate_se: Floats  # (C, O) its standard error
    kick_effect: Floats  # (C,) lowest leave rate, silenced over intact, of its kick groups
    kick_effect_null: Floats  # (C,) the mean of that ratio for random groups of the same size
    region_shares: Floats  # (C, R) share of the states in each of `REGIONS`
    lyapunov: Floats  # (C,) largest exponent under noise, in nats per step
    lyapunov_se: Floats  # (C,) its standard error
    participation_ratio: Floats  # (C,) number of directions that the variance of the activity takes
    participation_ratio_se: Floats  # (C,) its standard error
    kick: tuple[KickSide | None, ...]  # (C) the kick groups; None where they are not known
    # Of each pair, (C, C), by `PAIRS`. r2, r2_se, r2_null: of the network in the column from that in the row.
    pairs: Mapping[str, Floats]
    place: Floats  # (C, 2) on the map
    orbits: Floats  # (C, P, 2) mean orbits, turned and scaled onto that of the first network, in its units of activity
    notes: tuple[str, ...]  # what could not be measured of which network, and why
    seed: int  # seed of the noise


PAIRS = (
    *("r2", "r2_se", "r2_null", "correlation", "correlation_null", "orbit_distance", "orbit_distance_null"),
    *PAIR_MEASURES,
    *("kick_shared", "kick_shared_null"),
    *(f"{name}{kind}" for name in MATRICES for kind in ("", "_null")),
    *("dsa", "dsa_null"),
)


def compare_networks(
    networks: Mapping[str, Network],
    seed: int = 0,
    kick: Mapping[str, KickNeurons] | None = None,
    dsa: bool = False,
    on_progress: ProgressCallback = no_progress,
) -> SideBySide:
    """Measure each of 2 to 60 networks, and compare each with each; one that diverges is left out.

    Args:
        kick: kick neurons of the networks that are known, by name; the kick effect of others is NaN.
        dsa: whether to measure the distances of `dsa_distances` too, which needs the package dsa-metric.

    Raises:
        ValueError: there are fewer than 2 or more than 60 networks, or all but one diverge.
        ImportError: dsa-metric is asked for, and is not there.
    """
    check_count(len(networks))
    sides: dict[str, Side | str] = {}
    for done, (name, network) in enumerate(networks.items()):
        try:
            sides[name] = measure_side(network, seed, (kick or {}).get(name))
        except ValueError as error:
            sides[name] = str(error)
        on_progress(0.7 * (done + 1) / len(networks))
    return join_sides(networks, sides, seed, dsa, progress_part(on_progress, 0.7, 1.0))


def search_kick_neurons(network: Network, on_progress: ProgressCallback = no_progress) -> KickNeurons | None:
    """Search for the kick neurons of a network, beside few random groups; None if it diverges."""
    try:
        return detect_kick_neurons(network, controls=CONTROLS, on_progress=on_progress, alternatives=False)
    except ValueError:
        return None


def check_count(count: int) -> None:
    """Raise ValueError unless so many networks can be compared."""
    if not LEAST <= count <= MOST:
        raise ValueError(f"{LEAST} to {MOST} different networks can be compared; got {count}")


def join_sides(
    networks: Mapping[str, Network],
    measured: Mapping[str, Side | str],
    seed: int = 0,
    dsa: bool = False,
    on_progress: ProgressCallback = no_progress,
) -> SideBySide:
    """Compare each network with each; instead of what was measured of one, a sentence says why it was left out.

    Raises:
        ValueError: fewer than two were measured.
        ImportError: dsa-metric is asked for, and is not there.
    """
    sides = {name: side for name, side in measured.items() if isinstance(side, Side)}
    left_out = {name: side for name, side in measured.items() if isinstance(side, str)}
    if len(sides) < LEAST:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ValueError(f"two networks are needed that can be measured. {why}")
    notes = [f"{name} is left out: {reason}" for name, reason in left_out.items()]
    notes += [f"{name}: {note}" for name, side in sides.items() for note in side.notes]
    rows, count = list(sides.values()), len(sides)
    pairs = {name: np.full((count, count), np.nan) for name in PAIRS}
    _fill(pairs, [networks[name] for name in sides], rows, progress_part(on_progress, 0.0, 0.8 if dsa else 1.0))
    if dsa:
        pairs["dsa"], pairs["dsa_null"] = dsa_distances([row.points for row in rows])
    on_progress(1.0)
    table = _columns(rows)
    orbits = np.array([align_orbit(rows[0].orbit, row.orbit)[1] for row in rows])
    return SideBySide(
        names=tuple(sides),
        **table,
        kick=tuple(row.kick for row in rows),
        pairs=pairs,
        place=_place(pairs["r2"]),
        orbits=orbits,
        notes=tuple(notes),
        seed=seed,
    )


def _columns(rows: Sequence[Side]) -> dict[str, Any]:
    """The columns of the table, by the fields of `SideBySide`."""
    outputs = max(len(row.leave_rate) for row in rows)

    def wide(values: Floats) -> Floats:
        return np.append(values, np.full(outputs - len(values), np.nan))

    single = ("transition_error", "log_likelihood_gap", "switch_rate", "lyapunov", "participation_ratio")
    errors = [f"{name}_se" for name in single[1:]]
    found: dict[str, Any] = {name: np.array([getattr(row, name) for row in rows]) for name in (*single, *errors)}
    for name in ("leave_rate", "leave_rate_se"):
        found[name] = np.array([wide(getattr(row, name)) for row in rows])
    found["kick_effect"], found["kick_effect_null"] = np.array([row.kick_effect for row in rows]).T.copy()
    found["region_shares"] = np.array([row.region_shares for row in rows])
    return found


# ---- each with each ----


def _fill(
    pairs: dict[str, Floats], networks: Sequence[Network], rows: Sequence[Side], on_progress: ProgressCallback
) -> None:
    """Fill in what each two have in common."""
    points = [row.points.astype(np.float64) for row in rows]
    bases = [(orthonormal(one), orthonormal(np.roll(one, 1, axis=0))) for one in points]
    for a, one in enumerate(rows):
        on_progress(a / len(rows))
        moved = np.roll(points[a], 1, axis=0)
        for b, other in enumerate(rows):
            found = {**compare_groups(one.kick, other.kick), **_weights(networks[a], networks[b])}
            found["orbit_distance"] = align_orbit(one.orbit, other.orbit)[0]
            found["orbit_distance_null"] = _shuffled_distance(one.orbit, other.orbit)
            sizes = (networks[a].n_neurons, networks[b].n_neurons)
            found["kick_shared"], found["kick_shared_null"] = shared_neurons(one.kick, other.kick, sizes)
            if one.inputs == other.inputs and points[a].shape[:2] == points[b].shape[:2]:
                found["r2"], found["r2_se"] = explained(points[b], predict_by_ridge(points[a], points[b]))
                found["r2_null"] = explained(points[b], predict_by_ridge(moved, points[b]))[0]
                found["correlation"] = canonical_correlation(bases[a][0], bases[b][0])
                found["correlation_null"] = canonical_correlation(bases[a][1], bases[b][0])
            for name, value in found.items():
                pairs[name][a, b] = value


def orthonormal(points: Floats) -> Floats:
    """(B T, D) orthonormal columns that span the centred points (B, T, P); directions without extent are left out."""
    flat = points.reshape(-1, points.shape[-1])
    centred = flat - flat.mean(axis=0)
    variance, vectors = np.linalg.eigh(centred.T @ centred)
    kept = variance > 1e-14 * max(variance[-1], np.finfo(float).tiny)
    return centred @ vectors[:, kept] / np.sqrt(variance[kept])


def canonical_correlation(one: Floats, other: Floats) -> float:
    """Mean canonical correlation of two bases by `orthonormal`, over the smaller number of directions."""
    return float(np.linalg.svd(one.T @ other, compute_uv=False).mean())


def align_orbit(one: Floats, other: Floats) -> tuple[float, Floats]:
    """Procrustes distance of two closed curves (P, 2), from the best start, and the second laid on the first."""
    centres = [complex(*curve.mean(axis=0)) for curve in (one, other)]
    shapes = [curve @ [1, 1j] - centre for curve, centre in zip((one, other), centres, strict=True)]
    sizes = [max(float(np.linalg.norm(shape)), np.finfo(float).tiny) for shape in shapes]
    a, b = (shape / size for shape, size in zip(shapes, sizes, strict=True))
    # As complex numbers a turn is a factor, a reflection the conjugate, and all starts are one circular correlation.
    curves = np.array([b, b[::-1], b.conj(), b[::-1].conj()])
    factors = np.fft.ifft(np.fft.fft(a) * np.fft.fft(curves).conj())
    which, start = np.unravel_index(np.abs(factors).argmax(), factors.shape)
    factor = factors[which, start]
    laid = factor * np.roll(curves[which], start) * sizes[0] + centres[0]
    return max(0.0, 1 - float(abs(factor)) ** 2), np.stack([laid.real, laid.imag], axis=1)


def _shuffled_distance(one: Floats, other: Floats) -> float:
    """Mean distance of the first curve to curves that visit the places of the second in a random order."""
    rng = np.random.default_rng(17)
    return float(np.mean([align_orbit(one, other[rng.permutation(len(other))])[0] for _ in range(ORDERS)]))


def _weights(one: Network, other: Network) -> dict[str, float]:
    """Relative difference of each weight matrix, and the same with the neurons of one in another order."""
    if one.n_neurons != other.n_neurons or one.cell != other.cell:
        return {}
    order = np.random.default_rng(19).permutation(one.n_neurons)
    moved = {"W_hh": other.W_hh[np.ix_(order, order)], "W_ih": other.W_ih[order], "W_out": other.W_out[:, order]}
    found = {}
    for name in MATRICES:
        for kind, second in (("", getattr(other, name)), ("_null", moved[name])):
            first = getattr(one, name)
            if first.shape == second.shape:
                size = np.linalg.norm(first) + np.linalg.norm(second)
                found[f"{name}{kind}"] = float(2 * np.linalg.norm(first - second) / size) if size else 0.0
    return found


def _place(r2: Floats) -> Floats:
    """Classical scaling of 1 minus the mean of both R^2; pairs that were not compared are as far as unrelated ones."""
    alike = np.nan_to_num((r2 + r2.T) / 2)
    distance = np.clip(1 - alike, 0, None)
    np.fill_diagonal(distance, 0.0)
    centre = np.eye(len(r2)) - 1 / len(r2)
    values, vectors = np.linalg.eigh(-0.5 * centre @ distance**2 @ centre)
    return vectors[:, ::-1][:, :2] * np.sqrt(np.clip(values[::-1][:2], 0, None))
