"""The matrices of weights: order, labels, scales, block lines and marks."""

import numpy as np

from hmmrnn.figures.connectivity import MAX_INPUT_COLUMNS, draw_block_lines, draw_connectivity
from hmmrnn.figures.theme import LIGHT
from hmmrnn.model.network import Network
from tests.networks import random_network


class TestConnectivity:
    def test_weights_stand_in_the_order_of_the_populations(self, twelve, roles):
        figure = draw_connectivity(twelve, roles, LIGHT)
        recurrent, inputs, readout = figure.data
        for row, to in enumerate(roles.order):
            for column, source in enumerate(roles.order):
                assert recurrent.z[row][column] == np.float32(twelve.W_hh[to, source])
            assert readout.z[1][row] == np.float32(twelve.W_out[1, to])
        expected = twelve.W_ih[np.ix_(roles.order, strongest(twelve))].astype(np.float32)
        np.testing.assert_array_equal(inputs.z, expected)

    def test_labels_say_neuron_and_role_and_what_a_click_needs_is_there(self, twelve, roles):
        figure = draw_connectivity(twelve, roles, LIGHT)
        labels = list(figure.data[0].y)
        assert labels[:3] == ["neuron 1 (kick, output 0)", "neuron 4 (kick, output 2)", "neuron 5 (kick, output 2)"]
        assert labels[3] == "neuron 2 (integrating, output 0)"
        assert labels[5] == "neuron 0 (control)"
        assert figure.layout.meta["labels"] == labels
        assert figure.layout.meta["order"] == roles.order.tolist()
        assert len(set(labels)) == 12
        assert list(figure.data[0].x) == list(figure.data[2].x) == labels
        assert list(figure.data[1].y) == labels
        assert list(figure.data[2].y) == ["output 0", "output 1", "output 2"]

    def test_without_roles_it_is_the_order_of_the_index(self, twelve):
        figure = draw_connectivity(twelve, None, LIGHT)
        assert figure.layout.meta["order"] == list(range(12))
        assert figure.data[0].y[7] == "neuron 7"
        assert not figure.layout.shapes

    def test_of_many_inputs_the_strongest_are_shown(self):
        many = random_network(n=6, m=70, o=2)
        shown = draw_connectivity(many, None, LIGHT).data[1]
        assert list(shown.x) == [f"input {i}" for i in strongest(many)[:MAX_INPUT_COLUMNS]]

    def test_zero_weight_has_the_middle_colour_even_without_other_weights(self, twelve, roles):
        nothing = Network(np.zeros((3, 3)), np.zeros((3, 2)), np.zeros((2, 3)))
        for trace in (*draw_connectivity(twelve, roles, LIGHT).data, *draw_connectivity(nothing, None, LIGHT).data):
            assert trace.zmin == -trace.zmax < 0

    def test_lines_lie_between_the_populations(self, roles):
        lines = draw_block_lines(roles.order, roles, LIGHT)
        # Kick 0, kick 2, integrating 0, integrating 2, control: after positions 0, 2, 3 and 4.
        assert sorted({line["y0"] for line in lines if line["yref"] == "y"}) == [0.5, 2.5, 3.5, 4.5]
        assert sorted({line["x0"] for line in lines if line["xref"] == "x"}) == [0.5, 2.5, 3.5, 4.5]


def strongest(network: Network) -> np.ndarray:
    return np.argsort(-np.abs(network.W_ih).sum(axis=0), kind="stable")
