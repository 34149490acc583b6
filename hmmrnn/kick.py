"""Which neurons switch the network? Found by their pre-activation, proven by silencing them.

For an output a, a kick neuron is negative in a's cluster, near zero in its kick zone and positive in the
transition out of it. With c, k and t the mean pre-activation in those regions and s its standard deviation:

    score = (t - c) / s    where c < 0 < t,    else 0

A profile is no proof. The group is therefore grown by effect: the fewest neurons whose silencing (both row
gains 0) brings the leave rate out of a to at most 0.10 of the intact one, under the same noise and from the
same states. The verdict is then taken anew, on other noise, beside random groups of the same size: at most 0.15.

Source: Torre et al. (2025), section 4.3 (kick neurons, by eye); search and proof are this project's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.network import Floats, Intervention, Network, few_threads, intervene, rollout
from hmmrnn.regions import CLUSTER, KICK_ZONE, TRANSITION, residency
from hmmrnn.simulation import Trajectory, draw_noise, first_divergence, simulate
from hmmrnn.switching import switching

MAX_LEAVE_RATE_RATIO = 0.15
# The search goes on to a lower ratio than the verdict asks for: the group that is chosen by one noise does a little
# worse under another.
SEARCHED_RATIO = 0.10
MAX_GROUP = 12
CANDIDATES = 40
CONTROLS = 100
# An output is visited if it holds at least this share of the steps; less gives no states to compare.
MIN_TIME_SHARE = 0.005
# A group is proven only if at most this share of the random groups lowers the leave rate as far.
MAX_CONTROL_SHARE = 0.05

REFERENCE_RUNS, REFERENCE_STEPS, TRANSIENT = 32, 600, 100
STATES_NEAR_EXIT, STATES_ANYWHERE, EXIT_WINDOW = 600, 300, 10
RUNS, MEASURED_STEPS = 48, 260


@dataclass(frozen=True, eq=False)
class KickGroup:
    """The neurons that carry the network out of one output, and the evidence.

    Attributes:
        output: the output that they leave.
        to: the one output that they lead to; None if the group was sized on leaving for any.
        neurons: the group, strongest first; empty if no neuron has a kick neuron's profile.
        leave_rate_ratio: leave rate out of `output` with the group silenced, over intact, on noise that the
            search did not see.
        control_ratios: (R,) the same for random groups of the same size from the neurons in no group.
        proven: whether the ratio is at most 0.15 and at most 5 % of the random groups get as low.
    """

    output: int
    to: int | None
    neurons: tuple[int, ...]
    leave_rate_ratio: float
    control_ratios: Floats
    proven: bool


@dataclass(frozen=True, eq=False)
class KickNeurons:
    """The kick groups of a network.

    Attributes:
        scores: (O, N) profile score of each neuron for leaving each output; 0 without the profile.
        cluster, kick_zone, transition: (O, N) mean pre-activation in the regions of each output; NaN where an
            output has no such states.
        groups: one per visited output.
        not_visited: outputs that hold less than 0.5 % of the steps, and have no group.
        seed: seed of every run behind this result.
    """

    scores: Floats
    cluster: Floats
    kick_zone: Floats
    transition: Floats
    groups: tuple[KickGroup, ...]
    not_visited: tuple[int, ...]
    seed: int


@dataclass(frozen=True, eq=False)
class _Profile:
    scores: Floats
    cluster: Floats
    kick_zone: Floats
    transition: Floats


def detect_kick_neurons(network: Network, seed: int = 0, controls: int = CONTROLS) -> KickNeurons:
    """Find the smallest groups of neurons without which the network does not leave its outputs.

    Args:
        network: the network to search, intact or intervened upon.
        seed: seed of all noise; other seeds may choose other neurons of equal effect.
        controls: R, number of random groups that each group is compared with.

    Raises:
        ValueError: the network diverges under noise, so it has no states to look at.
    """
    with few_threads(network):
        return _detect(network, seed, controls)


def _detect(network: Network, seed: int, controls: int) -> KickNeurons:
    reference = simulate(network, REFERENCE_STEPS, REFERENCE_RUNS, seed=seed)
    if reference.diverged:
        raise ValueError(
            f"kick neurons cannot be sought: {np.count_nonzero(reference.diverged_at >= 0)} of {REFERENCE_RUNS} runs "
            f"diverge within {REFERENCE_STEPS} steps under noise of sigma = 1; silence or rescale what grows first"
        )
    share = switching(reference.output[:, TRANSIENT:], network.n_outputs).time_share
    outputs = np.flatnonzero(share >= MIN_TIME_SHARE)
    # With a single output there is nowhere to go, and nothing to be kicked out of.
    visited = outputs if len(outputs) > 1 else outputs[:0]
    empty = np.full(network.n_neurons, np.nan)
    profiles = [
        _profile(network, reference, a, seed) if a in visited else _Profile(np.zeros_like(empty), empty, empty, empty)
        for a in range(network.n_outputs)
    ]
    benches = {int(a): _Bench(network, reference, int(a), seed) for a in visited}
    chosen = {a: _grow(bench, profiles[a].scores, seed + 1) for a, bench in benches.items()}
    taken = {neuron for group in chosen.values() for neuron in group}
    return KickNeurons(
        scores=np.array([profile.scores for profile in profiles]),
        cluster=np.array([profile.cluster for profile in profiles]),
        kick_zone=np.array([profile.kick_zone for profile in profiles]),
        transition=np.array([profile.transition for profile in profiles]),
        groups=tuple(_prove(bench, chosen[a], taken, controls, seed + 2) for a, bench in benches.items()),
        not_visited=tuple(a for a in range(network.n_outputs) if a not in outputs),
        seed=seed,
    )


def _profile(network: Network, run: Trajectory, output: int, seed: int) -> _Profile:
    """Mean pre-activation of each neuron in the regions of one output, and the score it gives."""
    at = _states_of(run, output, seed)
    pre_activation = run.pre_activation[at]
    region = residency(network, run.h[at], seed=seed).region
    in_cluster, in_transition = region == CLUSTER, region == TRANSITION
    cluster, transition = _mean_over(pre_activation, in_cluster), _mean_over(pre_activation, in_transition)
    spread = pre_activation.std(axis=0)
    profile = (cluster < 0) & (transition > 0) & (spread > 0)
    return _Profile(
        scores=np.divide(transition - cluster, spread, out=np.zeros(len(spread)), where=profile),
        cluster=cluster,
        kick_zone=_mean_over(pre_activation, region == KICK_ZONE),
        transition=transition,
    )


def _states_of(run: Trajectory, output: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(run, step) of states with an output: most from shortly before it is left, where the rare regions are."""
    rng = np.random.default_rng([seed, output])
    inside = run.output == output
    inside[:, :TRANSIENT] = False
    ahead = np.zeros_like(inside)
    leaves = inside[:, :-1] & ~inside[:, 1:]
    for before in range(EXIT_WINDOW):
        ahead[:, : leaves.shape[1] - before] |= leaves[:, before:]
    near, anywhere = np.argwhere(inside & ahead), np.argwhere(inside)
    picked = np.concatenate(
        [
            rng.permutation(near)[:STATES_NEAR_EXIT],
            rng.permutation(anywhere)[:STATES_ANYWHERE],
        ]
    )
    runs, steps = np.unique(picked, axis=0).T
    return runs, steps


