"""Checks of what is given: weights with shapes that fit and finite values, whole numbers, numbers."""

import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hmmrnn.model.cells import Floats

MAX_NEURONS = 2048


def weights_in(W_hh: ArrayLike, W_ih: ArrayLike, b_h: ArrayLike | None) -> dict[str, Floats]:
    """W_hh (N, N), W_ih (N, M) and b_h (N,) of a neuron or a gate, by name; without a bias, zeros.

    Raises:
        ValueError: they do not fit each other, or N is above 2,048.
    """
    recurrent = matrix("W_hh", W_hh)
    n = len(recurrent)
    if recurrent.shape != (n, n):
        raise ValueError(f"W_hh must be square (N, N); got {recurrent.shape}")
    if n > MAX_NEURONS:
        raise ValueError(f"at most {MAX_NEURONS:,} neurons are supported; got N = {n:,}")
    inputs = matrix("W_ih", W_ih)
    if len(inputs) != n:
        raise ValueError(f"W_ih must have shape (N, M) with N = {n} as in W_hh; got {inputs.shape}")
    return {"W_hh": recurrent, "W_ih": inputs, "b_h": vector("b_h", b_h, n)}


def freeze(owner: Any, tensors: Mapping[str, Floats]) -> None:
    """Set arrays of a frozen dataclass, by name, read-only.

    Raises:
        ValueError: a value is not finite.
    """
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ValueError(
                f"{name} must be finite; got {np.count_nonzero(~np.isfinite(array)):,} NaN or infinite values"
            )
        array.setflags(write=False)
        object.__setattr__(owner, name, array)


def _owned(values: ArrayLike) -> Floats:
    """Values that nobody changes: a copy, but of an array whose owner is read-only already the array itself."""
    owner = values.base if isinstance(values, np.ndarray) and values.base is not None else values
    if isinstance(owner, np.ndarray) and owner.flags.owndata and not owner.flags.writeable:
        return np.asarray(values, dtype=np.float64)
    return np.array(values, dtype=np.float64)


def matrix(name: str, values: ArrayLike) -> Floats:
    """Values with two dimensions, none of which is empty.

    Raises:
        ValueError: they have others.
    """
    array = _owned(values)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must be a matrix with two dimensions; got shape {array.shape}")
    return array


def vector(name: str, values: ArrayLike | None, length: int) -> Floats:
    """(length,) values; zeros if there are none.

    Raises:
        ValueError: they have another shape.
    """
    array = np.zeros(length) if values is None else np.array(values, dtype=np.float64)
    if array.shape != (length,):
        raise ValueError(f"{name} must have shape ({length},); got {array.shape}")
    return array


def check_whole(name: str, value: Any) -> None:
    """Raise ValueError unless a value is a whole number, of Python or of NumPy; 5.0 and True are none."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise ValueError(f"{name} must be a whole number; got {reprlib.repr(value)}")


def check_number(name: str, value: Any) -> None:
    """Raise ValueError unless a value is one number, of Python or of NumPy."""
    kind = np.asarray(value).dtype.kind
    if np.ndim(value) or kind not in "iuf":
        raise ValueError(f"{name} must be a number; got {reprlib.repr(value)}")
