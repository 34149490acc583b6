"""The claims about the dynamics: fidelity, fixed point, orbit, regions, noise, emergence and readout.

Each function takes what was measured and returns the verdict with the numbers behind it, in one sentence.
"""

import numpy as np

from hmmrnn.analysis.emergence import Emergence
from hmmrnn.analysis.noise_sweep import NoiseSweep
from hmmrnn.analysis.numerics import mean_and_error
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, REGIONS, TRANSITION, UNASSIGNED, region_shares
from hmmrnn.analysis.stability import CONVERGED
from hmmrnn.report.findings import Dynamics, Judged
from hmmrnn.report.verdicts import DIFFERS, NOT_REPRODUCED, REPRODUCED, UNKNOWN, Judgement, is_clearly_above, judge_all

MIN_PLANE_VARIANCE = 0.5
MIN_R_SQUARED = 0.99
MIN_TURNS_PER_CYCLE = 0.5
# Steps after which spreads are compared; and the share of a cluster's spread that is hardly any for a transition.
SPREAD_STEP, HARDLY = 10, 0.5
# Activity below this, relative to the largest start, is where a decay was cut off.
ROUNDING = 1e-6
MIN_ALIGNMENT_DEGREES = 10.0
FALLEN_LOSS = 0.5

REGION_NAMES = {CLUSTER: "clusters", KICK_ZONE: "kick zones", TRANSITION: "transitions", UNASSIGNED: "unassigned"}


def judge_fidelity(judged: Judged) -> Judgement:
    """The network emits what its HMM emits: it passes the fidelity gate."""
    f, matched = judged.fidelity, judged.matching
    text = (
        f"In {f.trajectories} runs of {f.steps:,} steps: transition error {f.transition_error:.3f}, marginal error "
        f"{f.marginal_error:.3f}, symbol switch rate {f.volatility_ratio:.2f} of the HMM's, lag error "
        f"{f.lag_error:.3f}; matched distance {matched.distance:.2f} ± {matched.distance_se:.2f} beside "
        f"{matched.floor:.2f} ± {matched.floor_se:.2f} of the HMM's own sequences."
    )
    if f.passes:
        return REPRODUCED, text
    return NOT_REPRODUCED, f"{text} It fails the gate: {'; '.join(f.failures)}."


def judge_fixed_point(found: Dynamics) -> Judgement:
    """Without noise, all visited states end in one fixed point."""
    ends = found.ends
    points = ends.points
    starts, settled = len(ends.outcome), int(np.count_nonzero(ends.outcome == CONVERGED))
    if settled == starts and len(points) == 1:
        largest = float(points.max())
        at = "the origin" if largest <= ROUNDING * ends.scale.max() else f"a point with activity up to {largest:.3g}"
        return REPRODUCED, f"Without noise, all {settled} visited states end in one fixed point, {at}."
    others = [
        f"{name} {np.count_nonzero(ends.outcome == name)}" for name in np.unique(ends.outcome) if name != CONVERGED
    ]
    rest = f", the others: {', '.join(others)}" if others else ""
    text = f"{settled} of {starts} visited states converge without noise, to {len(points)} fixed points{rest}."
    return (DIFFERS if settled > starts / 2 else NOT_REPRODUCED), text


def judge_orbit(found: Dynamics) -> Judgement:
    """The state goes round in a plane, one turn for every two switches."""
    share = float(found.plane.explained_variance_ratio[:2].sum())
    circling = found.circling
    cycles = circling.switches / 2
    turns = abs(circling.turns) / cycles if cycles else 0.0
    text = (
        f"PC1 and PC2 hold {100 * share:.0f} % of the variance of h. In {circling.switches:,} switches the state makes "
        f"{abs(circling.turns):.0f} net turns around the middle of the plane, {turns:.2f} for every two switches, and "
        f"visits {100 * circling.phases_visited:.0f} % of the phases."
    )
    if not circling.switches:
        return NOT_REPRODUCED, text
    if turns >= MIN_TURNS_PER_CYCLE and share >= MIN_PLANE_VARIANCE:
        return REPRODUCED, text
    return DIFFERS, f"{text} An orbit in one plane would make about 1 turn and leave little variance outside it."


def judge_radius(found: Dynamics) -> Judgement:
    """The radius of the orbit is linear in sigma."""
    noise = found.noise
    exact = (
        f"with a bias, or another cell than ReLU, h departs from exact proportion by up to "
        f"{noise.relative_deviation:.2g} of its size"
        if noise.biased
        else f"without biases h scales exactly with sigma (largest deviation {noise.relative_deviation:.1g})"
    )
    text = (
        f"The orbit's radius is {format_intercept(noise)} + ({noise.slope:.3g} ± {noise.slope_se:.2g}) sigma, R² = "
        f"{noise.r_squared:.4f}, for sigma from {noise.sigmas[0]:g} to {noise.sigmas[-1]:g}; {exact}."
    )
    return (REPRODUCED if noise.r_squared >= MIN_R_SQUARED and noise.slope > 0 else NOT_REPRODUCED), text


def format_intercept(noise: NoiseSweep) -> str:
    """The radius at sigma = 0, or 0 where the rest is rounding."""
    if abs(noise.intercept) < ROUNDING * abs(noise.slope):
        return "0 (to rounding)"
    return f"{noise.intercept:.3g} ± {noise.intercept_se:.2g}"