def _mean_over(values: Floats, mask: NDArray[np.bool_]) -> Floats:
    return values[mask].mean(axis=0) if mask.any() else np.full(values.shape[1], np.nan)


class _Bench:
    """Measures the leave rate out of one output with groups silenced: same starts, same noise, every time."""

    def __init__(self, network: Network, run: Trajectory, output: int, seed: int) -> None:
        self.network, self.output = network, output
        rng = np.random.default_rng([seed, output, 1])
        inside = np.argwhere(run.output[:, TRANSIENT:] == output) + [0, TRANSIENT]
        starts = inside[rng.choice(len(inside), size=RUNS)]
        self.starts = run.h[starts[:, 0], starts[:, 1]]

    def draw(self, seed: int) -> Floats:
        """(B, T, N) drive of the intact network under fresh noise."""
        return self.network.drive(draw_noise(self.network.n_inputs, MEASURED_STEPS, RUNS, 1.0, seed))

    def leave_rate(self, neurons: tuple[int, ...], drive: Floats) -> float:
        """Leave rate out of the output, per step, with a group silenced."""
        columns = list(neurons)
        network = intervene(self.network, Intervention(neurons)) if neurons else self.network
        # A silenced neuron's drive is zero and everybody else's is the intact one: no need to compute it anew.
        kept = drive[..., columns]
        drive[..., columns] = 0.0
        h = rollout(network, drive, self.starts).h
        drive[..., columns] = kept
        diverged = (first_divergence(h[:, -1:], drive[:, -1:], self.starts) >= 0).any()
        if diverged:
            # An output that lasts because activity grows without end has not been kept.
            return 1.0
        output = network.logits(h).argmax(axis=-1)
        rate = switching(output, network.n_outputs).leave_rate[self.output]
        # Never seen after the first step: it was left at once, which is the opposite of being kept.
        return 1.0 if np.isnan(rate) else float(rate)


