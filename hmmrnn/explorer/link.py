"""Reading and writing of a scenario's fields in its link; assets/core/link.mjs writes the same in the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from hmmrnn.model.network import Intervention

DIMENSIONS = (2, 3)
TWO_NUMBERS = "two whole numbers, the lower one first"


def intervention_pairs(interventions: tuple[Intervention, ...], prefix: str) -> list[tuple[str, str]]:
    """Parameters of a link. Silenced neurons that follow each other share one; the order is that of the list."""
    pairs: list[tuple[str, str]] = []
    for alone, items in groupby(interventions, key=is_ablation):
        if alone:
            pairs.append((f"{prefix}ablate", ",".join(str(item.neurons[0]) for item in items)))
        else:
            gains = (f"{','.join(map(str, item.neurons))}:{number(item.mu)}:{item.target}" for item in items)
            pairs += [(f"{prefix}gain", gain) for gain in gains]
    return pairs


def is_ablation(item: Intervention) -> bool:
    """Whether one neuron is silenced for itself."""
    return len(item.neurons) == 1 and item.mu == 0 and item.target == "unit"


def number(value: float) -> str:
    """A number in a link."""
    # The page writes the same link in JavaScript, so the form is fixed: at most 4 decimals, at least 1.
    whole, decimals = f"{value:.4f}".split(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"


def joined(sign: str, numbers: tuple[int, int] | None) -> str:
    """Two whole numbers with a sign between."""
    return sign.join(map(str, numbers or ()))


def read_gain(text: str) -> Intervention:
    """Read neurons:mu:target."""
    parts = text.split(":")
    if len(parts) != 3:
        raise ValueError(f"gain must be neurons:mu:target, as in 5,6:0.5:recurrent; got {text!r}")
    try:
        mu = float(parts[1])
    except ValueError:
        raise ValueError(f"mu must be a number; got {parts[1]!r}") from None
    return Intervention(tuple(indices(parts[0])), mu, parts[2])


def indices(text: str) -> list[int]:
    """Read neurons with commas between."""
    if not re.fullmatch(r"\d{1,6}(,\d{1,6})*", text):
        raise ValueError(f"neurons must be whole numbers with commas between, as in 13,22; got {text!r}")
    return [int(part) for part in text.split(",")]


def read_two(name: str, text: str) -> list[int]:
    """Read two whole numbers with a dash between."""
    if not re.fullmatch(r"\d{1,6}-\d{1,6}", text):
        raise ValueError(f"{name} must be {TWO_NUMBERS}, as in 0-2; got {text!r}")
    return [int(part) for part in text.split("-")]


def read_yes(name: str, text: str) -> bool:
    """Read what is 1 or left out."""
    if text != "1":
        raise ValueError(f"{name} must be 1 or left out; got {text!r}")
    return True


def read_view(text: str) -> int:
    """Read the number of dimensions."""
    if text not in [f"{d}d" for d in DIMENSIONS]:
        raise ValueError(f"view must be 2d or 3d; got {text!r}")
    return int(text[0])


READERS: dict[str, Callable[[str, str], Any]] = {
    **dict.fromkeys(("pair", "span"), read_two),
    **dict.fromkeys(("area", "camera", "input"), lambda _name, text: text.split(",")),
    **dict.fromkeys(("without_noise", "paths", "beside"), read_yes),
}
