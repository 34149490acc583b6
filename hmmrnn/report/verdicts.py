"""The verdicts on a claim, and the comparisons and thresholds that they rest on."""

from collections.abc import Sequence

import numpy as np

from hmmrnn.analysis.fidelity import MAX_LAG_ERROR, MAX_MARGINAL_ERROR, MAX_TRANSITION_ERROR, MAX_VOLATILITY_DEVIATION
from hmmrnn.analysis.kick_neurons import CONTROLS, MAX_CONTROL_SHARE, MAX_LEAVE_RATE_RATIO
from hmmrnn.analysis.kick_search import MAX_GROUP, MIN_TIME_SHARE
from hmmrnn.analysis.leave_rates import MEASURED_STEPS, RUNS
from hmmrnn.analysis.regions import CLUSTER_MIN_PROBABILITY, KICK_ZONE_UP_TO, TRANSITION_BELOW
from hmmrnn.analysis.stability import CRITICAL_MAX_REAL, CRITICAL_MIN_IMAGINARY

REPRODUCED, DIFFERS, NOT_REPRODUCED, UNKNOWN = "reproduced", "differs", "not reproduced", "not measured"

# Standard errors by which one number must be above another to count as above.
CLEARLY = 2.0

# A verdict and its sentence.
Judgement = tuple[str, str]


def judge_all(held: Sequence[bool], text: str) -> Judgement:
    """Reproduced if all cases hold, different if some do, not reproduced if none does."""
    return (REPRODUCED if held and all(held) else DIFFERS if any(held) else NOT_REPRODUCED), text


def is_clearly_above(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether a mean (with its standard error) is above another by 2 standard errors of their difference."""
    return bool(one[0] - other[0] > CLEARLY * np.hypot(one[1], other[1]))


def list_neurons(neurons: Sequence[int]) -> str:
    """Neurons by their numbers, in words."""
    return f"{'neuron' if len(neurons) == 1 else 'neurons'} {', '.join(map(str, neurons))}"


def describe_thresholds() -> dict[str, str]:
    """Every threshold that a verdict or a label depends on, in words."""
    return {
        "fidelity gate": (
            f"transition error at most {MAX_TRANSITION_ERROR}, marginal error at most "
            f"{MAX_MARGINAL_ERROR}, symbol switch rate within {100 * MAX_VOLATILITY_DEVIATION:.0f} %, "
            f"lag error at most {MAX_LAG_ERROR}, no run diverged"
        ),
        "transition": f"residency time below {TRANSITION_BELOW} steps",
        "kick zone": f"residency time from {TRANSITION_BELOW} to {KICK_ZONE_UP_TO} steps",
        "cluster": (
            f"residency time above {KICK_ZONE_UP_TO} steps and largest emission probability above "
            f"{CLUSTER_MIN_PROBABILITY}"
        ),
        "unstable": "eigenvalue of the noise-free Jacobian with |λ| > 1",
        "critical pair": (
            f"complex pair with |Re m| < {CRITICAL_MAX_REAL} and Im m > {CRITICAL_MIN_IMAGINARY}, m = (λ - 1) / (λ + 1)"
        ),
        "output visited": f"at least {100 * MIN_TIME_SHARE:g} % of the steps",
        "kick group necessary": (
            f"leave rate at most {MAX_LEAVE_RATE_RATIO} of intact, and at most {100 * MAX_CONTROL_SHARE:g} % "
            f"of {CONTROLS} random groups as low; at most {MAX_GROUP} neurons"
        ),
        "leave rates": f"{RUNS} runs of {MEASURED_STEPS} steps from states with the output, paired noise",
    }
