"""What decides how a network is trained? One value, which two recipes fill in.

The recipe `paper` is the published one. The recipe `fast` reaches the fidelity gate on two CPU cores in minutes; each
of its departures from the paper is a field of `TrainingConfig`, and `departures` says them.

Source: Torre et al. (2025), section 2 and appendix A; the additions of `fast` are this project's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hmmrnn.hmm import HMM

RECIPES = ("fast", "paper")
TRAINING_LENGTH = {
    "linear-2": 100,
    "linear-3": 30,
    "linear-4": 30,
    "linear-5": 40,
    "fully-connected": 30,
    "cyclic": 40,
}
# Shortest and longest window for an HMM that is no family of the paper, and mean stays in one symbol that it holds.
LENGTHS = (30, 100)
KEPT_PER_WINDOW = 5
SHORTEST_CARRIED = 50
PAIR_LAGS = (1, 2, 5, 10, 20)
# Joint probabilities below this are not worth the last digit; it also keeps impossible pairs from dividing by 0.
SMALLEST_PAIR = 1e-3
# State is carried over only once the loss has come this far down from the plateau towards the floor.
CARRY_BELOW = 0.25
# A carried state that is this much larger than its batch's typical one starts again from zero.
CARRY_BOUND = 10.0


@dataclass(frozen=True, eq=False)
class TrainingConfig:
    """Everything that decides what a training run gives: same config, same network.

    Attributes:
        hmm: the target.
        recipe: "fast" or "paper".
        n_neurons, n_inputs: N and M.
        seed: seed of initial weights, noise and target sequences.
        steps: optimizer steps.
        batch: sequences per step.
        length: T, symbols per sequence.
        learning_rate: of Adam at the start, with betas (0.9, 0.9).
        cosine: whether the learning rate falls to zero along a half cosine.
        clip: largest norm of the gradient.
        orthogonal: whether W_hh starts orthogonal rather than uniform (torch's default).
        sequences: size of the fixed training set; 0 draws new sequences at every step.
        pair_weight: weight of the term that matches joint symbol probabilities to the HMM's exact ones.
        pair_from: share of the steps that pass before this term is added.
        activity_weight: weight of the mean of h squared.
        carry: whether the hidden state is carried from batch to batch once the loss has left the plateau.
        reset: share of carried states that start again from zero at each step.
        blur: of the Sinkhorn divergence; tau: temperature of the Gumbel softmax.
        threads: torch threads; part of the config because sums depend on it in the last digit.

    Raises:
        ValueError: a value is out of range.
    """

    hmm: HMM
    recipe: str = "fast"
    n_neurons: int = 150
    n_inputs: int = 100
    seed: int = 0
    steps: int = 700
    batch: int = 512
    length: int = 100
    learning_rate: float = 1e-3
    cosine: bool = True
    clip: float = 0.9
    orthogonal: bool = True
    sequences: int = 0
    pair_weight: float = 1.0
    pair_from: float = 0.0
    activity_weight: float = 0.0
    carry: bool = False
    reset: float = 0.05
    blur: float = 0.2
    tau: float = 1.0
    threads: int = 1

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise ValueError(f"recipe must be one of {', '.join(RECIPES)}; got {self.recipe!r}")
        for name in ("n_neurons", "n_inputs", "steps", "batch", "length", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1; got {getattr(self, name)}")
        if self.batch < 2:
            raise ValueError(f"batch must be >= 2, or there is nothing to compare; got {self.batch}")
        if self.sequences != 0 and self.sequences < self.batch:
            raise ValueError(f"sequences must be 0 or >= batch = {self.batch}; got {self.sequences}")
        for name in ("learning_rate", "clip", "blur", "tau"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be > 0; got {getattr(self, name):g}")
        for name in ("pair_weight", "activity_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be >= 0; got {getattr(self, name):g}")
        for name in ("reset", "pair_from"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1; got {getattr(self, name):g}")
        if self.seed < 0:
            raise ValueError(f"seed must be >= 0; got {self.seed}")
        if self.carry and self.sequences:
            raise ValueError("carry must be off with a fixed training set, whose last batch is a smaller one")
        # The target is what the network is judged by: one without long-run statistics is refused before, not after.
        self.hmm.joint(1)

    @classmethod
    def preset(cls, family: str, recipe: str = "fast", **changes: Any) -> TrainingConfig:
        """The settings for one of the paper's HMM families.

        Args:
            family: linear-2 to linear-5, fully-connected or cyclic.
            recipe: "fast" or "paper".
            changes: fields to set differently.

        Raises:
            ValueError: unknown family or recipe, or a changed field out of range.
        """
        return cls.for_hmm(HMM.preset(family), recipe, **changes)

    @classmethod
    def for_hmm(cls, hmm: HMM, recipe: str = "fast", **changes: Any) -> TrainingConfig:
        """The settings for any target; for a family of the paper, those of `preset`.

        The length of the sequences follows from how long a symbol is kept, so that a window sees several switches.

        Args:
            hmm: the target.
            recipe: "fast" or "paper".
            changes: fields to set differently.

        Raises:
            ValueError: unknown recipe, a changed field out of range, or an HMM without long-run statistics.
        """
        if recipe not in RECIPES:
            raise ValueError(f"recipe must be one of {', '.join(RECIPES)}; got {recipe!r}")
        chosen = {"recipe": recipe, **_published(hmm), **(PAPER if recipe == "paper" else _fast(hmm)), **changes}
        return cls(hmm=hmm, **chosen)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON, from which `from_dict` makes an equal config."""
        settings = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "hmm"}
        return {"hmm": self.hmm.to_dict(), **settings}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrainingConfig:
        """Build a config from plain values.

        Raises:
            ValueError: a field is missing, unknown, has another type or is out of range.
        """
        kinds = {field.name: field.type for field in fields(cls) if field.name != "hmm"}
        if "hmm" not in data or set(data) - {"hmm", *kinds}:
            raise ValueError(f"a training has an hmm and may have {', '.join(kinds)}; got {', '.join(data)}")
        settings = {name: _typed(name, str(kinds[name]), data[name]) for name in kinds if name in data}
        return cls(hmm=HMM.from_dict(data["hmm"]), **settings)

    @property
    def departures(self) -> dict[str, str]:
        """Each setting that differs from the published recipe, as "ours (paper: theirs)"."""
        paper = {**PAPER, **_published(self.hmm)}
        paper.pop("steps")
        return {
            name: f"{getattr(self, name)} (paper: {value})"
            for name, value in paper.items()
            if getattr(self, name) != value
        }


