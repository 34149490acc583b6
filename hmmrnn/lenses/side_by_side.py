"""Networks side by side: what each does, in one table, and how alike their activity is under the same noise.

    R^2(a, b)        share of the variance of b's activity that a ridge regression on a's explains, left-out runs
    correlation      mean canonical correlation of the two, between their ten widest directions
    orbit distance   1 - R^2 of the best rotation, reflection and scale of one mean orbit onto the other (Procrustes),
                     from the best start; 0: the same shape
    map              classical scaling in two dimensions of the distances 1 - (R^2(a, b) + R^2(b, a)) / 2

Networks with equally many inputs see the same noise. Null of R^2 and correlation: the runs of one of the two in another
order, so that each meets noise that was not its own.

Source: Hotelling (1936), canonical correlation; Gower (1975), Procrustes analysis; Torgerson (1952), classical scaling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.analysis.numerics import ProgressCallback, jackknife_error, no_progress
from hmmrnn.analysis.orbit import fit_plane, orbit_phase
from hmmrnn.analysis.regions import REGIONS, region_shares, residency
from hmmrnn.analysis.switching import count_switches
from hmmrnn.lenses.cross_validation import explained, predict_by_ridge
from hmmrnn.lenses.runs import SettledRuns, settled_drive, settled_runs
from hmmrnn.lenses.time_scales import lyapunov_exponents
from hmmrnn.model.metadata import known_target
from hmmrnn.model.network import Floats, Network, Result, few_threads

LEAST, MOST = 2, 60
RUNS, STEPS = 24, 400
FIDELITY_RUNS, FIDELITY_STEPS = 32, 1000
REGION_STATES, LYAPUNOV_RUNS, LYAPUNOV_STEPS = 300, 8, 200
DIRECTIONS, PHASES = 10, 24


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
    region_shares: Floats  # (C, R) share of the states in each of `REGIONS`
    lyapunov: Floats  # (C,) largest exponent under noise, in nats per step
    lyapunov_se: Floats  # (C,) its standard error
    participation_ratio: Floats  # (C,) number of directions that the variance of the activity takes
    participation_ratio_se: Floats  # (C,) its standard error
    # r2, r2_se, r2_null: (C, C) of the network in the column from that in the row.
    r2: Floats
    r2_se: Floats
    r2_null: Floats
    correlation: Floats  # (C, C) mean canonical correlation
    correlation_null: Floats  # (C, C) with the runs of one in another order
    orbit_distance: Floats  # (C, C) of the mean orbits
    place: Floats  # (C, 2) on the map
    notes: tuple[str, ...]  # what could not be measured of which network, and why
    seed: int  # seed of the noise

    @property
    def columns(self) -> dict[str, Floats]:
        """The table: a column of values for each thing that is measured of one network."""
        found = {
            name: getattr(self, name)
            for name in ("transition_error", "log_likelihood_gap", "switch_rate", "kick_effect", "lyapunov")
        }
        found["participation_ratio"] = self.participation_ratio
        found |= {f"leave_rate_{output}": column for output, column in enumerate(self.leave_rate.T)}
        return found | {f"share_{name}": column for name, column in zip(REGIONS, self.region_shares.T, strict=True)}


def compare_networks(
    networks: Mapping[str, Network],
    seed: int = 0,
    kick: Mapping[str, KickNeurons] | None = None,
    on_progress: ProgressCallback = no_progress,
) -> SideBySide:
    """Measure each of 2 to 60 networks, and compare each with each.

    Args:
        kick: kick neurons of the networks that are known, by name; the kick effect of others is NaN.

    Raises:
        ValueError: there are fewer than 2 or more than 60 networks, or one of them diverges.
    """
    if not LEAST <= len(networks) <= MOST:
        raise ValueError(f"{LEAST} to {MOST} networks can be compared; got {len(networks)}")
    outputs = max(network.n_outputs for network in networks.values())
    measured, runs, notes = [], [], []
    for done, (name, network) in enumerate(networks.items()):
        try:
            run = settled_runs(network, seed, RUNS, STEPS)
        except ValueError as error:
            raise ValueError(f"{name} cannot be compared: {error}") from error
        with few_threads(network):
            row, note = _measure(network, run, outputs, (kick or {}).get(name), seed)
        measured.append(row)
        runs.append(_Directions.of(network, run))
        notes += [f"{name}: {one}" for one in note]
        on_progress(0.8 * (done + 1) / len(networks))
    pairs = _compare_all(runs)
    on_progress(1.0)
    table = {name: np.array([row[name] for row in measured]) for name in measured[0]}
    return SideBySide(tuple(networks), **table, **pairs, place=_place(pairs["r2"]), notes=tuple(notes), seed=seed)


# ---- each by itself ----


def _measure(
    network: Network, run: SettledRuns, outputs: int, kick: KickNeurons | None, seed: int
) -> tuple[dict[str, Floats | float], list[str]]:
    """The row of a network in the table, and what could not be measured."""
    row, notes = _fidelity(network, seed)
    switching = count_switches(run.output, network.n_outputs)
    row |= {"switch_rate": switching.switches_per_1000 / 1000, "switch_rate_se": switching.switches_per_1000_se / 1000}
    for name in ("leave_rate", "leave_rate_se"):
        row[name] = np.append(getattr(switching, name), np.full(outputs - network.n_outputs, np.nan))
    ratios = [group.leave_rate_ratio for group in kick.groups if group.neurons] if kick else []
    row["kick_effect"] = min(ratios, default=float("nan"))
    if kick is None:
        notes.append("no kick effect: its kick neurons have not been searched for")
    states = run.state.reshape(-1, network.n_state)
    chosen = np.random.default_rng([seed, 13]).permutation(len(states))[:REGION_STATES]
    shares = region_shares(residency(network, states[chosen], seed=seed).region)
    row["region_shares"] = np.array([shares[name] for name in REGIONS])
    part = np.s_[:LYAPUNOV_RUNS, :LYAPUNOV_STEPS]
    lyapunov, error = lyapunov_exponents(network, run.state[part], settled_drive(network, run, seed)[part], 1, seed)
    row |= {"lyapunov": float(lyapunov[0]), "lyapunov_se": float(error[0])}
    row["participation_ratio"], row["participation_ratio_se"] = participation_ratio(run.h)
    return row, notes


def _fidelity(network: Network, seed: int) -> tuple[dict[str, Floats | float], list[str]]:
    """What the network's own HMM says of it; NaN and a note where none is known."""
    names = ("transition_error", "log_likelihood_gap", "log_likelihood_gap_se")
    hmm, reason = known_target(network.metadata, network.n_outputs)
    if hmm is None:
        return dict.fromkeys(names, float("nan")), [f"no fidelity: {reason}"]
    found = measure_fidelity(network, hmm, seed, FIDELITY_RUNS, FIDELITY_STEPS)
    return {name: getattr(found, name) for name in names}, []


