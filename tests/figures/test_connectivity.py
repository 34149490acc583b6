"""The matrices of weights: order, labels, scales, block lines and marks."""

import numpy as np
from plotly.io.json import to_json_plotly

from hmmrnn.figures import connectivity
from hmmrnn.figures.connectivity import MAX_INPUT_COLUMNS, draw_block_lines, draw_connectivity, neurons_each
from hmmrnn.figures.theme import FONT_SIZE, LIGHT
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

    def test_the_labels_of_the_colour_bar_have_room_at_any_width(self, twelve, roles):
        figure = draw_connectivity(twelve, roles, LIGHT)
        bar, label = figure.data[0].colorbar, 5 * FONT_SIZE * 0.6
        # From the right edge of the matrices on, in pixels alone.
        assert bar.x == 1
        assert bar.xpad + bar.thickness + label < figure.layout.margin.r

    def test_without_roles_it_is_the_order_of_the_index(self, twelve):
        figure = draw_connectivity(twelve, None, LIGHT)
        assert figure.layout.meta["order"] == list(range(12))
        assert figure.data[0].y[7] == "neuron 7"
        assert not figure.layout.shapes

    def test_of_many_inputs_the_strongest_are_shown(self):
        many = random_network(n=6, m=70, o=2)
        shown = draw_connectivity(many, None, LIGHT).data[1]
        assert list(shown.x) == [f"input {i}" for i in strongest(many)[:MAX_INPUT_COLUMNS]]

    def test_of_many_neurons_a_cell_is_the_strongest_of_a_block(self, monkeypatch):
        monkeypatch.setattr(connectivity, "MAX_ROWS", 4)
        network = random_network(n=11, m=5, o=2)
        figure = draw_connectivity(network, None, LIGHT)
        recurrent, inputs, readout = figure.data
        assert figure.layout.meta["each"] == neurons_each(network) == 3
        assert figure.layout.meta["order"] == list(range(11))
        blocks = [range(0, 3), range(3, 6), range(6, 9), range(9, 11)]
        for row, to in enumerate(blocks):
            for column, source in enumerate(blocks):
                weights = [network.W_hh[i, j] for i in to for j in source]
                assert recurrent.z[row][column] == np.float32(max(weights, key=abs))
            assert readout.z[1][row] == np.float32(max((network.W_out[1, i] for i in to), key=abs))
            assert inputs.z[row][0] == np.float32(max((network.W_ih[i, strongest(network)[0]] for i in to), key=abs))
        assert (
            list(recurrent.x)
            == list(recurrent.y)
            == ["neurons 0, 1, 2", "neurons 3, 4, 5", "neurons 6, 7, 8", "neurons 9, 10"]
        )

    def test_the_largest_network_is_sent_as_no_more_than_a_screen_shows(self):
        figure = draw_connectivity(Network(np.eye(2048), np.ones((2048, 3)), np.ones((2, 2048))), None, LIGHT)
        assert figure.data[0].z.shape == (512, 512)
        assert len(to_json_plotly(figure)) < 2_000_000

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