# 1,000 epochs of the 3 steps that 10,000 sequences make at batch 4096.
PAPER: dict[str, Any] = {
    "steps": 3000,
    "batch": 4096,
    "cosine": False,
    "orthogonal": False,
    "sequences": 10_000,
    "pair_weight": 0.0,
    "pair_from": 0.0,
    "activity_weight": 0.0,
    "carry": False,
    "learning_rate": 1e-3,
    "blur": 0.2,
    "tau": 1.0,
}


def _published(hmm: HMM) -> dict[str, Any]:
    """The published length and clip of a family; for another HMM, those that would be in their spirit."""
    several_orbits = hmm.name in ("fully-connected", "cyclic")
    return {"length": TRAINING_LENGTH.get(hmm.name) or _length(hmm), "clip": 0.3 if several_orbits else 0.9}


def _length(hmm: HMM) -> int:
    if hmm.volatility == 0:
        return LENGTHS[1]
    return int(np.clip(round(KEPT_PER_WINDOW / hmm.volatility), *LENGTHS))


def _fast(hmm: HMM) -> dict[str, Any]:
    if hmm.name == "linear-2":
        # A weak term leaves agreement at long lags off; a strong one from the start makes one exit a decay.
        return {"pair_weight": 30.0, "pair_from": 0.5}
    if hmm.name.startswith("linear-"):
        return {}
    # With several orbits a network that is perfect within its windows can diverge or get stuck beyond them. Carrying
    # the state makes long runs what is trained, and the penalty keeps activity from growing where no window looks.
    return {
        "length": SHORTEST_CARRIED if hmm.name in TRAINING_LENGTH else max(SHORTEST_CARRIED, _length(hmm)),
        "steps": 900,
        "pair_weight": 30.0,
        "activity_weight": 0.01,
        "carry": True,
    }


def _typed(name: str, kind: str, value: Any) -> Any:
    fits = {
        "int": lambda: isinstance(value, int) and not isinstance(value, bool),
        "float": lambda: isinstance(value, int | float) and not isinstance(value, bool),
        "bool": lambda: isinstance(value, bool),
        "str": lambda: isinstance(value, str),
    }
    if not fits[kind]():
        raise ValueError(f"{name} must be of type {kind}; got {value!r}")
    return float(value) if kind == "float" else value
