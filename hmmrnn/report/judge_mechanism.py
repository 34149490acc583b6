"""The claims about the mechanism: kick neurons, populations, and interventions on them.

Each function takes the dynamics that were found and returns the verdict with the numbers behind it; where a claim is
judged for several kick groups, the sentence has one line for each.
"""

from collections.abc import Callable, Sequence

import numpy as np

from hmmrnn.analysis.gain_sweep import GainSweep
from hmmrnn.analysis.kick_neurons import (
    EXCITE,
    FEED,
    MAX_CONTROL_SHARE,
    MAX_LEAVE_RATE_RATIO,
    NOISE,
    AlternativeTest,
    KickGroup,
    percentile,
)
from hmmrnn.analysis.populations import CONTROL, KICK, BlockWeights, SweptPopulation
from hmmrnn.model.network import Floats
from hmmrnn.report.findings import Dynamics
from hmmrnn.report.verdicts import (
    CLEARLY,
    DIFFERS,
    NOT_REPRODUCED,
    REPRODUCED,
    UNKNOWN,
    Judgement,
    is_clearly_above,
    judge_all,
    list_neurons,
)

MIN_OVERLAP = 0.5
# Switches with the control population silenced, over intact, that count as going on.
GOES_ON = (0.5, 2.0)

ALTERNATIVES = {
    NOISE: "silencing the noise of the neurons that pass it on",
    FEED: "silencing the neurons that feed the exit",
    EXCITE: "doubling the recurrent gain of the neurons that hold the output",
}


# ---- kick neurons ----


def judge_kick_neurons(found: Dynamics) -> Judgement:
    """Each exit has a small group of neurons without which it is closed."""
    groups = found.mechanism.kick.groups
    if not groups:
        return NOT_REPRODUCED, "The output never changes, so there is no exit to look at."
    return judge_all([group.proven for group in groups], "\n".join(describe_group(group) for group in groups))


def describe_group(group: KickGroup) -> str:
    """What silencing a kick group does, beside random groups; and, where that fails, what else was tried."""
    if not group.neurons:
        text = f"No neuron has the profile of a kick neuron for leaving {group.exit_name}."
    else:
        missing = "" if group.proven else f" ({_what_is_missing(group)})"
        effect = _effect(group.exit_name, group.leave_rate_ratio, group.control_ratios)
        text = f"Silencing {list_neurons(group.neurons)} {effect}: {group.verdict}{missing}."
    return " ".join([text, *(_describe_alternative(one, group.exit_name) for one in group.alternatives)])


def _what_is_missing(group: KickGroup) -> str:
    if group.leave_rate_ratio > MAX_LEAVE_RATE_RATIO:
        return f"at most {MAX_LEAVE_RATE_RATIO} is required"
    if not len(group.control_ratios):
        return "too few other neurons to compare with"
    if group.percentile > 100 * MAX_CONTROL_SHARE:
        return f"more than {100 * MAX_CONTROL_SHARE:g} % of the random groups go as low"
    return "activity then grows without bound"


def _describe_alternative(test: AlternativeTest, exit_name: str) -> str:
    what, neurons = ALTERNATIVES[test.kind], test.intervention.neurons
    if not neurons:
        return f"For {what} no neuron qualifies."
    effect = _effect(exit_name, test.leave_rate_ratio, test.control_ratios)
    return f"{what.capitalize()} ({list_neurons(neurons)}) {effect}: {test.verdict}."


def _effect(exit_name: str, ratio: float, controls: Floats) -> str:
    text = f"multiplies the leave rate of {exit_name} by {ratio:.2f}"
    if not len(controls):
        return text
    return (
        f"{text} ({len(controls)} random groups: median {np.median(controls):.2f}, 1st percentile "
        f"{np.quantile(controls, 0.01):.2f}; {percentile(ratio, controls):.1f} % of them go as low)"
    )


