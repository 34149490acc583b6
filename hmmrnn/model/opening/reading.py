"""How the tensors of a file are read as a network: a term for each role, and what tensors cannot say.

roles      W_hh  W_ih  W_out  b_ih  b_hh  b_out  W_skip  h0    terms: mapping_terms.py
settings   cell  alpha  leak
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hmmrnn.model.cells import CELLS, RATE
from hmmrnn.model.opening.mapping_terms import Shape

CELL, ALPHA, LEAK = "cell", "alpha", "leak"
MATRICES = ("W_hh", "W_ih", "W_out")
ROLES = (*MATRICES, "b_ih", "b_hh", "b_out", "W_skip", "h0")
SETTINGS = (CELL, ALPHA, LEAK)
# How torch stacks the rows of gated cells; "" is the candidate.
STACKED = {"gru": ("reset", "update", ""), "lstm": ("input", "forget", "", "output")}

MOST_LISTED = 40


class ReadingError(ValueError):
    """The predicate of a sentence: why tensors are no network that can be shown."""


class AmbiguousError(ReadingError):
    """Tensors that could be read in several ways.

    Attributes:
        shapes: of all tensors, by name.
        proposal: a mapping that works.
        asked: what cannot be read from the tensors.
    """

    def __init__(self, asked: str, shapes: Mapping[str, Shape], proposal: Mapping[str, Any]) -> None:
        self.asked, self.shapes, self.proposal = asked, dict(shapes), dict(proposal)
        super().__init__(
            f"could be read in several ways: {asked}. Its tensors are {listed(shapes)}. Say how to read it, for "
            f"example load(path, mapping={self.proposal!r}), or hmmrnn convert with {as_options(self.proposal)}"
        )


@dataclass(frozen=True)
class Reading:
    """How the tensors of a file are read."""

    terms: Mapping[str, str]  # role -> term
    cell: str = "relu"
    alpha: float = 1.0
    leak: str = RATE
    left_out: Mapping[str, str] = field(default_factory=dict)  # tensor -> why
    assumed: bool = False  # whether the cell was not said by anything, and is taken as the paper's
    must_be_ones: tuple[str, ...] = ()  # tensors that may be left out only if all their values are 1
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """How the tensors are read, in one sentence."""
        parts = [f"{role} = {term}" for role, term in self.terms.items()]
        leak = f", alpha = {self.alpha:g}, leak {self.leak!r}" if self.alpha != 1 or self.leak != RATE else ""
        out = "".join(f"; without {name}: {why}" for name, why in self.left_out.items())
        sure = ""
        if self.assumed:
            sure = (
                "; the file does not say its activation, so ReLU is assumed: if it is tanh, which is the default of "
                "torch.nn.RNN, open it with mapping={'cell': 'tanh'}"
            )
        begin = "".join(f"{note}; " for note in self.notes)
        return f"{begin}{CELLS[self.cell].words}{leak}: {', '.join(parts)}{out}{sure}"


def as_options(mapping: Mapping[str, Any]) -> str:
    """A mapping as options of the command line."""
    return " ".join(f"--map {shlex.quote(f'{role}={term}')}" for role, term in mapping.items())


def listed(shapes: Mapping[str, Shape]) -> str:
    """Tensors with their shapes, in a sentence."""
    some = [f"{name} {tuple(shape)}" for name, shape in list(shapes.items())[:MOST_LISTED]]
    more = [f"{len(shapes) - MOST_LISTED} more"] if len(shapes) > MOST_LISTED else []
    return ", ".join([*some, *more]) or "none"


@dataclass
class Candidate:
    """What the names and shapes of tensors let one think."""

    terms: dict[str, str]
    cell: str | None = None  # None: not told by the tensors
    leaky: bool = False  # whether alpha must be said
    leakless: bool = False  # whether it is a layer of torch, which has none
    leak: str = RATE
    # Further things that are not certain, each with the roles that answer it once a mapping names them.
    asked: dict[str, frozenset[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    must_be_ones: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    own_names: bool = True  # whether the names are those of a convention in which ReLU is assumed
    guess: str = "tanh"  # the cell that a proposal names
