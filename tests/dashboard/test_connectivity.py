"""The connectivity: weights in the order of the roles, and their means between populations."""

import numpy as np

from hmmrnn.analysis.block_means import average_weights
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.pages.connectivity import block_means, connectivity
from hmmrnn.explorer import queries
from tests.dashboard.page import named, plain, show

pytest_plugins = ["tests.fixtures_dashboard"]


def test_it_shows_the_weights_in_the_order_of_the_roles(dashboard, touched, kick):
    shown = show(connectivity.VIEW, touched)
    order, figure = queries.populations_of(plain()).order, shown[ids.CONNECTIVITY]
    np.testing.assert_array_equal(figure.data[0].z, dashboard.switch.network.W_hh[np.ix_(order, order)].astype("f4"))
    assert figure.layout.meta["order"] == order.tolist()
    assert shown[ids.caption(ids.CONNECTIVITY)] == "51 neurons by role; 7 strongest of 7 inputs"


def test_where_no_roles_are_known_neurons_are_in_the_order_of_their_index(dashboard):
    shown = show(connectivity.VIEW, plain(model="growing", steps=60).scenario)
    assert shown[ids.CONNECTIVITY].layout.meta["order"] == list(range(4))
    assert shown[ids.caption(ids.CONNECTIVITY)].startswith("4 neurons by index")


def test_block_means_are_those_of_the_populations_of_the_intact_network(touched, kick):
    shown = show(block_means.VIEW, touched, "dark")
    means = average_weights(plain().network, queries.populations_of(plain()))
    table = named(shown["block-means"], "recurrent weights")
    np.testing.assert_array_equal(table.z, means.mean[: len(means.blocks), : len(means.blocks)].round(5))
    assert f"51 neurons in {len(means.blocks)} populations; units" in shown[ids.caption("block-means")]


def test_without_kick_neurons_there_are_no_block_means(dashboard):
    shown = show(block_means.VIEW, plain(model="growing", steps=60).scenario, "light")
    assert shown[ids.caption("block-means")] == block_means.NO_GROUPS
    assert shown["block-means"]["data"] == []
