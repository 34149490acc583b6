"""The paper's ablations: upward switches and critical pairs against a gain, and the turns of single trajectories.

One population is scaled by mu: the rows of W_hh of a kick triple, or the rows of W_ih of its noise set or of the
control. All gains see one noise. Switches are the steps at which the output's index rises. Around every switch but the
last the critical pairs of 30 Jacobians are summed; for a kick triple the Jacobian has the columns of W_hh scaled, as
published. With fewer than two switches the windows lie at the switches of mu = 1.

Source: Torre et al. (2025), section 5, and the published code (1,000 steps from h_0 = 0.1 (2 z - 1), z ~ N(0, I)).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, no_progress
from hmmrnn.analysis.orbit import Plane, orbit_phase
from hmmrnn.analysis.published.groups import Neurons, PublishedGroups
from hmmrnn.analysis.stability import spectra
from hmmrnn.model.network import Floats, Intervention, Network, Result, few_threads, intervene
from hmmrnn.model.simulation import Trajectory, draw_noise, respond

KICK, NOISE, CONTROL = "kick", "noise", "control"
TARGETS = {KICK: "recurrent", NOISE: "input", CONTROL: "input"}
MUS = tuple(k / 10 for k in range(20))
STEPS, RUNS, WINDOW = 1000, 8, 30
# Trajectories: their length, their number, and the net turn, in turns, that counts as going round.
PATH_STEPS, PATHS, GOES_ROUND = 59, 100, 0.4
LONG_RUN, MOST_BEFORE_EXIT, MIXED = 2000, 100, 0.5

_START, _PATHS = 21, 22


@dataclass(frozen=True, eq=False)
class Ablation(Result):
    """One population at G gains."""

    kind: str  # KICK, NOISE or CONTROL
    output: int  # the output that the kick triple leaves; -1 for the control
    neurons: Neurons  # whose weights are scaled
    mu: Floats  # (G,) the gains
    switches: NDArray[np.int64]  # (R, G) upward switches in 1,000 steps of each of R runs
    diverged: NDArray[np.int64]  # (G,) number of runs whose activity grows without bound; what they switch still counts
    # pairs, pairs_se: (G,) critical pairs, summed over the 30 Jacobians around a switch: mean over the switches of the
    # first run, and its standard error; NaN without a window, or where activity is beyond what a float holds.
    pairs: Floats
    pairs_se: Floats
    fallback: NDArray[np.bool_]  # (G,) whether the windows lie at the switches of mu = 1
    turning: (
        Floats  # (2,) share of 100 trajectories that make 0.4 net turns or more, at mu = 0 and 1.9; NaN if diverged
    )


@dataclass(frozen=True, eq=False)
class Ablations:
    """All ablations of a network, and its trajectories as it is."""

    groups: PublishedGroups
    kick: tuple[Ablation, Ablation]
    noise: tuple[Ablation, Ablation]
    control: Ablation
    # Share of 100 trajectories that make 0.4 net turns or more on the intact network, from the start of each triple.
    turning: tuple[float, float]


@dataclass(frozen=True)
class PublishedAblation:
    """Critical pairs against the gain in the paper's ablations of one two-state network."""

    # pairs: by population ("kick", "noise", "control"), for each of its two kick triples, the mean at each gain of
    # 0, 0.1 ... 1.9 and the standard deviation between the published runs.
    pairs: dict[str, list[tuple[list[float], list[float]]]]
    switches: tuple[float, float]  # upward switches in 1,000 steps at gain 1, and their standard deviation
    cells: str  # of the published notebook


def ablate(
    network: Network, groups: PublishedGroups, plane: Plane, seed: int = 0, on_progress: ProgressCallback = no_progress
) -> Ablations:
    """Scale each population of the paper by each gain."""
    swept = [
        (KICK, 0, groups.kick[0]), (KICK, 1, groups.kick[1]), (NOISE, 0, groups.noise[0]), (NOISE, 1, groups.noise[1]),
        (CONTROL, 0, groups.control),
    ]  # fmt: skip
    starts = [_start(network, output, seed) for output in groups.outputs]
    noise = draw_noise(network.n_inputs, STEPS, RUNS, 1.0, seed)
    h0 = 0.1 * (2 * np.random.default_rng([seed, _START]).standard_normal((RUNS, network.n_neurons)) - 1)
    found = []
    with few_threads(network):
        for done, (kind, which, neurons) in enumerate(swept):
            output = -1 if kind == CONTROL else groups.outputs[which]
            found.append(_ablation(network, kind, output, neurons, noise, h0, plane, starts[which], seed))
            on_progress((done + 1) / len(swept))
        nominal = tuple(_turning(network, plane, start, seed) for start in starts)
    return Ablations(groups, (found[0], found[1]), (found[2], found[3]), found[4], (nominal[0], nominal[1]))


def upward_switches(output: NDArray[np.int64]) -> NDArray[np.int64]:
    """The steps of a run (T,) at which the index of the output has risen."""
    return np.flatnonzero(np.diff(output) > 0) + 1


