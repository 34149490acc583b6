"""Mean weights between the parts of a network, against a loop over its weights."""

import numpy as np
import pytest

from hmmrnn.analysis.block_means import average_weights
from hmmrnn.analysis.populations import CONTROL, INTEGRATING, KICK, Populations
from tests.networks import planted_switch, random_network

ROLE = np.array([CONTROL, KICK, INTEGRATING, KICK, CONTROL, KICK, INTEGRATING])
OUTPUT = np.array([-1, 0, 0, 1, -1, 0, 0])
ROLES = Populations(ROLE, OUTPUT, np.array([1, 5, 3, 2, 6, 0, 4]))


def naive_cell(weights: np.ndarray, to: list, source: list, own: bool) -> tuple[float, float, int]:
    """Mean, standard error and number of the weights of a block, one after the other."""
    values = [weights[i, j] for i in to for j in source if own or i != j]
    mean = sum(values) / len(values) if values else np.nan
    many = len(values) > 1
    se = (sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values)) ** 0.5 if many else np.nan
    return mean, se, len(values)


@pytest.mark.parametrize("n_outputs", [2, 5])
def test_each_cell_is_the_mean_of_its_weights(n_outputs):
    network = random_network(7, 4, n_outputs)
    found = average_weights(network, ROLES)
    parts = [[i for i in range(7) if (ROLE[i], OUTPUT[i]) == block] for block in found.blocks]
    assert found.blocks == ((KICK, 0), (KICK, 1), (INTEGRATING, 0), (CONTROL, -1))
    assert (found.n_inputs, found.n_outputs, found.sizes.tolist()) == (4, n_outputs, [2, 1, 2, 2])
    for row in range(4 + n_outputs):
        for column in range(5):
            if row < 4:
                inputs = column == 4
                weights = network.W_ih if inputs else network.W_hh
                expected = naive_cell(weights, parts[row], [*range(4)] if inputs else parts[column], own=inputs)
            else:
                expected = naive_cell(network.W_out, [row - 4], [] if column == 4 else parts[column], own=True)
            cell = row, column
            np.testing.assert_allclose([found.mean[cell], found.se[cell], found.counts[cell]], expected)


def test_the_planted_circuit_is_seen_in_the_signs():
    switch = planted_switch()
    network, n = switch.network, switch.network.n_neurons
    role, output = np.full(n, CONTROL, dtype="<U11"), np.full(n, -1)
    for a in range(2):
        role[list(switch.kick_of(a))] = KICK
        role[list(switch.integrators[a, 1 - a])] = INTEGRATING
        output[[*switch.kick_of(a), *switch.integrators[a, 1 - a]]] = a
    found = average_weights(network, Populations(role, output, np.lexsort((output, role))))
    at = {block: place for place, block in enumerate(found.blocks)}
    for a in range(2):
        row = found.mean[at[KICK, a]]
        assert row[at[KICK, a]] > 0 > row[at[KICK, 1 - a]]
        assert row[at[INTEGRATING, a]] > 0
        assert row[at[INTEGRATING, 1 - a]] == 0
    # Only the populations that hold an output are read out, and those are control here.
    assert (found.mean[-2:, [at[KICK, 0], at[INTEGRATING, 1]]] == 0).all()
    assert (found.mean[-2:, at[CONTROL, -1]] > 0).all()
