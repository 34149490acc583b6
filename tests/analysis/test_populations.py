"""Populations against a plain reading of their definition, and on circuits small enough to see through."""

from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.analysis.kick_neurons import KickGroup, KickNeurons
from hmmrnn.analysis.populations import (
    CONTROL,
    INTEGRATING,
    KICK,
    Populations,
    SweptPopulation,
    choose_swept_populations,
    find_populations,
    summarise_block_weights,
)
from hmmrnn.model.network import Network
from tests.networks import kick_group


def with_groups(groups: dict[int, tuple[int, ...]], n: int, n_outputs: int = 3) -> KickNeurons:
    """What detection returns, for groups that are given."""
    empty = np.full((n_outputs, n), np.nan)
    found = tuple(kick_group(a, neurons, n=n) for a, neurons in groups.items())
    return KickNeurons(np.zeros((n_outputs, n)), empty, empty, empty, found, not_visited=(), seed=0)


def network(W_hh) -> Network:
    n = len(W_hh)
    return Network(W_hh, np.ones((n, 1)), np.ones((3, n)))


def by_definition(W_hh, groups: dict[int, tuple[int, ...]]) -> list[tuple[str, int]]:
    """Role and output of each neuron, one at a time."""
    roles = []
    groups = {a: neurons for a, neurons in groups.items() if neurons}
    for j in range(len(W_hh)):
        own = [a for a, neurons in groups.items() if j in neurons]
        if own:
            roles.append((KICK, own[0]))
            continue
        u = {a: sum(W_hh[i][j] for i in neurons) / len(neurons) for a, neurons in groups.items()}
        opposed = {}
        for a in u:
            others = [u[b] for b in u if b != a]
            if others and u[a] > 0 and sum(others) / len(others) < 0:
                opposed[a] = u[a] - sum(others) / len(others)
        roles.append((INTEGRATING, max(opposed, key=opposed.__getitem__)) if opposed else (CONTROL, -1))
    return roles


@pytest.mark.parametrize("groups", [
    {0: (3, 5), 2: (11,)}, {0: (0, 1, 2), 1: (7, 8), 2: (12, 4)}, {0: (3, 5), 1: (), 2: (1,)}, {1: (3, 5)},
    {0: (3, 5), 2: (5, 6)}, {0: (), 1: ()}, {},
])  # fmt: skip
def test_roles_are_those_of_the_definition(groups):
    for seed in range(10):
        W_hh = np.random.default_rng(seed).standard_normal((24, 24))
        found = find_populations(network(W_hh), with_groups(groups, 24))
        assert list(zip(found.role.tolist(), found.output.tolist(), strict=True)) == by_definition(W_hh, groups)


def test_two_populations_that_drive_one_group_each_and_hold_back_the_other():
    # 0 and 1 are the kick neurons of outputs 0 and 2; 2 drives the first, 3 the second, 4 both, 5 neither.
    W_hh = np.zeros((6, 6))
    W_hh[0, 2:5] = 1, -1, 1
    W_hh[1, 2:5] = -1, 1, 1
    found = find_populations(network(W_hh), with_groups({0: (0,), 2: (1,)}, 6))
    assert found.role.tolist() == [KICK, KICK, INTEGRATING, INTEGRATING, CONTROL, CONTROL]
    assert found.output.tolist() == [0, 2, 0, 2, -1, -1]
    assert found.members(INTEGRATING, 2) == (3,)
    assert found.members(KICK) == (0, 1)


def test_the_mean_over_a_group_decides_and_not_one_of_its_neurons():
    W_hh = np.zeros((4, 4))
    W_hh[0, 3], W_hh[1, 3], W_hh[2, 3] = 3.0, -1.0, -0.5
    found = find_populations(network(W_hh), with_groups({0: (0, 1), 1: (2,)}, 4))
    assert (found.role[3], found.output[3]) == (INTEGRATING, 0)


def test_populations_have_names():
    roles = Populations(np.array([CONTROL, KICK, INTEGRATING, KICK]), np.array([-1, 0, 2, 0]), np.array([1, 3, 2, 0]))
    assert roles.named() == {"kick 0": (1, 3), "integrating 2": (2,), "control": (0,)}


