"""The settings of a training: which HMM, which network, which loss, and for how long.

The recipe `paper` is the published one. The recipe `fast` reaches the fidelity gate on two CPU cores in minutes; each
of its departures from the paper is a field of `TrainingConfig`, and `departures` lists them.

Source: Torre et al. (2025), section 2 and appendix A; the additions of `fast` are this project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np

from hmmrnn.model.cells import CELLS
from hmmrnn.model.hmm import HMM

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

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

_COUNT, _NOT_NEGATIVE, _POSITIVE, _SHARE = {"ge": 1}, {"ge": 0}, {"gt": 0}, {"ge": 0, "le": 1}
_BOUNDS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("n_neurons", "n_inputs", "steps", "length", "threads"), _COUNT),
    **dict.fromkeys(("seed", "sequences", "pair_weight", "activity_weight", "rank"), _NOT_NEGATIVE),
    **dict.fromkeys(("learning_rate", "clip", "blur", "tau"), _POSITIVE),
    **dict.fromkeys(("reset", "pair_from"), _SHARE),
    "alpha": {"gt": 0, "le": 1},
    # The Sinkhorn divergence compares sequences with each other.
    "batch": {"ge": 2},
}
_RELATIONS = {"greater_than_equal": ">= {ge:g}", "greater_than": "> {gt:g}", "less_than_equal": "<= {le:g}"}


@dataclass(frozen=True, eq=False)
class TrainingConfig:
    """Everything that decides the result of a training: same config, same network.

    Raises:
        ValueError: a value has another type or is out of range, or two of them exclude each other.
    """

    hmm: HMM  # the target
    recipe: str = "fast"  # "fast" or "paper"
    # n_neurons, n_inputs: N and M.
    n_neurons: int = 150
    n_inputs: int = 100
    seed: int = 0  # seed of initial weights, noise and target sequences
    steps: int = 700  # optimizer steps
    batch: int = 512  # sequences per step
    length: int = 100  # T, symbols per sequence
    learning_rate: float = 1e-3  # of Adam at the start, with betas (0.9, 0.9)
    cosine: bool = True  # whether the learning rate falls to zero along a half cosine
    clip: float = 0.9  # largest norm of the gradient
    orthogonal: bool = True  # whether W_hh starts orthogonal rather than uniform (torch's default)
    sequences: int = 0  # size of the fixed training set; 0 draws new sequences at every step
    pair_weight: float = 1.0  # weight of the term that matches joint symbol probabilities to the HMM's exact ones
    pair_from: float = 0.0  # share of the steps that pass before this term is added
    activity_weight: float = 0.0  # weight of the mean of h squared
    carry: bool = False  # whether the hidden state is carried from batch to batch once the loss has left the plateau
    reset: float = 0.05  # share of carried states that start again from zero at each step
    blur: float = 0.2  # of the Sinkhorn divergence
    tau: float = 1.0  # temperature of the Gumbel softmax
    threads: int = 1  # torch threads; part of the config because sums depend on it in the last digit
    # Whether each batch starts from h_0 ~ N(0, 1), drawn anew, instead of from zero. The paper's linear chains are
    # trained so.
    normal_start: bool = False
    cell: str = "relu"  # "relu" as in the paper, "tanh", "linear", "gru" or "lstm"; the others have biases
    alpha: float = 1.0  # dt / tau of a cell without gates; below 1 it leaks (see cells.py, leak "rate")
    # R of recurrent weights W_hh = m n^T / N whose factors (N, R) are trained, in a cell without gates; 0: W_hh itself.
    rank: int = 0

    def __post_init__(self) -> None:
        if self.recipe not in RECIPES:
            raise ValueError(f"recipe must be one of {', '.join(RECIPES)}; got {self.recipe!r}")
        _checked(self._settings())
        if self.cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}; got {self.cell!r}")
        if CELLS[self.cell].is_gated and self.alpha != 1:
            raise ValueError(
                f"alpha must be 1 with a {self.cell}, which has gates instead of a leak; got {self.alpha:g}"
            )
        if self.rank and CELLS[self.cell].is_gated:
            raise ValueError(f"rank must be 0 with a {self.cell}, which has gates; got {self.rank}")
        if self.rank > self.n_neurons:
            raise ValueError(f"rank must be at most N = {self.n_neurons}; got {self.rank}")
        if 0 < self.sequences < self.batch:
            raise ValueError(f"sequences must be 0 or >= batch = {self.batch}; got {self.sequences}")
        if self.carry and self.sequences:
            raise ValueError("carry must be off with a fixed training set, whose last batch is a smaller one")
        if self.carry and self.normal_start:
            raise ValueError("carry must be off with normal_start, which draws the start of every batch anew")
        # The target is what the network is judged by: one without long-run statistics is refused before, not after.
        if self.hmm.volatility == 0:
            raise ValueError(_nothing_to_emulate(self.hmm))

    @classmethod
    def preset(cls, family: str, recipe: str = "fast", **changes: Any) -> TrainingConfig:
        """The settings for one of the paper's HMM families.

        Raises:
            ValueError: unknown family or recipe, or a changed field out of range.
        """
        return cls.for_hmm(HMM.preset(family), recipe, **changes)

    @classmethod
    def for_hmm(cls, hmm: HMM, recipe: str = "fast", **changes: Any) -> TrainingConfig:
        """The settings for any target; for a family of the paper, those of `preset`.

        The length of the sequences follows from how long a symbol is kept, so that a window sees several switches.

        Raises:
            ValueError: unknown recipe, a changed field out of range, or an HMM without long-run statistics.
        """
        chosen = {"recipe": recipe, **_published(hmm), **(PAPER if recipe == "paper" else _fast(hmm)), **changes}
        return cls(hmm=hmm, **chosen)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON, from which `from_dict` makes an equal config.

        `normal_start`, `cell`, `alpha` and `rank` are left out while they are as they always were: the identity of a
        training is a hash of these values, and there are trainings from before those settings existed.
        """
        settings = self._settings()
        for name in ("normal_start", "cell", "alpha", "rank"):
            if settings[name] == getattr(TrainingConfig, name):
                del settings[name]
        return {"hmm": self.hmm.to_dict(), **settings}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrainingConfig:
        """Build a config from plain values.

        Raises:
            ValueError: a field is missing, unknown, has another type or is out of range.
        """
        known = [field.name for field in fields(cls)]
        if "hmm" not in data or set(data) - set(known):
            raise ValueError(f"a training has an hmm and may have {', '.join(known[1:])}; got {', '.join(data)}")
        settings = {name: value for name, value in data.items() if name != "hmm"}
        return cls(hmm=HMM.from_dict(data["hmm"]), **_checked(settings))

    def _settings(self) -> dict[str, Any]:
        """All fields but the target, in their order."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "hmm"}

    @property
    def departures(self) -> dict[str, str]:
        """Each setting that differs from the published recipe, as "ours (paper: theirs)"."""
        paper = {**PAPER, **_published(self.hmm), "cell": "relu", "alpha": 1.0, "rank": 0}
        paper.pop("steps")
        return {
            name: f"{getattr(self, name)} (paper: {value})"
            for name, value in paper.items()
            if getattr(self, name) != value
        }


# The first third of 30,000 sequences is the training set. The weights are those of the last step.
PAPER: dict[str, Any] = {
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


# Epochs in the settings stored with the paper's networks, and the steps that 10,000 sequences make at batch 4096.
PAPER_EPOCHS, STEPS_PER_EPOCH = {"cyclic": 1000}, 3
USUAL_EPOCHS = 500


def _published(hmm: HMM) -> dict[str, Any]:
    """The published settings that differ between families; for another HMM, those that would be in their spirit."""
    several_orbits = hmm.name in ("fully-connected", "cyclic")
    return {
        "length": TRAINING_LENGTH.get(hmm.name) or _length(hmm),
        "clip": 0.3 if several_orbits else 0.9,
        "steps": STEPS_PER_EPOCH * PAPER_EPOCHS.get(hmm.name, USUAL_EPOCHS),
        "normal_start": hmm.name in TRAINING_LENGTH and not several_orbits,
    }


def _nothing_to_emulate(hmm: HMM) -> str:
    symbol = int(hmm.marginal.argmax())
    why = f", because {hmm.long_run}" if hmm.long_run else ""
    advice = "let its last state lead back to a first one" if hmm.long_run else "give it a second symbol"
    return f"the target emits symbol {symbol} alone in the long run{why}, so there is nothing to emulate; {advice}"


def _length(hmm: HMM) -> int:
    if hmm.volatility == 0:
        return LENGTHS[1]
    return int(np.clip(round(KEPT_PER_WINDOW / hmm.volatility), *LENGTHS))


def _fast(hmm: HMM) -> dict[str, Any]:
    chain: dict[str, Any] = {"steps": 700, "normal_start": False}
    if hmm.name == "linear-2":
        # A weak term leaves agreement at long lags off; a strong one from the start makes one exit a decay.
        return {**chain, "pair_weight": 30.0, "pair_from": 0.5}
    if hmm.name.startswith("linear-"):
        return chain
    # With several orbits a network that is perfect within its windows can diverge or get stuck beyond them. Carrying
    # the state makes long runs what is trained, and the penalty keeps activity from growing where no window looks.
    return {
        "length": SHORTEST_CARRIED if hmm.name in TRAINING_LENGTH else max(SHORTEST_CARRIED, _length(hmm)),
        "steps": 900,
        "normal_start": False,
        "pair_weight": 30.0,
        "activity_weight": 0.01,
        "carry": True,
    }


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    """The same settings, with whole numbers as floats where a float is meant.

    Raises:
        ValueError: one has another type or is out of range.
    """
    from pydantic import ValidationError

    try:
        return _form().model_validate(settings).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise ValueError(_sentence(error)) from error


@cache
def _form() -> type[BaseModel]:
    # pydantic is imported where it is used: it would double the time that `import hmmrnn` takes.
    from pydantic import ConfigDict, Field, create_model

    kinds = {name: kind for name, kind in get_type_hints(TrainingConfig).items() if name != "hmm"}
    forms: dict[str, Any] = {
        name: (kind, Field(getattr(TrainingConfig, name), **_BOUNDS.get(name, {}))) for name, kind in kinds.items()
    }
    return create_model("Settings", __config__=ConfigDict(strict=True, allow_inf_nan=False), **forms)


def _sentence(error: ValidationError) -> str:
    """The first of pydantic's reasons."""
    first = error.errors(include_url=False)[0]
    kind = first["type"]
    if kind.endswith("_type"):
        wanted = f"of type {kind.removesuffix('_type').replace('string', 'str')}"
    else:
        wanted = _RELATIONS.get(kind, "finite").format(**first.get("ctx", {}))
    return f"{first['loc'][0]} must be {wanted}; got {first['input']!r}"
