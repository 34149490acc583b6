"""The paper's procedures run on one network, and the verdict of its numbers beside the published ones.

    as published    within the published spread, or within 2 standard errors
    absent          within 2 standard errors of what no effect would give
    opposite        on the other side of no effect
    weaker          the same effect, and less of it
    stronger        the same effect, and more of it

They are asked in this order. The standard error is that of the difference of both numbers.

Source: Torre et al. (2025); the procedures are in `hmmrnn.analysis.published`, the values in `hmmrnn.report.reference`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hmmrnn.analysis.kick_neurons import Agreement, KickNeurons
from hmmrnn.analysis.noise_sweep import NoiseSweep
from hmmrnn.analysis.numerics import ProgressCallback, mean_and_error, no_progress, progress_part, ratio_of_sums
from hmmrnn.analysis.orbit import Plane, fit_plane, run_for_plane, settled_states
from hmmrnn.analysis.published.ablation import MUS, Ablation, Ablations, ablate
from hmmrnn.analysis.published.circuit import ActivityOfGroups, BlockMeans, activity_of_groups, block_means
from hmmrnn.analysis.published.decay import STATES, late_decay
from hmmrnn.analysis.published.emission import (
    memoryless_difference,
    readout_projection,
    transition_difference,
    transition_rate,
)
from hmmrnn.analysis.published.groups import published_groups
from hmmrnn.analysis.published.spread import PublishedSpread, spread_over_five_steps
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE
from hmmrnn.analysis.state_survey import StateSurvey
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Network
from hmmrnn.report.reference import NOT_MEASURED, Mean, published_value, write_mean

AS_PUBLISHED, WEAKER, STRONGER, ABSENT, OPPOSITE = "as published", "weaker", "stronger", "absent", "opposite"
WITHIN = 2.0
PLANES = 4
# Residency time, in steps, below which the published colours say that a state is fast.
FAST_BELOW = 9

UNKNOWN_MEAN: Mean = (float("nan"), float("nan"))


@dataclass(frozen=True, eq=False)
class PublishedProcedures:
    """What the paper's procedures give on one network; None where it has not the groups or the states for one."""

    family: str | None  # name of its HMM, by which the published network is chosen
    transition_difference: Mean | None  # of emitted symbols from the HMM's; None without an HMM
    memoryless: float  # the same of independent symbols; NaN without an HMM
    decay: Mean  # factor per late step without noise
    plane_variance: Mean  # share of the variance along PC1 and PC2, over 4 planes
    projection: Mean  # of the readout rows on the plane, over 4 planes
    transition_rate: Mean  # mean of 1 / dwell
    spread: PublishedSpread | None
    ablations: Ablations | None
    blocks: BlockMeans | None
    activity: ActivityOfGroups | None


@dataclass(frozen=True)
class Comparison:
    """A number of this network beside the published one."""

    key: str  # of the claim
    quantity: str  # what is compared, in words
    unit: str
    published: Mean  # the published number, and its spread
    here: Mean  # the number of this network, and its standard error; NaN where it could not be measured
    null: float  # what no effect would give
    verdict: str  # as published, weaker, stronger, absent, opposite or not measured
    of: str  # the HMM of the published network
    cells: str  # where it is published
    remark: str = ""  # what else has to be known of the number here

    @property
    def sentence(self) -> str:
        """Both numbers, and the verdict, in one line."""
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"{self.quantity[0].upper()}{self.quantity[1:]}: published {write_mean(self.published)}{unit} ({self.of}), "
            f"here {write_mean(self.here)}{unit}, without any effect {self.null:.3g}: {self.verdict}. {self.remark}"
        ).rstrip()


def judge(published: Mean, here: Mean, null: float) -> str:
    """The verdict on a number (value, standard error) beside a published one (value, spread)."""
    value, error = here[0], 0.0 if np.isnan(here[1]) else here[1]
    if not np.isfinite([value, null]).all():
        return NOT_MEASURED
    if abs(value - published[0]) <= max(published[1], WITHIN * error):
        return AS_PUBLISHED
    effect, wanted = value - null, published[0] - null
    if abs(effect) <= WITHIN * error:
        return ABSENT
    if effect * wanted <= 0:
        return OPPOSITE
    return WEAKER if abs(effect) < abs(wanted) else STRONGER