def _ablation(
    network: Network,
    kind: str,
    output: int,
    neurons: Neurons,
    noise: Floats,
    h0: Floats,
    plane: Plane,
    start: "Start | None",
    seed: int,
) -> Ablation:
    nominal = upward_switches(respond(network, noise[:1], 1.0, seed, h0[:1]).output[0])
    switches, diverged = np.zeros((RUNS, len(MUS)), dtype=np.int64), np.zeros(len(MUS), dtype=np.int64)
    pairs, pairs_se = np.full((2, len(MUS)), np.nan)
    fallback = np.zeros(len(MUS), dtype=bool)
    for g, mu in enumerate(MUS):
        scaled = intervene(network, Intervention(neurons, mu, TARGETS[kind]))
        run = respond(scaled, noise, 1.0, seed, h0)
        times = [upward_switches(one) for one in run.output]
        switches[:, g] = [len(one) for one in times]
        diverged[g] = np.count_nonzero(run.diverged_at >= 0)
        fallback[g] = len(times[0]) < 2
        windows = nominal if fallback[g] else times[0]
        if np.isfinite(run.h[0]).all() and len(windows) > 1:
            local = _columns_scaled(network, neurons, mu) if kind == KICK else network
            pairs[g], pairs_se[g] = critical_pairs_around(local, run, windows)
    ends = [intervene(network, Intervention(neurons, mu, TARGETS[kind])) for mu in (MUS[0], MUS[-1])]
    turning = [_turning(scaled, plane, start, seed) for scaled in ends]
    return Ablation(
        kind, output, neurons, np.array(MUS), switches, diverged, pairs, pairs_se, fallback, np.array(turning)
    )


def _columns_scaled(network: Network, neurons: Neurons, mu: float) -> Network:
    gains = np.ones(network.n_neurons)
    gains[list(neurons)] = mu
    return replace(network, W_hh=network.W_hh * gains)


def critical_pairs_around(network: Network, run: Trajectory, times: NDArray[np.int64]) -> tuple[float, float]:
    """Critical pairs summed over the 30 Jacobians around each time but the last: mean over the times, standard error.

    Args:
        network: whose Jacobian is taken at the states of the run.
        run: of which the first trajectory is used.
        times: two or more steps.
    """
    at = [np.arange(max(0, t - WINDOW // 2), min(STEPS, t + WINDOW // 2)) for t in times[:-1]]
    counts = spectra(network, run.state[0, np.concatenate(at)]).critical_pairs
    ends = np.cumsum([len(one) for one in at])[:-1]
    sums = np.array([one.sum() for one in np.split(counts, ends)], dtype=np.float64)
    error = sums.std(ddof=1) / np.sqrt(len(sums)) if len(sums) > 1 else np.nan
    return float(sums.mean()), float(error)


# ---- single trajectories ----


@dataclass(frozen=True, eq=False)
class Start:
    """Where the trajectories of a triple begin, and the noise that they share."""

    h: Floats  # (S,) state, which begins with the activity
    noise: Floats  # (T, M) noise of the long run, from one index early on, as published


def _start(network: Network, output: int, seed: int) -> Start | None:
    """One step before the middle of the longest dwell that ends in another output than this one; None without any."""
    noise = draw_noise(network.n_inputs, LONG_RUN + PATH_STEPS, 1, 1.0, seed)
    run = respond(network, noise, 1.0, seed)
    longest = longest_dwell(run.output[0, :LONG_RUN], output)
    if run.diverged or longest is None:
        return None
    at = max(middle_of(longest) - 1, 0)
    return Start(run.state[0, at], noise[0, at : at + PATH_STEPS])


def longest_dwell(output: NDArray[np.int64], unless_to: int | None = None) -> tuple[int, int] | None:
    """First step and end of the longest dwell that ends within a run (T,); None without any.

    Args:
        unless_to: dwells that end in this output are left out.
    """
    ends = np.flatnonzero(np.diff(output)) + 1
    begins = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    dwells = [(int(b), int(e)) for b, e in zip(begins, ends, strict=True) if output[e] != unless_to]
    return max(dwells, key=lambda dwell: dwell[1] - dwell[0], default=None)


def middle_of(dwell: tuple[int, int]) -> int:
    """The middle of a dwell, but at most 100 steps before its end."""
    begin, end = dwell
    return int(max((begin + end) // 2, end - MOST_BEFORE_EXIT))


def _turning(network: Network, plane: Plane, start: Start | None, seed: int) -> float:
    """Share of 100 trajectories from one start, under half-shared noise, that make 0.4 net turns or more."""
    if start is None:
        return float("nan")
    own = np.random.default_rng([seed, _PATHS]).standard_normal((PATHS, PATH_STEPS, network.n_inputs))
    mixed = (1 - MIXED) * start.noise + MIXED * own
    run = respond(network, mixed, 1.0, seed, start.h)
    if run.diverged:
        return float("nan")
    h0 = start.h[: network.n_neurons]
    path = np.concatenate([np.broadcast_to(h0, (PATHS, 1, len(h0))), run.h], axis=1)
    return float(np.mean(np.abs(net_turns(plane, path)) >= GOES_ROUND))


def net_turns(plane: Plane, path: Floats) -> Floats:
    """(B,) turns around the middle of the plane of paths (B, T, N), counted from PC1 towards PC2."""
    step = np.diff(orbit_phase(plane.project(path), plane), axis=1)
    return ((step + np.pi) % (2 * np.pi) - np.pi).sum(axis=1) / (2 * np.pi)
