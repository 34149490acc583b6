"""What a page needs to answer by itself; that its answers are the server's is tested in tests/page/summary.test.mjs."""

from hmmrnn.dashboard import own_answers
from hmmrnn.dashboard.own_answers import parts_of
from tests.dashboard.page import MODEL

pytest_plugins = ["tests.fixtures_dashboard"]


def test_a_page_gets_no_large_network(dashboard, monkeypatch):
    neurons = dashboard.switch.network.n_neurons
    for most, is_given in ((neurons, True), (neurons - 1, False)):
        monkeypatch.setattr(own_answers, "MAX_DOUBLE", most)
        assert (parts_of({"model": MODEL, "pair": None})["network"] is not None) == is_given


def test_the_plane_of_a_pair_is_asked_for_as_the_page_has_it(client):
    whole, of_pair = (client.post("/parts", json={"model": MODEL, "pair": pair}).get_json() for pair in (None, [0, 1]))
    assert whole["network"]["plane"] != of_pair["network"]["plane"]
    refused = client.post("/parts", json={"model": MODEL, "pair": [0, 7]}).get_json()
    assert "Output 7 does not exist" in refused["refused"]


def test_a_network_without_an_hmm_has_no_target_and_no_lines_of_one(dashboard):
    found = parts_of({"model": "anonymous", "pair": None})
    assert found["target"] is None
    assert not found["figures"]["light"]["orbit"]["layout"].get("shapes")
