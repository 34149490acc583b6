"""What of the paper's argument does this network show? Each claim with its numbers, its threshold and a verdict.

A verdict is computed, and the sentence beside it says by what. The claims are those of Torre et al. (2025); where the
paper gives a threshold it is used, and the others are this project's own, said in the sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hmmrnn.experiments.gains import GainSweep
from hmmrnn.experiments.noise import NoiseSweep
from hmmrnn.experiments.swept import Swept
from hmmrnn.findings import Findings
from hmmrnn.kick import (
    EXCITE,
    FEED,
    MAX_CONTROL_SHARE,
    MAX_LEAVE_RATE_RATIO,
    NOISE,
    KickGroup,
    Picture,
    percentile,
)
from hmmrnn.network import Floats
from hmmrnn.populations import CONTROL, INTEGRATING, KICK, BlockWeights
from hmmrnn.regions import CLUSTER, KICK_ZONE, REGIONS, TRANSITION, UNASSIGNED, region_shares
from hmmrnn.stability import CONVERGED

REPRODUCED, DIFFERS, NOT_REPRODUCED, UNKNOWN = "reproduced", "differs", "not reproduced", "not measured"

# Standard errors by which one number must be above another to count as above.
CLEARLY = 2.0
MIN_PLANE_VARIANCE = 0.5
MIN_R_SQUARED = 0.99
MIN_TURNS_PER_CYCLE = 0.5
# Steps after which spreads are compared, and how much less than a cluster's a transition's counts as hardly any.
SPREAD_STEP, HARDLY = 10, 0.5
# Activity below this, relative to the largest start, is where a decay was cut off.
ROUNDING = 1e-6
GOES_ON = (0.5, 2.0)
MIN_ALIGNMENT_DEGREES = 10.0
FALLEN_LOSS = 0.5

WAYS = {
    NOISE: "silencing the noise of the neurons that pass it on",
    FEED: "silencing what feeds the exit",
    EXCITE: "doubling the recurrent gain of what holds the output",
}
REGION_NAMES = {CLUSTER: "clusters", KICK_ZONE: "kick zones", TRANSITION: "transitions", UNASSIGNED: "unassigned"}


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, and what this network says to it.

    Attributes:
        key: short and stable.
        section: part of the argument it belongs to, a key of the report's sections.
        text: the claim.
        verdict: reproduced, differs, not reproduced or not measured.
        sentence: the numbers behind the verdict; one line for each exit where there are several.
    """

    key: str
    section: str
    text: str
    verdict: str
    sentence: str


def claims(found: Findings) -> tuple[Claim, ...]:
    """Judge every claim, in the order of the argument."""
    return tuple(
        Claim(key, section, text, *judge(found)) if known(found) else Claim(key, section, text, UNKNOWN, why(found))
        for key, section, text, known, why, judge in _CLAIMS
    )


Judgement = tuple[str, str]


def _fidelity(found: Findings) -> Judgement:
    judged = found.judged
    assert judged is not None
    f = judged.fidelity
    numbers = (
        f"transition error {f.transition_error:.3f}, marginal error {f.marginal_error:.3f}, volatility "
        f"{f.volatility_ratio:.2f} of the HMM's, lag error {f.lag_error:.3f}; matched distance "
        f"{judged.matching.distance:.2f} ± {judged.matching.distance_se:.2f} beside {judged.matching.floor:.2f} ± "
        f"{judged.matching.floor_se:.2f} of the HMM's own sequences"
    )
    runs = f"In {f.trajectories} runs of {f.steps:,} steps: {numbers}."
    if f.passes:
        return REPRODUCED, runs
    return NOT_REPRODUCED, f"{runs} It fails the gate: {'; '.join(f.failures)}."


def _fixed_point(found: Findings) -> Judgement:
    ends = found.ends
    assert ends is not None
    points, _ = ends.distinct()
    settled = int(np.count_nonzero(ends.outcome == CONVERGED))
    if settled == len(ends.outcome) and len(points) == 1:
        largest = float(points.max())
        at = "the origin" if largest <= ROUNDING * ends.scale.max() else f"a point with activity up to {largest:.3g}"
        return REPRODUCED, f"Without noise, all {settled} visited states end in one fixed point, {at}."
    others = [
        f"{name} {np.count_nonzero(ends.outcome == name)}" for name in np.unique(ends.outcome) if name != CONVERGED
    ]
    rest = f", the others: {', '.join(others)}" if others else ""
    where = (
        f"{settled} of {len(ends.outcome)} visited states converge without noise, to {len(points)} fixed points{rest}."
    )
    return (DIFFERS if settled > len(ends.outcome) / 2 else NOT_REPRODUCED), where