def judge_agreement(found: Dynamics) -> Judgement:
    """Searches with other noise choose the same neurons."""
    a = found.mechanism.agreement
    parts = [
        f"leaving {name}: {' to '.join(map(str, np.unique([sizes.min(), sizes.max()])))} neurons, overlap {overlap:.2f}"
        for name, sizes, overlap in zip(a.exit_names, a.sizes.T, a.overlap, strict=True)
    ]
    seeds = ", ".join(map(str, a.seeds))
    text = f"Over the seeds {seeds}: {'; '.join(parts)}. ({MIN_OVERLAP} or more is required at each exit.)"
    known = a.overlap[np.isfinite(a.overlap)]
    return (REPRODUCED if len(known) and (known >= MIN_OVERLAP).all() else DIFFERS), text


# ---- populations ----


def judge_opposed(role: str) -> Callable[[Dynamics], Judgement]:
    """The judgement that each population of a role excites itself and inhibits the others."""

    def judge(found: Dynamics) -> Judgement:
        weights = found.mechanism.weights
        within, between = _within_and_between(weights, role)
        if len(within) < 2:
            return UNKNOWN, f"There are {len(within)} such populations, and two are needed to compare."
        sizes = [int(size) for (kind, _), size in zip(weights.blocks, weights.sizes, strict=True) if kind == role]
        text = (
            f"Populations of {', '.join(map(str, sizes))} neurons: mean weight within {_list_means(within)}, between "
            f"{_list_means(between)}."
        )
        inside = [mean > CLEARLY * error for mean, error in within if np.isfinite(error)]
        outside = [mean < -CLEARLY * error for mean, error in between if np.isfinite(error)]
        if inside and all(inside) and outside and all(outside):
            return REPRODUCED, text
        return (DIFFERS if any(inside) and any(outside) else NOT_REPRODUCED), text

    return judge


def _within_and_between(weights: BlockWeights, role: str) -> tuple[list[tuple[float, float]], ...]:
    """Mean weights (with standard errors) within each population of a role, and between two of them."""
    at = [i for i, (kind, _) in enumerate(weights.blocks) if kind == role]
    means = {(i, j): (float(weights.mean[i, j]), float(weights.se[i, j])) for i in at for j in at}
    return [means[i, i] for i in at], [pair for (i, j), pair in means.items() if i != j]


def _list_means(pairs: Sequence[tuple[float, float]]) -> str:
    known = [(mean, error) for mean, error in pairs if np.isfinite(mean)]
    return ", ".join(f"{mean:+.3f} ± {error:.3f}" if np.isfinite(error) else f"{mean:+.3f}" for mean, error in known)


# ---- interventions ----


def judge_trapped(role: str) -> Callable[[Dynamics], Judgement]:
    """The judgement that with the gain of a role's populations at 0 their output is no longer left."""

    def judge(found: Dynamics) -> Judgement:
        parts, held = [], []
        for one, sweep in _sweeps(found, role):
            if sweep.diverged[_at(sweep, 0.0)]:
                parts.append(f"{one.name}: the network diverges")
                continue
            ratio = _leave_rate_ratio(sweep, one.output)
            held.append(ratio <= MAX_LEAVE_RATE_RATIO)
            times = "never visited" if np.isnan(ratio) else f"left {ratio:.2f} times as often"
            parts.append(f"{one.name} ({len(one.neurons)} neurons, {one.target}): {times}")
        if not parts:
            return UNKNOWN, "There is no such population."
        return judge_all(held, f"With the gain at 0, {'; '.join(parts)}.")

    return judge


def judge_critical_pairs(found: Dynamics) -> Judgement:
    """There are fewer critical pairs with the kick neurons silenced."""
    parts, fewer = [], []
    for one, sweep in _sweeps(found, KICK):
        mean, error = sweep.critical_pairs_anywhere, sweep.critical_pairs_anywhere_se
        before, after = ((float(mean[at]), float(error[at])) for at in (_at(sweep, 1.0), _at(sweep, 0.0)))
        if np.isfinite([*before, *after]).all():
            fewer.append(is_clearly_above(before, after))
            parts.append(f"{one.name}: {before[0]:.2f} ± {before[1]:.2f} to {after[0]:.2f} ± {after[1]:.2f}")
    if not parts:
        return UNKNOWN, "No gain sweep of kick neurons has a number of critical pairs at both gains."
    return judge_all(fewer, f"Critical pairs at visited states, from gain 1 to gain 0 of {'; '.join(parts)}.")


