"""HMM: the graph is of the HMM that the network's file names."""

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.pages.emulation import hmm_graph
from hmmrnn.model.hmm import HMM
from tests.dashboard.page import named, plain, show

pytest_plugins = ["tests.fixtures_dashboard"]


def test_it_shows_the_states_and_transitions_of_the_networks_hmm(intact):
    shown = show(hmm_graph.VIEW, intact, "dark")
    assert shown[ids.caption("hmm")] == "fully-connected: 3 states, 3 emissions; probabilities per step"
    assert len(shown["hmm"].data) == HMM.preset("fully-connected").A.size + 1
    assert "0.025" in named(shown["hmm"], "state 0 → state 2").hovertemplate


def test_without_an_hmm_it_says_so(dashboard):
    shown = show(hmm_graph.VIEW, plain(model="anonymous").scenario)
    assert shown[ids.caption("hmm")] == hmm_graph.NO_HMM
    assert shown["hmm"]["data"] == []
