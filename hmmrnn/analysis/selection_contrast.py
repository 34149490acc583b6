"""Contrast of a selection: how the pre-activation of each neuron differs between selected and other moments.

    d_i = (mean of z_i inside - mean of z_i outside) / sqrt((variance inside + variance outside) / 2)

with z the pre-activation. It is Cohen's d of two samples, with both variances weighing the same: moments that are
chosen are few beside the rest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.model.network import Floats


@dataclass(frozen=True, eq=False)
class SelectionContrast:
    """N neurons inside a selection of moments against outside."""

    # inside, outside: (N,) mean pre-activation.
    inside: Floats
    outside: Floats
    # (N,) difference of the means in pooled standard deviations; 0 where a neuron never varies and the means agree,
    # infinite where they do not.
    effect: Floats
    # n_inside, n_outside: number of moments.
    n_inside: int
    n_outside: int


def contrast_selection(
    pre_activation: Floats, selected: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
) -> SelectionContrast:
    """Compare pre-activations (B, T, N) of valid moments (B, T) inside a selection (B, T) with those outside.

    Raises:
        ValueError: shapes differ, or no moment is inside, or none is outside.
    """
    z = np.asarray(pre_activation)
    if z.ndim != 3 or selected.shape != z.shape[:2]:
        raise ValueError(f"selected must have the shape (B, T) of pre_activation {z.shape}; got {selected.shape}")
    there = np.ones(selected.shape, dtype=bool) if valid is None else valid
    inside, outside = z[selected & there], z[~selected & there]
    if not len(inside) or not len(outside):
        raise ValueError(
            f"a selection must hold some moments and leave some out; this one holds {len(inside):,} of "
            f"{len(inside) + len(outside):,}"
        )
    apart = inside.mean(axis=0) - outside.mean(axis=0)
    spread = np.sqrt((inside.var(axis=0) + outside.var(axis=0)) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.where(apart == 0, 0.0, apart / spread)
    return SelectionContrast(inside.mean(axis=0), outside.mean(axis=0), effect, len(inside), len(outside))


def within(points: ArrayLike, corners: ArrayLike) -> NDArray[np.bool_]:
    """Which points (..., 2) lie within the polygon of corners (V, 2), by the even-odd rule; NaN lies nowhere."""
    x, y = np.moveaxis(np.asarray(points, dtype=float), -1, 0)
    ends = np.asarray(corners, dtype=float)
    odd = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(np.roll(ends, 1, axis=0), ends, strict=True):
        # A level edge is crossed by no level ray, so that its height is never divided by.
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return odd
