"""Search for kick neurons: how neurons behave in the regions of an output, and the smallest group that closes an exit.

With c, k and t the mean pre-activation in the cluster, the kick zone and the transition of an output, and s its
standard deviation (t over the states one step before an exit, where fewer than 20 states are in the transition):

    score = (t - c) / s    where c < 0 < t,    else 0

A group is grown from the neurons of the highest scores by what their silencing does to the leave rate (greedily), and
members that add nothing are dropped. In a network with more than two outputs an exit is an ordered pair (a, b), and t
is taken where b follows.

Source: Torre et al. (2025), section 4.3 (profile of a kick neuron, by eye); score and search are this project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.leave_rates import Measured, PairedLeaveRates
from hmmrnn.analysis.numerics import ProgressCallback, no_progress
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, TRANSITION, residency
from hmmrnn.analysis.switching import count_switches
from hmmrnn.model.network import Floats, Intervention, Network
from hmmrnn.model.simulation import Trajectory, simulate

# The search goes on to a lower ratio than the verdict asks for: the group that is chosen by one noise does a little
# worse under another.
SEARCHED_RATIO = 0.10
MAX_GROUP = 12
CANDIDATES = 40
# An output is visited if it holds at least this share of the steps; less gives no states to compare.
MIN_TIME_SHARE = 0.005
# Of an output's exits, those to another output are searched if they are at least this share.
MIN_EXIT_SHARE = 0.1
# A transition state belongs to a pair of outputs if this share of its rollouts went on to the second.
MIN_NEXT_SHARE = 0.7
# With fewer transition states than this, the states from which the run itself took the exit in the next step are used:
# where exits are decays, hardly any state leaves in nearly all of its rollouts.
MIN_TRANSITION_STATES = 20
# Greedy candidates that are measured together; a constant, so that the choice does not depend on the machine.
AT_ONCE = 4

REFERENCE_RUNS, REFERENCE_STEPS, TRANSIENT = 32, 1000, 100
STATES_NEAR_EXIT, STATES_ANYWHERE, EXIT_WINDOW = 900, 300, 10


@dataclass(frozen=True, eq=False)
class Profile:
    """How each neuron behaves at S states of one output."""

    # pre_activation, h: (S, N) at each state.
    pre_activation: Floats
    h: Floats
    region: NDArray[np.str_]  # (S,) region of each state
    next_output: Floats  # (S, O) share of its rollouts that go on to each output
    left_for: NDArray[np.int64]  # (S,) output at the next step of the run; -1 if it is the same
    # cluster, kick_zone: (N,) mean pre-activation in these regions; NaN where there is no such state.
    cluster: Floats
    kick_zone: Floats
    rectified: bool  # whether a neuron below zero is silent; elsewhere the sign of a neuron means nothing by itself

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
        cluster, transition, spread = *self._signed(to), self._spread()
        kicks = (cluster < 0) & (transition > 0) & (spread > 0)
        return np.divide(transition - cluster, spread, out=np.zeros(len(spread)), where=kicks)

    def holding(self, to: int | None) -> Floats:
        """(N,) fall from cluster to transition, in standard deviations, of neurons active in the cluster; else 0."""
        cluster, transition, spread = *self._signed(to), self._spread()
        # Where no neuron is silent below zero, one that is far from zero in the cluster is active, whatever its sign.
        turned = 1.0 if self.rectified else np.where(cluster < 0, -1.0, 1.0)
        cluster, transition = turned * cluster, turned * transition
        holds = (cluster > 0) & (transition < cluster) & (spread > 0)
        return np.divide(cluster - transition, spread, out=np.zeros(len(spread)), where=holds)

    def before_exit(self) -> Floats:
        """(N,) mean activity in the kick zone, or in all states where there is none."""
        near = self.region == KICK_ZONE
        return self.h[near if near.any() else slice(None)].mean(axis=0)

    def _signed(self, to: int | None) -> tuple[Floats, Floats]:
        """(N,) mean pre-activation in the cluster and in the transition; turned so that neurons rise, if none rests."""
        transition = self.transition(to)
        turned = 1.0 if self.rectified else np.where(transition < self.cluster, -1.0, 1.0)
        return turned * self.cluster, turned * transition

    def _spread(self) -> Floats:
        return self.pre_activation.std(axis=0) if len(self.pre_activation) else np.zeros(self.pre_activation.shape[1])


def nothing_known(n_neurons: int) -> Profile:
    """The profile of an output without states."""
    nothing, unknown = np.empty((0, n_neurons)), np.full(n_neurons, np.nan)
    return Profile(
        nothing,
        nothing,
        np.empty(0, dtype="<U10"),
        np.empty((0, 0)),
        np.empty(0, dtype=np.int64),
        unknown,
        unknown,
        True,
    )


def profile_output(network: Network, run: Trajectory, output: int, seed: int) -> Profile:
    """Measure how neurons behave at a sample of the states that a run has with an output."""
    at = runs, steps = sample_states(run, output, seed)
    following = run.output[runs, np.minimum(steps + 1, run.output.shape[1] - 1)]
    pre_activation, h = run.pre_activation[at], run.h[at]
    found = residency(network, run.state[at], seed=seed)
    return Profile(
        pre_activation=pre_activation,
        h=h,
        region=found.region,
        next_output=found.next_output,
        left_for=np.where(following == output, -1, following),
        cluster=_mean_over(pre_activation, found.region == CLUSTER),
        kick_zone=_mean_over(pre_activation, found.region == KICK_ZONE),
        rectified=network.kind.rectified,
    )


def sample_states(run: Trajectory, output: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(run, step) of states with an output: most from shortly before it is left, where the rare regions are."""
    rng = np.random.default_rng([seed, output])
    inside = run.output == output
    inside[:, :TRANSIENT] = False
    ahead = np.zeros_like(inside)
    leaves = inside[:, :-1] & ~inside[:, 1:]
    for before in range(EXIT_WINDOW):
        ahead[:, : leaves.shape[1] - before] |= leaves[:, before:]
    near, anywhere = np.argwhere(inside & ahead), np.argwhere(inside)
    picked = np.concatenate([rng.permutation(near)[:STATES_NEAR_EXIT], rng.permutation(anywhere)[:STATES_ANYWHERE]])
    runs, steps = np.unique(picked, axis=0).T
    return runs, steps


