"""Survey of visited states: where in the plane the network is slow, fast or unstable.

Each sampled state gets a region from twenty noise realisations, and some get the eigenvalues of the Jacobian of one
noise-free step (see `stability.spectra`). Along the orbit, both are averaged in
bins of the phase (see `orbit.orbit_phase`).

Source: Torre et al. (2025), section 4 (regions; local stability along the orbit).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.analysis.orbit import DriftField, Plane, drift_field, orbit_phase
from hmmrnn.analysis.regions import REGIONS, Residency, residency
from hmmrnn.analysis.stability import FixedPoints, Spectra, fixed_points, spectra
from hmmrnn.model.network import Floats, Network, Result
from hmmrnn.model.simulation import Trajectory, follow_drive

SAMPLED_STATES = 1500
SPECTRA_PER_REGION = 40
STARTS_WITHOUT_NOISE = 24


@dataclass(frozen=True, eq=False)
class StateSurvey:
    """S visited states of a network, out of `available`."""

    at: NDArray[np.int64]  # (S, 2) run and step of each
    points: Floats  # (S, C) coordinates in the plane of the intact network
    residency: Residency  # residency time, sign changes and region of each
    drift: DriftField  # mean displacement per step on a grid over the plane
    spectra: Spectra  # eigenvalues at up to 40 states of each region, those of `spectra_at`
    spectra_at: NDArray[np.int64]  # (P,) which of the S states have a spectrum
    fixed_points: FixedPoints  # where 24 of the states end without noise
    fixed_points_at: Floats  # (24, C) their coordinates in the plane; NaN where they diverge
    available: int  # number of states that the sample was drawn from


@dataclass(frozen=True, eq=False)
class OrbitSpectrum(Result):
    """Mean counts of eigenvalues at states in each of P bins of the orbit's phase."""

    phase_centers: Floats  # (P,) middle of each bin, in radians
    unstable: Floats  # (P,) mean number of eigenvalues with magnitude above 1; NaN in an empty bin
    unstable_se: Floats  # (P,) its standard error over the states of the bin; NaN with fewer than two
    # critical_pairs, critical_pairs_se: (P,) the same of critical pairs.
    critical_pairs: Floats
    critical_pairs_se: Floats
    counts: NDArray[np.int64]  # (P,) number of states in each bin


def survey_states(
    network: Network, plane: Plane, run: Trajectory, seed: int, pair: tuple[int, int] | None = None
) -> StateSurvey:
    """Measure residency, drift, spectra and fixed points at a sample of the states that a run visits.

    Args:
        pair: the outputs whose states are sampled; None takes all.

    Raises:
        ValueError: the run diverges at its first step, or no step has an output of the pair: there is no state to
            sample.
    """
    wanted = run.valid if pair is None else run.valid & np.isin(run.output, pair)
    visited = np.argwhere(wanted)
    if not len(visited) and pair is not None:
        raise ValueError(f"there is no state to map: none of the steps has output {pair[0]} or {pair[1]}")
    if not len(visited):
        raise ValueError("there is no state to map: every run diverges at its first step; lower mu or sigma")
    rng = np.random.default_rng([seed, len(visited)])
    chosen = np.sort(rng.permutation(len(visited))[:SAMPLED_STATES])
    states = run.state[tuple(visited[chosen].T)]
    resident = residency(network, states, sigma=run.sigma, seed=seed)
    spectra_at = _some_of_each(resident.region, rng)
    ends = fixed_points(network, h0=states[rng.permutation(len(states))[:STARTS_WITHOUT_NOISE]])
    paths = np.where(wanted[..., None], plane.project(np.where(wanted[..., None], run.h, 0.0)), np.nan)
    at_end = ends.h[:, : network.n_neurons]
    settled = np.isfinite(ends.h).all(axis=1) & (ends.outcome != "diverged")
    return StateSurvey(
        at=visited[chosen],
        points=plane.project(states[:, : network.n_neurons]),
        residency=resident,
        drift=drift_field(paths[..., :2]),
        spectra=spectra(network, states[spectra_at]),
        spectra_at=spectra_at,
        fixed_points=ends,
        fixed_points_at=np.where(settled[:, None], plane.project(np.where(settled[:, None], at_end, 0.0)), np.nan),
        available=len(visited),
    )


def _some_of_each(region: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.int64]:
    shuffled = rng.permutation(len(region))
    return np.sort(np.concatenate([shuffled[region[shuffled] == name][:SPECTRA_PER_REGION] for name in REGIONS]))


def regions_along_orbit(landscape: StateSurvey, plane: Plane, bins: int) -> NDArray[np.str_]:
    """(bins,) the commonest region in each equal bin of the orbit's phase, "" where no sampled state falls."""
    phase, region = orbit_phase(landscape.points, plane), landscape.residency.region
    at = np.minimum((phase / (2 * np.pi) * bins).astype(int), bins - 1)
    counts = np.array([np.bincount(at[region == name], minlength=bins) for name in REGIONS])
    return np.where(counts.sum(axis=0) > 0, np.array(REGIONS)[counts.argmax(axis=0)], "")


def paths_without_noise(network: Network, plane: Plane, starts: Floats, steps: int) -> Floats:
    """(S, steps + 1, C) runs without noise from states (S, N), in a plane; NaN where they are not finite."""
    quiet = np.broadcast_to(network.drive_bias.astype(starts.dtype), (len(starts), steps, network.n_drive))
    run = follow_drive(network, quiet, sigma=0.0, seed=0, h0=starts)
    return plane.project(np.concatenate([run.h0[:, None, : network.n_neurons], run.h], axis=1))


def spectrum_along_orbit(network: Network, plane: Plane, states: ArrayLike, phase_bins: int = 24) -> OrbitSpectrum:
    """Count unstable eigenvalues and critical pairs along the orbit.

    Args:
        states: (S, N) states that the network visits; far apart in time, or the standard errors are too small.
        phase_bins: P, number of equal bins over 0 to 2 pi.

    Raises:
        ValueError: phase_bins is below 1, the plane has one direction only, or states have another shape or are not
            finite.
    """
    if phase_bins < 1:
        raise ValueError(f"phase_bins must be >= 1; got {phase_bins}")
    found = spectra(network, states)
    phase = orbit_phase(plane.project(np.asarray(states, dtype=np.float64)[:, : network.n_neurons]), plane)
    edges = np.linspace(0, 2 * np.pi, phase_bins + 1)
    bin_of_state = np.clip(np.searchsorted(edges, phase, side="right") - 1, 0, phase_bins - 1)
    counts = np.bincount(bin_of_state, minlength=phase_bins)
    unstable, critical = (_means(one, bin_of_state, counts) for one in (found.unstable, found.critical_pairs))
    return OrbitSpectrum((edges[:-1] + edges[1:]) / 2, *unstable, *critical, counts)


def _means(
    values: NDArray[np.int64], bin_of_state: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """(P,) mean of the values (S,) in each bin, and its standard error."""
    nan = np.full(len(counts), np.nan)
    total = np.bincount(bin_of_state, weights=values, minlength=len(counts))
    mean = np.divide(total, counts, out=nan.copy(), where=counts > 0)
    squares = np.bincount(bin_of_state, weights=(values - mean[bin_of_state]) ** 2, minlength=len(counts))
    variance = np.divide(squares, counts - 1, out=nan.copy(), where=counts > 1)
    return mean, np.sqrt(np.divide(variance, counts, out=nan, where=counts > 1))
