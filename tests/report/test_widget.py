"""The widget of a notebook: its scenario is that of the network, and nothing else can be put there."""

import sys

import numpy as np
import pytest

from hmmrnn import Intervention, detect_kick_neurons, explore, intervene
from hmmrnn.report import widget as module
from tests.networks import planted_switch, random_network

SILENCED = {"neurons": [3, 5], "mu": 0.0, "target": "unit"}


@pytest.fixture(scope="module")
def planted_widget():
    network = planted_switch(hold=4, integrators=8, kick=2, echoes=1, idle=3).network
    return explore(network, detect_kick_neurons(network, controls=20), seed=4)


def test_it_begins_with_the_intact_network_and_its_groups(planted_widget):
    assert planted_widget.scenario == {"sigma": 1.0, "seed": 4, "interventions": []}
    assert len(planted_widget.shared["groups"]) == 2
    assert planted_widget.shared["neurons"] == planted_widget.network.n_neurons


def test_its_network_has_the_interventions_of_its_scenario():
    network = random_network(8, 3, 2)
    widget = explore(network)
    assert widget.network is not None
    np.testing.assert_array_equal(widget.network.W_hh, network.W_hh)
    widget.scenario = {"interventions": [SILENCED]}
    assert widget.scenario == {"sigma": 1.0, "seed": 0, "interventions": [SILENCED]}
    np.testing.assert_array_equal(widget.network.W_hh, intervene(network, Intervention((3, 5))).W_hh)
    heard = []
    widget.observe(lambda change: heard.append(change["new"]["sigma"]), "scenario")
    widget.scenario = {"sigma": 0.5}
    assert heard == [0.5]
    assert widget.scenario["interventions"] == [SILENCED], "what is not given stays"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("scenario", {"interventions": [{**SILENCED, "neurons": [8]}]}, "neuron 8 does not exist"),
        ("scenario", {"interventions": [{**SILENCED, "target": "all"}]}, "got interventions.0"),
        ("scenario", {"noise": 1.0}, "got noise"),
        ("scenario", {"sigma": "loud"}, "got sigma"),
        ("selection", [11], "neuron 11 does not exist"),
    ],
)
def test_what_the_network_does_not_have_is_refused_and_nothing_changes(name, value, words):
    widget = explore(random_network(8, 3, 2))
    before = getattr(widget, name)
    with pytest.raises(ValueError, match=words):
        setattr(widget, name, value)
    assert getattr(widget, name) == before


def test_without_anywidget_it_says_what_to_install(monkeypatch):
    module._widget_class.cache_clear()
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match=r"pip install 'hmmrnn\[notebook\]'"):
        explore(random_network())
    module._widget_class.cache_clear()
