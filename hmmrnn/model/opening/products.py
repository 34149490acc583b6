"""Recurrent weights of low rank: two factors under any names, put together as one matrix.

    W_hh = U V^T    U S V^T with singular values    W + U V^T beside a whole matrix

Where a script multiplies from the left, h U V^T, it is V U^T, but not with the names m and n, which are those of
m n^T; where it divides by N only the user knows.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hmmrnn.model.opening.hints import MASK, hint
from hmmrnn.model.opening.unwrapping import Terms

_PAIRS = (("m", "n"), ("u", "v"), ("left", "right"), ("l", "r"), ("p", "q"), ("col", "row"))
_LAST = re.compile(r"(?i)(?P<prefix>.*?)(?P<word>[a-z]+)(?P<weight>\.weight|\.kernel)?$")
_SCALES = ("s", "sigma", "sv", "d")


class Product(NamedTuple):
    """Recurrent weights of two factors."""

    term: str
    turned: str
    factors: tuple[str, ...]
    rank: int


def take_product(terms: Terms) -> str:
    """Put the one matrix that two factors make in their place; a question about it, or nothing if there are none."""
    found = _factors(terms)
    if found is None:
        return ""
    n, left, right = found
    product = _product(terms, n, left, right)
    if _last_word(left) == "m":
        # Of m and n the first is where weights lead to, whatever lies beside them.
        product = product._replace(turned=product.term)
    squares = [name for name, (_, shape) in terms.matrices().items() if shape == (n, n) and not MASK.search(name)]
    for name in product.factors:
        del terms[name]
    if len(squares) == 1:
        whole, _ = terms.pop(squares[0])
        terms.add_recurrent(f"{whole} + {product.term}", f"{whole}.T + {product.turned}", n)
        return f"its W_hh may be {squares[0]} and the product of rank {product.rank} of {left} and {right} together"
    terms.add_recurrent(product.term, product.turned, n)
    return (
        f"its W_hh is of rank {product.rank}, the product of {left} and {right}, if your script does not divide it by "
        "N or turn it"
    )


def _factors(terms: Terms) -> tuple[int, str, str] | None:
    """N and the names of the two factors: those of a pair of names, or the two that are neither input nor readout."""
    named = _named_pair(terms)
    matrices = terms.matrices()
    left_over = [name for name in matrices if hint(name) not in ("W_ih", "W_out") and not MASK.search(name)]
    square = any(shape[0] == shape[1] for _, shape in matrices.values())
    if named is None and (len(left_over) != 2 or square or len(matrices) < 4):
        return None
    left, right = named or (left_over[0], left_over[1])
    one, two = terms[left][1], terms[right][1]
    if len(one) != len(two):
        return None
    if len(one) == 1:
        return (one[0], left, right) if one == two and not square and one[0] > 1 else None
    for n in sorted({*one} & {*two}, reverse=True):
        ranks = {shape[0] if shape[1] == n else shape[1] for shape in (one, two)}
        others = [name for name, (_, shape) in matrices.items() if name not in (left, right) and n in shape]
        if len(ranks) == 1 and ranks.pop() < n and len(others) >= 2:
            return (n, left, right)
    return None


def _last_word(name: str) -> str:
    found = _LAST.fullmatch(name)
    return found["word"].lower() if found else ""


def _named_pair(terms: Terms) -> tuple[str, str] | None:
    split = {name: found for name in terms if (found := _LAST.fullmatch(name))}
    for left, right in _PAIRS:
        for name, found in split.items():
            partner = next(
                (
                    other
                    for other, its in split.items()
                    if (its["prefix"], its["weight"]) == (found["prefix"], found["weight"])
                    and (found["word"].lower(), its["word"].lower()) == (left, right)
                ),
                None,
            )
            if partner is not None:
                return name, partner
    return None


def _product(terms: Terms, n: int, left: str, right: str) -> Product:
    (a, shape_a), (b, shape_b) = terms[left], terms[right]
    if len(shape_a) == 1:
        return Product(f"{a}.T * {b}", f"{b}.T * {a}", (left, right), 1)
    rank = shape_a[0] if shape_a[1] == n else shape_a[1]
    into, from_a = (a, f"{a}.T") if shape_a == (n, rank) else (f"{a}.T", a)
    into_b, from_b = (b, f"{b}.T") if shape_b == (n, rank) else (f"{b}.T", b)
    prefix = left[: -len(left.rpartition(".")[2])] if "." in left else ""
    scale = next((name for name, (_, shape) in terms.items() if shape == (rank,) and _is_scale(name, prefix)), None)
    if scale is None:
        return Product(f"{into} @ {from_b}", f"{into_b} @ {from_a}", (left, right), rank)
    by = f" * {terms[scale][0]} @ "
    return Product(f"{into}{by}{from_b}", f"{into_b}{by}{from_a}", (left, right, scale), rank)


def _is_scale(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and re.split(r"[._]", name.lower())[-1] in _SCALES
