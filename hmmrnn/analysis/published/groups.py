"""The groups of neurons that the paper's procedures act on: two kick triples, what feeds them, and a control.

    noise set      the union of the 60 strongest signed inputs to each neuron of a triple, without the six kick neurons
    control        all neurons outside the union of the 35 strongest signed inputs to each of the six
    integrating    the 70 neurons with the most negative product of their mean weights onto the two triples, sorted by
                   the first: the first half excites the second triple and inhibits the first

The numbers are for N = 150; for another N they are scaled with it. The paper chose its triples by eye. Here they are
the three neurons with the highest profile score for leaving an output (see `kick_search`).

Source: Torre et al. (2025), section 5, and the published code.
"""

from dataclasses import dataclass

import numpy as np

from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.model.network import Floats, Network

TRIPLE = 3
# Of 150 neurons.
OF, NOISE_INPUTS, CONTROL_INPUTS, INTEGRATING = 150, 60, 35, 70

Neurons = tuple[int, ...]


@dataclass(frozen=True)
class PublishedGroups:
    """The groups of one network; pairs are in the order of `outputs`."""

    outputs: tuple[int, int]  # the two outputs that the kick triples leave
    kick: tuple[Neurons, Neurons]  # the triples, highest score first
    noise: tuple[Neurons, Neurons]  # whose input weights are scaled in the noise ablation of each triple
    control: Neurons  # whose input weights are scaled as a control
    integrating: tuple[Neurons, Neurons]  # the population that excites each triple, kick neurons included


def published_groups(network: Network, kick: KickNeurons) -> PublishedGroups | None:
    """The groups of a network with its kick neurons; None unless two outputs have three candidates each.

    Of more than two such outputs the first and the last are taken, the ends of a chain.
    """
    leaving = [output for output, scores in enumerate(kick.scores) if np.count_nonzero(scores > 0) >= TRIPLE]
    if len(leaving) < 2:
        return None
    outputs = (leaving[0], leaving[-1])
    first, second = (_strongest(kick.scores[output], TRIPLE) for output in outputs)
    if set(first) & set(second):
        return None
    six = (*first, *second)
    feeding = _inputs(network, six, CONTROL_INPUTS)
    onto = np.stack([network.W_hh[list(triple)].mean(axis=0) for triple in (first, second)])
    chosen = np.argsort(onto[0] * onto[1], kind="stable")[: _scaled(network, INTEGRATING)]
    ordered = chosen[np.argsort(onto[0, chosen], kind="stable")]
    half = len(ordered) // 2
    return PublishedGroups(
        outputs=outputs,
        kick=(first, second),
        noise=tuple(_sorted(_inputs(network, one, NOISE_INPUTS) - set(six)) for one in (first, second)),  # type: ignore[arg-type]
        control=_sorted(set(range(network.n_neurons)) - feeding),
        integrating=(_sorted(ordered[half:]), _sorted(ordered[:half])),
    )


def _inputs(network: Network, targets: Neurons, count: int) -> set[int]:
    """The union of the neurons with the largest signed weights onto each target."""
    return {i for target in targets for i in _strongest(network.W_hh[target], _scaled(network, count))}


def _strongest(values: Floats, count: int) -> Neurons:
    return tuple(int(i) for i in np.argsort(-values, kind="stable")[:count])


def _scaled(network: Network, count: int) -> int:
    return max(1, round(count * network.n_neurons / OF))


def _sorted(neurons: object) -> Neurons:
    return tuple(sorted(int(i) for i in neurons))  # type: ignore[attr-defined]
