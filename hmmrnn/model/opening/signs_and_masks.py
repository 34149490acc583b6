"""Masks and signs beside weights: which connections there are, and which neurons excite and which inhibit.

    zeros and ones           W * mask
    signs (Dale's law)       |W| * mask, |W| * signs of the sending neurons, |W| @ D with signs on the diagonal

Source: the code of PsychRNN (Ehrlich et al. 2021), and EI networks in torch after Song et al. (2016).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hmmrnn.model.cells import CURRENT, Floats
from hmmrnn.model.opening.hints import hint
from hmmrnn.model.opening.mapping_terms import Shape, names_of
from hmmrnn.model.opening.reading import MATRICES, Candidate, ReadingError
from hmmrnn.model.opening.unwrapping import Terms

ONES, CONNECTIONS, SIGNS, DIAGONAL = "ones", "connections", "signs", "signs on the diagonal"
_PARTS = r"masks?|connectivity|conn|dale|signs?"
_NAMED = re.compile(rf"(?i)(^|[ ._/-])({_PARTS}|ei|ei list|d)($|[ ._/-])|mask|connectivity|dale")
_PSYCHRNN = {"W_rec", "W_in", "W_out", "Dale_rec", "rec_connectivity"}


class Mask(NamedTuple):
    """A tensor by which weights are multiplied."""

    term: str
    shape: Shape
    kind: str


def is_named_mask(name: str) -> bool:
    """Whether a tensor may be a mask or signs, by its name."""
    return _NAMED.search(name) is not None


def kind_of_mask(values: Floats) -> str | None:
    """What the values of a tensor make it: a mask, or signs; None for anything else."""
    found = set(np.unique(values).tolist())
    if not found <= {-1.0, 0.0, 1.0}:
        return None
    diagonal = (
        values.ndim == 2 and values.shape[0] == values.shape[1] and not values[~np.eye(len(values), dtype=bool)].any()
    )
    if found == {1.0} or (diagonal and (np.diag(values) == 1).all()):
        return ONES
    if diagonal:
        return DIAGONAL
    return SIGNS if -1.0 in found else CONNECTIONS


def take_masks(terms: Terms, kinds: Mapping[str, str]) -> dict[str, Mask]:
    """Masks and signs, which are no weights, taken out of the tensors."""
    return {name: Mask(*terms.pop(name), kind) for name, kind in kinds.items() if name in terms}


def fold_masks(found: Candidate, masks: Mapping[str, Mask], terms: Terms) -> None:
    """Multiply the weights by their masks; signs are asked about.

    Raises:
        ReadingError: a mask fits no weights.
    """
    signed = []
    for name, mask in masks.items():
        if mask.kind == ONES:
            found.left_out[mask.term] = "it changes nothing"
            continue
        role = _role_of(name, mask, found, terms)
        _multiply(found, role, mask)
        signed += [name] if mask.kind != CONNECTIONS else []
    if _PSYCHRNN <= {*terms, *masks}:
        found.notes.append("a network of PsychRNN")
        found.leaky, found.leak, found.guess, found.own_names = True, CURRENT, "relu", False
        found.terms["W_ih"] = _unsigned(found.terms["W_ih"]) if signed else found.terms["W_ih"]
    if signed:
        question = (
            f"by {', '.join(signed)} its neurons excite or inhibit: its weights are taken without their own signs, "
            "abs(..), where a script may take those below zero as zero, relu(..)"
        )
        found.asked[question] = frozenset({"W_hh"})


def _multiply(found: Candidate, role: str, mask: Mask) -> None:
    term = found.terms[role] if mask.kind == CONNECTIONS else _unsigned(found.terms[role])
    if mask.kind == DIAGONAL:
        found.terms[role] = f"{term} @ {mask.term}"
    else:
        found.terms[role] = f"{term} * {mask.term}{'.T' if _is_turned(term) and len(mask.shape) == 2 else ''}"


def _unsigned(term: str) -> str:
    """The first factor without its signs."""
    first, by, rest = term.partition(" ")
    return term if first.startswith("abs(") else f"abs({first}){by}{rest}"


def _is_turned(term: str) -> bool:
    return term.partition(" ")[0].rstrip(")").endswith(".T")


def _role_of(name: str, mask: Mask, found: Candidate, terms: Terms) -> str:
    """The weights that a mask belongs to: those of its module, those that its name hints at, or the recurrent ones."""
    fitting = [role for role in MATRICES if _fits(mask, found.terms[role], terms)]
    module = name.rpartition(".")[0]
    beside = [role for role in fitting if module and module == _first_name(found.terms[role], terms).rpartition(".")[0]]
    hinted = hint(re.sub(rf"(?i)_?({_PARTS})_?", "", name))
    if hinted in MATRICES and not beside:
        fitting = [role for role in fitting if role == hinted]
    if not fitting:
        raise ReadingError(
            f"has {name} {mask.shape}, by which weights may be multiplied, and which fits none of its weights; "
            f"multiply them in your program, and save them without it; to leave it out, say which tensors count: "
            f"mapping={found.terms!r}"
        )
    return (beside or fitting)[0]


def _first_name(term: str, terms: Terms) -> str:
    first = re.split(" [*@/+-] ", term)[0]
    return min(names_of(first, terms.stored), default=first)


def _fits(mask: Mask, term: str, terms: Terms) -> bool:
    shape = tuple(terms.stored[_first_name(term, terms)])
    if len(shape) != 2:
        return False
    sending = shape[0] if _is_turned(term) else shape[1]
    return mask.shape == (sending, sending) if mask.kind == DIAGONAL else mask.shape in (shape, (sending,))