def participation_ratio(h: Floats) -> tuple[float, float]:
    """(sum of variances)^2 / sum of squared variances of activity (B, T, N), and its error by leaving runs out."""
    count = h.shape[0] * h.shape[1]
    sums, products = h.sum(axis=1), np.matmul(h.swapaxes(1, 2), h)

    def of(total: Floats, product: Floats, steps: int) -> float:
        covariance = product / steps - np.outer(total, total) / steps**2
        return float(np.trace(covariance) ** 2 / (covariance**2).sum())

    whole = of(sums.sum(axis=0), products.sum(axis=0), count)
    rest = count - h.shape[1]
    without = [of(sums.sum(axis=0) - a, products.sum(axis=0) - b, rest) for a, b in zip(sums, products, strict=True)]
    return whole, float(jackknife_error(np.array(without)))


# ---- each with each ----


@dataclass(frozen=True, eq=False)
class _Directions:
    """Activity in its widest directions, and the mean orbit."""

    inputs: int  # noise inputs of the network: only with equally many is the noise the same
    points: Floats  # (B, T, D) coordinates
    orbit: Floats  # (P, 2) mean coordinates in each bin of phase

    @classmethod
    def of(cls, network: Network, run: SettledRuns) -> _Directions:
        plane = fit_plane(run.h, n_components=DIRECTIONS)
        points = plane.project(run.h)
        phase = orbit_phase(points, plane)
        at = np.minimum((phase / (2 * np.pi) * PHASES).astype(int), PHASES - 1)
        seen = np.unique(at)
        means = np.array([points[at == place, :2].mean(axis=0) for place in seen])
        # A bin that was never seen lies on the line between its neighbours around the orbit.
        orbit = np.stack([np.interp(np.arange(PHASES), seen, column, period=PHASES) for column in means.T], axis=1)
        return cls(network.n_inputs, points, orbit)


def _compare_all(runs: list[_Directions]) -> dict[str, Floats]:
    count = len(runs)
    found = {
        name: np.full((count, count), np.nan)
        for name in ("r2", "r2_se", "r2_null", "correlation", "correlation_null", "orbit_distance")
    }
    for a, one in enumerate(runs):
        for b, other in enumerate(runs):
            found["orbit_distance"][a, b] = orbit_distance(one.orbit, other.orbit)
            if one.inputs != other.inputs or one.points.shape[:2] != other.points.shape[:2]:
                continue
            moved = np.roll(one.points, 1, axis=0)
            found["r2"][a, b], found["r2_se"][a, b] = explained(
                other.points, predict_by_ridge(one.points, other.points)
            )
            found["r2_null"][a, b] = explained(other.points, predict_by_ridge(moved, other.points))[0]
            found["correlation"][a, b] = canonical_correlation(one.points, other.points)
            found["correlation_null"][a, b] = canonical_correlation(moved, other.points)
    return found


def canonical_correlation(x: Floats, y: Floats) -> float:
    """Mean canonical correlation of x (B, T, P) and y (B, T, Q), over the smaller number of directions."""
    bases = []
    for part in (x, y):
        flat = part.reshape(-1, part.shape[-1])
        left, size, _ = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
        bases.append(left[:, size > 1e-10 * size[0]])
    smaller = min(base.shape[1] for base in bases)
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)[:smaller].mean())


def orbit_distance(one: Floats, other: Floats) -> float:
    """Procrustes distance of two closed curves (P, 2), of the best start and sense."""
    shapes = [curve - curve.mean(axis=0) for curve in (one, other)]
    a, b = (shape / np.linalg.norm(shape) for shape in shapes)
    turned = [np.roll(curve, shift, axis=0) for curve in (b, b[::-1]) for shift in range(len(b))]
    best = max(float(np.linalg.svd(a.T @ curve, compute_uv=False).sum()) for curve in turned)
    return max(0.0, 1 - best**2)


def _place(r2: Floats) -> Floats:
    """Classical scaling of 1 minus the mean of both R^2; pairs that were not compared are as far as unrelated ones."""
    alike = np.nan_to_num((r2 + r2.T) / 2)
    distance = np.clip(1 - alike, 0, None)
    np.fill_diagonal(distance, 0.0)
    centre = np.eye(len(r2)) - 1 / len(r2)
    values, vectors = np.linalg.eigh(-0.5 * centre @ distance**2 @ centre)
    return vectors[:, ::-1][:, :2] * np.sqrt(np.clip(values[::-1][:2], 0, None))
