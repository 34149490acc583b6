"""Correspondence of the kick groups of two networks, by their time courses around switches.

    course       x(a, b, k): mean pre-activation of a group, k = -15 .. 5 steps from the switches of each exit (a, b)
    alike        mean over the exits that both have a group for of the correlation of the two courses
    null         mean correlation of a group's course with that of random groups of the other network
    matched      share of the groups of one network whose most alike counterpart belongs to the same exit;
                 null: 1 / number of counterparts

A course covers all exits, so that two groups are alike if they rise before the same switches and stay low before the
others. Its standard error leaves out one run at a time, the same in both networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.analysis.numerics import jackknife_error
from hmmrnn.lenses.runs import SettledRuns
from hmmrnn.model.network import Floats, Result

BEFORE, AFTER = 15, 5
# Rarer exits have no course.
MIN_SWITCHES = 20
# Random groups whose courses are the null; each is as large as the kick groups are on average.
RANDOM = 20
PAIR_MEASURES = ("kick_alike", "kick_alike_se", "kick_alike_null", "kick_matched", "kick_matched_null")


@dataclass(frozen=True, eq=False)
class KickSide(Result):
    """The G kick groups of one network with O outputs, and what they do around its switches in B runs."""

    exits: tuple[tuple[int, int | None], ...]  # (G) output that is left, and the one that follows; None: any
    neurons: tuple[tuple[int, ...], ...]  # (G) of each group
    ratio: Floats  # (G,) leave rate with the group silenced, over intact
    ratio_null: Floats  # (G,) the same with random groups of its size, the mean; NaN without any
    outputs: int  # O
    # course: (B + 1, G, E, F) sums over all runs and without each of them, over the switches of the E exits of O
    # outputs, at F steps around them; NaN where there are too few.
    course: Floats
    random: Floats  # (1, R, E, F) courses of random groups of neurons


def describe_side(run: SettledRuns, kick: KickNeurons, n_outputs: int) -> KickSide:
    """The groups of a network that have neurons, and their courses in its runs."""
    groups = [group for group in kick.groups if group.neurons]
    random = [float(np.mean(group.control_ratios)) if len(group.control_ratios) else np.nan for group in groups]
    return KickSide(
        exits=tuple((group.output, group.to) for group in groups),
        neurons=tuple(group.neurons for group in groups),
        ratio=np.array([group.leave_rate_ratio for group in groups]),
        ratio_null=np.array(random),
        outputs=n_outputs,
        course=_courses(run, [group.neurons for group in groups], n_outputs),
        random=_courses(run, _random_groups(run.h.shape[-1], [len(group.neurons) for group in groups]), n_outputs)[:1],
    )


def _random_groups(n_neurons: int, sizes: Sequence[int]) -> list[tuple[int, ...]]:
    size = max(1, round(float(np.mean(sizes)))) if sizes else 0
    rng = np.random.default_rng(23)
    return [tuple(map(int, rng.choice(n_neurons, size, replace=False))) for _ in range(RANDOM if sizes else 0)]


def _courses(run: SettledRuns, groups: Sequence[tuple[int, ...]], n_outputs: int) -> Floats:
    offset = np.arange(-BEFORE, AFTER + 1)
    exits = list(permutations(range(n_outputs), 2))
    course = np.full((len(run.output) + 1, len(groups), len(exits), len(offset)), np.nan)
    if not groups:
        return course
    values = np.stack([run.pre_activation[..., list(neurons)].mean(axis=-1) for neurons in groups], axis=-1)
    for place, (a, b) in enumerate(exits):
        runs, at = np.nonzero((run.output[:, :-1] == a) & (run.output[:, 1:] == b))
        fits = (at + 1 + offset[0] >= 0) & (at + 1 + offset[-1] < run.output.shape[1])
        runs, at = runs[fits], at[fits] + 1
        if len(runs) < MIN_SWITCHES:
            continue
        sums = np.zeros((len(run.output), len(offset), len(groups)))
        np.add.at(sums, runs, values[runs[:, None], at[:, None] + offset])
        counts = np.bincount(runs, minlength=len(run.output)).astype(float)
        left = np.append(counts.sum(), counts.sum() - counts)[:, None, None]
        total = np.concatenate([sums.sum(axis=0, keepdims=True), sums.sum(axis=0) - sums])
        with np.errstate(invalid="ignore", divide="ignore"):
            course[:, :, place] = (total / left).swapaxes(1, 2)
    return course


def compare_groups(one: KickSide | None, other: KickSide | None) -> dict[str, float]:
    """How far the groups of two networks do the same: `PAIR_MEASURES`; NaN where they cannot be compared."""
    nothing = dict.fromkeys(PAIR_MEASURES, float("nan"))
    if one is None or other is None or one.outputs != other.outputs or not one.exits or not other.exits:
        return nothing
    alike = _correlations(one.course, other.course)
    same = np.array([[a == b for b in other.exits] for a in one.exits])
    if not same.any() or not np.isfinite(alike[0]).any():
        return nothing
    random = _correlations(one.course[:1], other.random)
    with_counterpart = same.any(axis=1)
    best = np.nan_to_num(alike[0], nan=-2.0).argmax(axis=1)
    return {
        "kick_alike": float(np.nanmean(alike[0][same])),
        "kick_alike_se": float(jackknife_error(np.array([np.nanmean(without[same]) for without in alike[1:]]))),
        "kick_alike_null": float(np.nanmean(random)) if np.isfinite(random).any() else float("nan"),
        "kick_matched": float(same[np.arange(len(best)), best][with_counterpart].mean()),
        "kick_matched_null": 1 / len(other.exits),
    }


def _correlations(one: Floats, other: Floats) -> Floats:
    """(B + 1, G, H) correlation of each course of one network with each of the other, over what both have."""
    shown = np.isfinite(one[0, 0]) & np.isfinite(other[0, 0])
    if not shown.any():
        return np.full((len(one), one.shape[1], other.shape[1]), np.nan)
    flat = []
    for course in (one, other):
        part = course[:, :, shown]
        part = part - part.mean(axis=-1, keepdims=True)
        length = np.linalg.norm(part, axis=-1, keepdims=True)
        flat.append(np.divide(part, length, out=np.full_like(part, np.nan), where=length > 0))
    return np.einsum("bgs,bhs->bgh", *flat)


def shared_neurons(one: KickSide | None, other: KickSide | None, sizes: tuple[int, int]) -> tuple[float, float]:
    """|both| / |either| of the kick neurons of two networks of so many neurons, and what as many random ones share.

    Only networks that began as one have neurons that correspond by their number; both are NaN where N differs.
    """
    sets: list[set[int]] = [set().union(*side.neurons) for side in (one, other) if side is not None]
    if len(sets) < 2 or sizes[0] != sizes[1] or not (sets[0] | sets[1]):
        return float("nan"), float("nan")
    chance = len(sets[0]) * len(sets[1]) / sizes[0]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1]), chance / (len(sets[0]) + len(sets[1]) - chance)
