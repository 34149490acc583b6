"""The addresses under which networks reach a page that runs them: what they send, what they refuse, what they cost."""

import base64
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from hmmrnn.analysis.occupancy_grid import build_occupancy_grid
from hmmrnn.dashboard.app import create_app
from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Network
from hmmrnn.report.live_page import build_live_payload, describe_network, describe_occupancy
from hmmrnn.server.services import resolve, services
from hmmrnn.shipped import ASSETS
from tests.networks import kick_group, random_network

pytest_plugins = ["tests.fixtures_dashboard"]

SHORT = "model=linear-2&steps=100&trajectories=2"


def unpacked(given: dict) -> np.ndarray:
    kind = np.dtype(given["dtype"]).newbyteorder("<")
    return np.frombuffer(base64.b64decode(given["bdata"]), dtype=kind).reshape(given["shape"])


def payload_of(page: str) -> dict:
    return json.loads(re.search(r'id="hmmrnn-live-data">(.*?)</script>', page, re.DOTALL)[1])


class TestNetwork:
    def test_it_is_the_intact_one_in_its_plane(self, client, shelf):
        answer = client.get(f"/live?{SHORT}&ablate=3")
        assert (answer.status_code, answer.mimetype) == (200, "application/json")
        scenario = Scenario("linear-2", steps=100, trajectories=2)
        visited = queries.summary_of(resolve(scenario)).points
        plane = queries.plane_of(resolve(Scenario("linear-2")))
        assert answer.get_json() == describe_network(services().models.network("linear-2"), plane, "linear-2", visited)
        np.testing.assert_array_equal(unpacked(answer.get_json()["weights"]["W_hh"]), shelf.switch.network.W_hh)

    def test_the_plane_of_two_outputs(self, stretches_longer_than):
        # On the planted ring no longer stretch is of two outputs only.
        stretches_longer_than(12)
        sent = create_app().server.test_client().get("/live?model=linear-2&seed=12&pair=0-1").get_json()["plane"]
        plane = queries.plane_of(resolve(Scenario("linear-2", pair=(0, 1))))
        assert unpacked(sent["mean"]).tolist() == plane.mean.tolist()
        assert unpacked(sent["components"]).tolist() == plane.components[:2].tolist()

    def test_who_has_it_is_not_sent_it_again(self, client, monkeypatch):
        first = client.get(f"/live?{SHORT}&ablate=3")
        tag = first.headers["ETag"]
        asked = []
        monkeypatch.setattr(queries, "summary_of", asked.append)
        again = client.get(f"/live?{SHORT}&colour=speed", headers={"If-None-Match": tag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert asked == []
        assert first.headers["Cache-Control"] == "no-cache"

    def test_another_file_or_scenario_is_another_answer(self, empty_world):
        browser = create_app().server.test_client()
        tags = set()
        for seed in (0, 1):
            save(random_network(seed=seed), empty_world.models / "net.safetensors")
            tags |= {browser.get(f"/live?model=net&steps=50&seed={s}").headers["ETag"] for s in (0, 1)}
        assert len(tags) == 4

    @pytest.mark.parametrize("model", ["anonymous", "mislabelled", "growing"])
    def test_any_network_can_be_sent(self, client, model):
        def never(word: str) -> None:
            raise AssertionError(f"{word} is no JSON")

        answer = client.get(f"/live?model={model}&steps=50&trajectories=2")
        sent = json.loads(answer.data, parse_constant=never)
        network = services().models.network(model)
        assert (sent["neurons"], sent["outputs"]) == (network.n_neurons, network.n_outputs)
        assert all(low < high for low, high in sent["plane"]["range"])

    def test_a_network_without_a_plane_gets_a_sentence(self, empty_world):
        save(Network([[0.5]], [[1.0]], [[1.0], [-1.0]]), empty_world.models / "one.safetensors")
        answer = create_app().server.test_client().get("/live?model=one&steps=50")
        refused = {"refused": "the phase of an orbit needs 2 coordinates; got 1."}
        assert (answer.status_code, answer.get_json()) == (200, refused)


class TestBackdrop:
    def test_it_is_of_the_intact_network(self, client):
        answer = client.get(f"/live/backdrop?{SHORT}&ablate=3")
        scenario = Scenario("linear-2", steps=100, trajectories=2)
        there = queries.survey_of(resolve(scenario))
        found = build_occupancy_grid(queries.summary_of(resolve(scenario)).points, there.points, there.residency.region)
        assert (answer.status_code, answer.mimetype) == (200, "application/json")
        assert answer.get_json() == describe_occupancy(found)
        assert answer.get_json()["states"] == 200

    def test_where_no_region_can_be_told_there_is_none(self, client, monkeypatch):
        def diverges(scenario: Scenario) -> None:
            raise FloatingPointError("all states diverge")

        monkeypatch.setattr(queries, "survey_of", diverges)
        answer = client.get(f"/live/backdrop?{SHORT}")
        assert (answer.status_code, answer.get_json()) == (200, None)


class TestPage:
    def test_it_begins_with_the_scenario_of_the_link(self, client):
        answer = client.get(f"/live/page?{SHORT}&ablate=3&gain=1,2:0.5:input&sigma=0.5&seed=7")
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="hmmrnn-live-linear-2.html"'
        scenario = Scenario("linear-2", sigma=0.5, seed=7, steps=100, trajectories=2)
        there, visited = queries.survey_of(resolve(scenario)), queries.summary_of(resolve(scenario)).points
        behind = build_occupancy_grid(visited, there.points, there.residency.region)
        changed = ([3], 0.0, "unit"), ([1, 2], 0.5, "input")
        interventions = [{"neurons": neurons, "mu": mu, "target": target} for neurons, mu, target in changed]
        begins = {"sigma": 0.5, "seed": 7, "interventions": interventions}
        network, plane = services().models.network("linear-2"), queries.plane_of(resolve(Scenario("linear-2")))
        wanted = build_live_payload(network, plane, "linear-2", visited, behind, None, begins)
        assert {**payload_of(answer.text), "groups": None} == wanted

    def test_kick_groups_are_in_it_once_they_are_known_and_never_sought_here(self, empty_world, monkeypatch):
        save(random_network(), empty_world.models / "net.safetensors")
        browser = create_app().server.test_client()
        sought = []

        def search(network, on_progress):
            sought.append(network)
            return SimpleNamespace(groups=(kick_group(0, (3, 5)), kick_group(1, ())))

        monkeypatch.setattr(queries, "detect_kick_neurons", search)
        before = payload_of(browser.get("/live/page?model=net&steps=50&trajectories=2").text)
        assert (before["groups"], sought) == (None, [])
        queries.kick_neurons_of(resolve(Scenario("net")))
        after = payload_of(browser.get("/live/page?model=net&steps=50&trajectories=2").text)
        assert [group["neurons"] for group in after["groups"]] == [[3, 5]]
        assert len(sought) == 1

    def test_a_network_that_diverges_has_a_page_all_the_same(self, client):
        answer = client.get("/live/page?model=growing&steps=50&trajectories=2")
        assert answer.status_code == 200
        assert payload_of(answer.text)["name"] == "growing"


class TestRefusals:
    @pytest.mark.parametrize("path", ["/live", "/live/backdrop", "/live/page", "/report"])
    @pytest.mark.parametrize("link", ["", "model=../../etc/passwd", "model=linear-2&seed=x", "what=1"])
    def test_a_bad_link_gets_a_sentence(self, client, path, link):
        answer = client.get(f"{path}?{link}")
        assert (answer.status_code, answer.mimetype) == (400, "text/plain")
        assert answer.text.endswith(".")
        assert "Traceback" not in answer.text

    @pytest.mark.parametrize("path", ["/live/page", "/report"])
    def test_a_page_of_a_network_that_is_not_there(self, client, path):
        answer = client.get(f"{path}?model=nowhere")
        assert (answer.status_code, answer.mimetype) == (400, "text/plain")

    def test_a_network_that_is_gone_is_no_error_of_the_page(self, client):
        answer, behind = client.get("/live?model=nowhere"), client.get("/live/backdrop?model=nowhere")
        assert answer.status_code == behind.status_code == 200
        assert answer.get_json()["refused"].startswith("there is no network 'nowhere' here; it may have been renamed")
        assert behind.get_json() is None

    def test_a_neuron_that_is_not_there(self, client):
        answer = client.get("/live/page?model=anonymous&steps=50&ablate=12")
        assert answer.status_code == 400
        assert answer.text == "neuron 12 does not exist: this network has 12, numbered 0 to 11."


class TestModules:
    def test_they_are_served_and_are_not_put_into_the_page(self, client):
        modules = sorted(ASSETS.glob("*/*.mjs"))
        assert modules
        for path in modules:
            with client.get(f"/assets/{path.relative_to(ASSETS)}") as answer:
                assert answer.status_code == 200
                assert answer.mimetype in ("text/javascript", "application/javascript")
                assert answer.data == path.read_bytes()
        page = client.get("/").get_data(as_text=True)
        assert "main.js" in page
        assert not re.search(r"<script[^>]*\.mjs", page)
