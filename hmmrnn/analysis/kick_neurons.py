"""Kick neurons: the few neurons that throw the network out of an output, and the evidence that they do.

For an output a, a kick neuron is negative in a's cluster, near zero in its kick zone and positive in the transition
out of it (scored in kick_search.py). A profile is no proof. The group is therefore grown by effect: the fewest neurons
whose silencing (both row gains 0) brings the leave rate out of a to at most 0.10 of the intact one, under the same
noise and from the same states. The verdict is then taken anew, on other noise, beside random groups of the same size:

    proven    leave rate silenced / intact <= 0.15,  at most 5 % of the random groups as low,  activity bounded

A network with more than two outputs has an orbit for each pair of them: there a group belongs to an ordered pair
(a, b), and the rate is that of leaving a for b.

Some exits do not depend on neurons that silencing can remove. For these, three alternatives are tested in the same
way: to silence the noise of the neurons that pass it on, to silence what feeds the exit, to excite what holds the
output.

Source: Torre et al. (2025), section 4.3 (kick neurons, by eye); search, proof and alternatives are this project's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.kick_search import Exit, KickSearch, Profile, grow_group, nothing_known, strongest
from hmmrnn.analysis.leave_rates import Measured, stays_bounded
from hmmrnn.analysis.numerics import ProgressCallback, no_progress, progress_part
from hmmrnn.model.cells import slope
from hmmrnn.model.network import Floats, Intervention, Network, few_threads, intervene

MAX_LEAVE_RATE_RATIO = 0.15
CONTROLS = 200
# A group is proven only if at most this share of the random groups lowers the leave rate as far.
MAX_CONTROL_SHARE = 0.05

SILENCE, NOISE, FEED, EXCITE = "silence", "noise", "feed", "excite"
# What is said of a kick group that is proven, and of one that is not.
NECESSARY, NO_SMALL_GROUP = "necessary (held-out noise)", "no small group found"


@dataclass(frozen=True, eq=False)
class AlternativeTest:
    """One way of stopping an exit, and how far it goes."""

    # SILENCE (both row gains 0), NOISE (input gain 0), FEED (both row gains 0, of neurons that push the logits
    # towards the exit), or EXCITE (recurrent gain 2, of neurons that fall silent on the way out).
    kind: str
    intervention: Intervention  # the neurons, strongest first, and what is done to them; no neurons if none qualifies
    leave_rate_ratio: float  # leave rate with the intervention over intact, on noise that the search did not see
    control_ratios: Floats  # (R,) the same for random groups of the same size; empty if the ratio is above 0.15
    # Whether activity stays bounded with the intervention; not tested, and True, if the ratio is above 0.15.
    bounded: bool
    # Whether the ratio is at most 0.15, at most 5 % of the random groups get as low, and activity is bounded.
    proven: bool

    @property
    def verdict(self) -> str:
        """Whether it closes the exit, in words."""
        growing = "" if self.bounded else ", as activity then grows without bound"
        return "closes the exit (held-out noise)" if self.proven else f"does not close the exit{growing}"


@dataclass(frozen=True, eq=False)
class KickGroup:
    """The neurons that carry the network out of one output, and the evidence."""

    output: int  # the output that they leave
    to: int | None  # the one output that they lead to; None in a network of two outputs, and sized on leaving for any
    neurons: tuple[int, ...]  # the group, strongest first; empty if no neuron has a kick neuron's profile
    # Rate of leaving `output` (for `to`) with the group silenced, over intact, on noise that the search did not see.
    leave_rate_ratio: float
    control_ratios: Floats  # (R,) the same for random groups of the same size from the neurons in no group
    # Whether the ratio is at most 0.15, at most 5 % of the random groups get as low, and activity stays bounded with
    # the group silenced.
    proven: bool
    leave_rate: float  # the intact rate, per step
    all_exits_ratio: float  # the ratio of leaving for any output: above `leave_rate_ratio` where other exits stay open
    exit_share: float  # share of the exits out of `output` that go to `to`; 1 if `to` is None
    scores: Floats  # (N,) profile score of each neuron for this exit
    # (N,) the ratio with one neuron alone silenced, on the noise of the search; NaN where it was not tried.
    single_ratios: Floats
    alternatives: tuple[AlternativeTest, ...]  # the other tests, where silencing is not proven

    @property
    def percentile(self) -> float:
        """Percentage of the random groups that lower the leave rate at least as far; NaN without any."""
        return percentile(self.leave_rate_ratio, self.control_ratios)

    @property
    def closed_by(self) -> AlternativeTest | None:
        """The proven alternative that goes furthest; None where nothing else that was tried closes the exit."""
        proven = [test for test in self.alternatives if test.proven]
        return min(proven, key=lambda test: test.leave_rate_ratio, default=None)

    @property
    def verdict(self) -> str:
        """Whether the group is proven, in words."""
        return NECESSARY if self.proven else NO_SMALL_GROUP

    @property
    def exit_name(self) -> str:
        """The exit that the group belongs to, in words."""
        return name_exit(self.output, self.to)

    @property
    def name(self) -> str:
        """The group in words."""
        if self.to is None:
            return f"kick neurons for leaving {self.output}"
        return f"kick neurons for {self.output} → {self.to}"


def name_exit(output: int, to: int | None) -> str:
    """Leaving an output for one other output, or for any if `to` is None, in words."""
    return f"output {output}" if to is None else f"output {output} → {to}"


@dataclass(frozen=True, eq=False)
class KickNeurons:
    """The kick groups of a network."""

    # (O, N) profile score of each neuron for leaving each output, whatever follows; 0 without the profile.
    scores: Floats
    # cluster, kick_zone, transition: (O, N) mean pre-activation in the regions of each output; NaN where an output
    # has no such states.
    cluster: Floats
    kick_zone: Floats
    transition: Floats
    # One per visited output; in a network with more than two of them, one per ordered pair that makes at least a
    # tenth of the exits out of its first.
    groups: tuple[KickGroup, ...]
    not_visited: tuple[int, ...]  # outputs that hold less than 0.5 % of the steps, and have no group
    seed: int  # seed of every run behind this result

    @property
    def all_members(self) -> tuple[int, ...]:
        """The neurons of all groups, each once, in the order of the groups."""
        return tuple(dict.fromkeys(i for group in self.groups for i in group.neurons))

    def members(self, output: int) -> tuple[int, ...]:
        """The neurons of all groups that leave an output, each once, in the order of the groups."""
        return tuple(dict.fromkeys(i for group in self.groups if group.output == output for i in group.neurons))


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far searches with other noise choose the same neurons."""

    seeds: tuple[int, ...]  # (S,) the seeds
    # (G,) output and destination (None: any) of each group found with any of the seeds.
    exits: tuple[tuple[int, int | None], ...]
    chosen: Floats  # (G, N) share of the seeds with which a neuron was in the group
    sizes: NDArray[np.int64]  # (S, G) number of neurons in the group; 0 where a seed found none
    # (G,) mean over the pairs of seeds of |both| / |either|; NaN with a single seed, or without neurons.
    overlap: Floats

    @property
    def exit_names(self) -> tuple[str, ...]:
        """The exits in words."""
        return tuple(name_exit(*exit) for exit in self.exits)


