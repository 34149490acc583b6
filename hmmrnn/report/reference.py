"""The paper's own numbers: what its published figures contain, with their spread and their source.

They lie in reference.json, by claim and by family of HMM. A network of a family that no figure shows is compared with
the two-state chain, and so is one whose HMM is not known.

Source: Torre et al. (2025), arXiv 2510.25674, figures; see `source` and `cells` in the file.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hmmrnn.analysis.published.ablation import PublishedAblation

FILE = Path(__file__).with_name("reference.json")
# The family that most figures are about.
TWO_STATES = "linear-2"
NOT_MEASURED = "not measured"
ROUNDING = 1e-12
MOST_DECIMALS = 7

# A number with its standard error or spread; NaN where that is not known.
Mean = tuple[float, float]


@dataclass(frozen=True)
class PublishedValue:
    """One number of the paper's own networks."""

    quantity: str  # what it is, in words
    unit: str  # "" for a ratio, a share or a count
    value: float
    spread: float  # standard deviation between published runs or networks, or the standard error of the mean
    family: str  # the HMM of the network that it is of
    cells: str  # of the published notebook, or the published script
    note: str  # what the spread is of


def published_value(key: str, family: str | None) -> PublishedValue:
    """The published value for a claim, of a family of HMMs.

    Args:
        key: of the claim.
        family: name of a preset; None or another name takes the two-state chain.

    Raises:
        KeyError: there is no claim of that key.
    """
    one = _reference()["claims"][key]
    of = family if family is not None and family in one["values"] else TWO_STATES
    value, spread = one["values"][of]
    return PublishedValue(one["quantity"], one["unit"], value, spread, of, one["cells"], one["note"])


def published_formation(family: str | None) -> dict[str, list[float]]:
    """The published values that a training comes to, by name: switching, within, between, recurrent.

    What is not published of a family is missing; unlike in `published_value`, no other family stands for it.
    """
    values: dict[str, list[float]] = _reference()["formation"]["values"].get(family, {})
    return values


def published_ablation() -> PublishedAblation:
    """The published curves of the ablations."""
    found = _reference()["ablation"]
    pairs = {kind: [(one[kind]["mean"], one[kind]["spread"]) for one in found["pairs"]] for kind in found["pairs"][0]}
    return PublishedAblation(pairs, tuple(found["switches"]), found["cells"])


def write_mean(mean: Mean) -> str:
    """A number and its error, both with the decimals of the error's two leading figures; "not measured" for NaN.

    Three figures of the number where no error is known, or where it is none.
    """
    value, error = mean
    if math.isnan(value):
        return NOT_MEASURED
    if math.isnan(error):
        return f"{value:.3g}"
    # What rounding leaves of an error is none.
    if abs(error) <= ROUNDING * abs(value):
        return f"{value:.3g} ± 0"
    decimals = max(0, 1 - math.floor(math.log10(error)))
    if decimals > MOST_DECIMALS:
        return f"{value:.3g} ± {error:.2g}"
    # Not "-0.00".
    return f"{round(value, decimals) + 0.0:,.{decimals}f} ± {error:,.{decimals}f}"


def name_quantity(key: str) -> str:
    """What the numbers of a claim are, with their unit."""
    of = published_value(key, None)
    return f"{of.quantity} ({of.unit})" if of.unit else of.quantity


@cache
def _reference() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found
