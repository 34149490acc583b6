"""Which neurons feed the kick neurons? Populations by the sign of their weights onto the kick groups.

With u_a(j) the mean weight W_hh[i, j] from neuron j onto the neurons i of the kick group of output a, a
neuron integrates noise for a if it excites that group and inhibits the others on average:

    u_a(j) > 0    and    mean over b != a of u_b(j) < 0

The rest, whose weights onto the groups are not opposed, is the control population.

Source: Torre et al. (2025), section 4.4 (noise-integrating populations).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.kick import KickNeurons
from hmmrnn.network import Network

KICK, INTEGRATING, CONTROL = "kick", "integrating", "control"


@dataclass(frozen=True, eq=False)
class Populations:
    """The role of each of N neurons, and an order that shows the roles as blocks.

    Attributes:
        role: (N,) "kick", "integrating" or "control".
        output: (N,) the output whose kick group the neuron belongs to or excites; -1 for control.
        order: (N,) neuron indices: kick groups by output, integrating populations by output, control.
    """

    role: NDArray[np.str_]
    output: NDArray[np.int64]
    order: NDArray[np.int64]

    def members(self, role: str, output: int | None = None) -> tuple[int, ...]:
        """The neurons of a role, of one output if it is given, in their order."""
        fits = (self.role == role) & (True if output is None else self.output == output)
        return tuple(int(i) for i in self.order if fits[i])


def populations(network: Network, kick: KickNeurons) -> Populations:
    """Sort the neurons of a network by what they do to its kick groups.

    A neuron in two groups counts for the first. With fewer than two groups nothing is opposed, and every
    neuron outside them is control.
    """
    n = network.n_neurons
    role, output = np.full(n, CONTROL, dtype="<U11"), np.full(n, -1)
    groups = [group for group in kick.groups if group.neurons]
    if len(groups) > 1:
        onto = np.array([network.W_hh[list(group.neurons)].mean(axis=0) for group in groups])
        others = (onto.sum(axis=0) - onto) / (len(groups) - 1)
        opposed = np.where((onto > 0) & (others < 0), onto - others, -np.inf)
        integrates = np.isfinite(opposed.max(axis=0))
        role[integrates] = INTEGRATING
        output[integrates] = np.array([group.output for group in groups])[opposed.argmax(axis=0)[integrates]]
    for group in reversed(groups):
        role[list(group.neurons)] = KICK
        output[list(group.neurons)] = group.output
    rank = {KICK: 0, INTEGRATING: 1, CONTROL: 2}
    order = np.lexsort((np.arange(n), output, np.array([rank[r] for r in role])))
    return Populations(role=role, output=output, order=order)