def _grow(bench: _Bench, scores: Floats, seed: int) -> tuple[int, ...]:
    """Add the neuron that lowers the leave rate most until the output is hardly left, then drop idle members.

    What a neuron gains beside a small group is taken as the bound of what it gains beside a larger one (lazy
    greedy search), so only the most promising candidates are measured again at each size.
    """
    drive = bench.draw(seed)
    intact = bench.leave_rate((), drive)
    order = np.argsort(-scores)[:CANDIDATES]
    gains = {int(i): intact - bench.leave_rate((int(i),), drive) for i in order if scores[i] > 0}
    group: tuple[int, ...] = ()
    reached = intact
    while gains and len(group) < MAX_GROUP and reached > SEARCHED_RATIO * intact:
        best = _most_gaining(bench, drive, group, reached, gains)
        reached -= gains.pop(best)
        group = (*group, best)
    return _without_idle(bench, drive, group, max(reached, SEARCHED_RATIO * intact))


def _most_gaining(bench: _Bench, drive: Floats, group: tuple[int, ...], reached: float, gains: dict[int, float]) -> int:
    """The candidate that lowers the rate most beside the group; `gains` is brought up to date as far as needed."""
    fresh: set[int] = set() if group else set(gains)
    while True:
        best = max(gains, key=lambda neuron: gains[neuron])
        if best in fresh:
            return best
        gains[best] = reached - bench.leave_rate((*group, best), drive)
        fresh.add(best)


def _without_idle(bench: _Bench, drive: Floats, group: tuple[int, ...], allowed: float) -> tuple[int, ...]:
    for neuron in group:
        rest = tuple(i for i in group if i != neuron)
        if rest and bench.leave_rate(rest, drive) <= allowed:
            group = rest
    return group


def _prove(bench: _Bench, neurons: tuple[int, ...], taken: set[int], controls: int, seed: int) -> KickGroup:
    """Measure a group again on noise that the search did not see, beside random groups of its size."""
    drive = bench.draw(seed)
    intact = bench.leave_rate((), drive)
    others = np.array([i for i in range(bench.network.n_neurons) if i not in taken])
    if not neurons or intact == 0 or len(others) < len(neurons):
        return KickGroup(bench.output, None, neurons, 1.0, np.empty(0), proven=False)
    rng = np.random.default_rng([seed, bench.output])
    ratio = bench.leave_rate(neurons, drive) / intact
    drawn = [tuple(rng.choice(others, size=len(neurons), replace=False)) for _ in range(controls)]
    control = np.array([bench.leave_rate(group, drive) / intact for group in drawn])
    proven = ratio <= MAX_LEAVE_RATE_RATIO and np.mean(control <= ratio) <= MAX_CONTROL_SHARE
    return KickGroup(bench.output, None, neurons, float(ratio), control, proven=bool(proven))
