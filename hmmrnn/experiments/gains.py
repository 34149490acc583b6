"""What if a population's input is turned down or up? Switching and stability against a gain mu of 0 to 2.

    recurrent:  pre_i = mu (W_hh h)_i + (W_ih x)_i        of kick neurons: what they hear of each other and the rest
    input:      pre_i = (W_hh h)_i + mu (W_ih x)_i        of integrating neurons: the noise that they collect

Every gain sees the same noise, so mu = 1 is the intact network bit for bit.

Source: Torre et al. (2025), section 5 (gains of kick and noise-integrating neurons, critical pairs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.experiments.intervals import intervals
from hmmrnn.experiments.runs import TRANSIENT, Visited, check_sizes, visit
from hmmrnn.network import Floats, Intervention, Network, few_threads, intervene
from hmmrnn.progress import Tell, ignore, part_of
from hmmrnn.simulation import draw_noise, respond
from hmmrnn.stability import spectra
from hmmrnn.statespace import Plane
from hmmrnn.switching import ratio_of_sums, switching

MUS = np.linspace(0, 2, 21)
MUS.setflags(write=False)
PATH_MU = (0.0, 1.0, 1.9)
PATH_RUNS, PATH_STEPS = 2, 400

# States that lie at most this many steps before the first one with another output.
SHORTLY_BEFORE = 3
# Eigenvalues take most of the time: fewer states where each has more of them.
MOST_STATES, FEWEST_STATES, STATES_TIMES_NEURONS = 80, 10, 20_000
# Between two words about progress: a second's worth for the largest network.
AT_ONCE_TIMES_NEURONS = 2000

# Beside the purposes of the noise in a simulation, so that no stream serves twice.
_CHOICE = 4


@dataclass(frozen=True, eq=False)
class GainSweep:
    """What a network of O outputs does at G gains of one population. NaN where the runs diverge.

    Attributes:
        neurons: (P,) the population.
        target: what the gain scales: "recurrent", "input" or "unit".
        mu: (G,) the gains.
        leave_rate: (G, O) probability per step of leaving each output; NaN where it is not visited.
        leave_rate_se: (G, O) its standard error, as that of all means here from the spread between runs.
        interval, interval_se: (G,) steps per switch of the output; NaN where it never switches.
        interval_cv, interval_cv_se: (G,) coefficient of variation of the complete intervals, within outputs; NaN
            where they are few or long beside a run (`intervals`).
        intervals, switches: (G,) number of complete intervals, and of switches.
        critical_pairs, critical_pairs_se: (G,) mean number of critical complex pairs at states up to 3 steps before a
            switch; NaN where there is none.
        critical_pairs_anywhere, critical_pairs_anywhere_se: (G,) the same at any states of the runs.
        path_mu: (3,) the gains 0, 1 and 1.9.
        paths: (3, B', T', C) what the first runs do at those, in plane coordinates; NaN for a run that diverges.
        diverged: (G,) whether any run leaves all bounds.
        sigma, seed: of the noise.
        trajectories, steps: number of runs, and of the steps that are counted in each, after 100 that are not.
    """

    neurons: NDArray[np.int64]
    target: str
    mu: Floats
    leave_rate: Floats
    leave_rate_se: Floats
    interval: Floats
    interval_se: Floats
    interval_cv: Floats
    interval_cv_se: Floats
    intervals: NDArray[np.int64]
    switches: NDArray[np.int64]
    critical_pairs: Floats
    critical_pairs_se: Floats
    critical_pairs_anywhere: Floats
    critical_pairs_anywhere_se: Floats
    path_mu: Floats
    paths: Floats
    diverged: NDArray[np.bool_]
    sigma: float
    seed: int
    trajectories: int
    steps: int


def gain_sweep(
    network: Network,
    neurons: Sequence[int],
    target: str,
    plane: Plane,
    mu: ArrayLike = MUS,
    sigma: float = 1.0,
    seed: int = 0,
    trajectories: int = 16,
    steps: int = 1500,
    tell: Tell = ignore,
) -> GainSweep:
    """Scale what reaches a population by each of G gains, under the same noise.

    Args:
        network: intact or intervened upon; the gains come on top.
        neurons: the population.
        target: what is scaled, as in `Intervention`: "recurrent" for kick neurons, "input" for integrating ones.
        plane: of the intact network, with C >= 2 directions.
        mu: (G,) gains, rising.
        sigma, seed: of the noise.
        trajectories: B, number of runs, each from h_0 = 0.
        steps: T, steps counted in each run, after a transient of 100.
        tell: told the share that is done; may raise to stop.

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
            _value(_scaled(network, neurons, target, gain), noise, seed, part_of(tell, *parts[index : index + 2]))
            for index, gain in enumerate(gains)
        ]
        paths = np.array(
            [_paths(_scaled(network, neurons, target, gain), plane, noise, sigma, seed) for gain in PATH_MU]
        )
    arrays = {
        "neurons": np.array(neurons, dtype=np.int64),
        "mu": gains,
        **{name: np.array(column) for name, column in zip(_Value._fields, zip(*values, strict=True), strict=True)},
        "path_mu": np.array(PATH_MU),
        "paths": paths,
    }
    for array in arrays.values():
        array.setflags(write=False)
    return GainSweep(
        **arrays, target=target, sigma=float(sigma), seed=int(seed), trajectories=int(trajectories), steps=int(steps)
    )