def _orbit(found: Findings) -> Judgement:
    plane, circling = found.plane, found.circling
    assert plane is not None
    assert circling is not None
    share = float(plane.explained_variance_ratio[:2].sum())
    cycles = circling.switches / 2
    turns = abs(circling.turns) / cycles if cycles else 0.0
    text = (
        f"PC1 and PC2 hold {100 * share:.0f} % of the variance of h; the state goes round their middle "
        f"{abs(circling.turns):.0f} times net in {circling.switches:,} switches, {turns:.2f} turns for each two, "
        f"and visits {100 * circling.phases_visited:.0f} % of the phases."
    )
    if not circling.switches:
        return NOT_REPRODUCED, text
    closed = turns >= MIN_TURNS_PER_CYCLE
    if closed and share >= MIN_PLANE_VARIANCE:
        return REPRODUCED, text
    return DIFFERS, f"{text} An orbit in one plane would make about 1 turn and leave little variance outside it."


def _radius(found: Findings) -> Judgement:
    noise = found.noise
    assert noise is not None
    exact = (
        f"with a bias, h departs from exact proportion by up to {noise.relative_deviation:.2g} of its size"
        if noise.biased
        else f"without biases h scales exactly with sigma (largest deviation {noise.relative_deviation:.1g})"
    )
    line = (
        f"The orbit's radius is {intercept_text(noise)} + ({noise.slope:.3g} ± "
        f"{noise.slope_se:.2g}) sigma, R² = {noise.r_squared:.4f}, for sigma from {noise.sigmas[0]:g} to "
        f"{noise.sigmas[-1]:g}; {exact}."
    )
    return (REPRODUCED if noise.r_squared >= MIN_R_SQUARED and noise.slope > 0 else NOT_REPRODUCED), line


def intercept_text(noise: NoiseSweep) -> str:
    """The intercept of the radius, or that it is nothing but rounding."""
    if abs(noise.intercept) < ROUNDING * abs(noise.slope):
        return "0 (to rounding)"
    return f"{noise.intercept:.3g} ± {noise.intercept_se:.2g}"


def _regions(found: Findings) -> Judgement:
    resident = found.landscape.residency  # type: ignore[union-attr]  # known, as the claim is judged
    shares = region_shares(resident.region)
    changes = {name: _mean_where(resident.sign_changes, resident.region == name) for name in REGIONS}
    listed = ", ".join(f"{REGION_NAMES[name]} {100 * share:.1f} %" for name, share in shares.items() if share)
    ups = ", ".join(f"{REGION_NAMES[n]} {changes[n]:.1f}" for n in REGIONS if np.isfinite(changes[n]))
    text = (
        f"Of {len(resident.region):,} states: {listed}. Before it changes, the logit of the output reverses, on "
        f"average: {ups} times."
    )
    three = all(shares[name] > 0 for name in (CLUSTER, KICK_ZONE, TRANSITION))
    falling = changes[CLUSTER] > changes[KICK_ZONE] > changes[TRANSITION] if three else False
    if three and falling and shares[CLUSTER] > max(shares[KICK_ZONE], shares[TRANSITION]):
        return REPRODUCED, text
    return (DIFFERS if shares[CLUSTER] > 0 else NOT_REPRODUCED), text


def _stability(found: Findings) -> Judgement:
    landscape = found.landscape
    assert landscape is not None
    region, unstable = landscape.residency.region[landscape.spectra_at], landscape.spectra.unstable
    means = {name: _mean_and_error(unstable[region == name]) for name in (CLUSTER, KICK_ZONE, TRANSITION)}
    known = {name: pair for name, pair in means.items() if np.isfinite(pair[0])}
    listed = ", ".join(f"{REGION_NAMES[name]} {mean:.2f} ± {error:.2f}" for name, (mean, error) in known.items())
    text = f"Mean number of eigenvalues beyond the unit circle: {listed}."
    if CLUSTER not in known or KICK_ZONE not in known:
        return UNKNOWN, f"{text} There are no states of both clusters and kick zones to compare."
    above = _clearly_above(means[KICK_ZONE], means[CLUSTER])
    if above and means[CLUSTER][0] < 0.5:
        return REPRODUCED, text
    return (DIFFERS if above else NOT_REPRODUCED), text