def detect_kick_neurons(
    network: Network,
    seed: int = 0,
    controls: int = CONTROLS,
    on_progress: ProgressCallback = no_progress,
    alternatives: bool = True,
) -> KickNeurons:
    """Find the smallest groups of neurons without which the network does not leave its outputs.

    Args:
        seed: seed of all noise; other seeds may choose other neurons of equal effect (`compare_seeds` says how far).
        controls: R, number of random groups that each group is compared with.
        alternatives: whether to seek what else closes an exit that silencing leaves open, which takes longest.

    Raises:
        ValueError: the network diverges under noise, so it has no states to look at.
    """
    with few_threads(network):
        found = KickSearch(network, seed, progress_part(on_progress, 0.0, 0.4))
        groups = _proven(found, controls, alternatives, progress_part(on_progress, 0.4, 1.0))
    profiles = [found.profiles.get(a, nothing_known(network.n_neurons)) for a in range(network.n_outputs)]
    return KickNeurons(
        scores=np.array([profile.scores() for profile in profiles]),
        cluster=np.array([profile.cluster for profile in profiles]),
        kick_zone=np.array([profile.kick_zone for profile in profiles]),
        transition=np.array([profile.transition() for profile in profiles]),
        groups=groups,
        not_visited=found.not_visited,
        seed=seed,
    )


def compare_seeds(
    network: Network, seeds: Iterable[int] = range(5), on_progress: ProgressCallback = no_progress
) -> Agreement:
    """Repeat the search with other noise, and count how often each neuron is chosen.

    Raises:
        ValueError: no seed is given, or the network diverges under noise.
    """
    seeds = tuple(seeds)
    if not seeds:
        raise ValueError("seeds must name at least one seed; got none")
    found: list[dict[tuple[int, int | None], tuple[int, ...]]] = []
    with few_threads(network):
        for done, seed in enumerate(seeds):
            part = progress_part(on_progress, done / len(seeds), (done + 1) / len(seeds))
            found.append({exit.key: exit.group for exit in KickSearch(network, seed, part).exits})
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