def test_a_neuron_in_two_groups_counts_for_the_first():
    found = find_populations(network(np.zeros((4, 4))), with_groups({0: (1, 2), 2: (2, 3)}, 4))
    assert found.members(KICK, 0) == (1, 2)
    assert found.members(KICK, 2) == (3,)


def test_with_one_group_nothing_is_opposed():
    found = find_populations(network(np.ones((5, 5))), with_groups({1: (2,)}, 5))
    assert found.members(CONTROL) == (0, 1, 3, 4)


def test_the_order_shows_roles_and_outputs_as_blocks():
    W_hh = np.random.default_rng(3).standard_normal((30, 30))
    found = find_populations(network(W_hh), with_groups({0: (20, 3), 2: (7,)}, 30))
    assert sorted(found.order) == list(range(30))
    rank = {KICK: 0, INTEGRATING: 1, CONTROL: 2}
    keys = [(rank[found.role[i]], found.output[i], i) for i in found.order]
    assert keys == sorted(keys)
    assert found.members(KICK, 0) == (3, 20)


def test_members_of_every_role_are_all_neurons_once_and_plain_integers():
    W_hh = np.random.default_rng(4).standard_normal((20, 20))
    found = find_populations(network(W_hh), with_groups({0: (1,), 1: (2,)}, 20))
    everyone = [neuron for role in (KICK, INTEGRATING, CONTROL) for neuron in found.members(role)]
    assert everyone == found.order.tolist()
    assert all(type(neuron) is int for neuron in everyone)
    assert found.members(INTEGRATING) == found.members(INTEGRATING, 0) + found.members(INTEGRATING, 1)
    assert found.members(KICK, 2) == ()


def test_the_groups_of_all_exits_of_an_output_count_as_one():
    rng = np.random.default_rng(7)
    W_hh = rng.standard_normal((12, 12))
    apart = with_groups({0: (1, 2, 3), 1: (5,)}, 12)
    exits = ((0, (1, 2), 1), (0, (2, 3), 2), (1, (5,), 0))
    pairs = replace(apart, groups=tuple(kick_group(output, neurons, to=to, n=12) for output, neurons, to in exits))
    together, one = find_populations(network(W_hh), pairs), find_populations(network(W_hh), apart)
    np.testing.assert_array_equal(together.role, one.role)
    np.testing.assert_array_equal(together.output, one.output)


class TestBlocks:
    @pytest.fixture
    def circuit(self):
        """Two kick groups, two integrating populations and a control, with weights by block."""
        W_hh = np.zeros((9, 9))
        W_hh[np.ix_([0, 1], [0, 1])] = 0.3
        W_hh[np.ix_([0, 1], [2, 3])] = W_hh[np.ix_([2, 3], [0, 1])] = -0.4
        W_hh[np.ix_([0, 1], [4, 5])], W_hh[np.ix_([2, 3], [4, 5])] = [[0.1, 0.3], [0.2, 0.4]], -0.1
        W_hh[np.ix_([2, 3], [6])], W_hh[np.ix_([0, 1], [6])] = 0.2, -0.2
        np.fill_diagonal(W_hh, 5.0)
        return network(W_hh)

    @pytest.fixture
    def weights(self, circuit):
        return summarise_block_weights(circuit, find_populations(circuit, with_groups({0: (0, 1), 2: (2, 3)}, 9)))

    def test_blocks_are_the_populations_in_their_order(self, weights):
        assert weights.blocks == ((KICK, 0), (KICK, 2), (INTEGRATING, 0), (INTEGRATING, 2), (CONTROL, -1))
        np.testing.assert_array_equal(weights.sizes, [2, 2, 2, 1, 2])

    def test_means_are_from_column_to_row_and_leave_out_a_neurons_own_weight(self, weights):
        np.testing.assert_allclose(weights.mean[0, :4], [0.3, -0.4, 0.25, -0.2])
        np.testing.assert_allclose(weights.mean[1, :4], [-0.4, 0, -0.1, 0.2])
        np.testing.assert_array_equal(weights.counts[0], [2, 4, 4, 2, 4])

    def test_signs_and_errors_are_those_of_the_weights(self, weights):
        assert weights.positive[0, 0] == weights.positive[0, 2] == 1
        assert weights.positive[0, 1] == weights.positive[1, 1] == 0
        assert weights.se[0, 2] == pytest.approx(np.std([0.1, 0.3, 0.2, 0.4], ddof=1) / 2)

    def test_a_population_of_one_has_no_weight_within_itself(self, weights):
        assert weights.counts[3, 3] == 0
        assert np.isnan([weights.mean[3, 3], weights.se[3, 3], weights.positive[3, 3]]).all()