def run_procedures(
    network: Network,
    kick: KickNeurons,
    plane: Plane,
    starts: Floats,
    hmm: HMM | None,
    seed: int = 0,
    on_progress: ProgressCallback = no_progress,
    ablations: Ablations | None = None,
) -> PublishedProcedures:
    """Run every published procedure on a network.

    Args:
        kick: its kick neurons; plane: of the intact network.
        starts: (S, N) visited states; the first 70 decay without noise.
        hmm: what it emulates, if that is known.
        ablations: of this network under this seed, if they were computed before.
    """
    groups = published_groups(network, kick)
    on_progress(0.0)
    if groups and ablations is None:
        ablations = ablate(network, groups, plane, seed, progress_part(on_progress, 0.0, 0.8))
    planes = [fit_plane(settled_states(run_for_plane(network, seed + k))) for k in range(PLANES)]
    on_progress(0.85)
    return PublishedProcedures(
        family=hmm.name if hmm else None,
        transition_difference=transition_difference(network, hmm, seed) if hmm else None,
        memoryless=memoryless_difference(hmm) if hmm else float("nan"),
        decay=late_decay(network, starts[:STATES]),
        plane_variance=_over([float(one.explained_variance_ratio[:2].sum()) for one in planes]),
        projection=_over([readout_projection(network, one) for one in planes]),
        transition_rate=transition_rate(network, seed),
        spread=spread_over_five_steps(network, seed),
        ablations=ablations,
        blocks=block_means(network, groups) if groups else None,
        activity=activity_of_groups(network, groups, seed) if groups else None,
    )


def _over(values: list[float]) -> Mean:
    mean, error = mean_and_error(np.array(values))
    return float(mean), float(error)


# ---- the number of each claim, and what no effect would give ----


@dataclass(frozen=True, eq=False)
class Beside:
    """What the numbers of the claims are taken from."""

    procedures: PublishedProcedures
    survey: StateSurvey
    noise: NoiseSweep
    agreement: Agreement
    n_neurons: int


def compare(key: str, found: Beside) -> Comparison:
    """The number of one claim beside the published one.

    Raises:
        KeyError: there is no such claim.
    """
    published = published_value(key, found.procedures.family)
    here, null = _NUMBERS[key](found)
    pair = (published.value, published.spread)
    verdict = judge(pair, here, null)
    ablations, scaled = found.procedures.ablations, _SCALED.get(key)
    remark = _boundless(*scaled(ablations)) if ablations and scaled else ""
    return Comparison(
        key, published.quantity, published.unit, pair, here, null, verdict, published.family, published.cells, remark
    )


def _boundless(populations: tuple[Ablation, ...], mu: float) -> str:
    """In how many runs a gain lets activity grow without bound, in a sentence; "" where in none."""
    at = MUS.index(mu)
    counts = [f"{one.diverged[at]} of {len(one.switches)}" for one in populations if one.diverged[at]]
    return f"At gain {mu:g} activity grows without bound in {' and '.join(counts)} runs." if counts else ""


# Of the claims about a scaled population: which, and at what gain.
_SCALED: dict[str, Callable[[Ablations], tuple[tuple[Ablation, ...], float]]] = {
    "kick-off": lambda found: (found.kick, 0.0),
    "critical-pairs": lambda found: (found.kick, 0.0),
    "overshoot": lambda found: (found.kick, 1.9),
    "integrating-off": lambda found: (found.noise, 0.0),
    "control-off": lambda found: ((found.control,), 0.0),
}


def _radius(found: Beside) -> tuple[Mean, float]:
    a, b = found.noise.intercept, found.noise.slope
    error = np.hypot(b * found.noise.intercept_se, a * found.noise.slope_se) / (a + b) ** 2
    return ((a + 2 * b) / (a + b), float(error)), 1.0


def _fast_states(found: Beside) -> tuple[Mean, float]:
    run, fast = found.survey.at[:, 0], found.survey.residency.time < FAST_BELOW
    # States of one run depend on each other, runs do not.
    return _over([float(fast[run == one].mean()) for one in np.unique(run)]), 0.0


def _unstable(found: Beside) -> tuple[Mean, float]:
    region, unstable = found.survey.residency.region[found.survey.spectra_at], found.survey.spectra.unstable
    zone, cluster = (
        _over(list(unstable[region == name].astype(float))) if (region == name).any() else UNKNOWN_MEAN
        for name in (KICK_ZONE, CLUSTER)
    )
    return (zone[0] - cluster[0], float(np.hypot(zone[1], cluster[1]))), 0.0


def _spread(found: Beside) -> tuple[Mean, float]:
    spread = found.procedures.spread
    if spread is None:
        return UNKNOWN_MEAN, 1.0
    ratio, error = spread.ratio
    return (float(ratio[-1]), float(error[-1])), 1.0


