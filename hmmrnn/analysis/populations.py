"""Populations of a network, by the sign of their weights onto the kick groups.

With u_a(j) the mean weight W_hh[i, j] from neuron j onto the neurons i that kick the network out of output a (of all
groups that leave it), a neuron integrates noise for a if it excites that group and inhibits the others on average:

    u_a(j) > 0    and    mean over b != a of u_b(j) < 0

The rest, whose weights onto the groups are not opposed, is the control population. Ordered so, W_hh shows blocks, whose
mean weights are the circuit in small.

Source: Torre et al. (2025), section 4.4 (noise-integrating populations).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.analysis.numerics import mean_and_error
from hmmrnn.model.network import Floats, Network, Result

KICK, INTEGRATING, CONTROL = "kick", "integrating", "control"


@dataclass(frozen=True, eq=False)
class Populations:
    """The role of each of N neurons, and an order that shows the roles as blocks."""

    role: NDArray[np.str_]  # (N,) "kick", "integrating" or "control"
    output: NDArray[np.int64]  # (N,) the output whose kick group the neuron belongs to or excites; -1 for control
    order: NDArray[np.int64]  # (N,) neuron indices: kick groups by output, integrating populations by output, control

    def members(self, role: str, output: int | None = None) -> tuple[int, ...]:
        """The neurons of a role, of one output if it is given, in their order."""
        fits = (self.role == role) & (True if output is None else self.output == output)
        return tuple(int(i) for i in self.order if fits[i])

    def describe(self, neuron: int) -> str:
        """Role and output of a neuron, in words."""
        role = str(self.role[neuron])
        return role if role == CONTROL else f"{role}, output {self.output[neuron]}"

    def named(self) -> dict[str, tuple[int, ...]]:
        """The neurons of each population that has any, by role and output, as in "kick 0"."""
        names = {(role, output): role if output < 0 else f"{role} {output}" for role, output in self.blocks()}
        return {name: self.members(role, output) for (role, output), name in names.items()}

    def blocks(self) -> tuple[tuple[str, int], ...]:
        """Role and output of each population that has a neuron, in their order."""
        return tuple(dict.fromkeys((str(self.role[i]), int(self.output[i])) for i in self.order))


@dataclass(frozen=True, eq=False)
class BlockWeights(Result):
    """Recurrent weights between P populations, from column to row; weights of a neuron onto itself are left out."""

    blocks: tuple[tuple[str, int], ...]  # (P) role and output of each population
    sizes: NDArray[np.int64]  # (P,) number of neurons
    mean: Floats  # (P, P) mean weight; NaN where a block has no weight
    se: Floats  # (P, P) its standard error, from the spread of the weights; NaN with fewer than two
    positive: Floats  # (P, P) share of the weights that are above 0
    counts: NDArray[np.int64]  # (P, P) number of weights


def find_populations(network: Network, kick: KickNeurons) -> Populations:
    """Sort the neurons of a network by what they do to its kick groups.

    A neuron that leaves two outputs counts for the first. With the groups of fewer than two outputs nothing is opposed,
    and every neuron outside them is control.
    """
    n = network.n_neurons
    role, output = np.full(n, CONTROL, dtype="<U11"), np.full(n, -1)
    leaving = {a: kick.members(a) for a in dict.fromkeys(group.output for group in kick.groups)}
    groups = {a: neurons for a, neurons in leaving.items() if neurons}
    if len(groups) > 1:
        onto = np.array([network.W_hh[list(neurons)].mean(axis=0) for neurons in groups.values()])
        others = (onto.sum(axis=0) - onto) / (len(groups) - 1)
        opposed = np.where((onto > 0) & (others < 0), onto - others, -np.inf)
        integrates = np.isfinite(opposed.max(axis=0))
        role[integrates] = INTEGRATING
        output[integrates] = np.array(list(groups))[opposed.argmax(axis=0)[integrates]]
    for a, neurons in reversed(groups.items()):
        role[list(neurons)] = KICK
        output[list(neurons)] = a
    rank = {KICK: 0, INTEGRATING: 1, CONTROL: 2}
    order = np.lexsort((np.arange(n), output, np.array([rank[r] for r in role])))
    return Populations(role=role, output=output, order=order)


def summarise_block_weights(network: Network, roles: Populations) -> BlockWeights:
    """Summarise the recurrent weights from each population onto each.

    Source: Torre et al. (2025), section 4.4 (excitation within a group, inhibition between groups).
    """
    blocks = roles.blocks()
    members = [np.array(roles.members(*block)) for block in blocks]
    shape = (len(blocks), len(blocks))
    mean, se, positive = (np.full(shape, np.nan) for _ in range(3))
    counts = np.zeros(shape, dtype=np.int64)
    for row, to in enumerate(members):
        for column, source in enumerate(members):
            weights = network.W_hh[np.ix_(to, source)][to[:, None] != source]
            counts[row, column] = len(weights)
            mean[row, column], se[row, column] = mean_and_error(weights)
            if len(weights):
                positive[row, column] = np.mean(weights > 0)
    return BlockWeights(blocks, np.array([len(neurons) for neurons in members]), mean, se, positive, counts)


class SweptPopulation(NamedTuple):
    """A population whose gain is swept, and what of it is scaled."""

    name: str  # of the population, in words
    role: str  # KICK, INTEGRATING or CONTROL
    output: int  # the output that it leaves or integrates noise for; -1 for control
    neurons: tuple[int, ...]  # the population
    target: str  # as in `Intervention`


def choose_swept_populations(found: KickNeurons, roles: Populations) -> tuple[SweptPopulation, ...]:
    """Kick neurons (their recurrent weights), integrating populations (their noise) and the control (both).

    None of them where no neuron has the profile of a kick neuron. Source: Torre et al. (2025), section 5.
    """
    outputs = [a for a in dict.fromkeys(group.output for group in found.groups) if found.members(a)]
    kicks = [SweptPopulation(f"kick neurons of output {a}", KICK, a, found.members(a), "recurrent") for a in outputs]
    integrating = [
        SweptPopulation(f"integrating population of output {a}", INTEGRATING, a, roles.members(INTEGRATING, a), "input")
        for a in outputs
    ]
    control = [SweptPopulation("control population", CONTROL, -1, roles.members(CONTROL), "unit")] if outputs else []
    return tuple(one for one in (*kicks, *integrating, *control) if one.neurons)