class _Value(NamedTuple):
    """What is measured at one gain; the names are those of `GainSweep`. Nothing but NaN where the runs diverge."""

    diverged: bool
    leave_rate: Floats
    leave_rate_se: Floats
    interval: float = np.nan
    interval_se: float = np.nan
    interval_cv: float = np.nan
    interval_cv_se: float = np.nan
    intervals: int = 0
    switches: int = 0
    critical_pairs: float = np.nan
    critical_pairs_se: float = np.nan
    critical_pairs_anywhere: float = np.nan
    critical_pairs_anywhere_se: float = np.nan


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


def _value(network: Network, noise: Floats, seed: int, tell: Tell) -> _Value:
    visited = visit(network, noise, part_of(tell, 0, 1 / 3))
    if visited is None:
        nowhere = np.full(network.n_outputs, np.nan)
        return _Value(True, nowhere, nowhere)
    output = visited.output[:, TRANSIENT:]
    left = switching(output, network.n_outputs)
    between = intervals(output, network.n_outputs)
    shortly_before = _shortly_before(output)
    rng = np.random.default_rng([seed, _CHOICE])
    # Drawn first, so that every gain is looked at in the same places.
    anywhere = _some(np.ones_like(shortly_before), network, rng)
    before = _some(shortly_before, network, rng)
    pairs, pairs_se = _critical_pairs(network, visited, before, part_of(tell, 1 / 3, 2 / 3))
    pairs_anywhere, pairs_anywhere_se = _critical_pairs(network, visited, anywhere, part_of(tell, 2 / 3, 1))
    return _Value(
        diverged=False,
        leave_rate=left.leave_rate,
        leave_rate_se=left.leave_rate_se,
        interval=between.mean,
        interval_se=between.mean_se,
        interval_cv=between.cv,
        interval_cv_se=between.cv_se,
        intervals=between.complete,
        switches=between.switches,
        critical_pairs=pairs,
        critical_pairs_se=pairs_se,
        critical_pairs_anywhere=pairs_anywhere,
        critical_pairs_anywhere_se=pairs_anywhere_se,
    )


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


def _critical_pairs(network: Network, visited: Visited, at: NDArray[np.int64], tell: Tell) -> tuple[float, float]:
    """Mean number of critical pairs at states (S, 2), and its standard error from the spread between runs."""
    run, step = at.T
    states = visited.h[run, step + TRANSIENT]
    pairs = np.zeros(len(states))
    at_once = max(1, AT_ONCE_TIMES_NEURONS // network.n_neurons)
    for first in range(0, len(states), at_once):
        some = slice(first, first + at_once)
        pairs[some] = spectra(network, states[some]).critical_pairs
        tell(min(first + at_once, len(states)) / len(states))
    runs = len(visited.h)
    mean, error = ratio_of_sums(np.bincount(run, pairs, runs), np.bincount(run, minlength=runs))
    return float(mean), float(error)


def _paths(network: Network, plane: Plane, noise: Floats, sigma: float, seed: int) -> Floats:
    """(B', T', C) plane points of the first runs; NaN for those that diverge."""
    some = noise[:PATH_RUNS, : TRANSIENT + PATH_STEPS]
    run = respond(network, some, sigma, seed)
    points = plane.project(run.h[:, TRANSIENT:])
    return np.where((run.diverged_at < 0)[:, None, None], points, np.nan)
