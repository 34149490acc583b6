"""Opening a link, and what the header then says of the network."""

import json
from dataclasses import replace

import pytest

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.answers import open_link
from hmmrnn.dashboard.app import create_app
from hmmrnn.dashboard.components.kick_groups import describe_kick_groups
from hmmrnn.dashboard.components.picker import describe_network
from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Intervention
from tests.dashboard.page import MODEL, plain
from tests.networks import random_network
from tests.services import rebuild_services

pytest_plugins = ["tests.fixtures_dashboard"]


def test_the_contract_link_opens_exactly_that_scenario(dashboard):
    answer = open_link("?model=linear-2&ablate=13,22&sigma=1.0&seed=0")
    assert answer["message"] == ""
    assert (
        answer["scenario"] == Scenario("linear-2", interventions=(Intervention((13,)), Intervention((22,)))).to_dict()
    )
    assert answer["defaults"] == Scenario("linear-2").to_dict()


def test_kick_neurons_come_along_once_they_are_known_and_are_not_searched_for(dashboard, monkeypatch):
    monkeypatch.setattr(queries.kick_neurons_of, "known", lambda explored: None)
    assert open_link("?")["kick"] is None


def test_what_is_known_of_the_kick_neurons_is_what_the_search_answers(dashboard):
    found = describe_kick_groups(plain())
    assert open_link("?ablate=3")["kick"] == found
    assert found["groups"]
    assert open_link("?model=nowhere")["kick"] == found, "of the network that is opened instead"


def test_an_address_without_a_link_opens_the_default(dashboard):
    for query in ("?", ""):
        assert open_link(query)["scenario"] == Scenario("linear-2").to_dict()


def test_without_the_default_network_the_first_is_open_link(dashboard, tmp_path, monkeypatch):
    monkeypatch.setenv("HMMRNN_MODELS", str(tmp_path))
    rebuild_services()
    for name in ("zeta", "beta"):
        save(random_network(), tmp_path / f"{name}.safetensors")
    assert open_link("?")["scenario"]["model"] == "beta"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("?model=nowhere", "there is no network 'nowhere'"),
        ("?model=../linear-2", "model must be the name of a network"),
        ("?ablate=51", "neuron 51 does not exist: this network has 51, numbered 0 to 50"),
        ("?gain=3,400:0.5:unit", "neuron 400 does not exist"),
        ("?colour=neuron&neuron=51", "neuron 51 does not exist"),
        ("?sigma=99", "sigma must be from 0 to 5.0; got 99"),
        ("?utm_source=mail", "unknown link parameter 'utm_source'"),
        ("?large=atlas", "large must be one of claims, state-space, "),
    ],
)
def test_a_bad_link_opens_the_default_and_says_why(dashboard, query, reason):
    answer = open_link(query)
    assert answer["message"].startswith("This link could not be opened: ")
    assert reason in answer["message"]
    assert answer["scenario"] == answer["defaults"] == Scenario("linear-2").to_dict()
    assert "linear-2" in [choice["value"] for choice in answer["choices"]]


def test_a_question_of_a_network_that_is_gone_names_it(dashboard):
    answer = create_app().server.test_client().post("/network", json={"model": "nowhere"})
    assert (answer.status_code, answer.json["gone"]) == (200, "nowhere")
    assert "renamed or removed" in answer.json["refused"]


def test_an_empty_shelf_says_what_to_do(empty_world):
    answer = open_link("?")
    assert answer["scenario"] is None
    assert answer["message"] == ("No network could be read from the folder models: train one, or put a file there.")


def test_a_file_that_no_link_can_name_does_not_close_the_page(empty_world):
    save(random_network(), empty_world.models / "my net.safetensors")
    answer = open_link("?")
    assert answer["message"] or answer["scenario"]


def test_the_answer_can_be_sent(dashboard):
    answer = open_link("?ablate=3&gain=4,5:0.5:input")
    assert json.loads(json.dumps(answer)) == answer


def test_the_tab_of_an_older_link_names_a_view_and_is_no_part_of_the_scenario(dashboard):
    for tab, view in (("evidence", None), ("kick-proof", "kick-proof"), (ids.NEURON_TABLE, ids.NEURON_TABLE)):
        answer = open_link(f"?model=linear-2&tab={tab}")
        assert (answer["message"], answer["view"]) == ("", view)
        assert answer["scenario"] == Scenario("linear-2").to_dict()


def test_the_verdict_on_a_network_is_the_one_in_its_metadata(dashboard, tmp_path, monkeypatch):
    assert describe_network("linear-2")["fidelity"] == "does not match its HMM"
    assert describe_network("anonymous")["fidelity"] == "fidelity not measured"
    monkeypatch.setenv("HMMRNN_MODELS", str(tmp_path))
    rebuild_services()
    save(replace(random_network(), metadata={"fidelity_passes": "true"}), tmp_path / "good.safetensors")
    assert describe_network("good")["fidelity"] == "matches its HMM"


def test_the_planes_to_choose_from_are_the_pairs_of_outputs(dashboard):
    assert describe_network(MODEL)["pairs"] == [
        {"value": "all", "label": "all states"},
        {"value": "0-1", "label": "outputs 0 and 1"},
        {"value": "0-2", "label": "outputs 0 and 2"},
        {"value": "1-2", "label": "outputs 1 and 2"},
    ]
    assert [choice["value"] for choice in describe_network("mislabelled")["pairs"]] == ["all", "0-1"]
