"""Which neurons switch the network? Found by their pre-activation, proven by silencing them.

For an output a, a kick neuron is negative in a's cluster, near zero in its kick zone and positive in the
transition out of it. With c, k and t the mean pre-activation in those regions and s its standard deviation (t over the
states one step before an exit, where fewer than 20 states are in the transition):

    score = (t - c) / s    where c < 0 < t,    else 0

A profile is no proof. The group is therefore grown by effect: the fewest neurons whose silencing (both row
gains 0) brings the leave rate out of a to at most 0.10 of the intact one, under the same noise and from the
same states. The verdict is then taken anew, on other noise, beside random groups of the same size: at most 0.15.

A network with more than two outputs has an orbit for each pair of them: there a group belongs to an ordered pair
(a, b), t is taken where b follows, and the rate is that of leaving a for b.

Not every exit is thrown by neurons that silencing can remove. Where it is not, three other pictures are tried in the
same way: to silence the noise of the neurons that pass it on, to silence what feeds the exit, to excite what holds the
output.

Source: Torre et al. (2025), section 4.3 (kick neurons, by eye); search, proof and pictures are this project's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from hmmrnn.exits import Exits, Measured, stays_bounded
from hmmrnn.network import Floats, Intervention, Network, few_threads, intervene
from hmmrnn.progress import Tell, ignore, part_of
from hmmrnn.regions import CLUSTER, KICK_ZONE, TRANSITION, residency
from hmmrnn.simulation import Trajectory, simulate
from hmmrnn.switching import switching

MAX_LEAVE_RATE_RATIO = 0.15
# The search goes on to a lower ratio than the verdict asks for: the group that is chosen by one noise does a little
# worse under another.
SEARCHED_RATIO = 0.10
MAX_GROUP = 12
CANDIDATES = 40
CONTROLS = 200
# An output is visited if it holds at least this share of the steps; less gives no states to compare.
MIN_TIME_SHARE = 0.005
# Of an output's exits, those to another output are looked at if they are at least this share.
MIN_EXIT_SHARE = 0.1
# A transition state belongs to a pair of outputs if this share of its rollouts went on to the second.
MIN_NEXT_SHARE = 0.7
# With fewer transition states than this, the states from which the run itself took the exit in the next step are used:
# where exits are decays, hardly any state leaves in nearly all of its rollouts.
MIN_TRANSITION_STATES = 20
# A group is proven only if at most this share of the random groups lowers the leave rate as far.
MAX_CONTROL_SHARE = 0.05
# Greedy candidates that are measured together; a constant, so that the choice does not depend on the machine.
AT_ONCE = 4

SILENCE, NOISE, FEED, EXCITE = "silence", "noise", "feed", "excite"

REFERENCE_RUNS, REFERENCE_STEPS, TRANSIENT = 32, 1000, 100
STATES_NEAR_EXIT, STATES_ANYWHERE, EXIT_WINDOW = 900, 300, 10


@dataclass(frozen=True, eq=False)
class Picture:
    """One way of stopping an exit, and how far it goes.

    Attributes:
        kind: SILENCE (both row gains 0), NOISE (input gain 0), FEED (both row gains 0, of neurons that push the logits
            towards the exit), or EXCITE (recurrent gain 2, of neurons that fall silent on the way out).
        intervention: the neurons, strongest first, and what is done to them; no neurons if none qualifies.
        leave_rate_ratio: leave rate with the intervention over intact, on noise that the search did not see.
        control_ratios: (R,) the same for random groups of the same size; empty if the ratio is above 0.15.
        bounded: whether activity stays bounded with the intervention; not looked at, and True, if the ratio is above
            0.15.
        proven: whether the ratio is at most 0.15, at most 5 % of the random groups get as low, and activity is bounded.
    """

    kind: str
    intervention: Intervention
    leave_rate_ratio: float
    control_ratios: Floats
    bounded: bool
    proven: bool


@dataclass(frozen=True, eq=False)
class KickGroup:
    """The neurons that carry the network out of one output, and the evidence.

    Attributes:
        output: the output that they leave.
        to: the one output that they lead to; None in a network of two outputs, and sized on leaving for any.
        neurons: the group, strongest first; empty if no neuron has a kick neuron's profile.
        leave_rate_ratio: rate of leaving `output` (for `to`) with the group silenced, over intact, on noise that the
            search did not see.
        control_ratios: (R,) the same for random groups of the same size from the neurons in no group.
        proven: whether the ratio is at most 0.15, at most 5 % of the random groups get as low, and activity stays
            bounded with the group silenced.
        leave_rate: the intact rate, per step.
        all_exits_ratio: the ratio of leaving for any output: above `leave_rate_ratio` where other exits stay open.
        exit_share: share of the exits out of `output` that go to `to`; 1 if `to` is None.
        scores: (N,) profile score of each neuron for this exit.
        single_ratios: (N,) the ratio with one neuron alone silenced, on the noise of the search; NaN where it was not
            tried.
        pictures: what else was tried, where silencing is not proven.
    """

    output: int
    to: int | None
    neurons: tuple[int, ...]
    leave_rate_ratio: float
    control_ratios: Floats
    proven: bool
    leave_rate: float
    all_exits_ratio: float
    exit_share: float
    scores: Floats
    single_ratios: Floats
    pictures: tuple[Picture, ...]

    @property
    def percentile(self) -> float:
        """Percentage of the random groups that lower the leave rate at least as far; NaN without any."""
        return percentile(self.leave_rate_ratio, self.control_ratios)

    @property
    def closed_by(self) -> Picture | None:
        """The proven picture that goes furthest; None where nothing else that was tried closes the exit."""
        proven = [picture for picture in self.pictures if picture.proven]
        return min(proven, key=lambda picture: picture.leave_rate_ratio, default=None)

    @property
    def name(self) -> str:
        """Which exit it is, in words."""
        return f"output {self.output}" if self.to is None else f"output {self.output} to {self.to}"


@dataclass(frozen=True, eq=False)
class KickNeurons:
    """The kick groups of a network.

    Attributes:
        scores: (O, N) profile score of each neuron for leaving each output, whatever follows; 0 without the profile.
        cluster, kick_zone, transition: (O, N) mean pre-activation in the regions of each output; NaN where an
            output has no such states.
        groups: one per visited output; in a network with more than two of them, one per ordered pair that makes at
            least a tenth of the exits out of its first.
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

    def members(self, output: int) -> tuple[int, ...]:
        """The neurons of all groups that leave an output, each once, in the order of the groups."""
        return tuple(dict.fromkeys(i for group in self.groups if group.output == output for i in group.neurons))


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far searches with other noise choose the same neurons.

    Attributes:
        seeds: (S,) the seeds.
        exits: (G,) output and destination (None: any) of each group found with any of the seeds.
        chosen: (G, N) share of the seeds with which a neuron was in the group.
        sizes: (S, G) number of neurons in the group; 0 where a seed found none.
        overlap: (G,) mean over the pairs of seeds of |both| / |either|; NaN with a single seed, or without neurons.
    """

    seeds: tuple[int, ...]
    exits: tuple[tuple[int, int | None], ...]
    chosen: Floats
    sizes: NDArray[np.int64]
    overlap: Floats


def detect_kick_neurons(network: Network, seed: int = 0, controls: int = CONTROLS, tell: Tell = ignore) -> KickNeurons:
    """Find the smallest groups of neurons without which the network does not leave its outputs.

    Args:
        network: the network to search, intact or intervened upon.
        seed: seed of all noise; other seeds may choose other neurons of equal effect (`agreement` says how far).
        controls: R, number of random groups that each group is compared with.
        tell: told the share done; may raise.

    Raises:
        ValueError: the network diverges under noise, so it has no states to look at.
    """
    with few_threads(network):
        found = _Search(network, seed, part_of(tell, 0.0, 0.4))
        groups = _proven(found, controls, part_of(tell, 0.4, 1.0))
    profiles = [found.profiles.get(a, _nothing_known(network.n_neurons)) for a in range(network.n_outputs)]
    return KickNeurons(
        scores=np.array([profile.scores() for profile in profiles]),
        cluster=np.array([profile.cluster for profile in profiles]),
        kick_zone=np.array([profile.kick_zone for profile in profiles]),
        transition=np.array([profile.transition() for profile in profiles]),
        groups=groups,
        not_visited=found.not_visited,
        seed=seed,
    )


def agreement(network: Network, seeds: Iterable[int] = range(5), tell: Tell = ignore) -> Agreement:
    """Repeat the search with other noise, and count how often each neuron is chosen.

    Args:
        network: the network to search.
        seeds: S seeds, each as `detect_kick_neurons` takes it.
        tell: told the share done; may raise.

    Raises:
        ValueError: no seed is given, or the network diverges under noise.
    """
    seeds = tuple(seeds)
    if not seeds:
        raise ValueError("seeds must name at least one seed; got none")
    found: list[dict[tuple[int, int | None], tuple[int, ...]]] = []
    with few_threads(network):
        for done, seed in enumerate(seeds):
            part = part_of(tell, done / len(seeds), (done + 1) / len(seeds))
            found.append({exit.key: exit.group for exit in _Search(network, seed, part).exits})
    exits = tuple(sorted({key for groups in found for key in groups}, key=lambda key: (key[0], key[1] or 0)))
    member = np.zeros((len(seeds), len(exits), network.n_neurons), dtype=bool)
    for s, groups in enumerate(found):
        for g, key in enumerate(exits):
            member[s, g, list(groups.get(key, ()))] = True
    overlap = np.array([_overlap(member[:, g]) for g in range(len(exits))])
    return Agreement(seeds, exits, member.mean(axis=0), member.sum(axis=2), overlap)


def percentile(ratio: float, controls: Floats) -> float:
    """Percentage of the controls that are as low as a ratio or lower; NaN without controls."""
    return 100 * float(np.mean(controls <= ratio)) if len(controls) else float("nan")


def _overlap(member: NDArray[np.bool_]) -> float:
    pairs = [(a, b) for i, a in enumerate(member) for b in member[i + 1 :] if (a | b).any()]
    return float(np.mean([(a & b).sum() / (a | b).sum() for a, b in pairs])) if pairs else float("nan")


# ---- what neurons do in the regions of an output ----


@dataclass(frozen=True, eq=False)
class _Profile:
    """S states of one output, and what is known of each neuron there.

    `pre_activation` and `h` are (S, N), `region` (S,), `next_output` (S, O); `left_for` (S,) is the output at the next
    step of the run, -1 if it stayed; the means are (N,).
    """

    pre_activation: Floats
    h: Floats
    region: NDArray[np.str_]
    next_output: Floats
    left_for: NDArray[np.int64]
    cluster: Floats
    kick_zone: Floats

    def transition(self, to: int | None = None) -> Floats:
        """(N,) mean pre-activation where the output is about to be left, for `to` if it is given."""
        on_the_way = self.region == TRANSITION
        if to is not None:
            on_the_way &= self.next_output[:, to] >= MIN_NEXT_SHARE
        if on_the_way.sum() < MIN_TRANSITION_STATES:
            on_the_way = self.left_for >= 0 if to is None else self.left_for == to
        return _mean_over(self.pre_activation, on_the_way)

    def scores(self, to: int | None = None) -> Floats:
        """(N,) rise from cluster to transition, in standard deviations, of neurons that cross zero; else 0."""
        transition, spread = self.transition(to), self._spread()
        kicks = (self.cluster < 0) & (transition > 0) & (spread > 0)
        return np.divide(transition - self.cluster, spread, out=np.zeros(len(spread)), where=kicks)

    def holding(self, to: int | None) -> Floats:
        """(N,) fall from cluster to transition, in standard deviations, of neurons active in the cluster; else 0."""
        transition, spread = self.transition(to), self._spread()
        holds = (self.cluster > 0) & (transition < self.cluster) & (spread > 0)
        return np.divide(self.cluster - transition, spread, out=np.zeros(len(spread)), where=holds)

    def before_exit(self) -> Floats:
        """(N,) mean activity in the kick zone, or in all states where there is none."""
        near = self.region == KICK_ZONE
        return self.h[near if near.any() else slice(None)].mean(axis=0)

    def _spread(self) -> Floats:
        return self.pre_activation.std(axis=0) if len(self.pre_activation) else np.zeros(self.pre_activation.shape[1])


def _nothing_known(n_neurons: int) -> _Profile:
    nothing, unknown = np.empty((0, n_neurons)), np.full(n_neurons, np.nan)
    return _Profile(
        nothing, nothing, np.empty(0, dtype="<U10"), np.empty((0, 0)), np.empty(0, dtype=np.int64), unknown, unknown
    )


def _profile(network: Network, run: Trajectory, output: int, seed: int) -> _Profile:
    at = runs, steps = _states_of(run, output, seed)
    following = run.output[runs, np.minimum(steps + 1, run.output.shape[1] - 1)]
    pre_activation, h = run.pre_activation[at], run.h[at]
    found = residency(network, h, seed=seed)
    return _Profile(
        pre_activation=pre_activation,
        h=h,
        region=found.region,
        next_output=found.next_output,
        left_for=np.where(following == output, -1, following),
        cluster=_mean_over(pre_activation, found.region == CLUSTER),
        kick_zone=_mean_over(pre_activation, found.region == KICK_ZONE),
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


# ---- the search ----


@dataclass(frozen=True, eq=False)
class _Exit:
    """One exit, and the group that the search chose for it."""

    output: int
    to: int | None
    share: float
    group: tuple[int, ...]
    scores: Floats
    single_ratios: Floats

    @property
    def key(self) -> tuple[int, int | None]:
        return self.output, self.to


class _Search:
    """The exits of a network, and for each the neurons without which it closes."""

    def __init__(self, network: Network, seed: int, tell: Tell = ignore) -> None:
        self.network, self.seed = network, seed
        run = _reference(network, seed)
        counted = switching(run.output[:, TRANSIENT:], network.n_outputs)
        visited = np.flatnonzero(counted.time_share >= MIN_TIME_SHARE)
        self.not_visited = tuple(a for a in range(network.n_outputs) if a not in visited)
        # With a single output there is nowhere to go, and nothing to be kicked out of.
        outputs = [int(a) for a in visited] if len(visited) > 1 else []
        self.profiles: dict[int, _Profile] = {}
        self.searched: dict[int, Measured] = {}
        self.measured_by: dict[int, Exits] = {}
        self.exits: list[_Exit] = []
        for done, a in enumerate(outputs):
            tell(done / len(outputs))
            self.profiles[a] = _profile(network, run, a, seed)
            self.measured_by[a] = Exits(network, run, a, TRANSIENT, seed)
            self.searched[a] = self.measured_by[a].under(seed + 1)
            for to, share in _destinations(counted.counts[a], a, outputs):
                self.exits.append(self._exit(a, to, share))

    def _exit(self, output: int, to: int | None, share: float) -> _Exit:
        measured, scores = self.searched[output], self.profiles[output].scores(to)
        candidates = strongest(scores)
        group = _grow(measured, to, candidates, 0.0, "unit")
        single = np.full(self.network.n_neurons, np.nan)
        intact = measured.rate(to=to)
        if intact > 0:
            single[candidates] = measured.rates([_one(i) for i in candidates], to) / intact
        return _Exit(output, to, share, group, scores, single)


def _one(neuron: int) -> Intervention:
    return Intervention((neuron,))


def _reference(network: Network, seed: int) -> Trajectory:
    """The run that states are taken from.

    Raises:
        ValueError: it diverges.
    """
    run = simulate(network, REFERENCE_STEPS, REFERENCE_RUNS, seed=seed)
    if run.diverged:
        raise ValueError(
            f"kick neurons cannot be sought: {np.count_nonzero(run.diverged_at >= 0)} of {REFERENCE_RUNS} runs "
            f"diverge within {REFERENCE_STEPS} steps under noise of sigma = 1; silence or rescale what grows first"
        )
    return run


def _destinations(counts: NDArray[np.int64], output: int, visited: Sequence[int]) -> list[tuple[int | None, float]]:
    """Where an output is left for, with the share of its exits; counts are (O,), of what follows it."""
    if len(visited) == 2:
        return [(None, 1.0)]
    exits = counts.sum() - counts[output]
    shares = [(b, counts[b] / exits) for b in visited if b != output and exits]
    return [(b, float(share)) for b, share in shares if share >= MIN_EXIT_SHARE]


def strongest(scores: Floats) -> list[int]:
    """At most 40 neurons with a score above 0, the highest first."""
    order = np.argsort(-scores, kind="stable")[:CANDIDATES]
    return [int(i) for i in order if scores[i] > 0]


def _grow(measured: Measured, to: int | None, candidates: Sequence[int], mu: float, target: str) -> tuple[int, ...]:
    """Add the neuron that lowers the leave rate most until the output is hardly left, then drop idle members.

    What a neuron gains beside a small group is taken as the bound of what it gains beside a larger one (lazy
    greedy search), so only the most promising candidates are measured again at each size.
    """

    def rates(groups: Sequence[tuple[int, ...]]) -> Floats:
        return measured.rates([Intervention(group, mu, target) for group in groups], to)

    reached = intact = measured.rate(to=to)
    gains = dict(zip(candidates, intact - rates([(i,) for i in candidates]), strict=True))
    group: tuple[int, ...] = ()
    while gains and len(group) < MAX_GROUP and reached > SEARCHED_RATIO * intact:
        fresh: set[int] = set() if group else set(gains)
        while (best := max(gains, key=lambda neuron: gains[neuron])) not in fresh:
            stale = sorted(gains.keys() - fresh, key=lambda neuron: -gains[neuron])[:AT_ONCE]
            gains |= dict(zip(stale, reached - rates([(*group, i) for i in stale]), strict=True))
            fresh |= set(stale)
        reached -= gains.pop(best)
        group = (*group, best)
    allowed = max(reached, SEARCHED_RATIO * intact)
    for neuron in group:
        rest = tuple(i for i in group if i != neuron)
        if rest and rates([rest])[0] <= allowed:
            group = rest
    return group


# ---- the proof ----


def _proven(found: _Search, controls: int, tell: Tell) -> tuple[KickGroup, ...]:
    """Measure each group again on noise that the search did not see, beside random groups of its size."""
    taken = {neuron for exit in found.exits for neuron in exit.group}
    measured = {a: exits.under(found.seed + 2) for a, exits in found.measured_by.items()}
    groups = []
    for done, exit in enumerate(found.exits):
        tell(done / len(found.exits))
        groups.append(_group(found, exit, measured[exit.output], taken, controls))
    return tuple(groups)


def _group(found: _Search, exit: _Exit, measured: Measured, taken: set[int], controls: int) -> KickGroup:
    silenced = _judge(SILENCE, measured, exit, Intervention(exit.group), taken, controls, found.seed + 2)
    intact = measured.rate()
    any_exit = measured.rate(silenced.intervention) / intact if intact else 1.0
    tried = () if silenced.proven else _other_pictures(found, exit, measured, taken, controls)
    return KickGroup(
        output=exit.output,
        to=exit.to,
        neurons=exit.group,
        leave_rate_ratio=silenced.leave_rate_ratio,
        control_ratios=silenced.control_ratios,
        proven=silenced.proven,
        leave_rate=measured.rate(to=exit.to),
        all_exits_ratio=float(any_exit),
        exit_share=exit.share,
        scores=exit.scores,
        single_ratios=exit.single_ratios,
        pictures=tried,
    )


def _judge(
    kind: str, measured: Measured, exit: _Exit, item: Intervention, taken: set[int], controls: int, seed: int
) -> Picture:
    """Take the verdict on one intervention; other pictures than silencing get a null only if they go far enough."""
    intact = measured.rate(to=exit.to)
    others = np.array(sorted(set(range(measured.exits.network.n_neurons)) - taken - set(item.neurons)))
    if not item.neurons or intact == 0:
        return Picture(kind, item, 1.0, np.empty(0), bounded=True, proven=False)
    ratio = measured.rate(item, exit.to) / intact
    low = bool(ratio <= MAX_LEAVE_RATE_RATIO)
    bounded = not low or stays_bounded(intervene(measured.exits.network, item), seed)
    # Among fewer different groups than that, none can be as rare as the verdict asks for.
    comparable = comb(len(others), len(item.neurons)) * MAX_CONTROL_SHARE >= 1
    if not comparable or (kind != SILENCE and not low):
        return Picture(kind, item, float(ratio), np.empty(0), bounded, proven=False)
    rng = np.random.default_rng([seed, exit.output])
    drawn = [rng.choice(others, size=len(item.neurons), replace=False) for _ in range(controls)]
    null = measured.rates([Intervention(tuple(group), item.mu, item.target) for group in drawn], exit.to) / intact
    proven = low and bounded and np.mean(null <= ratio) <= MAX_CONTROL_SHARE
    return Picture(kind, item, float(ratio), null, bounded, bool(proven))


def _other_pictures(
    found: _Search, exit: _Exit, measured: Measured, taken: set[int], controls: int
) -> tuple[Picture, ...]:
    """What else might close the exit, each sought and judged as the silencing was."""
    network, profile, search = found.network, found.profiles[exit.output], found.searched[exit.output]
    push = _push(network, profile, exit)
    pictures: dict[str, tuple[Floats, float, str]] = {
        NOISE: (np.abs(push) * np.linalg.norm(network.W_ih, axis=1), 0.0, "input"),
        FEED: (push * profile.before_exit(), 0.0, "unit"),
        EXCITE: (profile.holding(exit.to), 2.0, "recurrent"),
    }
    tried = []
    for kind, (scores, mu, target) in pictures.items():
        group = _grow(search, exit.to, strongest(scores), mu, target)
        tried.append(_judge(kind, measured, exit, Intervention(group, mu, target), taken, controls, found.seed + 2))
    return tuple(tried)


def _push(network: Network, profile: _Profile, exit: _Exit) -> Floats:
    """(N,) how far one unit of activity of each neuron moves the next step's logits towards the exit.

    Through the neurons that are active on the way out; towards `to`, or away from the output if that is None.
    """
    towards = -network.W_out[exit.output] + (0.0 if exit.to is None else network.W_out[exit.to])
    transition = profile.transition(exit.to)
    return (towards * (transition > 0)) @ network.W_hh
