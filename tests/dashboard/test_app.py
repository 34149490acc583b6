"""The application as a server: alive, quick to load, ready for many at once, and in words when something goes wrong."""

import base64
import logging
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from dash import Dash
from flask.testing import FlaskClient

import hmmrnn
from hmmrnn.dashboard import chapters, ids
from hmmrnn.dashboard.app import create_app
from hmmrnn.dashboard.configuration import configuration
from hmmrnn.explorer import queries
from hmmrnn.explorer.experiments import REPORT
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Intervention
from hmmrnn.server.services import resolve
from hmmrnn.tasks.experiments import Experiments
from tests.networks import random_network
from tests.programs import at_once

pytest_plugins = ["tests.fixtures_dashboard"]

ROOT = Path(__file__).resolve().parents[2]
CONTRACT_IDS = (
    "state-space", "region-map", "orbit", "connectivity", "neuron-table", "interventions", "undo", "redo", "reset",
)  # fmt: skip


@pytest.fixture
def app(dashboard) -> Dash:
    return create_app()


@pytest.fixture
def client(app) -> FlaskClient:
    return app.server.test_client()


def component_ids(layout) -> set[str]:
    """Every id on the page, as a browser gets it."""
    if isinstance(layout, list):
        return {found for item in layout for found in component_ids(item)}
    if not isinstance(layout, dict):
        return set()
    own = {layout["id"]} if isinstance(layout.get("id"), str) else set()
    return own.union(*(component_ids(item) for item in layout.values() if isinstance(item, dict | list)), set())


def ask(client: FlaskClient, scenario: dict, **change):
    """What a browser asks for the numbers of a scenario."""
    asked = {"scenario": scenario, "views": [ids.NUMBERS], "fresh": [], "theme": "light", "settled": False}
    return client.post("/views", json={**asked, **change})


