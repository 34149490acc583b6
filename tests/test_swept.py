"""Populations whose gain is swept: those that detection found, in the order of the figure, each with what is scaled."""

import numpy as np
import pytest

from hmmrnn.experiments import Swept, swept_populations
from hmmrnn.kick import KickGroup, KickNeurons
from hmmrnn.network import TARGETS, Network
from hmmrnn.populations import CONTROL, INTEGRATING, KICK, Populations, populations
from tests.networks import kick_group

N = 8


def found(*groups: KickGroup) -> KickNeurons:
    nothing = np.zeros((3, N))
    return KickNeurons(nothing, nothing, nothing, nothing, groups, (), 0)


def roles_of(*blocks: tuple[str, int]) -> Populations:
    """One block for each neuron; they stand in the order of their index."""
    return Populations(np.array([role for role, _ in blocks]), np.array([o for _, o in blocks]), np.arange(len(blocks)))


@pytest.fixture(scope="module")
def two_outputs() -> tuple[KickNeurons, Populations]:
    """Outputs 2 and 0 are left; neurons 1 and 4 excite the one's kick group, 0 the other's."""
    groups = found(kick_group(2, (6, 3)), kick_group(0, (5,)))
    roles = roles_of(
        (INTEGRATING, 0), (INTEGRATING, 2), (CONTROL, -1), (KICK, 2),
        (INTEGRATING, 2), (KICK, 0), (KICK, 2), (CONTROL, -1),
    )  # fmt: skip
    return groups, roles


def test_kick_neurons_come_first_then_integrating_populations_then_the_control(two_outputs):
    assert swept_populations(*two_outputs) == (
        Swept("kick neurons of output 2", KICK, 2, (6, 3), "recurrent"),
        Swept("kick neurons of output 0", KICK, 0, (5,), "recurrent"),
        Swept("integrating population of output 2", INTEGRATING, 2, (1, 4), "input"),
        Swept("integrating population of output 0", INTEGRATING, 0, (0,), "input"),
        Swept("control population", CONTROL, -1, (2, 7), "unit"),
    )


def test_what_is_scaled_can_be_scaled(two_outputs):
    assert {one.target for one in swept_populations(*two_outputs)} <= set(TARGETS)


def test_groups_that_leave_one_output_for_several_are_one_population_in_which_each_neuron_counts_once():
    groups = found(kick_group(0, (5, 2), to=1), kick_group(0, (2, 7), to=2))
    roles = roles_of(*[(KICK, 0) if i in (2, 5, 7) else (CONTROL, -1) for i in range(N)])
    kicks, control = swept_populations(groups, roles)
    assert (kicks.name, kicks.neurons) == ("kick neurons of output 0", (5, 2, 7))
    assert control.neurons == (0, 1, 3, 4, 6)


def test_an_output_whose_exit_has_no_kick_neuron_is_left_out():
    roles = roles_of(*[(KICK, 1) if i == 4 else (CONTROL, -1) for i in range(N)])
    swept = swept_populations(found(kick_group(0, ()), kick_group(1, (4,))), roles)
    assert [(one.role, one.output) for one in swept] == [(KICK, 1), (CONTROL, -1)]


def test_a_population_without_neurons_is_left_out():
    """Every neuron kicks, so there is no control."""
    roles = roles_of(*[(KICK, 0)] * N)
    assert [one.role for one in swept_populations(found(kick_group(0, tuple(range(N)))), roles)] == [KICK]


@pytest.mark.parametrize("groups", [(), (kick_group(0, ()), kick_group(2, ()))])
def test_nothing_is_swept_where_no_neuron_has_the_profile(groups):
    assert swept_populations(found(*groups), roles_of(*[(CONTROL, -1)] * N)) == ()


def test_populations_of_a_network_are_swept_without_overlap():
    """With kick groups that share no neuron, every neuron of a network is in one population that is swept."""
    rng = np.random.default_rng(3)
    network = Network(rng.standard_normal((N, N)), np.ones((N, 1)), np.ones((3, N)))
    kick = found(kick_group(0, (1, 6)), kick_group(1, (3,)), kick_group(2, (0,)))
    swept = swept_populations(kick, populations(network, kick))
    assert {one.role for one in swept} == {KICK, INTEGRATING, CONTROL}
    assert sorted(i for one in swept for i in one.neurons) == list(range(N))