def _sensitivity(found: Findings) -> Judgement:
    s = found.sensitivity
    if s is None or not (s.counts > 0).all():
        return UNKNOWN, "There are no states of both clusters and transitions to compare."
    at = SPREAD_STEP - 1
    cluster, transition = ((float(s.trace[r, -1, at]), float(s.trace_se[r, -1, at])) for r in range(2))
    text = (
        f"After {SPREAD_STEP} steps of noise of their own, rollouts from {s.counts[0]} cluster states have spread to a "
        f"variance of {cluster[0]:.3g} ± {cluster[1]:.2g}, those from {s.counts[1]} transition states to "
        f"{transition[0]:.3g} ± {transition[1]:.2g}."
    )
    if transition[0] <= HARDLY * cluster[0] and _clearly_above(cluster, transition):
        return REPRODUCED, text
    return (DIFFERS if _clearly_above(cluster, transition) else NOT_REPRODUCED), text


def _kick(found: Findings) -> Judgement:
    groups = found.kick.groups  # type: ignore[union-attr]  # known, as the claim is judged
    if not groups:
        return NOT_REPRODUCED, "The output never changes, so there is no exit to look at."
    proven = [group for group in groups if group.proven]
    text = "\n".join(exit_sentence(group) for group in groups)
    if len(proven) == len(groups):
        return REPRODUCED, text
    return (DIFFERS if proven else NOT_REPRODUCED), text


def exit_sentence(group: KickGroup) -> str:
    """What silencing a kick group does, beside random groups; and, where it fails, what else was tried."""
    way = f"output {group.output}" if group.to is None else f"output {group.output} for {group.to}"
    if not group.neurons:
        said = f"No neuron has the profile of a kick neuron for leaving {way}."
    else:
        verdict = "proven" if group.proven else f"not proven ({_what_is_missing(group)})"
        said = (
            f"Silencing {_neurons(group.neurons)} leaves {way} {group.leave_rate_ratio:.2f} times as often"
            f"{_null(group.leave_rate_ratio, group.control_ratios)}: {verdict}."
        )
    return " ".join([said, *(picture_sentence(picture, way) for picture in group.pictures)])


def _what_is_missing(group: KickGroup) -> str:
    if group.leave_rate_ratio > MAX_LEAVE_RATE_RATIO:
        return f"at most {MAX_LEAVE_RATE_RATIO} is asked for"
    if not len(group.control_ratios):
        return "too few other neurons to compare with"
    if group.percentile > 100 * MAX_CONTROL_SHARE:
        return f"more than {100 * MAX_CONTROL_SHARE:g} % of the random groups go as low"
    return "activity then grows without bound"


def picture_sentence(picture: Picture, way: str) -> str:
    """What another picture of an exit comes to."""
    if not picture.intervention.neurons:
        return f"For {WAYS[picture.kind]} no neuron qualifies."
    growing = "" if picture.bounded else ", as activity then grows without bound"
    verdict = "proven" if picture.proven else f"not proven{growing}"
    return (
        f"{WAYS[picture.kind].capitalize()} ({_neurons(picture.intervention.neurons)}) leaves {way} "
        f"{picture.leave_rate_ratio:.2f} times as often"
        f"{_null(picture.leave_rate_ratio, picture.control_ratios)}: {verdict}."
    )


def _null(ratio: float, controls: Floats) -> str:
    if not len(controls):
        return ""
    return (
        f" ({len(controls)} random groups: median {np.median(controls):.2f}, 1st percentile "
        f"{np.quantile(controls, 0.01):.2f}; {percentile(ratio, controls):.1f} % of them go as low)"
    )


def _neurons(neurons: Sequence[int]) -> str:
    return f"{'neuron' if len(neurons) == 1 else 'neurons'} {', '.join(map(str, neurons))}"


