"""Leave rates that are written down, for a search that would measure them."""

from types import SimpleNamespace

import numpy as np

from hmmrnn.analysis.leave_rates import Measured
from hmmrnn.model.network import Network


class Scripted(Measured):
    """Leave rates that are written down: the product of what each silenced neuron leaves of 1."""

    def __init__(self, network: Network, leaves: dict[int, float]) -> None:
        self.exits, self.leaves = SimpleNamespace(network=network, output=0), leaves
        self.asked: list[tuple[int, ...]] = []

    def rates(self, items, to=None):
        self.asked += [item.neurons for item in items]
        return np.array([self.left(item.neurons) for item in items])

    def left(self, neurons) -> float:
        return float(np.prod([self.leaves.get(i, 1.0) for i in neurons]))
