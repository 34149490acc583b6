"""Effects of silencing kick groups: beside groups matched in mean activity, and on all other exits.

A kick group may be more active than random neurons, and then silencing it would change more, whatever it does. A
matched group replaces each neuron of the kick group by one of the ten in no kick group whose mean activity is nearest.
Over the exits, the share of controls that lower the leave rate as far is corrected by Holm's method:

    p = (1 + #{control ratio <= ratio}) / (1 + R)        p_(i) adjusted = max over j <= i of (m - j + 1) p_(j)

Source: Holm (1979), Scand. J. Stat. 6, 65-70 (correction); matching and effects on other exits are this project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.kick_neurons import CONTROLS, KickGroup, KickNeurons, name_exit
from hmmrnn.analysis.kick_search import REFERENCE_RUNS, REFERENCE_STEPS, TRANSIENT
from hmmrnn.analysis.leave_rates import Measured, PairedLeaveRates
from hmmrnn.analysis.numerics import ProgressCallback, no_progress
from hmmrnn.model.network import Floats, Intervention, Network, Result, few_threads
from hmmrnn.model.simulation import simulate

NEAREST = 10


@dataclass(frozen=True, eq=False)
class KickEffects(Result):
    """What silencing each of G kick groups does beyond what the search asked for."""

    exits: tuple[tuple[int, int | None], ...]  # (G) output and destination (None: any) of each group
    # (G) (R, n) groups of the same size, neuron by neuron of about the same mean activity; (0, n) where there is no
    # group or too few other neurons.
    matched: tuple[NDArray[np.int64], ...]
    matched_ratios: tuple[Floats, ...]  # (G) (R,) leave rate with a matched group silenced over intact
    # (G, G) leave rate of the exit in a column with the group in a row silenced, over intact; NaN without such a group
    # or where the exit is not taken.
    ratios: Floats
    # (G,) corrected shares of controls that lower the leave rate as far; NaN without controls.
    p_random: Floats  # random groups
    p_matched: Floats  # matched groups
    activity: Floats  # (N,) mean activity of each neuron, by which groups are matched

    @property
    def exit_names(self) -> tuple[str, ...]:
        """The exits in words."""
        return tuple(name_exit(*exit) for exit in self.exits)


def measure_effects(
    network: Network, found: KickNeurons, controls: int = CONTROLS, on_progress: ProgressCallback = no_progress
) -> KickEffects:
    """Measure the effects of silencing, and of R matched groups, from the starts and in the noise of the verdicts."""
    groups, seed = found.groups, found.seed
    run = simulate(network, REFERENCE_STEPS, REFERENCE_RUNS, seed=seed)
    activity = run.h[:, TRANSIENT:].mean(axis=(0, 1))
    taken = {neuron for group in groups for neuron in group.neurons}
    others = np.array([i for i in range(network.n_neurons) if i not in taken], dtype=np.int64)
    measured = {
        a: PairedLeaveRates(network, run, a, TRANSIENT, seed).under(seed + 2)
        for a in dict.fromkeys(group.output for group in groups)
    }
    matched = tuple(
        match_groups(group.neurons, activity, others, controls, (seed, place)) for place, group in enumerate(groups)
    )
    ratios, matched_ratios = np.full((len(groups), len(groups)), np.nan), []
    with few_threads(network):
        for place, group in enumerate(groups):
            on_progress(place / len(groups))
            matched_ratios.append(_ratios(measured[group.output], matched[place], group.to))
            for column, exit in enumerate(groups if group.neurons else ()):
                ratios[place, column] = _ratios(measured[exit.output], [group.neurons], exit.to)[0]
    null = [group.control_ratios for group in groups]
    return KickEffects(
        exits=tuple((group.output, group.to) for group in groups),
        matched=matched,
        matched_ratios=tuple(matched_ratios),
        ratios=ratios,
        p_random=correct_by_holm(np.array([_share(*one) for one in zip(groups, null, strict=True)])),
        p_matched=correct_by_holm(np.array([_share(*one) for one in zip(groups, matched_ratios, strict=True)])),
        activity=activity,
    )


def match_groups(
    group: Sequence[int], activity: Floats, others: NDArray[np.int64], controls: int, seed: Sequence[int]
) -> NDArray[np.int64]:
    """(R, n) draw groups that replace each neuron by one of the ten others nearest in mean activity.

    No neuron is twice in a group. With fewer others than the group has neurons there is none: (0, n).
    """
    if not group or len(others) < len(group):
        return np.empty((0, len(group)), dtype=np.int64)
    rng = np.random.default_rng(seed)
    order = {neuron: others[np.argsort(np.abs(activity[others] - activity[neuron]), kind="stable")] for neuron in group}
    drawn = np.empty((controls, len(group)), dtype=np.int64)
    for row in drawn:
        free: set[int] = set(others.tolist())
        # In another order each time, so that none is always the last to choose.
        for place in rng.permutation(len(group)):
            nearest = [int(i) for i in order[group[place]] if i in free][:NEAREST]
            row[place] = rng.choice(nearest)
            free.remove(int(row[place]))
    return drawn


def correct_by_holm(p: Floats) -> Floats:
    """Correct p-values (G,) for their number by Holm's step-down method; NaN values count as no test."""
    corrected = np.full(p.shape, np.nan)
    order = [i for i in np.argsort(p, kind="stable") if np.isfinite(p[i])]
    largest = 0.0
    for place, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * float(p[i])))
        corrected[i] = largest
    return corrected


def _ratios(measured: Measured, groups: Sequence[Sequence[int]] | NDArray[np.int64], to: int | None) -> Floats:
    """Leave rate with each group silenced, over intact; NaN where the exit is not taken."""
    intact = measured.rate(to=to)
    rates = measured.rates([Intervention(tuple(map(int, group))) for group in groups], to)
    return rates / intact if intact > 0 else np.full(len(groups), np.nan)


def _share(group: KickGroup, null: Floats) -> float:
    return float((1 + np.count_nonzero(null <= group.leave_rate_ratio)) / (1 + len(null))) if len(null) else np.nan