def _agreement(found: Findings) -> Judgement:
    a = found.agreement
    assert a is not None
    parts = [
        f"leaving {output}{'' if to is None else f' for {to}'}: {a.sizes[:, g].min()} to {a.sizes[:, g].max()} "
        f"neurons, overlap {a.overlap[g]:.2f}"
        for g, (output, to) in enumerate(a.exits)
    ]
    text = f"Over the seeds {', '.join(map(str, a.seeds))}: {'; '.join(parts)}."
    known = a.overlap[np.isfinite(a.overlap)]
    few = bool(len(known)) and bool((known >= 0.5).all())
    return (REPRODUCED if few else DIFFERS), f"{text} (0.5 or more is asked for at each exit.)"


def _within_and_between(weights: BlockWeights, role: str) -> tuple[list[tuple[int, float, float]], ...]:
    """Mean weights within each population of a role and between two of them: (output, mean, error) each."""
    at = [i for i, (kind, _) in enumerate(weights.blocks) if kind == role]
    within = [(weights.blocks[i][1], weights.mean[i, i], weights.se[i, i]) for i in at]
    between = [(weights.blocks[i][1], weights.mean[i, j], weights.se[i, j]) for i in at for j in at if i != j]
    return within, between


def _opposed(role: str) -> Callable[[Findings], Judgement]:
    def judge(found: Findings) -> Judgement:
        weights = found.weights
        assert weights is not None
        within, between = _within_and_between(weights, role)
        sizes = [int(size) for (kind, _), size in zip(weights.blocks, weights.sizes, strict=True) if kind == role]
        if len(within) < 2:
            return UNKNOWN, f"There are {len(within)} such populations, and two are needed to compare."
        text = (
            f"Populations of {', '.join(map(str, sizes))} neurons: mean weight within {_signed(within)}, between "
            f"{_signed(between)}."
        )
        inside = [mean > CLEARLY * error for _, mean, error in within if np.isfinite(error)]
        outside = [mean < -CLEARLY * error for _, mean, error in between if np.isfinite(error)]
        if inside and all(inside) and outside and all(outside):
            return REPRODUCED, text
        return (DIFFERS if any(inside) and any(outside) else NOT_REPRODUCED), text

    return judge


def _signed(rows: Sequence[tuple[int, float, float]]) -> str:
    known = [(mean, error) for _, mean, error in rows if np.isfinite(mean)]
    return ", ".join(f"{mean:+.3f} ± {error:.3f}" if np.isfinite(error) else f"{mean:+.3f}" for mean, error in known)


def _sweeps(found: Findings, role: str) -> list[tuple[Swept, GainSweep]]:
    return [(one, sweep) for one, sweep in (found.gains or {}).items() if one.role == role]


def _at(sweep: GainSweep, mu: float) -> int:
    return int(np.abs(sweep.mu - mu).argmin())


def _ratio(one: Swept, sweep: GainSweep, mu: float) -> float:
    """Leave rate at a gain over intact: out of the population's output, or of any output for the control."""
    rates = sweep.leave_rate[[_at(sweep, mu), _at(sweep, 1.0)]]
    if one.role == CONTROL:
        # Switches per step say what happens where an output is no longer visited as well.
        steps = sweep.trajectories * sweep.steps
        return float(sweep.switches[_at(sweep, mu)] / steps) / float(sweep.switches[_at(sweep, 1.0)] / steps)
    silent = np.isnan(rates[0, one.output])
    return float("nan") if silent else float(rates[0, one.output] / rates[1, one.output])


def _trapped(role: str) -> Callable[[Findings], Judgement]:
    def judge(found: Findings) -> Judgement:
        parts, held = [], []
        for one, sweep in _sweeps(found, role):
            if sweep.diverged[_at(sweep, 0.0)]:
                parts.append(f"{one.name}: the network diverges")
                continue
            ratio = _ratio(one, sweep, 0.0)
            held.append(ratio <= MAX_LEAVE_RATE_RATIO)
            times = "never visited" if np.isnan(ratio) else f"left {ratio:.2f} times as often"
            parts.append(f"{one.name} ({len(one.neurons)} neurons, {one.target}): {times}")
        if not parts:
            return UNKNOWN, "There is no such population."
        text = f"With the gain at 0, {'; '.join(parts)}."
        if held and all(held):
            return REPRODUCED, text
        return (DIFFERS if any(held) else NOT_REPRODUCED), text

    return judge


