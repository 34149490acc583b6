"""Where in the plane is it slow, fast or unstable? A sample of visited states, each looked at closely.

Slower than `motion`: each state is left to twenty noise realisations, and has its Jacobian's eigenvalues taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.network import Floats, Network
from hmmrnn.regions import REGIONS, Residency, residency
from hmmrnn.simulation import Trajectory
from hmmrnn.stability import FixedPoints, Spectra, fixed_points, spectra
from hmmrnn.statespace import DriftField, Plane, drift_field, orbit_phase

SAMPLED_STATES = 1500
SPECTRA_PER_REGION = 40
STARTS_WITHOUT_NOISE = 24


@dataclass(frozen=True, eq=False)
class Landscape:
    """S visited states of a network, out of `available`.

    Attributes:
        at: (S, 2) run and step of each.
        points: (S, C) coordinates in the plane of the intact network.
        residency: residency time, sign changes and region of each.
        drift: mean displacement per step on a grid over the plane.
        spectra: eigenvalues at up to 40 states of each region, those of `spectra_at`.
        spectra_at: (P,) which of the S states have a spectrum.
        fixed_points: where 24 of the states end without noise.
        fixed_points_at: (24, C) their coordinates in the plane; NaN where they diverge.
        available: number of states that the sample was drawn from.
    """

    at: NDArray[np.int64]
    points: Floats
    residency: Residency
    drift: DriftField
    spectra: Spectra
    spectra_at: NDArray[np.int64]
    fixed_points: FixedPoints
    fixed_points_at: Floats
    available: int


def survey(
    network: Network, plane: Plane, run: Trajectory, seed: int, pair: tuple[int, int] | None = None
) -> Landscape:
    """Look closely at a sample of the states that a run visits.

    Args:
        network: the network that made the run.
        plane: of the intact network.
        run: where the states come from; steps after a divergence are left out.
        seed: of the sample and of the noise realisations.
        pair: the outputs whose states are looked at; None takes all.

    Raises:
        ValueError: the run diverges at its first step, or no step has an output of the pair: there is no state to look
            at.
    """
    wanted = run.valid if pair is None else run.valid & np.isin(run.output, pair)
    visited = np.argwhere(wanted)
    if not len(visited) and pair is not None:
        raise ValueError(f"there is no state to map: none of the steps has output {pair[0]} or {pair[1]}")
    if not len(visited):
        raise ValueError("there is no state to map: every run diverges at its first step; lower mu or sigma")
    rng = np.random.default_rng([seed, len(visited)])
    chosen = np.sort(rng.permutation(len(visited))[:SAMPLED_STATES])
    states = run.h[tuple(visited[chosen].T)]
    resident = residency(network, states, sigma=run.sigma, seed=seed)
    spectra_at = _some_of_each(resident.region, rng)
    ends = fixed_points(network, states[rng.permutation(len(states))[:STARTS_WITHOUT_NOISE]])
    paths = np.where(wanted[..., None], plane.project(np.where(wanted[..., None], run.h, 0.0)), np.nan)
    settled = np.isfinite(ends.h).all(axis=1) & (ends.outcome != "diverged")
    return Landscape(
        at=visited[chosen],
        points=plane.project(states),
        residency=resident,
        drift=drift_field(paths[..., :2]),
        spectra=spectra(network, states[spectra_at]),
        spectra_at=spectra_at,
        fixed_points=ends,
        fixed_points_at=np.where(settled[:, None], plane.project(np.where(settled[:, None], ends.h, 0.0)), np.nan),
        available=len(visited),
    )


def _some_of_each(region: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.int64]:
    shuffled = rng.permutation(len(region))
    return np.sort(np.concatenate([shuffled[region[shuffled] == name][:SPECTRA_PER_REGION] for name in REGIONS]))


def regions_along_orbit(landscape: Landscape, plane: Plane, bins: int) -> NDArray[np.str_]:
    """(bins,) the commonest region in each equal bin of the orbit's phase, "" where no sampled state falls."""
    phase, region = orbit_phase(landscape.points, plane), landscape.residency.region
    at = np.minimum((phase / (2 * np.pi) * bins).astype(int), bins - 1)
    counts = np.array([np.bincount(at[region == name], minlength=bins) for name in REGIONS])
    return np.where(counts.sum(axis=0) > 0, np.array(REGIONS)[counts.argmax(axis=0)], "")
