"""Where on the orbit does the flow stretch? Unstable eigenvalues and critical pairs against the orbit's phase.

The Jacobian is that of one noise-free step, J(h) = diag(W_hh h + b_h > 0) W_hh, counted as in `stability.spectra`;
the phase is the angle around the middle of the plane, as in `statespace.orbit_phase`.

Source: Torre et al. (2025), section 4 (local stability along the orbit).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.network import Floats, Network
from hmmrnn.stability import spectra
from hmmrnn.statespace import Plane, orbit_phase


@dataclass(frozen=True, eq=False)
class OrbitSpectrum:
    """Mean counts of eigenvalues at states in each of P bins of the orbit's phase.

    Attributes:
        phase_centers: (P,) middle of each bin, in radians.
        unstable: (P,) mean number of eigenvalues with magnitude above 1; NaN in an empty bin.
        unstable_se: (P,) its standard error over the states of the bin; NaN with fewer than two.
        critical_pairs, critical_pairs_se: (P,) the same of critical pairs.
        counts: (P,) number of states in each bin.
    """

    phase_centers: Floats
    unstable: Floats
    unstable_se: Floats
    critical_pairs: Floats
    critical_pairs_se: Floats
    counts: NDArray[np.int64]


def orbit_spectrum(network: Network, plane: Plane, states: ArrayLike, phase_bins: int = 24) -> OrbitSpectrum:
    """Count unstable eigenvalues and critical pairs along the orbit.

    Args:
        network: intact or intervened upon.
        plane: of the intact network.
        states: (S, N) states that the network visits; far apart in time, or the standard errors are too small.
        phase_bins: P, number of equal bins over 0 to 2 pi.

    Raises:
        ValueError: phase_bins is below 1, the plane has one direction only, or states have another shape or are not
            finite.
    """
    if phase_bins < 1:
        raise ValueError(f"phase_bins must be >= 1; got {phase_bins}")
    found = spectra(network, states)
    phase = orbit_phase(plane.project(np.asarray(states, dtype=np.float64)), plane)
    edges = np.linspace(0, 2 * np.pi, phase_bins + 1)
    bin_of_state = np.clip(np.searchsorted(edges, phase, side="right") - 1, 0, phase_bins - 1)
    counts = np.bincount(bin_of_state, minlength=phase_bins)
    arrays: dict[str, NDArray[Any]] = {
        "phase_centers": (edges[:-1] + edges[1:]) / 2,
        **_means("unstable", found.unstable, bin_of_state, counts),
        **_means("critical_pairs", found.critical_pairs, bin_of_state, counts),
        "counts": counts,
    }
    for array in arrays.values():
        array.setflags(write=False)
    return OrbitSpectrum(**arrays)


def _means(
    name: str, values: NDArray[np.int64], bin_of_state: NDArray[np.int64], counts: NDArray[np.int64]
) -> dict[str, Floats]:
    """(P,) mean of the values (S,) in each bin and its standard error, by name."""
    nan = np.full(len(counts), np.nan)
    total = np.bincount(bin_of_state, weights=values, minlength=len(counts))
    mean = np.divide(total, counts, out=nan.copy(), where=counts > 0)
    squares = np.bincount(bin_of_state, weights=(values - mean[bin_of_state]) ** 2, minlength=len(counts))
    variance = np.divide(squares, counts - 1, out=nan.copy(), where=counts > 1)
    return {name: mean, f"{name}_se": np.sqrt(np.divide(variance, counts, out=nan, where=counts > 1))}
