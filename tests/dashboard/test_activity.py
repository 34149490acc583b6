"""Activity: the kick neurons in the first run, once they have been found."""

import numpy as np

from hmmrnn.analysis.populations import INTEGRATING
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.pages.kick_neurons import activity
from hmmrnn.explorer import queries
from hmmrnn.figures.theme import THEMES
from hmmrnn.server.services import resolve
from tests.dashboard.page import B, named, plain, show

pytest_plugins = ["tests.fixtures_dashboard"]


def test_it_is_that_of_the_kick_neurons_in_the_first_run(dashboard, touched, kick):
    shown = show(activity.VIEW, touched, "light")
    figure, explored = shown["activity"], resolve(touched)
    members = [(i, group["output"]) for group in kick["groups"] for i in group["neurons"]]
    assert len(members) == 9
    means = figure.data[9:]
    caption = f"9 kick neurons and means of {len(means)} populations, run 1 of {B}, background: output"
    assert shown[ids.caption("activity")] == caption
    everything, roles = queries.pre_activation_of(explored, tuple(range(51)))[0], queries.populations_of(plain())
    for output in range(3):
        for label, neurons in (
            ("kick neurons of {}, mean", dashboard.switch.kick_of(output)),
            ("integrators for {}, mean", roles.members(INTEGRATING, output)),
        ):
            if neurons:
                mean = everything[:, list(neurons)].mean(axis=1)
                np.testing.assert_allclose(named(figure, label.format(output)).y, mean, rtol=1e-5)
    for (neuron, output), trace in zip(members, figure.data[:9], strict=True):
        np.testing.assert_array_equal(trace.y, everything[:, neuron])
        assert f"neuron {neuron}<" in trace.hovertemplate
        assert trace.line.color == THEMES["light"].outputs[output]


def test_a_network_without_kick_neurons_says_so_and_shows_all_its_neurons(dashboard):
    growing = plain(model="growing", steps=60)
    shown = show(activity.VIEW, growing.scenario)
    assert shown[ids.caption("activity")].startswith("this network has no kick neurons: all 4 neurons, run 1 of ")
    (raster,) = shown["activity"].data
    np.testing.assert_array_equal(raster.z, queries.pre_activation_of(growing, (0, 1, 2, 3))[0].T)
