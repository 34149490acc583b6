"""The claims of the paper, judged on one network: its number beside the published one, and our stronger test.

The verdict compares a number, measured by the paper's procedure, with the one in its figures (see `report.published`).
The test is this project's own: with nulls, held-out noise and thresholds. Its evidence gives the numbers behind it.

Source: Torre et al. (2025), Mechanistic Interpretability of RNNs emulating Hidden Markov Models, arXiv 2510.25674.
"""

import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmmrnn.analysis.populations import INTEGRATING, KICK
from hmmrnn.model.network import Network
from hmmrnn.report import judge_dynamics as dynamics
from hmmrnn.report import judge_mechanism as mechanism
from hmmrnn.report.findings import Findings, gather_findings
from hmmrnn.report.published import Beside, compare
from hmmrnn.report.reference import NOT_MEASURED, published_value
from hmmrnn.report.verdicts import UNKNOWN, Judgement


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, and its verdict on this network."""

    key: str  # short and stable
    section: str  # part of the argument it belongs to, a key of the report's sections
    text: str  # the claim
    # published, spread: the paper's number, and how far its own networks or runs are apart.
    published: float
    spread: float
    here: float  # the number of this network, by the same procedure; NaN where it could not be measured
    here_error: float  # its standard error; NaN if it is not known
    verdict: str  # as published, weaker, stronger, absent, opposite or not measured
    sentence: str  # both numbers in words
    test: str  # verdict of our own test: reproduced, differs, not reproduced or not measured
    evidence: str  # the numbers behind the test; one line for each exit where there are several


def judge_claims(found: Findings | Network) -> tuple[Claim, ...]:
    """Judge every claim, in the order of the argument; on a network alone every analysis is run first (minutes).

    Raises:
        ValueError: the network has a single neuron, or what is given is neither.
    """
    if not isinstance(found, (Network, Findings)):
        raise ValueError(f"claims are judged of a Network, or of Findings; got {reprlib.repr(found)}")
    findings = gather_findings(found) if isinstance(found, Network) else found
    return tuple(
        Claim(key, section, text, *_compare(findings, key), *_test(findings, section, judge))
        for section, listed in _CLAIMS.items()
        for key, text, judge in listed
    )


def _compare(found: Findings, key: str) -> tuple[float, float, float, float, str, str]:
    there = found.dynamics
    if there is None:
        published = published_value(key, None)
        return published.value, published.spread, np.nan, np.nan, NOT_MEASURED, _DYNAMICS[1]
    beside = Beside(there.procedures, there.survey, there.noise, there.mechanism.agreement, found.network.n_neurons)
    one = compare(key, beside)
    return *one.published, *one.here, one.verdict, one.sentence


def _test(found: Findings, section: str, judge: Callable[[Any], Judgement]) -> Judgement:
    part, why_unknown = _PARTS.get(section, _DYNAMICS)
    known = getattr(found, part)
    return (UNKNOWN, why_unknown.format(found.no_target)) if known is None else judge(known)


# The part of the findings that the claims of a section are judged by, and the reason why there may be none.
_DYNAMICS = ("dynamics", "The network diverges under noise of sigma = 1, so it has no states to look at.")
_PARTS = {
    "fidelity": ("judged", "There is no HMM to compare with: {}."),
    "emergence": ("emergence", "There are no snapshots of its training."),
}
# By section: key, text and judgement of each claim.
_CLAIMS: dict[str, tuple[tuple[str, str, Callable[[Any], Judgement]], ...]] = {
    "fidelity": (("fidelity", "The network emits what its HMM emits", dynamics.judge_fidelity),),
    "fixed-point": (("fixed-point", "Without noise, activity decays to one fixed point", dynamics.judge_fixed_point),),
    "orbit": (
        ("orbit", "Noise sustains a closed orbit in a plane", dynamics.judge_orbit),
        ("radius", "The orbit grows linearly with the noise", dynamics.judge_radius),
    ),
    "regions": (
        ("regions", "Slow clusters, kick zones and fast transitions", dynamics.judge_regions),
        ("stability", "Kick zones are locally unstable, clusters hardly", dynamics.judge_stability),
    ),
    "sensitivity": (("sensitivity", "Noise spreads clusters, and transitions hardly", dynamics.judge_sensitivity),),
    "kick": (
        ("kick", "A few kick neurons throw each switch", mechanism.judge_kick_neurons),
        ("agreement", "They are the same neurons whatever the noise", mechanism.judge_agreement),
    ),
    "connectivity": (
        ("kick-weights", "Kick groups excite themselves and inhibit each other", mechanism.judge_opposed(KICK)),
        (
            "integrating-weights",
            "Integrating populations excite themselves and inhibit each other",
            mechanism.judge_opposed(INTEGRATING),
        ),
    ),
    "interventions": (
        ("kick-off", "Without kick neurons the state is trapped", mechanism.judge_trapped(KICK)),
        ("critical-pairs", "Without kick neurons critical pairs vanish", mechanism.judge_critical_pairs),
        ("overshoot", "Doubled kick neurons overshoot", mechanism.judge_overshoot),
        (
            "integrating-off",
            "Without the noise of the integrating population the state is trapped",
            mechanism.judge_trapped(INTEGRATING),
        ),
        ("control-off", "Without the control population switching goes on", mechanism.judge_control),
        ("resonance", "Switching is most regular at some gain in between", mechanism.judge_resonance),
    ),
    "emergence": (("emergence", "The orbit opens at the drop of the loss", dynamics.judge_emergence),),
    "readout": (("readout", "The readout looks along the plane of the orbit", dynamics.judge_readout),),
}
