"""The plane of an orbit, the phase of a state along it, and the drift in the plane.

    z = C (h - mean)                        C: leading eigenvectors of the covariance of h, one per row
    phase = atan2(z_2 / s_2, z_1 / s_1)     s: standard deviation of the states along each of them

A plane is fitted once, on the intact network, and kept for every intervened run: views in planes of their
own could not be compared.

Source: Torre et al. (2025), section 4 (orbits in the plane of PC1 and PC2, emission along the orbit).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.model.network import Floats, Network, Result
from hmmrnn.model.simulation import Trajectory, draw_drive, follow_drive, simulate

# Spread below this, relative to the largest activity, is rounding and no shape.
ROUNDING = 1e-12
# With fewer states than neurons, and more neurons than this, directions are sought among the states.
FEW_NEURONS = 512
QUARTILES = (0.25, 0.5, 0.75)
MIN_STEPS_PER_CELL = 5
# The paper's: stretches that are longer show whole turns of the orbit that joins two outputs.
PAIR_LONGER_THAN = 200

# Runs that a network's plane is fitted to, and their first steps, which still depend on the start at the origin.
PLANE_RUNS, PLANE_STEPS, PLANE_TRANSIENT = 16, 1000, 100
# Values of activity in these runs: networks of more than 256 neurons are run for fewer steps.
PLANE_VALUES = 4_096_000
# Products of one weight and one number in these runs: networks of more than about 900 neurons are run fewer times.
PLANE_PRODUCTS = 4_000_000_000
# A pair's plane is fitted as soon as there are so many states of long stretches; a round is of so many runs and steps.
PAIR_STATES, PAIR_ROUNDS, PAIR_RUNS, PAIR_STEPS = 3000, 8, 32, 2000
PAIR_VALUES = 12_800_000


@dataclass(frozen=True, eq=False)
class Plane(Result):
    """The directions in which a set of states spreads most."""

    mean: Floats  # (N,) mean of the states
    components: Floats  # (C, N) orthonormal directions, widest first; the entry of largest magnitude is positive
    explained_variance_ratio: Floats  # (C,) share of the variance along each
    scale: Floats  # (C,) standard deviation of the states along each, in units of activity; 0 where they have no extent

    def project(self, h: Floats) -> Floats:
        """Coordinates (..., C) of activity h (..., N), in units of activity; NaN where h is not finite."""
        # Subtracting the projected mean spares a second copy of h, which is the largest array there is.
        with np.errstate(over="ignore", invalid="ignore"):
            points = h @ self.components.T.astype(h.dtype, copy=False) - self.components @ self.mean
        return np.where(np.isfinite(points), points, np.nan)


@dataclass(frozen=True, eq=False)
class OrbitProfile(Result):
    """Emission probabilities along an orbit, over P bins of phase."""

    phase_centers: Floats  # (P,) middle of each bin, in radians
    # median, lower_quartile, upper_quartile: (P, O) of the probabilities in the bin; NaN where it is empty.
    median: Floats
    lower_quartile: Floats
    upper_quartile: Floats
    occupancy: Floats  # (P,) share of the steps in the bin; the shares sum to 1
    counts: NDArray[np.int64]  # (P,) number of steps in the bin


@dataclass(frozen=True, eq=False)
class DriftField(Result):
    """Mean displacement in one step, over the G cells of a grid that at least 5 steps start in."""

    centers: Floats  # (G, 2) middle of each cell, in plane coordinates
    displacement: Floats  # (G, 2) mean displacement of the steps that start in the cell
    counts: NDArray[np.int64]  # (G,) number of those steps


def fit_plane(source: Trajectory | ArrayLike, n_components: int = 3) -> Plane:
    """Fit the principal directions of a set of states.

    Args:
        source: a trajectory, of which only the steps before a divergence are used, or activity (..., N).
        n_components: C, directions wanted; a network with fewer neurons gives as many as it has.

    Raises:
        ValueError: n_components is below 1, fewer than 2 states, a value is not finite, or all states are identical.
    """
    if n_components < 1:
        raise ValueError(f"n_components must be >= 1; got {n_components}")
    states = _states(source)
    size = np.abs(states).max()
    mean = states.mean(axis=0)
    states -= mean
    if np.abs(states).max() <= ROUNDING * size:
        raise ValueError(
            f"states must differ from each other; all {len(states):,} are identical: the network stays where it is. "
            "A plane needs a network that moves under noise, and noise (sigma > 0)"
        )
    variance, vectors = _directions(states, n_components)
    variance = np.clip(variance[::-1], 0.0, None)
    # A direction without extent comes out of the eigenvalue solver as rounding of the widest one.
    variance[variance <= states.shape[1] * np.finfo(float).eps * variance[0]] = 0.0
    components = np.ascontiguousarray(vectors.T[::-1][:n_components])
    peak = np.abs(components).argmax(axis=1)
    components *= np.sign(components[np.arange(len(components)), peak])[:, None]
    ratio, scale = variance / variance.sum(), np.sqrt(variance)
    return Plane(mean, components, ratio[:n_components], scale[:n_components])


def _directions(states: Floats, wanted: int) -> tuple[Floats, Floats]:
    """Eigenvalues of the covariance of centred states (S, N), ascending, and the eigenvectors of the last ones.

    X'X and XX' have the same eigenvalues but for zeros; if XX' u = s u, then X'u / sqrt(s) is the eigenvector of X'X.
    """
    count, n = states.shape
    if n <= FEW_NEURONS or count >= n or wanted >= count:
        return np.linalg.eigh(states.T @ states / (count - 1))
    variance, among = np.linalg.eigh(states @ states.T / (count - 1))
    if variance[-wanted] <= n * np.finfo(float).eps * variance[-1]:
        # Too flat: nothing among the states leads to the last direction.
        return np.linalg.eigh(states.T @ states / (count - 1))
    vectors = states.T @ among[:, -wanted:]
    return variance, vectors / np.linalg.norm(vectors, axis=0)


def fit_network_plane(network: Network, pair: tuple[int, int] | None = None, seed: int = 0) -> Plane:
    """Fit the plane in which a network is shown, to its own states under noise of sigma = 1.

    Args:
        pair: two outputs, to fit the plane of the orbit that joins them to the long stretches that visit no other;
            None fits it to all states after the transient.

    Raises:
        ValueError: the network stays in one state, or no long stretch visits the pair.

    Source: Torre et al. (2025), section 4 (plane of PC1 and PC2; networks with more than one orbit).
    """
    if pair is not None:
        return fit_plane(_pair_states(network, pair, seed))
    return fit_plane(settled_states(run_for_plane(network, seed, single=network.n_neurons > FEW_NEURONS)))


def check_plane(network: Network, plane: Plane) -> None:
    """Raise ValueError if a plane is of a network of another size, or has fewer than 2 directions."""
    if plane.components.shape[1] != network.n_neurons or len(plane.components) < 2:
        raise ValueError(
            f"plane must have at least 2 directions of {network.n_neurons} neurons, as many as the network has; "
            f"got {plane.components.shape[0]} of {plane.components.shape[1]}"
        )


def run_for_plane(network: Network, seed: int = 0, given: Floats | None = None, single: bool = False) -> Trajectory:
    """The 16 runs of 1,000 steps, from the origin under noise of sigma = 1, that a network's plane is fitted to.

    Large networks are run for fewer steps, and the largest fewer times. `given` is a sequence of inputs (T, M) beside
    the noise.
    """
    steps = plane_steps(network)
    fitting = PLANE_PRODUCTS // (steps * network.products_per_step)
    drive = draw_drive(network, steps, max(2, min(PLANE_RUNS, fitting)), 1.0, seed, given=given, single=single)
    return follow_drive(network, drive, 1.0, seed)


def plane_steps(network: Network) -> int:
    """The 1,000 steps of each run that a plane is fitted to, or as many as a large network leaves room for."""
    return max(2 * PLANE_TRANSIENT, min(PLANE_STEPS, PLANE_VALUES // (PLANE_RUNS * network.n_neurons)))


def settled_states(run: Trajectory, of: Floats | None = None) -> Floats:
    """(S, N) states of `run_for_plane` after the transient; all states before a divergence if that comes earlier.

    Args:
        of: (B, T, ...) what is taken of the run; its activity if None.
    """
    values = run.h if of is None else of
    settled = values[:, PLANE_TRANSIENT:][run.valid[:, PLANE_TRANSIENT:]]
    return settled if len(settled) > 1 else values[run.valid]


def _pair_states(network: Network, pair: tuple[int, int], seed: int) -> Floats:
    """(S, N) states of the long stretches of a pair of outputs, of as many runs as it takes."""
    found: list[Floats] = []
    longest = 0
    runs = max(1, min(PAIR_RUNS, PAIR_VALUES // (PAIR_STEPS * network.n_neurons)))
    for round_seed in range(seed, seed + PAIR_ROUNDS):
        run = simulate(network, PAIR_STEPS, runs, seed=round_seed)
        output = np.where(run.valid, run.output, -1)[:, PLANE_TRANSIENT:]
        longest = max(longest, longest_stretch(output, pair))
        found.append(run.h[:, PLANE_TRANSIENT:][pair_stretches(output, pair, PAIR_LONGER_THAN)])
        if sum(map(len, found)) >= PAIR_STATES:
            break
    if longest <= PAIR_LONGER_THAN:
        raise ValueError(
            f"no stretch of more than {PAIR_LONGER_THAN:,} consecutive steps visits outputs {pair[0]} and {pair[1]} "
            f"and no other: in {PAIR_ROUNDS * runs} runs of {PAIR_STEPS:,} steps the longest is of {longest} steps"
        )
    return np.concatenate(found)


def orbit_phase(plane_points: Floats, plane: Plane) -> Floats:
    """Angle (...), 0 to 2 pi, around the plane's mean in the first two coordinates, each over its standard deviation.

    The division makes both axes count alike: on a flat orbit the plain angle would rush through the long
    sides. The angle runs from the first component towards the second; its sense of rotation is the orbit's own.

    Raises:
        ValueError: there are fewer than two coordinates.
    """
    if plane_points.shape[-1] < 2 or len(plane.scale) < 2:
        raise ValueError(
            f"the phase of an orbit needs 2 coordinates; got {min(plane_points.shape[-1], len(plane.scale))}"
        )
    scale = np.where(plane.scale[:2] > 0, plane.scale[:2], np.inf)
    x, y = np.moveaxis(plane_points[..., :2] / scale, -1, 0)
    phase = np.mod(np.arctan2(y, x), 2 * np.pi)
    # The remainder of an angle just below 0 rounds up to 2 pi itself.
    return np.where(phase >= 2 * np.pi, 0.0, phase)


def emission_along_orbit(phase: Floats, probabilities: Floats, bins: int = 48) -> OrbitProfile:
    """Summarise emission probabilities (..., O) over P equal bins of the phase (...) of the same states.

    Raises:
        ValueError: bins is below 1, the shapes do not fit, or no phase is finite.
    """
    if bins < 1:
        raise ValueError(f"bins must be >= 1; got {bins}")
    if probabilities.shape[:-1] != phase.shape:
        raise ValueError(f"probabilities must have one row per phase, {(*phase.shape, 'O')}; got {probabilities.shape}")
    known = np.isfinite(phase)
    if not known.any():
        raise ValueError(f"phase must hold at least one finite value; got {phase.size:,} that are not")
    edges = np.linspace(0, 2 * np.pi, bins + 1)
    bin_of_step = np.clip(np.searchsorted(edges, phase[known], side="right") - 1, 0, bins - 1)
    counts = np.bincount(bin_of_step, minlength=bins)
    ordered = probabilities[known][np.argsort(bin_of_step, kind="stable")]
    quartiles = np.full((len(QUARTILES), bins, probabilities.shape[-1]), np.nan)
    for i, rows in enumerate(np.split(ordered, np.cumsum(counts)[:-1])):
        if len(rows):
            quartiles[:, i] = np.quantile(rows, QUARTILES, axis=0)
    lower, median, upper = quartiles
    centers = (edges[:-1] + edges[1:]) / 2
    return OrbitProfile(centers, median, lower, upper, counts / counts.sum(), counts)


def pair_stretches(
    output: NDArray[np.integer], pair: tuple[int, int], longer_than: int = PAIR_LONGER_THAN
) -> NDArray[np.bool_]:
    """Find the long stretches of runs (B, T) in which a network visits two outputs and no other: True within them.

    A network with several orbits, one for each pair of outputs, shows a single one in the plane of these stretches.

    Raises:
        ValueError: output is not (B, T), or the two outputs are the same.

    Source: Torre et al. (2025), section 4 (networks with more than one orbit).
    """
    run, start, length = _stretches(output, pair)
    mask = np.zeros(output.shape, dtype=bool)
    for b, first, steps in zip(run, start, length, strict=True):
        mask[b, first : first + steps] = steps > longer_than
    return mask


def longest_stretch(output: NDArray[np.integer], pair: tuple[int, int]) -> int:
    """Number of steps of the longest stretch in which both outputs of a pair are visited and no other; 0 if none is.

    Raises:
        ValueError: as for `pair_stretches`.
    """
    return int(_stretches(output, pair)[2].max(initial=0))


def _stretches(output: NDArray[np.integer], pair: tuple[int, int]) -> tuple[NDArray[np.int64], ...]:
    """Run, first step and number of steps of every stretch that visits both outputs of a pair, and no other."""
    if output.ndim != 2:
        raise ValueError(f"output must have shape (B, T); got {output.shape}")
    if pair[0] == pair[1]:
        raise ValueError(f"pair must be two different outputs; got {pair[0]} twice")
    inside = np.pad(np.isin(output, pair), ((0, 0), (1, 1))).astype(np.int8)
    edges = np.diff(inside, axis=1)
    run, start = np.nonzero(edges == 1)
    length = np.nonzero(edges == -1)[1] - start
    # Before each step, how often the first of the two has been seen: a stretch that stays in one of them is no orbit.
    seen = np.pad(np.cumsum(output == pair[0], axis=1), ((0, 0), (1, 0)))
    of_first = seen[run, start + length] - seen[run, start]
    both = (of_first > 0) & (of_first < length)
    return run[both], start[both], length[both]


def drift_field(points: Floats, bins: int = 16) -> DriftField:
    """Average the displacement from step to step of points (B, T, 2) over a grid; those from or to a NaN are left out.

    Raises:
        ValueError: bins is below 1, or points has another shape or fewer than 2 steps.
    """
    if bins < 1:
        raise ValueError(f"bins must be >= 1; got {bins}")
    if points.ndim != 3 or points.shape[2] != 2 or points.shape[1] < 2:
        raise ValueError(f"points must have shape (B, T, 2) with T >= 2; got {points.shape}")
    start, move = points[:, :-1].reshape(-1, 2), np.diff(points, axis=1).reshape(-1, 2)
    known = np.isfinite(start).all(axis=1) & np.isfinite(move).all(axis=1)
    if not known.any():
        return DriftField(np.empty((0, 2)), np.empty((0, 2)), np.empty(0, dtype=np.int64))
    start, move = start[known], move[known]
    low = start.min(axis=0)
    width = (start.max(axis=0) - low) / bins
    width = np.where(width > 0, width, 1.0)
    column, row = np.minimum((start - low) // width, bins - 1).astype(np.int64).T
    cell = row * bins + column
    counts = np.bincount(cell, minlength=bins**2)
    total = np.stack([np.bincount(cell, weights=axis, minlength=bins**2) for axis in move.T], axis=1)
    kept = np.flatnonzero(counts >= MIN_STEPS_PER_CELL)
    centers = low + (np.stack([kept % bins, kept // bins], axis=1) + 0.5) * width
    return DriftField(centers, total[kept] / counts[kept, None], counts[kept])


def speed(points: Floats) -> Floats:
    """How far each state (B, T, C) is from the one before it, (B, T); the first step repeats the second.

    Raises:
        ValueError: points has another shape or fewer than 2 steps.
    """
    if points.ndim != 3 or points.shape[1] < 2:
        raise ValueError(f"points must have shape (B, T, C) with T >= 2; got {points.shape}")
    distance = np.linalg.norm(np.diff(points, axis=1), axis=-1)
    return np.concatenate([distance[:, :1], distance], axis=1)


def _states(source: Trajectory | ArrayLike) -> Floats:
    """A copy (S, N) of the states, which the caller may change."""
    if isinstance(source, Trajectory):
        states = source.h[source.valid].astype(np.float64, copy=False)
    else:
        array = np.array(source, dtype=np.float64)
        if array.ndim < 2:
            raise ValueError(f"states must have shape (..., N); got {array.shape}")
        states = array.reshape(-1, array.shape[-1])
    if len(states) < 2:
        raise ValueError(f"a plane needs at least 2 states; got {len(states)}")
    if not np.isfinite(states).all():
        raise ValueError(
            f"states must be finite; got {np.count_nonzero(~np.isfinite(states)):,} NaN or infinite values. "
            "Leave out the steps from a divergence on"
        )
    return states
