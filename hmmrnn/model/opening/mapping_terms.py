"""Terms of a mapping: how a role is filled from the tensors of a file, in a small language that runs nothing.

    rnn.weight_hh_l0                a tensor, by its name
    wi.T                            transposed; a vector becomes a column
    fc.weight[:, :6]  gates[6:12]   some of its rows and columns
    a * b   a @ b   a / 6           products element by element, matrix products, scales; from the left
    a + b   a - b                   sums and differences
    abs(w)  relu(w)  neg(w)         without signs; what is below zero as zero; with the other sign
    stack(a, b, c)                  below each other, as gates lie
    norm(g, v)                      g v / |v| along what g has one number for, as weight normalisation has it
    bn_scale(g, v, 1e-05)           g / sqrt(v + 1e-05), by which batch normalisation multiplies once it is trained
    signs(40, 10)  zeros(6)  ones(6)    40 times 1, then 10 times -1; 6 times 0; 6 times 1
    offdiagonal(50)  eye(40, 50)    ones but for a diagonal of zeros; zeros but for a diagonal of ones

Each operator stands between spaces, so that it is no part of a name; + and - bind weakest. Operators stand outside the
brackets of a function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from hmmrnn.model.network import Floats

T = TypeVar("T")
Shape = tuple[int, ...]

_SUM, _OPERATOR = re.compile(r" ([+-]) "), re.compile(r" ([*@/]) ")
_SLICE = re.compile(r"(?P<name>.+)\[(?P<rows>\d*:\d*|:)(?:, ?(?P<columns>\d*:\d*|:))?\]")
_CALL = re.compile(r"(?P<function>[a-z_]+)\((?P<arguments>.+)\)")
_NUMBER = re.compile(r"\d+(\.\d+)?(e-?\d+)?")
# What `signs`, `offdiagonal` and `eye` may count.
_MOST = 8192


class TermError(ValueError):
    """A term that cannot be read, or that does not fit its tensors."""


@dataclass(frozen=True)
class _Algebra(Generic[T]):
    """What the forms of a term mean: for values, for shapes, or for names."""

    look_up: Callable[[str], T]
    transposed: Callable[[T], T]
    cut: Callable[[T, tuple[slice, ...]], T]
    number: Callable[[str], T]
    functions: Mapping[str, Callable[..., T]]  # of terms
    counts: Mapping[str, Callable[..., T]]  # of whole numbers
    operators: Mapping[str, Callable[[T, T], T]]


def names_of(term: str, known: Mapping[str, Any]) -> set[str]:
    """The tensors that a term is made of.

    Raises:
        TermError: it names one that is not there.
    """
    found: set[str] = set()
    nothing: Callable[..., None] = lambda *_: None  # noqa: E731
    alike = dict.fromkeys(_FUNCTIONS, nothing), dict.fromkeys(_COUNTS, nothing), dict.fromkeys("*@/+-", nothing)
    _evaluated(term, known, _Algebra(found.add, nothing, nothing, nothing, *alike))
    return found


def value_of(term: str, values: Mapping[str, Floats]) -> Floats:
    """The value of a term.

    Raises:
        TermError: it cannot be read, or its tensors do not fit each other.
    """
    operators = {"*": np.multiply, "@": np.matmul, "/": np.divide, "+": np.add, "-": np.subtract}
    counts: dict[str, Any] = {"signs": _signs, "offdiagonal": lambda n: 1 - np.eye(n), "eye": np.eye}
    counts |= {"zeros": np.zeros, "ones": np.ones}
    functions: dict[str, Any] = {"abs": np.abs, "relu": lambda a: np.maximum(a, 0), "stack": _stacked, "norm": _normed}
    functions |= {"neg": np.negative, "bn_scale": lambda g, v, eps: g / np.sqrt(v + eps)}
    column: Callable[[Floats], Floats] = lambda a: a[:, None] if a.ndim == 1 else a.T  # noqa: E731
    algebra = _Algebra(values.__getitem__, column, lambda a, at: a[at], np.float64, functions, counts, operators)
    return np.asarray(_evaluated(term, values, algebra), dtype=np.float64)


def shape_of(term: str, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of a term, without its values.

    Raises:
        TermError: as `value_of`.
    """
    broadcast: Callable[[Shape, Shape], Shape] = np.broadcast_shapes
    operators = {**dict.fromkeys("*/+-", broadcast), "@": _product_shape}
    counts: dict[str, Any] = {
        "signs": lambda a, b: (a + b,),
        "offdiagonal": lambda n: (n, n),
        "eye": lambda n, m: (n, m),
    }
    counts |= dict.fromkeys(("zeros", "ones"), lambda n: (n,))
    functions: dict[str, Any] = {
        "abs": lambda a: a,
        "relu": lambda a: a,
        "stack": _stacked_shape,
        "norm": lambda _, v: v,
    }
    functions |= {"neg": lambda a: a, "bn_scale": lambda _, v, eps: v}
    column: Callable[[Shape], Shape] = lambda s: (*s, 1) if len(s) == 1 else s[::-1]  # noqa: E731
    algebra = _Algebra(lambda name: tuple(shapes[name]), column, _cut_shape, lambda _: (), functions, counts, operators)
    return _evaluated(term, shapes, algebra)


