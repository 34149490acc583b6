"""How sure is it? The error of what is no plain mean, from leaving out one run at a time.

    s.e.^2 = (B - 1) / B  sum over b of (x_b - mean of x)^2        x_b: the result without run b

Steps of one run follow from each other; only whole runs are independent.

Source: the delete-one jackknife (Quenouille, Tukey).
"""

from __future__ import annotations

import numpy as np

from hmmrnn.network import Floats


def jackknife(without: Floats) -> Floats:
    """Standard error of a result from its values (B, ...) without each of B runs; NaN for a single run."""
    runs = len(without)
    if runs < 2:
        return np.full(without.shape[1:], np.nan)
    return np.sqrt((runs - 1) / runs * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