def _pairs_vanish(found: Findings) -> Judgement:
    parts, fewer = [], []
    for one, sweep in _sweeps(found, KICK):
        none, intact = _at(sweep, 0.0), _at(sweep, 1.0)
        before = sweep.critical_pairs_anywhere[intact], sweep.critical_pairs_anywhere_se[intact]
        after = sweep.critical_pairs_anywhere[none], sweep.critical_pairs_anywhere_se[none]
        if not np.isfinite([*before, *after]).all():
            continue
        fewer.append(_clearly_above(before, after))
        parts.append(f"{one.name}: {before[0]:.2f} ± {before[1]:.2f} to {after[0]:.2f} ± {after[1]:.2f}")
    if not parts:
        return UNKNOWN, "No gain sweep of kick neurons has a number of critical pairs at both gains."
    text = f"Critical pairs at visited states, from gain 1 to gain 0 of {'; '.join(parts)}."
    return (REPRODUCED if all(fewer) else DIFFERS if any(fewer) else NOT_REPRODUCED), text


def _overshoot(found: Findings) -> Judgement:
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
    text = (
        "Distance from the middle of the plane that 1 % of the steps exceed, from gain 1 to gain 1.9: "
        f"{'; '.join(parts)}."
    )
    return (REPRODUCED if further and all(further) else DIFFERS if any(further) else NOT_REPRODUCED), text


def _control(found: Findings) -> Judgement:
    sweeps = _sweeps(found, CONTROL)
    if not sweeps:
        return UNKNOWN, "There is no control population."
    one, sweep = sweeps[0]
    if sweep.diverged[_at(sweep, 0.0)]:
        return DIFFERS, f"With its {len(one.neurons)} neurons silenced the network diverges."
    ratio = _ratio(one, sweep, 0.0)
    text = f"With all {len(one.neurons)} neurons of it silenced, the output switches {ratio:.2f} times as often."
    return (REPRODUCED if GOES_ON[0] <= ratio <= GOES_ON[1] else NOT_REPRODUCED), text


def _resonance(found: Findings) -> Judgement:
    sweep = found.resonance
    if sweep is None:
        return UNKNOWN, "There are no kick neurons whose gain could be swept."
    known = np.flatnonzero(np.isfinite(sweep.interval_cv))
    if len(known) < 3:
        return UNKNOWN, f"Intervals are regular enough to count at {len(known)} of {len(sweep.mu)} gains; 3 are needed."
    cv, error = sweep.interval_cv[known], sweep.interval_cv_se[known]
    least = int(cv.argmin())
    text = (
        f"The coefficient of variation of the intervals is least, {cv[least]:.2f} ± {error[least]:.2f}, at gain "
        f"{sweep.mu[known][least]:.1f}; at gain {sweep.mu[known][0]:.1f} it is {cv[0]:.2f} ± {error[0]:.2f} and at "
        f"{sweep.mu[known][-1]:.1f} {cv[-1]:.2f} ± {error[-1]:.2f}."
    )
    if found.noise is not None and not found.noise.biased:
        text += " Against sigma it does not change, as without biases nothing but the scale does."
    inside = 0 < least < len(known) - 1
    both = all(_clearly_above((cv[end], error[end]), (cv[least], error[least])) for end in (0, -1))
    return (REPRODUCED if inside and both else NOT_REPRODUCED), text


def _emergence(found: Findings) -> Judgement:
    grown = found.emergence
    assert grown is not None
    first, last = int(grown.steps_done[0]), int(grown.steps_done[-1])
    if grown.bifurcation is None:
        return NOT_REPRODUCED, f"In {len(grown.steps_done)} snapshots from step {first} to {last} no orbit opens."
    k = grown.bifurcation
    depth = (grown.loss_plateau - grown.loss[k]) / (grown.loss_plateau - grown.loss_floor)
    end = (grown.loss_plateau - grown.loss[-1]) / (grown.loss_plateau - grown.loss_floor)
    text = (
        f"The orbit opens at step {grown.steps_done[k]} (before: {grown.steps_done[k - 1]}): unstable states from "
        f"{100 * grown.unstable_share[k - 1]:.0f} % to {100 * grown.unstable_share[k]:.0f} %, switches per 1,000 steps "
        f"from {1000 * grown.transition_rate[k - 1]:.1f} to {1000 * grown.transition_rate[k]:.1f}. There the loss has "
        f"gone {100 * depth:.0f} % of the way from plateau to floor, and at the end {100 * end:.0f} %."
    )
    during = np.isfinite(depth) and depth < FALLEN_LOSS < end
    return (REPRODUCED if during else DIFFERS), text