def _mean_over(values: Floats, mask: NDArray[np.bool_]) -> Floats:
    return values[mask].mean(axis=0) if mask.any() else np.full(values.shape[1], np.nan)


# ---- the search ----


@dataclass(frozen=True, eq=False)
class Exit:
    """One exit, and the group that the search chose for it."""

    # output, to: the output that is left, and the one that follows; None for any.
    output: int
    to: int | None
    share: float  # of the exits out of `output`
    group: tuple[int, ...]  # the neurons, strongest first
    scores: Floats  # (N,) profile score
    single_ratios: Floats  # (N,) leave rate with one neuron silenced over intact; NaN where it was not tried

    @property
    def key(self) -> tuple[int, int | None]:
        """The exit alone: output and destination."""
        return self.output, self.to


class KickSearch:
    """The exits of a network, and for each the neurons without which it closes.

    Attributes:
        network, seed: what was searched, and with which noise.
        not_visited: outputs that hold too few steps to be searched.
        profiles: the profile of each visited output.
        searched: the leave rates of each output under the noise of the search.
        measured_by: the same under any other noise.
        exits: each exit with its group.

    Raises:
        ValueError: the network diverges under noise.
    """

    def __init__(self, network: Network, seed: int, on_progress: ProgressCallback = no_progress) -> None:
        self.network, self.seed = network, seed
        run = _reference(network, seed)
        counted = count_switches(run.output[:, TRANSIENT:], network.n_outputs)
        visited = np.flatnonzero(counted.time_share >= MIN_TIME_SHARE)
        self.not_visited = tuple(a for a in range(network.n_outputs) if a not in visited)
        # With a single output there is nowhere to go, and nothing to be kicked out of.
        outputs = [int(a) for a in visited] if len(visited) > 1 else []
        self.profiles: dict[int, Profile] = {}
        self.searched: dict[int, Measured] = {}
        self.measured_by: dict[int, PairedLeaveRates] = {}
        self.exits: list[Exit] = []
        for done, a in enumerate(outputs):
            on_progress(done / len(outputs))
            self.profiles[a] = profile_output(network, run, a, seed)
            self.measured_by[a] = PairedLeaveRates(network, run, a, TRANSIENT, seed)
            self.searched[a] = self.measured_by[a].under(seed + 1)
            for to, share in find_destinations(counted.counts[a], a, outputs):
                self.exits.append(self._exit(a, to, share))

    def _exit(self, output: int, to: int | None, share: float) -> Exit:
        measured, scores = self.searched[output], self.profiles[output].scores(to)
        candidates = strongest(scores)
        group = grow_group(measured, to, candidates, 0.0, "unit")
        single = np.full(self.network.n_neurons, np.nan)
        intact = measured.rate(to=to)
        if intact > 0:
            single[candidates] = measured.rates([Intervention((i,)) for i in candidates], to) / intact
        return Exit(output, to, share, group, scores, single)


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


def find_destinations(counts: NDArray[np.int64], output: int, visited: Sequence[int]) -> list[tuple[int | None, float]]:
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


def grow_group(
    measured: Measured, to: int | None, candidates: Sequence[int], mu: float, target: str
) -> tuple[int, ...]:
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
