"""Checks of tensors whose roles are known: types, shapes that fit each other, sizes, finite values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hmmrnn.model.cells import Floats
from hmmrnn.model.opening.contents import FLOATS, RESAVE, CheckpointError, Contents
from hmmrnn.model.opening.mapping_terms import TermError, names_of, shape_of, value_of
from hmmrnn.model.opening.reading import MATRICES, STACKED, Reading
from hmmrnn.model.opening.unwrapping import int_size
from hmmrnn.model.weight_checks import MAX_NEURONS

# A few bytes can declare any shape; all that is computed and sent grows with these.
MAX_INPUTS, MAX_OUTPUTS = 8192, 100
MAX_INPUT_WEIGHTS = MAX_NEURONS**2
# Values of a tensor of which only a part may be used.
MOST_VALUES = 4 * MAX_INPUT_WEIGHTS


def checked_values(file: str, contents: Contents, reading: Reading) -> dict[str, Floats]:
    """The arrays of a network by their roles, finite and in their shapes.

    Raises:
        CheckpointError: a value is not finite, or is not 1 where it must be.
    """
    stored = contents.values()
    for name in reading.must_be_ones:
        if name in stored and not (stored[name] == 1).all():
            raise CheckpointError(
                f"{file} has {name}, by which weights may be multiplied, and not all its values are 1; fold it in with "
                f"mapping={{'W_hh': '{reading.terms['W_hh']} * {name}'}}, or leave it out with "
                f"mapping={dict(reading.terms)!r}"
            )
    arrays: dict[str, Floats] = {}
    for role, term in reading.terms.items():
        for name in names_of(term, contents.tensors):
            _check_finite(file, name, stored[name])
        arrays[role] = _shaped(value_of(term, stored), role)
    return arrays


def _shaped(array: Floats, role: str) -> Floats:
    # Programs without vectors store biases as columns or rows.
    return np.atleast_2d(array) if role in (*MATRICES, "W_skip") else array.reshape(-1)


def check_shapes(file: str, contents: Contents, reading: Reading) -> None:
    """Compare types, and every shape with N, which W_hh decides; a gated cell has so many blocks of N rows.

    Raises:
        CheckpointError: they do not fit, or are larger than can be shown.
    """
    shapes = {name: item.shape for name, item in contents.tensors.items()}
    names = set[str]().union(*(names_of(term, shapes) for term in reading.terms.values()))
    for name in sorted(names):
        if contents.tensors[name].dtype not in FLOATS.values():
            raise wrong_type(file, name, contents.tensors[name].dtype)
        if int_size(shapes[name]) > MOST_VALUES and any(name != term for term in reading.terms.values()):
            _check_sizes(file, *_sizes_of(reading, shapes))
    try:
        found = {role: shape_of(term, shapes) for role, term in reading.terms.items()}
    except TermError as error:
        raise CheckpointError(f"{file} cannot be read so: {error}") from error
    _compare(file, reading, found)
    _check_sizes(file, *_sizes_of(reading, shapes))


def wrong_type(file: str, name: str, kind: str) -> CheckpointError:
    """The error of a tensor of numbers that cannot be used."""
    advice = "convert it with .float()"
    if kind.startswith(("qint", "quint")):
        advice = "convert it with .dequantize()"
    elif kind.startswith("complex"):
        advice = "a network of complex numbers cannot be shown"
    return CheckpointError(
        f"{file}: {name} has numbers of type {kind}; expected {', '.join(FLOATS.values())}; {advice}"
    )


def _sizes_of(reading: Reading, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, int, int]:
    """N, M and O."""
    sizes = {role: shape_of(term, shapes) for role, term in reading.terms.items()}
    return sizes["W_hh"][1], sizes["W_ih"][1], sizes["W_out"][0]


def _compare(file: str, reading: Reading, shapes: Mapping[str, tuple[int, ...]]) -> None:
    recurrent, called = shapes["W_hh"], reading.terms
    stacked = len(STACKED.get(reading.cell, ("",)))
    if len(recurrent) != 2 or recurrent[0] != stacked * recurrent[1] or 0 in recurrent:
        wanted = "two equal sizes (N, N)" if stacked == 1 else f"({stacked} N, N)"
        raise CheckpointError(f"{file}: {called['W_hh']} has shape {recurrent}; expected {wanted}; {RESAVE}")
    rows, n = recurrent
    outputs = shapes["W_out"][0] if shapes["W_out"] else "O"
    inputs = shapes["W_ih"][1] if len(shapes["W_ih"]) > 1 else "M"
    expected: dict[str, tuple[int | str, ...]] = {
        "W_ih": (rows, "M"), "W_out": ("O", n), "b_ih": (rows,), "b_hh": (rows,), "b_out": (outputs,),
        "W_skip": (outputs, inputs), "h0": (n,),
    }  # fmt: skip
    for role, pattern in expected.items():
        if role in shapes and not _matches(_flat(shapes[role], role), pattern):
            text = f"({', '.join(map(str, pattern))}{',' if len(pattern) == 1 else ''})"
            raise CheckpointError(
                f"{file}: {called[role]} has shape {shapes[role]}; expected {text} with N = {n} as in "
                f"{called['W_hh']}; {RESAVE}"
            )


def _flat(shape: tuple[int, ...], role: str) -> tuple[int, ...]:
    """The shape of a vector, which some programs store with further axes of one."""
    long = [size for size in shape if size != 1]
    return (max(shape, default=1),) if (role.startswith("b") or role == "h0") and len(long) <= 1 else shape


def _check_sizes(file: str, n: int, m: int, o: int) -> None:
    """Refuse a network that is too large to be shown, whatever the size of its file."""
    for what, count, most in (
        ("neurons", n, MAX_NEURONS),
        ("inputs", m, MAX_INPUTS),
        ("outputs", o, MAX_OUTPUTS),
        ("input weights", n * m, MAX_INPUT_WEIGHTS),
    ):
        if count > most:
            raise CheckpointError(f"{file} has {count:,} {what}; expected at most {most:,}; use a smaller network")


def _matches(shape: tuple[int, ...], pattern: tuple[int | str, ...]) -> bool:
    """Whether a shape has the sizes of the pattern, where a letter stands for any size above zero."""
    return len(shape) == len(pattern) and all(
        size == wanted or (isinstance(wanted, str) and size > 0) for size, wanted in zip(shape, pattern, strict=True)
    )


def _check_finite(file: str, name: str, array: Floats) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        nan = np.count_nonzero(np.isnan(array))
        infinite = np.count_nonzero(~finite) - nan
        raise CheckpointError(
            f"{file}: {name} holds {nan:,} NaN and {infinite:,} infinite values of {array.size:,}; "
            f"expected finite numbers; open a checkpoint from before the training diverged"
        )
