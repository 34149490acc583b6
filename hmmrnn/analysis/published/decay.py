"""The paper's decay without noise: the factor by which the distance to the fixed point falls in a late step.

70 visited states run without input. The factor is (d_45 / d_25)^(1 / 20), where d_t is the mean distance of the states
to where they end after 500 steps.

Source: Torre et al. (2025), section 4 (collapse to a fixed point), and the published code.
"""

import numpy as np

from hmmrnn.model.network import Floats, Network, rollout
from hmmrnn.model.simulation import DIVERGENCE_RATIO

STATES, FIRST, LAST, END = 70, 25, 45, 500


def late_decay(network: Network, starts: Floats) -> tuple[float, float]:
    """The factor per step, and its standard error by leaving out one of S states (S, N); NaN where none decays."""
    if len(starts) < 2:
        return float("nan"), float("nan")
    drive = network.drive(np.zeros((len(starts), END, network.n_inputs)))
    h = rollout(network, drive, starts).h
    if not np.abs(h).max() <= DIVERGENCE_RATIO * np.abs(starts).max():
        return float("nan"), float("nan")
    apart = np.linalg.norm(h[:, [FIRST - 1, LAST - 1]] - h[:, -1:], axis=2)
    total = apart.sum(axis=0)
    if not (total > 0).all():
        return float("nan"), float("nan")
    without = total - apart
    with np.errstate(invalid="ignore", divide="ignore"):
        factor, factors = ((one[..., 1] / one[..., 0]) ** (1 / (LAST - FIRST)) for one in (total, without))
    n = len(starts)
    return float(factor), float(np.sqrt((n - 1) / n * ((factors - factors.mean()) ** 2).sum()))