def judge_regions(found: Dynamics) -> Judgement:
    """There are clusters, kick zones and transitions, and in this order the output's logit reverses less often."""
    resident = found.survey.residency
    shares = region_shares(resident.region)
    changes = {n: resident.sign_changes[resident.region == n].mean() for n in REGIONS if shares[n]}
    listed = ", ".join(f"{REGION_NAMES[name]} {100 * share:.1f} %" for name, share in shares.items() if share)
    reversals = ", ".join(f"{REGION_NAMES[name]} {mean:.1f}" for name, mean in changes.items())
    text = (
        f"Of {len(resident.region):,} states: {listed}. Before the output changes, its logit reverses direction, on "
        f"average: {reversals} times."
    )
    if (
        {CLUSTER, KICK_ZONE, TRANSITION} <= changes.keys()
        and changes[CLUSTER] > changes[KICK_ZONE] > changes[TRANSITION]
        and shares[CLUSTER] > max(shares[KICK_ZONE], shares[TRANSITION])
    ):
        return REPRODUCED, text
    return (DIFFERS if shares[CLUSTER] > 0 else NOT_REPRODUCED), text


def judge_stability(found: Dynamics) -> Judgement:
    """Kick zones have more unstable eigenvalues than clusters, which have hardly any."""
    survey = found.survey
    region, unstable = survey.residency.region[survey.spectra_at], survey.spectra.unstable
    measured = {name: mean_and_error(unstable[region == name]) for name in (CLUSTER, KICK_ZONE, TRANSITION)}
    means = {name: (float(mean), float(error)) for name, (mean, error) in measured.items()}
    known = {name: pair for name, pair in means.items() if np.isfinite(pair[1])}
    listed = ", ".join(f"{REGION_NAMES[name]} {mean:.2f} ± {error:.2f}" for name, (mean, error) in known.items())
    text = f"Mean number of unstable eigenvalues: {listed}."
    if CLUSTER not in known or KICK_ZONE not in known:
        return UNKNOWN, f"{text} There are no states of both clusters and kick zones to compare."
    above = is_clearly_above(means[KICK_ZONE], means[CLUSTER])
    if above and means[CLUSTER][0] < 0.5:
        return REPRODUCED, text
    return (DIFFERS if above else NOT_REPRODUCED), text


def judge_sensitivity(found: Dynamics) -> Judgement:
    """Noise spreads states of clusters, and hardly those of transitions."""
    s = found.sensitivity
    if s is None or not (s.counts > 0).all():
        return UNKNOWN, "There are no states of both clusters and transitions to compare."
    at = SPREAD_STEP - 1
    cluster, transition = ((float(s.trace[r, -1, at]), float(s.trace_se[r, -1, at])) for r in range(2))
    text = (
        f"After {SPREAD_STEP} steps, each under noise of its own, rollouts from {s.counts[0]} cluster states have a "
        f"variance of {cluster[0]:.3g} ± {cluster[1]:.2g}, those from {s.counts[1]} transition states one of "
        f"{transition[0]:.3g} ± {transition[1]:.2g}."
    )
    above = is_clearly_above(cluster, transition)
    if above and transition[0] <= HARDLY * cluster[0]:
        return REPRODUCED, text
    return (DIFFERS if above else NOT_REPRODUCED), text


def judge_emergence(found: Emergence) -> Judgement:
    """The orbit opens while the loss falls from its plateau."""
    first, last = int(found.steps_done[0]), int(found.steps_done[-1])
    if found.bifurcation is None:
        return NOT_REPRODUCED, f"In {len(found.steps_done)} snapshots from step {first} to {last} no orbit opens."
    k = found.bifurcation
    fallen = (found.loss_plateau - found.loss) / (found.loss_plateau - found.loss_floor)
    text = (
        f"The orbit opens at step {found.steps_done[k]} (before: {found.steps_done[k - 1]}): unstable states from "
        f"{100 * found.unstable_share[k - 1]:.0f} % to {100 * found.unstable_share[k]:.0f} %, switches per 1,000 steps "
        f"from {1000 * found.transition_rate[k - 1]:.1f} to {1000 * found.transition_rate[k]:.1f}. There the loss has "
        f"gone {100 * fallen[k]:.0f} % of the way from plateau to floor, and at the end {100 * fallen[-1]:.0f} %."
    )
    during = np.isfinite(fallen[k]) and fallen[k] < FALLEN_LOSS < fallen[-1]
    return (REPRODUCED if during else DIFFERS), text


def judge_readout(found: Dynamics) -> Judgement:
    """The rows of W_out of the outputs that are visited lie nearer to the plane than random rows."""
    angle, random = found.readout.angle, found.readout.random_angle
    listed = ", ".join(f"output {output} {degrees:.0f}°" for output, degrees in enumerate(angle))
    text = f"Angles of the readout with the plane: {listed}; a random row has {random:.0f}°."
    visited = [output for output in range(len(angle)) if output not in found.mechanism.kick.not_visited]
    return judge_all([angle[output] <= random - MIN_ALIGNMENT_DEGREES for output in visited], text)
