"""The application as a server: alive, quick to load, ready for many at once, and in words when something goes wrong."""

import base64
import json
import logging
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from dash import Dash
from flask.testing import FlaskClient

import hmmrnn
from hmmrnn.checkpoint import save
from hmmrnn.dashboard import ids, queries, questions
from hmmrnn.dashboard.application import create_app
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.network import Intervention
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]

ROOT = Path(__file__).resolve().parents[1]
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


def ask(client: FlaskClient, output: str, values: dict):
    """What a browser sends when an input of the callback with this output has changed.

    Args:
        output: the id and property of one of its outputs, as in "orbit.figure".
        values: of its inputs and states, by id; None for those that are not there.
    """
    known = [
        item
        for item in client.get("/_dash-dependencies").get_json()
        if not item["clientside_function"] and output in re.split(r"\.\.\.|\.\.", item["output"])
    ]
    assert len(known) == 1
    (callback,) = known

    def filled(wires):
        return [{**{key: wire[key] for key in ("id", "property")}, "value": values.get(wire["id"])} for wire in wires]

    names = [name for name in re.split(r"\.\.\.|\.\.", callback["output"]) if name]
    outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    payload = {
        "output": callback["output"],
        "outputs": outputs if callback["output"].startswith("..") else outputs[0],
        "inputs": filled(callback["inputs"]),
        "state": filled(callback["state"]),
        "changedPropIds": [f"{callback['inputs'][0]['id']}.{callback['inputs'][0]['property']}"],
    }
    return client.post("/_dash-update-component", json=payload)


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

    def test_what_the_scripts_write_to_is_there(self, client):
        there = component_ids(client.get("/_dash-layout").get_json())
        scripts = {path.name: path.read_text() for path in (ROOT / "assets").glob("*.js")}
        written = {
            name: set(re.findall(r'\b(?:set|byId|showIf|tell)\("([a-z-]+)"', text)) for name, text in scripts.items()
        }
        assert len(written["scenario.js"]) > 5
        assert len(written["training.js"]) > 5
        assert {(name, id) for name, found in written.items() for id in found - there} == set()

    def test_every_answer_of_the_browser_is_in_its_scripts(self, client):
        scripts = "".join(path.read_text() for path in (ROOT / "assets").glob("*.js"))
        asked = {
            wire["clientside_function"]["function_name"]
            for wire in client.get("/_dash-dependencies").get_json()
            if wire["clientside_function"]
        }
        made = re.compile(r"(set|tab|answered|cancel|compute)_[a-z_-]+")
        assert {name for name in asked if not made.fullmatch(name) and f" {name}:" not in scripts} == set()

    def test_every_callback_is_wired_to_components_that_are_there(self, client):
        layout = client.get("/_dash-layout").get_json()
        there = component_ids(layout)
        made_later = {ids.MU, ids.TARGET, ids.REMOVE, ids.GROUP}
        for callback in client.get("/_dash-dependencies").get_json():
            for wire in (*callback["inputs"], *callback["state"]):
                kind = json.loads(wire["id"])["type"] if wire["id"].startswith("{") else None
                assert wire["id"] in there or kind in made_later

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
            fresh, codes = create_app(), []
            start = threading.Barrier(2 * len(suites))

            def first(path, fresh=fresh, codes=codes, start=start) -> None:
                browser = fresh.server.test_client()
                start.wait(timeout=30)
                codes.append((path, browser.get(path).status_code))

            asking = [threading.Thread(target=first, args=(path,)) for path in 2 * suites]
            for thread in asking:
                thread.start()
            for thread in asking:
                thread.join(timeout=60)
            assert sorted(codes) == sorted((path, 200) for path in 2 * suites)