_FUNCTIONS = {"abs": 1, "relu": 1, "neg": 1, "stack": None, "norm": 2, "bn_scale": 3}
_COUNTS = {"signs": 2, "zeros": 1, "ones": 1, "offdiagonal": 1, "eye": 2}


def _evaluated(term: str, known: Mapping[str, Any], algebra: _Algebra[T]) -> T:
    try:
        return _chain(
            _SUM, term, algebra, lambda part: _chain(_OPERATOR, part, algebra, lambda t: _factor(t, known, algebra))
        )
    except (ValueError, IndexError) as error:
        if isinstance(error, TermError):
            raise
        raise TermError(f"the tensors of {term!r} do not fit each other ({error})") from error


def _chain(operator: re.Pattern[str], text: str, algebra: _Algebra[T], part: Callable[[str], T]) -> T:
    """What the operators of one strength make of their parts, from the left."""
    first, *rest = operator.split(text)
    total = part(first)
    for sign, text in zip(rest[::2], rest[1::2], strict=True):
        total = algebra.operators[sign](total, part(text))
    return total


def _factor(text: str, known: Mapping[str, Any], algebra: _Algebra[T]) -> T:
    """One factor; the longest name that is a tensor's counts."""
    text = text.strip()
    if text in known:
        return algebra.look_up(text)
    if text.endswith(".T"):
        return algebra.transposed(_factor(text[:-2], known, algebra))
    if found := _SLICE.fullmatch(text):
        at = tuple(_slice(part) for part in (found["rows"], found["columns"]) if part)
        return algebra.cut(_factor(found["name"], known, algebra), at)
    if found := _CALL.fullmatch(text):
        return _called(found["function"], _arguments(found["arguments"]), known, algebra)
    if _NUMBER.fullmatch(text):
        return algebra.number(text)
    raise TermError(f"there is no tensor {text[:100]!r}")


def _called(function: str, arguments: list[str], known: Mapping[str, Any], algebra: _Algebra[T]) -> T:
    wanted = {**_FUNCTIONS, **_COUNTS}.get(function, -1)
    if wanted == -1:
        raise TermError(f"there is no function {function!r}; expected one of {', '.join({**_FUNCTIONS, **_COUNTS})}")
    if wanted is not None and len(arguments) != wanted:
        raise TermError(f"{function} takes {wanted} in its brackets; got {len(arguments)}")
    if function in _FUNCTIONS:
        return algebra.functions[function](*(_factor(argument, known, algebra) for argument in arguments))
    numbers = [int(argument) if argument.isdecimal() else -1 for argument in arguments]
    if not all(0 <= number <= _MOST for number in numbers):
        raise TermError(f"{function} takes whole numbers up to {_MOST:,}; got {', '.join(arguments)[:100]}")
    return algebra.counts[function](*numbers)


def _arguments(text: str) -> list[str]:
    """What stands between the commas of a call, but for those in brackets of its own."""
    found, depth = [""], 0
    for sign in text:
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [part.strip() for part in found]


def _slice(text: str) -> slice:
    begin, _, end = text.partition(":")
    return slice(int(begin) if begin else None, int(end) if end else None)


# ---- values ----


def _signs(positive: int, negative: int) -> Floats:
    return np.repeat([1.0, -1.0], [positive, negative])


def _stacked(*parts: Floats) -> Floats:
    return np.concatenate(parts)


def _normed(g: Floats, v: Floats) -> Floats:
    along = tuple(axis for axis in range(v.ndim) if g.ndim != v.ndim or g.shape[axis] == 1)
    return np.asarray(g * v / np.sqrt((v**2).sum(axis=along, keepdims=True)))


# ---- shapes ----


def _cut_shape(shape: Shape, at: tuple[slice, ...]) -> Shape:
    return tuple(len(range(*part.indices(size))) for part, size in zip(at, shape, strict=False)) + shape[len(at) :]


def _stacked_shape(*parts: Shape) -> Shape:
    if not all(parts) or len({part[1:] for part in parts}) > 1:
        raise TermError(f"tensors of shapes {', '.join(map(str, parts))} cannot be stacked")
    return (sum(part[0] for part in parts), *parts[0][1:])


def _product_shape(a: Shape, b: Shape) -> Shape:
    if not 1 <= len(a) <= 2 or not 1 <= len(b) <= 2 or a[-1] != b[0]:
        raise TermError(f"matrices of shapes {a} and {b} cannot be multiplied")
    return (*a[:-1], *b[1:])
