"""Gain sweep: switching and local stability against the gain mu, 0 to 2, of what reaches one population.

    recurrent:  pre_i = mu (W_hh h)_i + (W_ih x)_i        of kick neurons: their input from the network
    input:      pre_i = (W_hh h)_i + mu (W_ih x)_i        of integrating neurons: their input from noise

Every gain sees the same noise, so mu = 1 is the intact network bit for bit.

Source: Torre et al. (2025), section 5 (gains of kick and noise-integrating neurons, critical pairs).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.analysis.numerics import (
    TRANSIENT,
    ProgressCallback,
    Visited,
    check_sizes,
    columns_of,
    no_progress,
    progress_part,
    ratio_of_sums,
    visit,
)
from hmmrnn.analysis.orbit import Plane
from hmmrnn.analysis.stability import spectra
from hmmrnn.analysis.switching import NO_INTERVALS, SwitchingSweep, count_switches, measure_intervals
from hmmrnn.model.network import Floats, Intervention, Network, few_threads, intervene
from hmmrnn.model.simulation import draw_noise, respond

MUS = np.linspace(0, 2, 21)
MUS.setflags(write=False)
PATH_MU = (0.0, 1.0, 1.9)
PATH_RUNS, PATH_STEPS = 2, 400
PAIRS = ("critical_pairs", "critical_pairs_se", "critical_pairs_anywhere", "critical_pairs_anywhere_se")

# States that lie at most this many steps before the first one with another output.
SHORTLY_BEFORE = 3
# Eigenvalues take most of the time: fewer states where each has more of them.
MOST_STATES, FEWEST_STATES, STATES_TIMES_NEURONS = 80, 10, 20_000
# Between two reports of progress: about a second for the largest network.
AT_ONCE_TIMES_NEURONS = 2000

# Beside the purposes of the noise in a simulation, so that no stream serves twice.
_CHOICE = 4


@dataclass(frozen=True, eq=False)
class GainSweep(SwitchingSweep):
    """Switching and stability of a network of O outputs at G gains of one population; NaN where runs diverge."""

    neurons: NDArray[np.int64]  # (P,) the population
    target: str  # what the gain scales: "recurrent", "input" or "unit"
    mu: Floats  # (G,) the gains
    leave_rate: Floats  # (G, O) probability per step of leaving each output; NaN where it is not visited
    leave_rate_se: Floats  # (G, O) its standard error, as that of all means here from the spread between runs
    # critical_pairs, critical_pairs_se: (G,) mean number of critical complex pairs at states up to 3 steps before a
    # switch; NaN where there is none.
    critical_pairs: Floats
    critical_pairs_se: Floats
    # critical_pairs_anywhere, critical_pairs_anywhere_se: (G,) the same at any states of the runs.
    critical_pairs_anywhere: Floats
    critical_pairs_anywhere_se: Floats
    path_mu: Floats  # (3,) the gains 0, 1 and 1.9
    paths: Floats  # (3, B', T', C) the first runs at these gains, in plane coordinates; NaN for a run that diverges
    sigma: float  # of the noise


def sweep_gains(
    network: Network,
    neurons: Sequence[int],
    target: str,
    plane: Plane,
    mu: ArrayLike = MUS,
    sigma: float = 1.0,
    seed: int = 0,
    trajectories: int = 16,
    steps: int = 1500,
    on_progress: ProgressCallback = no_progress,
) -> GainSweep:
    """Scale what reaches a population by each of G rising gains, under the same noise.

    Args:
        target: what is scaled, as in `Intervention`: "recurrent" for kick neurons, "input" for integrating ones.
        plane: of the intact network, with C >= 2 directions.
        steps: T, steps counted in each run, after a transient of 100.

    Raises:
        ValueError: no neurons, one that does not exist or is named twice, an unknown target, gains that are negative,
            not finite or do not rise, a plane of another network, steps below 2, or bad sigma, seed or trajectories.

    Source: Torre et al. (2025), section 5.
    """
    gains = _checked(network, neurons, target, mu)
    check_sizes(network, plane, steps)
    noise = draw_noise(network.n_inputs, TRANSIENT + steps, trajectories, sigma, seed)
    parts = np.linspace(0, 1, len(gains) + 1)
    with few_threads(network):
        values = [
            _value(_scaled(network, neurons, target, gain), noise, seed, progress_part(on_progress, *parts[i : i + 2]))
            for i, gain in enumerate(gains)
        ]
        scaled = [_scaled(network, neurons, target, gain) for gain in PATH_MU]
        paths = np.array([_paths(one, plane, noise, sigma, seed) for one in scaled])
    return GainSweep(
        neurons=np.array(neurons, dtype=np.int64),
        target=target,
        mu=gains,
        **columns_of(values),
        path_mu=np.array(PATH_MU),
        paths=paths,
        sigma=float(sigma),
        seed=int(seed),
        trajectories=int(trajectories),
        steps=int(steps),
    )


def _checked(network: Network, neurons: Sequence[int], target: str, mu: ArrayLike) -> Floats:
    if not len(neurons):
        raise ValueError("neurons must name at least one neuron; got none")
    gains = np.array(mu, dtype=np.float64)
    if gains.ndim != 1 or not len(gains):
        raise ValueError(f"mu must be a list (G,) of at least one gain; got shape {gains.shape}")
    # The intervention judges each gain, the neurons and the target.
    for gain in gains:
        _scaled(network, neurons, target, gain)
    if (np.diff(gains) <= 0).any():
        raise ValueError(f"mu must rise; got {', '.join(f'{gain:g}' for gain in gains)}")
    return gains


def _scaled(network: Network, neurons: Sequence[int], target: str, mu: float) -> Network:
    return intervene(network, Intervention(tuple(neurons), mu, target))


def _value(network: Network, noise: Floats, seed: int, on_progress: ProgressCallback) -> dict[str, Any]:
    """What is measured at one gain, by the names of `GainSweep`."""
    visited = visit(network, noise, progress_part(on_progress, 0, 1 / 3))
    if visited is None:
        nowhere = np.full(network.n_outputs, np.nan)
        means = dict.fromkeys(PAIRS, np.nan)
        return {"diverged": True, "leave_rate": nowhere, "leave_rate_se": nowhere, **means, **NO_INTERVALS.by_field()}
    output = visited.output[:, TRANSIENT:]
    left = count_switches(output, network.n_outputs)
    between = measure_intervals(output, network.n_outputs)
    shortly_before = _shortly_before(output)
    rng = np.random.default_rng([seed, _CHOICE])
    # Drawn first, so that the states of every gain are sampled in the same places.
    anywhere = _some(np.ones_like(shortly_before), network, rng)
    before = _some(shortly_before, network, rng)
    pairs = _critical_pairs(network, visited, before, progress_part(on_progress, 1 / 3, 2 / 3))
    pairs_anywhere = _critical_pairs(network, visited, anywhere, progress_part(on_progress, 2 / 3, 1))
    means = dict(zip(PAIRS, (*pairs, *pairs_anywhere), strict=True))
    rate = {"leave_rate": left.leave_rate, "leave_rate_se": left.leave_rate_se}
    return {"diverged": False, **rate, **means, **between.by_field()}


def _shortly_before(output: NDArray[np.integer]) -> NDArray[np.bool_]:
    """(B, T) whether the output changes within the next 3 steps."""
    near = np.zeros(output.shape, dtype=bool)
    changes = output[:, 1:] != output[:, :-1]
    for ahead in range(min(SHORTLY_BEFORE, changes.shape[1])):
        near[:, : changes.shape[1] - ahead] |= changes[:, ahead:]
    return near


def _some(where: NDArray[np.bool_], network: Network, rng: np.random.Generator) -> NDArray[np.int64]:
    """(S, 2) run and step, after the transient, of some of the states."""
    most = min(MOST_STATES, max(FEWEST_STATES, STATES_TIMES_NEURONS // network.n_neurons))
    return rng.permutation(np.argwhere(where))[:most]


def _critical_pairs(
    network: Network, visited: Visited, at: NDArray[np.int64], on_progress: ProgressCallback
) -> tuple[float, float]:
    """Mean number of critical pairs at states (S, 2), and its standard error from the spread between runs."""
    run, step = at.T
    states = visited.state[run, step + TRANSIENT]
    pairs = np.zeros(len(states))
    at_once = max(1, AT_ONCE_TIMES_NEURONS // network.n_neurons)
    for first in range(0, len(states), at_once):
        some = slice(first, first + at_once)
        pairs[some] = spectra(network, states[some]).critical_pairs
        on_progress(min(first + at_once, len(states)) / len(states))
    runs = len(visited.h)
    mean, error = ratio_of_sums(np.bincount(run, pairs, runs), np.bincount(run, minlength=runs))
    return float(mean), float(error)


def _paths(network: Network, plane: Plane, noise: Floats, sigma: float, seed: int) -> Floats:
    """(B', T', C) plane points of the first runs; NaN for those that diverge."""
    some = noise[:PATH_RUNS, : TRANSIENT + PATH_STEPS]
    run = respond(network, some, sigma, seed)
    points = plane.project(run.h[:, TRANSIENT:])
    return np.where((run.diverged_at < 0)[:, None, None], points, np.nan)
