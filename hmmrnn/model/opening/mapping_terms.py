"""Terms of a mapping: how a role is filled from the tensors of a file, in a small language that runs nothing.

    rnn.weight_hh_l0                a tensor, by its name
    wi.T                            transposed
    fc.weight[:, :6]  gates[6:12]   some of its rows and columns
    a * b   a + b   a @ b   a / 6   products element by element, sums, matrix products, scales; from the left
    norm(g, v)                      g v / |v| along what g has one number for, as weight normalisation has it

Each operator stands between spaces, so that it is no part of a name; + binds weakest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from hmmrnn.model.cells import Floats

T = TypeVar("T")
Shape = tuple[int, ...]

_OPERATOR = re.compile(r" ([*@/]) ")
_SLICE = re.compile(r"(?P<name>.+)\[(?P<rows>\d*:\d*|:)(?:, ?(?P<columns>\d*:\d*|:))?\]")
_NORM = re.compile(r"norm\((?P<g>[^,]+), (?P<v>[^,]+)\)")
_NUMBER = re.compile(r"\d+(\.\d+)?(e-?\d+)?")


class TermError(ValueError):
    """A term that cannot be read, or that does not fit its tensors."""


def names_of(term: str, known: Mapping[str, Any]) -> set[str]:
    """The tensors that a term is made of.

    Raises:
        TermError: it names one that is not there.
    """
    found: set[str] = set()

    def note(name: str) -> Shape:
        found.add(name)
        return ()

    for part in _parts(term):
        _factor(part, known, note, lambda *_: (), lambda *_: (), lambda *_: (), lambda _: ())
    return found


def value_of(term: str, values: Mapping[str, Floats]) -> Floats:
    """The value of a term.

    Raises:
        TermError: it cannot be read, or its tensors do not fit each other.
    """
    try:
        total: Any = 0.0
        for summand in term.split(" + "):
            first, *rest = _OPERATOR.split(summand)
            product = _valued(first, values)
            for operator, part in zip(rest[::2], rest[1::2], strict=True):
                other = _valued(part, values)
                product = _APPLY[operator](product, other)
            total = product if isinstance(total, float) else total + product
    except (ValueError, IndexError) as error:
        if isinstance(error, TermError):
            raise
        raise TermError(f"the tensors of {term!r} do not fit each other ({error})") from error
    return np.asarray(total, dtype=np.float64)


_APPLY: dict[str, Callable[[Any, Any], Any]] = {
    "*": lambda a, b: a * b,
    "@": lambda a, b: a @ b,
    "/": lambda a, b: a / b,
}


def shape_of(term: str, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of a term, without its values.

    Raises:
        TermError: as `value_of`.
    """
    try:
        total: Shape = ()
        for summand in term.split(" + "):
            first, *rest = _OPERATOR.split(summand)
            product = _shaped(first, shapes)
            for operator, part in zip(rest[::2], rest[1::2], strict=True):
                other = _shaped(part, shapes)
                product = _matmul(product, other) if operator == "@" else np.broadcast_shapes(product, other)
            total = np.broadcast_shapes(total, product)
    except ValueError as error:
        if isinstance(error, TermError):
            raise
        raise TermError(f"the tensors of {term!r} do not fit each other ({error})") from error
    return total


def _parts(term: str) -> list[str]:
    return [part for summand in term.split(" + ") for part in _OPERATOR.split(summand)[::2]]


def _valued(text: str, values: Mapping[str, Floats]) -> Floats:
    def norm(g: Floats, v: Floats) -> Floats:
        along = tuple(axis for axis in range(v.ndim) if g.ndim != v.ndim or g.shape[axis] == 1)
        return g * v / np.sqrt((v**2).sum(axis=along, keepdims=True))

    return _factor(text, values, lambda name: values[name], np.transpose, lambda a, at: a[at], norm, np.float64)


def _shaped(text: str, shapes: Mapping[str, Shape]) -> Shape:
    def cut(shape: Shape, at: tuple[slice, ...]) -> Shape:
        return tuple(len(range(*part.indices(size))) for part, size in zip(at, shape, strict=False)) + shape[len(at) :]

    return _factor(text, shapes, lambda name: shapes[name], lambda s: s[::-1], cut, lambda _, v: v, lambda _: ())


def _factor(
    text: str,
    known: Mapping[str, Any],
    look_up: Callable[[str], T],
    transposed: Callable[[T], T],
    cut: Callable[[T, tuple[slice, ...]], T],
    norm: Callable[[T, T], T],
    number: Callable[[str], Any],
) -> T:
    """One factor, with what its forms mean; the longest name that is a tensor's counts."""
    text = text.strip()
    if text in known:
        return look_up(text)
    again = (known, look_up, transposed, cut, norm, number)
    if text.endswith(".T"):
        return transposed(_factor(text[:-2], *again))
    if found := _NORM.fullmatch(text):
        return norm(_factor(found["g"], *again), _factor(found["v"], *again))
    if found := _SLICE.fullmatch(text):
        at = tuple(_slice(part) for part in (found["rows"], found["columns"]) if part)
        return cut(_factor(found["name"], *again), at)
    if _NUMBER.fullmatch(text):
        return number(text)
    raise TermError(f"there is no tensor {text[:100]!r}")


def _slice(text: str) -> slice:
    begin, _, end = text.partition(":")
    return slice(int(begin) if begin else None, int(end) if end else None)


def _matmul(a: Shape, b: Shape) -> Shape:
    if len(a) != 2 or len(b) != 2 or a[1] != b[0]:
        raise TermError(f"matrices of shapes {a} and {b} cannot be multiplied")
    return a[0], b[1]
