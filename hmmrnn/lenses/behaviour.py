"""How networks with the same inputs behave under the same noise: switches, plane, and divergence.

Every network sees the same noise, so a difference between two is due to their weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import TRANSIENT
from hmmrnn.analysis.orbit import Plane
from hmmrnn.analysis.switching import count_switches
from hmmrnn.model.network import Floats, Network, Result, Rollout, few_threads, rollout
from hmmrnn.model.simulation import draw_drive, first_divergence

RUNS, STEPS = 24, 500
CELLS = 16


@dataclass(frozen=True, eq=False)
class Behaviour(Result):
    """What a network does in its runs after the transient; NaN where a run diverges."""

    switch_rate: float  # switches of the output a step
    switch_rate_se: float  # its standard error, over runs
    leave_rate: Floats  # (O,) probability per step of leaving each output
    leave_rate_se: Floats  # (O,) its standard error, over runs
    transitions: Floats  # (O, O) probability of the next output, by the present one; NaN for one that is never seen
    occupancy: (
        Floats  # (cells,) share of the states in each cell of the plane; those beyond its edges count for the last
    )
    size: float  # root of the mean squared activity over the second half of the steps
    diverges_at: int  # the first step at which a run diverges, from 1; 0 if none does


class SameNoise:
    """Runs networks that share inputs and biases under one draw of the noise."""

    def __init__(self, network: Network, plane: Plane, seed: int, runs: int = RUNS, steps: int = STEPS) -> None:
        """Draw the noise, and lay the cells of the plane over the states of the given network."""
        self.plane, self.drive = plane, draw_drive(network, TRANSIENT + steps, runs, 1.0, seed)
        points = plane.project(self.run(network).h)[..., :2]
        finite = points[np.isfinite(points).all(axis=-1)]
        self.low, self.high = finite.min(axis=0), finite.max(axis=0)

    def run(self, network: Network) -> Rollout:
        """The run of a network from h = 0, the transient included."""
        with few_threads(network):
            return rollout(network, self.drive, np.zeros((len(self.drive), network.n_state)))

    def of(self, network: Network) -> Behaviour:
        """The behaviour of a network with the same inputs and biases."""
        _, h, state = self.run(network)
        at = first_divergence(h, self.drive, np.zeros((len(h), network.n_state)))
        if (at >= 0).any():
            nan, o = np.nan, network.n_outputs
            rates, matrix = np.full(o, nan), np.full((o, o), nan)
            cells = np.full(CELLS**2, nan)
            return Behaviour(nan, nan, rates, rates.copy(), matrix, cells, nan, int(at[at >= 0].min()) + 1)
        counted = count_switches(network.logits(state[:, TRANSIENT:]).argmax(axis=-1), network.n_outputs)
        seen = counted.counts.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            transitions = np.where(seen > 0, counted.counts / seen, np.nan)
        return Behaviour(
            switch_rate=counted.switches_per_1000 / 1000,
            switch_rate_se=counted.switches_per_1000_se / 1000,
            leave_rate=counted.leave_rate.copy(),
            leave_rate_se=counted.leave_rate_se.copy(),
            transitions=transitions,
            occupancy=self._occupancy(h[:, TRANSIENT:]),
            size=float(np.sqrt((h[:, h.shape[1] // 2 :] ** 2).mean())),
            diverges_at=0,
        )

    def _occupancy(self, h: Floats) -> Floats:
        points = self.plane.project(h)[..., :2].reshape(-1, 2)
        width = np.where(self.high > self.low, self.high - self.low, 1.0)
        column, row = np.clip((points - self.low) / width * CELLS, 0, CELLS - 1).astype(np.int64).T
        return np.bincount(column * CELLS + row, minlength=CELLS**2) / len(points)


def transition_error(one: Behaviour, other: Behaviour) -> float:
    """Mean absolute difference of the transition probabilities between outputs that both visit; NaN without any."""
    off: NDArray[np.float64] = np.abs(one.transitions - other.transitions)
    known = np.isfinite(off)
    return float(off[known].mean()) if known.any() else np.nan


def overlap(one: Behaviour, other: Behaviour) -> float:
    """Share of the plane's occupancy that two networks have in common, 0 to 1."""
    return float(np.minimum(one.occupancy, other.occupancy).sum())