def _lead(found: Beside) -> tuple[Mean, float]:
    activity = found.procedures.activity
    return (
        UNKNOWN_MEAN if activity is None or not len(activity.leads) else _over(list(activity.leads.astype(float)))
    ), 0.0


def _overlap(found: Beside) -> tuple[Mean, float]:
    overlap = found.agreement.overlap
    size = float(found.agreement.sizes.mean()) if found.agreement.sizes.size else 0.0
    known = overlap[np.isfinite(overlap)]
    return (_over(list(known)) if len(known) else UNKNOWN_MEAN), size / (2 * found.n_neurons - size)


def _blocks(within: str, between: str) -> Callable[[Beside], tuple[Mean, float]]:
    def number(found: Beside) -> tuple[Mean, float]:
        if found.procedures.blocks is None:
            return UNKNOWN_MEAN, 0.0
        inside, outside = (getattr(found.procedures.blocks, name) for name in (within, between))
        return (inside[0] - outside[0], float(np.hypot(inside[1], outside[1]))), 0.0

    return number


def switch_ratio(one: Ablation, mu: float) -> Mean:
    """Upward switches at a gain over those at gain 1, over all runs; NaN if there is none at gain 1."""
    ratio, error = ratio_of_sums(one.switches[:, MUS.index(mu)], one.switches[:, MUS.index(1.0)])
    return float(ratio), float(error)


def _switches(
    which: Callable[[Ablations], tuple[Ablation, ...]], mu: float, choose: Callable[[list[Mean]], Mean], null: float
) -> Callable[[Beside], tuple[Mean, float]]:
    def number(found: Beside) -> tuple[Mean, float]:
        if found.procedures.ablations is None:
            return UNKNOWN_MEAN, null
        return choose([switch_ratio(one, mu) for one in which(found.procedures.ablations)]), null

    return number


def _average(pair: list[Mean]) -> Mean:
    return float(np.mean([mean for mean, _ in pair])), float(np.sqrt(sum(error**2 for _, error in pair)) / 2)


def _pairs(found: Beside) -> tuple[Mean, float]:
    if found.procedures.ablations is None:
        return UNKNOWN_MEAN, 0.0
    none, one = MUS.index(0.0), MUS.index(1.0)
    return _average(
        [
            (a.pairs[none] - a.pairs[one], np.hypot(a.pairs_se[none], a.pairs_se[one]))
            for a in found.procedures.ablations.kick
        ]
    ), 0.0


def _turning(found: Beside) -> tuple[Mean, float]:
    if found.procedures.ablations is None:
        return UNKNOWN_MEAN, 0.0
    pairs = zip(found.procedures.ablations.kick, found.procedures.ablations.turning, strict=True)
    shares = [(one.turning[1], nominal) for one, nominal in pairs]
    return _average(
        [
            (raised - nominal, np.sqrt((raised * (1 - raised) + nominal * (1 - nominal)) / 100))
            for raised, nominal in shares
        ]
    ), 0.0


# Of two random directions the share of the variance is 2 / N, and the shadow of a random row sqrt(2 / N).
_NUMBERS: dict[str, Callable[[Beside], tuple[Mean, float]]] = {
    "fidelity": lambda found: (found.procedures.transition_difference or UNKNOWN_MEAN, found.procedures.memoryless),
    "fixed-point": lambda found: (found.procedures.decay, 1.0),
    "orbit": lambda found: (found.procedures.plane_variance, 2 / found.n_neurons),
    "radius": _radius,
    "regions": _fast_states,
    "stability": _unstable,
    "sensitivity": _spread,
    "kick": _lead,
    "agreement": _overlap,
    "kick-weights": _blocks("kick_within", "kick_between"),
    "integrating-weights": _blocks("integrating_within", "integrating_between"),
    "kick-off": _switches(lambda found: found.kick, 0.0, min, 1.0),
    "critical-pairs": _pairs,
    "overshoot": _turning,
    "integrating-off": _switches(lambda found: found.noise, 0.0, _average, 1.0),
    "control-off": _switches(lambda found: (found.control,), 0.0, min, 0.0),
    "resonance": _switches(lambda found: found.kick, 0.6, max, 1.0),
    "emergence": lambda found: (found.procedures.transition_rate, 0.0),
    "readout": lambda found: (found.procedures.projection, float(np.sqrt(min(1.0, 2 / found.n_neurons)))),
}