def _readout(found: Findings) -> Judgement:
    r = found.readout
    assert r is not None
    assert found.kick is not None
    visited = [a for a in range(len(r.angle)) if a not in found.kick.not_visited]
    listed = ", ".join(f"output {a} {r.angle[a]:.0f}°" for a in range(len(r.angle)))
    text = f"Angles of the readout with the plane: {listed}; a random row has {r.random_angle:.0f}°."
    near = [r.angle[a] <= r.random_angle - MIN_ALIGNMENT_DEGREES for a in visited]
    return (REPRODUCED if all(near) else DIFFERS if any(near) else NOT_REPRODUCED), text


def _mean_where(values: Floats, where: Floats) -> float:
    return float(values[where].mean()) if where.any() else float("nan")


def _mean_and_error(values: Floats) -> tuple[float, float]:
    if len(values) < 2:
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _clearly_above(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return bool(one[0] - other[0] > CLEARLY * np.hypot(one[1], other[1]))


def _settled(found: Findings) -> bool:
    return found.plane is not None


def _diverges(_found: Findings) -> str:
    return "The network diverges under noise of sigma = 1, so it has no states to look at."


_CLAIMS: tuple[
    tuple[str, str, str, Callable[[Findings], bool], Callable[[Findings], str], Callable[..., Judgement]], ...
]
_CLAIMS = (
    (
        "fidelity",
        "fidelity",
        "The network emits what its HMM emits",
        lambda found: found.judged is not None,
        lambda found: f"There is no HMM to compare with: {found.no_target}.",
        _fidelity,
    ),
    (
        "fixed-point",
        "fixed-point",
        "Without noise, activity decays to one fixed point",
        _settled,
        _diverges,
        _fixed_point,
    ),
    ("orbit", "orbit", "Noise sustains a closed orbit in a plane", _settled, _diverges, _orbit),
    ("radius", "orbit", "The orbit grows linearly with the noise", _settled, _diverges, _radius),
    ("regions", "regions", "Slow clusters, kick zones and fast transitions", _settled, _diverges, _regions),
    ("stability", "regions", "Kick zones are locally unstable, clusters hardly", _settled, _diverges, _stability),
    ("sensitivity", "sensitivity", "Noise spreads clusters, and transitions hardly", _settled, _diverges, _sensitivity),
    ("kick", "kick", "A few kick neurons throw each switch", _settled, _diverges, _kick),
    ("agreement", "kick", "They are the same neurons whatever the noise", _settled, _diverges, _agreement),
    (
        "kick-weights",
        "connectivity",
        "Kick groups excite themselves and inhibit each other",
        _settled,
        _diverges,
        _opposed(KICK),
    ),
    (
        "integrating-weights",
        "connectivity",
        "Integrating populations excite themselves and inhibit each other",
        _settled,
        _diverges,
        _opposed(INTEGRATING),
    ),
    ("kick-off", "interventions", "Without kick neurons the state is trapped", _settled, _diverges, _trapped(KICK)),
    (
        "critical-pairs",
        "interventions",
        "Without kick neurons critical pairs vanish",
        _settled,
        _diverges,
        _pairs_vanish,
    ),
    ("overshoot", "interventions", "Doubled kick neurons overshoot", _settled, _diverges, _overshoot),
    (
        "integrating-off",
        "interventions",
        "Without the noise of the integrating population the state is trapped",
        _settled,
        _diverges,
        _trapped(INTEGRATING),
    ),
    ("control-off", "interventions", "Without the control population switching goes on", _settled, _diverges, _control),
    (
        "resonance",
        "interventions",
        "Switching is most regular at some gain in between",
        _settled,
        _diverges,
        _resonance,
    ),
    (
        "emergence",
        "emergence",
        "The orbit opens at the drop of the loss",
        lambda found: found.emergence is not None,
        lambda found: "There are no snapshots of its training.",
        _emergence,
    ),
    ("readout", "readout", "The readout looks along the plane of the orbit", _settled, _diverges, _readout),
)