# ---- populations whose gain is swept ----

N = 8


def groups_of(*groups: KickGroup) -> KickNeurons:
    nothing = np.zeros((3, N))
    return KickNeurons(nothing, nothing, nothing, nothing, groups, (), 0)


def roles_of(*blocks: tuple[str, int]) -> Populations:
    """One block for each neuron; they stand in the order of their index."""
    return Populations(np.array([role for role, _ in blocks]), np.array([o for _, o in blocks]), np.arange(len(blocks)))


@pytest.fixture(scope="module")
def two_outputs() -> tuple[KickNeurons, Populations]:
    """Outputs 2 and 0 are left; neurons 1 and 4 excite the one's kick group, 0 the other's."""
    groups = groups_of(kick_group(2, (6, 3)), kick_group(0, (5,)))
    roles = roles_of(
        (INTEGRATING, 0), (INTEGRATING, 2), (CONTROL, -1), (KICK, 2),
        (INTEGRATING, 2), (KICK, 0), (KICK, 2), (CONTROL, -1),
    )  # fmt: skip
    return groups, roles


def test_kick_neurons_come_first_then_integrating_populations_then_the_control(two_outputs):
    assert choose_swept_populations(*two_outputs) == (
        SweptPopulation("kick neurons of output 2", KICK, 2, (6, 3), "recurrent"),
        SweptPopulation("kick neurons of output 0", KICK, 0, (5,), "recurrent"),
        SweptPopulation("integrating population of output 2", INTEGRATING, 2, (1, 4), "input"),
        SweptPopulation("integrating population of output 0", INTEGRATING, 0, (0,), "input"),
        SweptPopulation("control population", CONTROL, -1, (2, 7), "unit"),
    )


def test_groups_that_leave_one_output_for_several_are_one_population_in_which_each_neuron_counts_once():
    groups = groups_of(kick_group(0, (5, 2), to=1), kick_group(0, (2, 7), to=2))
    roles = roles_of(*[(KICK, 0) if i in (2, 5, 7) else (CONTROL, -1) for i in range(N)])
    kicks, control = choose_swept_populations(groups, roles)
    assert (kicks.name, kicks.neurons) == ("kick neurons of output 0", (5, 2, 7))
    assert control.neurons == (0, 1, 3, 4, 6)


def test_an_output_whose_exit_has_no_kick_neuron_is_left_out():
    roles = roles_of(*[(KICK, 1) if i == 4 else (CONTROL, -1) for i in range(N)])
    swept = choose_swept_populations(groups_of(kick_group(0, ()), kick_group(1, (4,))), roles)
    assert [(one.role, one.output) for one in swept] == [(KICK, 1), (CONTROL, -1)]


def test_a_population_without_neurons_is_left_out():
    """Every neuron kicks, so there is no control."""
    roles = roles_of(*[(KICK, 0)] * N)
    assert [one.role for one in choose_swept_populations(groups_of(kick_group(0, tuple(range(N)))), roles)] == [KICK]


@pytest.mark.parametrize("groups", [(), (kick_group(0, ()), kick_group(2, ()))])
def test_nothing_is_swept_where_no_neuron_has_the_profile(groups):
    assert choose_swept_populations(groups_of(*groups), roles_of(*[(CONTROL, -1)] * N)) == ()


def test_populations_of_a_network_are_swept_without_overlap():
    """With kick groups that share no neuron, every neuron of a network is in one population that is swept."""
    rng = np.random.default_rng(3)
    network = Network(rng.standard_normal((N, N)), np.ones((N, 1)), np.ones((3, N)))
    kick = groups_of(kick_group(0, (1, 6)), kick_group(1, (3,)), kick_group(2, (0,)))
    swept = choose_swept_populations(kick, find_populations(network, kick))
    assert {one.role for one in swept} == {KICK, INTEGRATING, CONTROL}
    assert sorted(i for one in swept for i in one.neurons) == list(range(N))