class TestServer:
    def test_it_says_that_it_is_alive(self, client):
        answer = client.get("/healthz")
        assert answer.status_code == 200
        assert answer.mimetype == "application/json"
        assert answer.get_json() == {"status": "ok", "version": hmmrnn.__version__, "networks": 4}

    def test_it_is_alive_without_any_network(self, empty_world):
        answer = create_app().server.test_client().get("/healthz")
        assert (answer.status_code, answer.get_json()["networks"]) == (200, 0)

    def test_the_page_is_served(self, client):
        answer = client.get("/")
        assert answer.status_code == 200
        assert answer.mimetype == "text/html"
        assert b"<title>hmmrnn</title>" in answer.data

    @pytest.mark.parametrize("path", ["/train", "/train/", "/train/0123456789ab", "/train/<script>"])
    def test_every_address_of_a_training_is_the_same_page(self, client, path):
        answer = client.get(path)
        assert answer.status_code == 200
        assert b"<title>hmmrnn</title>" in answer.data

    def test_nothing_of_the_page_comes_from_elsewhere(self, client):
        sources = re.findall(r'(?:src|href)="([^"]+)"', client.get("/").get_data(as_text=True))
        assert sources
        assert not [source for source in sources if not source.startswith("/")]

    def test_the_components_that_others_rely_on_are_on_the_page(self, client):
        found = component_ids(client.get("/_dash-layout").get_json())
        assert set(CONTRACT_IDS) <= found

    def test_every_id_of_the_configuration_is_on_the_page_and_scripts_use_no_other(self, app, client):
        there = component_ids(client.get("/_dash-layout").get_json())
        known = configuration(app)["ids"]
        in_page = {ids.CONFIGURATION, ids.FIRST, ids.LAYOUT, ids.WIRES, ids.ANSWERS}
        in_bodies = {graph for view in chapters.shown_views() for graph in (*view.graph_ids, view.id)} | {ids.NUMBERS}
        assert set(known.values()) - there <= in_page | in_bodies
        scripts = [path.read_text() for path in (ROOT / "assets").rglob("*.*js")]
        used = {name for text in scripts for name in re.findall(r'\b(?:ids\.|idOf\("|element\(")([A-Z][A-Z_]+)', text)}
        assert len(used) > 30
        assert used <= set(known)

    def test_every_function_that_dash_calls_is_in_the_scripts(self, client):
        scripts = "".join(path.read_text() for path in (ROOT / "assets").rglob("*.mjs"))
        called = {wire["clientside_function"]["function_name"] for wire in client.get("/_dash-dependencies").get_json()}
        assert {name for name in called if not name.startswith("set_") and f" {name}:" not in scripts} == set()

    def test_dash_is_asked_for_nothing_but_layout_and_scripts(self, client):
        known = client.get("/_dash-dependencies").get_json()
        assert known
        assert all(callback["clientside_function"] for callback in known)
        answer = client.post("/_dash-update-component", json={"output": "numbers.children"})
        assert answer.status_code == 400
        assert "reload the page" in answer.get_json()["refused"]

    def test_a_network_that_is_added_is_offered_after_a_reload(self, empty_world):
        browser = create_app().server.test_client()
        assert "added" not in browser.get("/_dash-layout").get_data(as_text=True)
        save(random_network(), empty_world.models / "added.safetensors")
        assert "added" in browser.get("/_dash-layout").get_data(as_text=True)

    def test_the_label_of_a_network_says_family_and_sizes(self, client):
        text = client.get("/_dash-layout").get_data(as_text=True)
        assert "linear-2 (fully-connected): N = 51, M = 7, 3 outputs" in text
        assert "anonymous (unknown family): N = 12, M = 4, 3 outputs" in text

    def test_scripts_are_compressed_and_answers_are_not(self, client):
        page = client.get("/").get_data(as_text=True)
        script = re.search(r'src="(/_dash-component-suites/[^"]+dash_renderer[^"]+)"', page)[1]
        compressed = client.get(script, headers={"Accept-Encoding": "gzip"})
        assert compressed.headers["Content-Encoding"] == "gzip"
        answer = client.get("/_dash-layout", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers


class TestFirstRequests:
    def test_a_fresh_process_answers_many_at_once(self, client, dashboard):
        """A browser asks for all component suites at once, and they may be the first that a process is asked."""
        page = client.get("/").get_data(as_text=True)
        suites = sorted({source for source in re.findall(r'src="([^"]+)"', page) if "_dash-component-suites" in source})
        assert len(suites) >= 4
        for _ in range(3):
            server = create_app().server
            asked = [(server.test_client(), path) for path in 2 * suites]
            answers = at_once(*(partial(browser.get, path) for browser, path in asked))
            assert [answer.status_code for answer in answers] == [200] * len(asked)


def printed(code: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestImport:
    def test_the_web_process_imports_nothing_that_only_training_or_analysis_needs(self, dashboard):
        code = (
            "import sys, app\n"
            "assert app.server is app.app.server\n"
            "heavy = ('torch', 'geomloss', 'scipy', 'sklearn', 'hmmlearn', 'pandas')\n"
            "print([name for name in heavy if name in sys.modules])\n"
        )
        assert printed(code) == "[]"

    def test_answers_need_no_torch_either(self, dashboard):
        code = (
            "import sys\n"
            "from hmmrnn.explorer import queries\n"
            "from hmmrnn.explorer.scenario import Scenario\n"
            "from hmmrnn.server.services import Services\n"
            "from hmmrnn.server.settings import Settings\n"
            "scenario = Scenario('linear-2', steps=100, trajectories=2)\n"
            "explored = Services(Settings.from_environment()).explorer.resolve(scenario)\n"
            "queries.summary_of(explored); queries.survey_of(explored)\n"
            "print([name for name in ('torch', 'scipy', 'sklearn') if name in sys.modules])\n"
        )
        assert printed(code) == "[]"


class TestQuestions:
    def test_a_question_is_answered_over_the_wire(self, client, dashboard):
        scenario = Scenario("linear-2", steps=100, trajectories=2)
        answer = ask(client, scenario.to_dict(), views=[ids.STATE_SPACE, ids.ORBIT], theme="dark")
        assert answer.status_code == 200
        found = dict(answer.get_json()["updates"])
        assert found["state-space-caption"]["children"].startswith("200 states: 2 runs of 100 steps")
        assert found["orbit"]["figure"]["layout"]["paper_bgcolor"] == "#171b22"
        bars = next(trace for trace in found["orbit"]["figure"]["data"] if trace.get("name") == "occupancy")
        sent = np.frombuffer(base64.b64decode(bars["y"]["bdata"]), dtype=bars["y"]["dtype"])
        np.testing.assert_allclose(sent, 100 * queries.summary_of(resolve(scenario)).profile.occupancy)

    def test_a_link_is_read_over_the_wire(self, client):
        scenario = client.get("/link?model=linear-2&ablate=13,22&sigma=1.0&seed=0").get_json()["scenario"]
        assert [item["neurons"] for item in scenario["interventions"]] == [[13], [22]]

    @pytest.mark.parametrize(
        "path", ["/network", "/tasks", "/claims", "/kick-groups", "/watch/training", "/train/check"]
    )
    def test_no_question_is_answered_in_another_form(self, client, path):
        for body in ({}, [], "linear-2", {"model": 5}, {"model": "x" * 300, "leave": [], "sections": []}):
            answer = client.post(path, json=body)
            assert answer.status_code == 400
            assert answer.get_json()["refused"].endswith("report it to the administrator of the server.")
        # No page of another site can send JSON.
        assert client.post(path, data="{}", content_type="text/plain").status_code == 400
        assert client.get(path).mimetype == "text/html", "the page, as at every other address"


class TestErrors:
    def refusal(self, answer) -> str:
        assert answer.status_code == 200
        said = answer.get_json()
        # A network that is gone is named, so that the page can go on with another one.
        assert set(said) <= {"refused", "gone"}
        return said["refused"]

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            ({"model": "linear-2", "steps": 5}, "Steps must be from 50 to 2,000; got 5."),
            (
                {"model": "anonymous", "interventions": [{"neurons": [12], "mu": 0, "target": "unit"}]},
                "Neuron 12 does not exist: this network has 12, numbered 0 to 11.",
            ),
            ({"model": "gone"}, "There is no network 'gone' here; it may have been renamed or removed."),
            ({"steps": 60}, "A scenario has a model and may have "),
        ],
    )
    def test_bad_input_explains_itself(self, client, caplog, bad, words):
        assert self.refusal(ask(client, bad)).startswith(words)
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

    def test_what_is_no_scenario_is_refused_before_anything_is_done(self, client, caplog):
        for garbage in (5, [1, "x"], "linear-2"):
            answer = ask(client, garbage)
            assert answer.status_code == 400
            assert answer.get_json()["refused"].startswith("Views.scenario: input should be")
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

    def test_a_fault_of_ours_is_a_sentence_on_the_page_and_a_trace_in_the_log(self, client, monkeypatch, caplog):
        def broken(explored):
            raise RuntimeError("the reason, with /private/paths")

        monkeypatch.setattr(queries, "summary_of", broken)
        answer = ask(client, Scenario("linear-2").to_dict())
        assert answer.status_code == 500
        number = answer.headers["X-Request-ID"]
        assert answer.get_json() == {
            "refused": f"The server could not compute this; its log says why (request {number})."
        }
        (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert record.exc_info[0] is RuntimeError
        assert "the reason" in caplog.text
        assert "the reason" not in answer.get_data(as_text=True)


class TestReport:
    def test_it_is_served_once_it_is_written(self, client, monkeypatch):
        seen = []
        monkeypatch.setattr(
            Experiments,
            "known_result",
            lambda _self, name, subject, files: seen.append((name, subject)) or "<p>",
        )
        link = Scenario("linear-2", seed=3, interventions=(Intervention((2,)),)).to_query()
        answer = client.get(f"/report?{link}")
        assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/html", "<p>")
        assert seen == [(REPORT, Scenario("linear-2", seed=3, interventions=(Intervention((2,)),)))]

    def test_before_that_it_says_where_to_ask_for_it(self, client):
        answer = client.get("/report?model=linear-2")
        assert (answer.status_code, answer.mimetype) == (404, "text/plain")
        assert "open Report" in answer.text

    @pytest.mark.parametrize("link", ["", "model=nowhere", "model=../../etc/passwd", "model=planted&seed=x", "what=1"])
    def test_a_bad_link_gets_a_sentence(self, client, link):
        answer = client.get(f"/report?{link}")
        assert (answer.status_code, answer.mimetype) == (400, "text/plain")
        assert answer.text.endswith(".")
        assert "Traceback" not in answer.text