# ---- the proof ----


def _proven(
    found: KickSearch, controls: int, alternatives: bool, on_progress: ProgressCallback
) -> tuple[KickGroup, ...]:
    """Measure each group again on noise that the search did not see, beside random groups of its size."""
    taken = {neuron for exit in found.exits for neuron in exit.group}
    measured = {a: exits.under(found.seed + 2) for a, exits in found.measured_by.items()}
    groups = []
    for done, exit in enumerate(found.exits):
        on_progress(done / len(found.exits))
        groups.append(_group(found, exit, measured[exit.output], taken, controls, alternatives))
    return tuple(groups)


def _group(
    found: KickSearch, exit: Exit, measured: Measured, taken: set[int], controls: int, alternatives: bool
) -> KickGroup:
    silenced = _judge(SILENCE, measured, exit, Intervention(exit.group), taken, controls, found.seed + 2)
    intact = measured.rate()
    any_exit = measured.rate(silenced.intervention) / intact if intact else 1.0
    tried = () if silenced.proven or not alternatives else _alternatives(found, exit, measured, taken, controls)
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
        alternatives=tried,
    )


def _judge(
    kind: str, measured: Measured, exit: Exit, item: Intervention, taken: set[int], controls: int, seed: int
) -> AlternativeTest:
    """Take the verdict on one intervention; alternatives to silencing get a null only if they go far enough."""
    intact = measured.rate(to=exit.to)
    others = np.array(sorted(set(range(measured.exits.network.n_neurons)) - taken - set(item.neurons)))
    if not item.neurons or intact == 0:
        return AlternativeTest(kind, item, 1.0, np.empty(0), bounded=True, proven=False)
    ratio = measured.rate(item, exit.to) / intact
    low = bool(ratio <= MAX_LEAVE_RATE_RATIO)
    bounded = not low or stays_bounded(intervene(measured.exits.network, item), seed)
    # Among fewer different groups than that, none can be as rare as the verdict asks for.
    comparable = comb(len(others), len(item.neurons)) * MAX_CONTROL_SHARE >= 1
    if not comparable or (kind != SILENCE and not low):
        return AlternativeTest(kind, item, float(ratio), np.empty(0), bounded, proven=False)
    rng = np.random.default_rng([seed, exit.output])
    drawn = [rng.choice(others, size=len(item.neurons), replace=False) for _ in range(controls)]
    null = measured.rates([Intervention(tuple(group), item.mu, item.target) for group in drawn], exit.to) / intact
    proven = low and bounded and np.mean(null <= ratio) <= MAX_CONTROL_SHARE
    return AlternativeTest(kind, item, float(ratio), null, bounded, bool(proven))


def _alternatives(
    found: KickSearch, exit: Exit, measured: Measured, taken: set[int], controls: int
) -> tuple[AlternativeTest, ...]:
    """What else might close the exit, each sought and judged as the silencing was."""
    network, profile, search = found.network, found.profiles[exit.output], found.searched[exit.output]
    push = _push(network, profile, exit)
    scored: dict[str, tuple[Floats, float, str]] = {
        NOISE: (np.abs(push) * np.linalg.norm(network.W_ih, axis=1), 0.0, "input"),
        FEED: (push * profile.before_exit(), 0.0, "unit"),
        EXCITE: (profile.holding(exit.to), 2.0, "recurrent"),
    }
    tried = []
    for kind, (scores, mu, target) in scored.items():
        group = grow_group(search, exit.to, strongest(scores), mu, target)
        tried.append(_judge(kind, measured, exit, Intervention(group, mu, target), taken, controls, found.seed + 2))
    return tuple(tried)


def _push(network: Network, profile: Profile, exit: Exit) -> Floats:
    """(N,) how far one unit of activity of each neuron moves the next step's logits towards the exit.

    Through the slope of the neurons on the way out (of a ReLU: those that are active); towards `to`, or away from the
    output if that is None.
    """
    towards = -network.W_out[exit.output] + (0.0 if exit.to is None else network.W_out[exit.to])
    transition = profile.transition(exit.to)
    return (towards * slope(network.cell, transition)) @ network.W_hh