class TestImport:
    def test_the_web_process_imports_nothing_that_only_training_or_analysis_needs(self, dashboard):
        code = (
            "import sys, app\n"
            "assert app.server is app.app.server\n"
            "heavy = ('torch', 'geomloss', 'scipy', 'sklearn', 'hmmlearn', 'pandas')\n"
            "print([name for name in heavy if name in sys.modules])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "[]"

    def test_answers_need_no_torch_either(self, dashboard):
        code = (
            "import sys\n"
            "from hmmrnn.dashboard import queries\n"
            "from hmmrnn.dashboard.scenario import Scenario\n"
            "scenario = Scenario('linear-2', steps=100, trajectories=2)\n"
            "queries.motion_of(scenario); queries.landscape_of(scenario)\n"
            "print([name for name in ('torch', 'scipy', 'sklearn') if name in sys.modules])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "[]"


class TestCallbacks:
    def test_a_question_is_answered_over_the_wire(self, client, dashboard):
        scenario = Scenario("linear-2", steps=100, trajectories=2)
        answer = ask(client, "numbers.children", {"scenario": scenario.to_dict(), "theme": "dark", "no-input": False})
        assert answer.status_code == 200
        response = answer.get_json()["response"]
        assert response["state-space-caption"]["children"].startswith("200 states: 2 runs of 100 steps")
        assert response["state-space"]["figure"]["layout"]["paper_bgcolor"] == "#171b22"
        bars = next(trace for trace in response["orbit"]["figure"]["data"] if trace.get("name") == "occupancy")
        sent = np.frombuffer(base64.b64decode(bars["y"]["bdata"]), dtype=bars["y"]["dtype"])
        np.testing.assert_allclose(sent, 100 * queries.motion_of(scenario).profile.occupancy)

    def test_a_link_is_read_over_the_wire(self, client):
        answer = ask(client, "opened.data", {"link-in": "?model=linear-2&ablate=13,22&sigma=1.0&seed=0"})
        scenario = answer.get_json()["response"]["opened"]["data"]["scenario"]
        assert [item["neurons"] for item in scenario["interventions"]] == [[13], [22]]


class TestErrors:
    def notice(self, answer) -> tuple[str, bool]:
        """The sentence on the page, and whether it is hidden; nothing else may change."""
        assert answer.status_code == 200
        body = answer.get_json()
        assert not body.get("response")
        assert set(body["sideUpdate"]) == {ids.NOTICE_TEXT, ids.NOTICE}
        return body["sideUpdate"][ids.NOTICE_TEXT]["children"], body["sideUpdate"][ids.NOTICE]["hidden"]

    def refusal(self, answer) -> str:
        """The sentence that the page's script shows when it goes back; no view may change."""
        assert answer.status_code == 200
        body = answer.get_json()
        assert set(body["response"]) == {ids.answered(ids.STATE_SPACE)}
        return body["response"][ids.answered(ids.STATE_SPACE)]["data"]["refused"]

    def test_bad_input_explains_itself(self, client, caplog):
        bad = {"model": "linear-2", "steps": 5}
        answer = ask(client, "numbers.children", {"scenario": bad, "theme": "light", "no-input": False})
        assert self.refusal(answer) == "Steps must be from 50 to 2,000; got 5."
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

    def test_a_neuron_that_is_not_there_is_bad_input(self, client):
        bad = {"model": "anonymous", "interventions": [{"neurons": [12], "mu": 0, "target": "unit"}]}
        answer = ask(client, "numbers.children", {"scenario": bad, "theme": "light", "no-input": False})
        assert self.refusal(answer) == "Neuron 12 does not exist: this network has 12, numbered 0 to 11."

    def test_a_store_that_is_no_scenario_is_refused_at_the_door(self, client, caplog):
        for garbage in (5, [1, "x"], "linear-2"):
            answer = ask(client, "numbers.children", {"scenario": garbage, "theme": "light", "no-input": False})
            assert answer.status_code == 400
            assert answer.get_json()["refused"].startswith("Scenario: input should be")
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

    def test_a_fault_of_ours_is_a_sentence_on_the_page_and_a_trace_in_the_log(self, client, monkeypatch, caplog):
        def broken(scenario):
            raise RuntimeError("the reason, with /private/paths")

        monkeypatch.setattr(queries, "motion_of", broken)
        data = Scenario("linear-2").to_dict()
        answer = ask(client, "numbers.children", {"scenario": data, "theme": "light", "no-input": False})
        sentence, hidden = self.notice(answer)
        number = answer.headers["X-Request-ID"]
        assert sentence == (
            f"The server could not compute this view; its log says why (request {number}). "
            "What you see is the last good answer."
        )
        assert not hidden
        (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert record.exc_info[0] is RuntimeError
        assert "the reason" in caplog.text
        assert "the reason" not in answer.get_data(as_text=True)

    def test_an_unknown_network_in_the_picker_is_bad_input(self, client):
        answer = ask(client, "fidelity-badge.children", {"open-model": "gone"})
        assert self.notice(answer)[0].startswith("There is no network 'gone'; there are anonymous, growing, linear-2")


class TestReport:
    def test_it_is_served_once_it_is_written(self, client, monkeypatch):
        seen = []
        monkeypatch.setattr(
            questions, "answered", lambda question, scenario: seen.append((question, scenario)) or "<p>"
        )
        link = Scenario("net", seed=3, interventions=(Intervention((2,)),)).to_query()
        answer = client.get(f"/report?{link}")
        assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/html", "<p>")
        assert seen == [(ids.REPORT, Scenario("net", seed=3, interventions=(Intervention((2,)),)))]

    def test_before_that_it_says_where_to_ask_for_it(self, client):
        answer = client.get("/report?model=linear-2")
        assert (answer.status_code, answer.mimetype) == (404, "text/plain")
        assert "open the tab Report" in answer.text

    @pytest.mark.parametrize("link", ["", "model=nowhere", "model=../../etc/passwd", "model=planted&seed=x", "what=1"])
    def test_a_bad_link_gets_a_sentence(self, client, link):
        answer = client.get(f"/report?{link}")
        assert (answer.status_code, answer.mimetype) == (400, "text/plain")
        assert answer.text.endswith(".")
        assert "Traceback" not in answer.text