def judge_overshoot(found: Dynamics) -> Judgement:
    """With the gain of the kick neurons nearly doubled, the state gets further from the middle of the plane."""
    parts, further = [], []
    for one, sweep in _sweeps(found, KICK):
        reach = [np.sqrt((path[..., :2] ** 2).sum(axis=-1)) for path in sweep.paths[1:]]
        if not all(np.isfinite(r).any() for r in reach):
            parts.append(f"{one.name}: a run diverges")
            continue
        intact, doubled = (float(np.nanquantile(r, 0.99)) for r in reach)
        further.append(doubled > intact)
        parts.append(f"{one.name}: {intact:.3g} to {doubled:.3g}")
    if not parts:
        return UNKNOWN, "There are no kick neurons whose gain could be raised."
    text = "Distance from the middle of the plane that 1 % of the steps exceed, from gain 1 to gain 1.9: "
    return judge_all(further, f"{text}{'; '.join(parts)}.")


def judge_control(found: Dynamics) -> Judgement:
    """With the control population silenced, the output goes on switching."""
    sweeps = _sweeps(found, CONTROL)
    if not sweeps:
        return UNKNOWN, "There is no control population."
    one, sweep = sweeps[0]
    none, intact = _at(sweep, 0.0), _at(sweep, 1.0)
    if sweep.diverged[none]:
        return DIFFERS, f"With its {len(one.neurons)} neurons silenced the network diverges."
    # Switches say what happens where an output is no longer visited as well.
    ratio = float(sweep.switches[none] / sweep.switches[intact])
    text = f"With all {len(one.neurons)} neurons of it silenced, the output switches {ratio:.2f} times as often."
    return (REPRODUCED if GOES_ON[0] <= ratio <= GOES_ON[1] else NOT_REPRODUCED), text


def judge_resonance(found: Dynamics) -> Judgement:
    """Switching is most regular at a gain between the smallest and the largest."""
    sweep = found.mechanism.resonance
    if sweep is None:
        return UNKNOWN, "There are no kick neurons whose gain could be swept."
    known = np.flatnonzero(np.isfinite(sweep.interval_cv))
    if len(known) < 3:
        return UNKNOWN, f"Intervals can be counted at {len(known)} of {len(sweep.mu)} gains; 3 are needed."
    mu, cv, error = sweep.mu[known], sweep.interval_cv[known], sweep.interval_cv_se[known]
    least = int(cv.argmin())
    text = (
        f"The coefficient of variation of the intervals is least, {cv[least]:.2f} ± {error[least]:.2f}, at gain "
        f"{mu[least]:.1f}; at gain {mu[0]:.1f} it is {cv[0]:.2f} ± {error[0]:.2f} and at {mu[-1]:.1f} {cv[-1]:.2f} ± "
        f"{error[-1]:.2f}."
    )
    if not found.noise.biased:
        text += " Against sigma it does not change, as without biases nothing but the scale does."
    inside = 0 < least < len(known) - 1
    both = all(is_clearly_above((cv[end], error[end]), (cv[least], error[least])) for end in (0, -1))
    return (REPRODUCED if inside and both else NOT_REPRODUCED), text


def _sweeps(found: Dynamics, role: str) -> list[tuple[SweptPopulation, GainSweep]]:
    return [(one, sweep) for one, sweep in found.mechanism.gains.items() if one.role == role]


def _at(sweep: GainSweep, mu: float) -> int:
    return int(np.abs(sweep.mu - mu).argmin())


def _leave_rate_ratio(sweep: GainSweep, output: int) -> float:
    """Rate of leaving an output at gain 0 over intact; NaN where it is no longer visited."""
    silenced, intact = sweep.leave_rate[[_at(sweep, 0.0), _at(sweep, 1.0)], output]
    return float(silenced / intact)
