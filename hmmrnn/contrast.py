"""Which neurons behave differently in some moments? The effect on each, inside against outside.

    d_i = (mean of z_i inside - mean of z_i outside) / sqrt((variance inside + variance outside) / 2)

with z the pre-activation. It is Cohen's d of two samples, with both variances weighing the same: moments that are
chosen are few beside the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmrnn.network import Floats


@dataclass(frozen=True, eq=False)
class Contrast:
    """N neurons inside a selection of moments against outside.

    Attributes:
        inside, outside: (N,) mean pre-activation.
        effect: (N,) difference of the means in pooled standard deviations; 0 where a neuron never varies and the
            means agree, infinite where they do not.
        n_inside, n_outside: number of moments.
    """

    inside: Floats
    outside: Floats
    effect: Floats
    n_inside: int
    n_outside: int


def contrast(pre_activation: Floats, selected: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None) -> Contrast:
    """Compare pre-activations inside a selection of moments with those outside.

    Args:
        pre_activation: (B, T, N).
        selected: (B, T) which moments are inside.
        valid: (B, T) which moments count at all; None for all of them.

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
    return Contrast(inside.mean(axis=0), outside.mean(axis=0), effect, len(inside), len(outside))


def within(points: ArrayLike, corners: ArrayLike) -> NDArray[np.bool_]:
    """Which points of the plane lie within a polygon, by the even-odd rule.

    Args:
        points: (..., 2) coordinates; those that are NaN lie nowhere.
        corners: (V, 2) corners of the polygon, which closes by itself.
    """
    x, y = np.moveaxis(np.asarray(points, dtype=float), -1, 0)
    ends = np.asarray(corners, dtype=float)
    odd = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(np.roll(ends, 1, axis=0), ends, strict=True):
        # A level edge is crossed by no level ray, so that its height is never divided by.
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return odd
