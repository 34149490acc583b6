"""The addresses under which a run, its code and a session are carried off: what they send, and what they refuse."""

import io
import json

import numpy as np
import pytest
from flask.testing import FlaskClient

from hmmrnn.dashboard.app import create_app
from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.model.simulation import simulate
from hmmrnn.server.api import downloads
from hmmrnn.server.services import resolve
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]

SHORT = "model=linear-2&steps=100&trajectories=2"
LINK = f"{SHORT}&ablate=3&gain=1,2:0.5:input&sigma=0.5&seed=7&colour=output"
HEADERS = {"X-Requested-With": "hmmrnn"}


def arrays_of(client: FlaskClient, link: str) -> dict[str, np.ndarray]:
    with client.get(f"/run.npz?{link}") as answer:
        assert answer.status_code == 200
        # Pickles are refused unless asked for.
        with np.load(io.BytesIO(answer.data)) as file:
            return dict(file)


class TestRun:
    def test_it_is_the_run_of_the_scenario(self, client):
        scenario = Scenario.from_query(LINK, "")
        found = arrays_of(client, LINK)
        run = simulate(resolve(scenario).now, steps=100, trajectories=2, sigma=0.5, seed=7)
        names = ("h", "pre_activation", "logits", "probabilities", "output", "emission", "valid", "diverged_at")
        for name in names:
            wanted = getattr(run, name)
            np.testing.assert_array_equal(found[name], wanted)
            assert found[name].dtype == wanted.dtype
        np.testing.assert_array_equal(found["points"], queries.summary_of(resolve(scenario)).points)
        assert set(found) == {*names, "points", "point_names", "selected", "axes", "link", "scenario"}

    def test_it_says_what_is_selected_and_what_each_axis_counts(self, client):
        drawn = arrays_of(client, SHORT)
        assert drawn["selected"].all()
        found = arrays_of(client, f"{SHORT}&span=11-40")
        wanted = np.zeros((2, 100), dtype=bool)
        wanted[:, 10:40] = True
        np.testing.assert_array_equal(found["selected"], wanted)
        x, y = np.median(drawn["points"].reshape(-1, drawn["points"].shape[-1]), axis=0)[:2]
        area = f"{x},{y},{x + 1e3},{y},{x + 1e3},{y + 1e3},{x},{y + 1e3}"
        inside = (drawn["points"][..., :2] > [x, y]).all(axis=-1)
        found = arrays_of(client, f"{SHORT}&area={area}")
        np.testing.assert_array_equal(found["selected"], inside)
        assert 0 < inside.sum() < inside.size
        axes = json.loads(str(found["axes"]))
        assert {name: len(axes[name]) for name in axes} == {name: found[name].ndim for name in axes}
        assert found["point_names"].tolist() == ["PC1 of h", "PC2 of h", "PC3 of h"][: found["points"].shape[2]]

    def test_it_says_what_opens_the_page(self, client):
        found = arrays_of(client, LINK)
        assert Scenario.from_query(str(found["link"]), "") == Scenario.from_query(LINK, "")
        assert Scenario.from_dict(json.loads(str(found["scenario"]))) == Scenario.from_query(LINK, "")

    def test_it_has_a_name_and_says_before_whether_it_can_be_had(self, client):
        check = client.get(f"/run.npz/check?{LINK}").get_json()
        with client.get(f"/run.npz?{LINK}") as answer:
            assert answer.headers["Content-Disposition"] == f"attachment; filename={check['file']}"
            assert check["file"] == "hmmrnn-linear-2-run.npz"
            assert check["bytes"] < len(answer.data) < 1.5 * check["bytes"]

    def test_a_run_that_diverges_says_from_which_step_on(self, client):
        found = arrays_of(client, "model=growing&steps=100&trajectories=2")
        at = found["diverged_at"]
        assert (at >= 0).all()
        np.testing.assert_array_equal(found["valid"], np.arange(100) < at[:, None])
        np.testing.assert_array_equal(np.isnan(found["points"][..., 0]), ~found["valid"])

    def test_what_is_too_large_in_double_precision_is_single(self, client, monkeypatch):
        double = arrays_of(client, LINK)
        monkeypatch.setattr(downloads, "MAX_ACTIVITY_BYTES", double["h"].nbytes)
        single = arrays_of(client, LINK)
        for name in ("h", "pre_activation"):
            assert single[name].dtype == np.float32
            np.testing.assert_array_equal(single[name], double[name].astype(np.float32))
        np.testing.assert_array_equal(single["logits"], double["logits"])

    def test_what_is_too_large_for_that_is_refused(self, client, monkeypatch):
        monkeypatch.setattr(downloads, "MAX_ACTIVITY_BYTES", 1000)
        for path in ("/run.npz", "/run.npz/check"):
            answer = client.get(f"{path}?model=anonymous&steps=2000&trajectories=16")
            words = "16 runs of 2,000 steps of 12 neurons are 3 MB; a file may hold 0 MB; choose fewer trajectories"
            assert answer.status_code == 200
            assert answer.get_json()["refused"] == f"{words} or a shorter window."

    def test_the_network_of_the_paper_stays_in_double_precision_at_every_window(self):
        assert 2 * 32_000 * 150 * downloads.DOUBLE <= downloads.MAX_ACTIVITY_BYTES


class TestRefusals:
    @pytest.mark.parametrize("path", ["/run.npz", "/run.npz/check", "/code"])
    @pytest.mark.parametrize(
        "link", ["", "model=nowhere", "model=../../etc/passwd", f"{SHORT}&seed=x", "what=1", f"{SHORT}&ablate=999"]
    )
    def test_a_bad_link_gets_a_sentence_and_no_error(self, client, path, link):
        answer = client.get(f"{path}?{link}")
        assert (answer.status_code, answer.mimetype) == (200, "application/json")
        assert list(answer.get_json()) == ["refused"]
        assert answer.get_json()["refused"].endswith(".")

    def test_a_neuron_of_what_is_compared_with(self, client):
        answer = client.get("/code?model=anonymous&steps=50&a_ablate=12")
        assert answer.get_json()["refused"].startswith("neuron 12 does not exist")


def test_code_is_text(client):
    answer = client.get(f"/code?{LINK}")
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert answer.text == downloads.code_of(resolve(Scenario.from_query(LINK, "")))


def written(past=(), present=f"?{SHORT}", future=(), **more) -> dict:
    links = {"past": list(past), "present": present, "future": list(future)}
    return {"format": "hmmrnn-session", "version": 1, "saved": "2026-01-02T03:04:05.000Z", **links, **more}


def sent(client: FlaskClient, content: object) -> dict:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = client.post("/session", data=data, headers=HEADERS)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.get_json()


class TestSession:
    def test_its_links_become_scenarios_in_their_order(self, client):
        past = [f"?{SHORT}&seed={seed}" for seed in (1, 2)]
        future = [f"?{SHORT}&seed=4&ablate=1,2&tab=noise", "?model=anonymous&steps=50&pair=0-1"]
        found = sent(client, written(past, f"?{LINK}", future))
        assert found == {
            "past": [Scenario.from_query(link, "").to_dict() for link in past],
            "present": Scenario.from_query(LINK, "").to_dict(),
            "future": [Scenario.from_query(link, "").to_dict() for link in future],
        }

    def test_as_many_scenarios_as_the_page_keeps_are_read(self, client):
        links = [f"?{SHORT}&seed={seed}" for seed in range(200)]
        found = sent(client, written(links, future=links))
        assert (len(found["past"]), len(found["future"])) == (200, 200)

    @pytest.mark.parametrize(("content", "words"), [
        (b"", "this file is no JSON (Expecting value"), (b"\xff\xfe", "this file is no JSON ('utf-8' codec"),
        (b"[" * 100_000, "this file is no JSON (it is nested too deep)"),
        (b"[]", 'this file is no session: format must be "hmmrnn-session"; got a list; choose a file that Save'),
        (b'{"a": 1}', 'format must be "hmmrnn-session"; got None'), (written(format="x" * 500), "got 'xxx"),
        (written(version=2), "this session has version 2; expected 1; open it with the hmmrnn that it was saved"),
        (written(version=True), "this session has version True; expected 1"),
        (written(past=[1]), "past of this session must be a list of links; got [1]"),
        ({**written(), "past": "?model=linear-2"}, "past of this session must be a list of links; got '?model"),
        ({**written(), "future": None}, "future of this session must be a list of links; got None"),
        (written(present=7), "present of this session must be a link; got 7"),
        (written([f"?{SHORT}"] * 401), "this session has 402 scenarios; expected at most 401; remove the oldest"),
        (written(["?what=1"]), "link 1 of past of this session could not be opened: unknown link parameter"),
        (written(future=[f"?{SHORT}", "?model=gone"]), "link 2 of future of this session could not be opened: "),
        (written(present="?model=anonymous&ablate=12"), "the present link of this session could not be opened: "),
        (written(["?model=anonymous&ablate=12"]), "neuron 12 does not exist: anonymous has 12, numbered 0 to 11."),
        (written(["?model=anonymous&a_ablate=12"]), "neuron 12 does not exist"),
        (written(["?model=anonymous&picked=12"]), "neuron 12 does not exist"),
        (written(["?model=anonymous&colour=neuron&neuron=12"]), "neuron 12 does not exist"),
        (written(["?model=anonymous&pair=1-3"]), "output 3 does not exist: anonymous has 3, numbered 0 to 2."),
        (written(present="?model=growing&pair=0-1"), "the present scenario of this session cannot be shown: no "),
        (b" " * 1_000_001, "this file has more than 1,000,000 bytes (1 MB), which no session has; choose a file"),
    ])  # fmt: skip
    def test_what_is_none_gets_a_sentence(self, client, content, words):
        answer = sent(client, content)
        assert list(answer) == ["refused"]
        assert words in answer["refused"]
        assert answer["refused"].endswith(".")
        assert len(answer["refused"]) < 600

    def test_a_network_that_is_gone(self, empty_world):
        save(random_network(), empty_world.models / "net.safetensors")
        browser = create_app().server.test_client()
        session = written(present="?model=net&steps=50")
        assert "refused" not in sent(browser, session)
        (empty_world.models / "net.safetensors").unlink()
        assert "there is no network 'net'" in sent(browser, session)["refused"]

    def test_only_the_pages_of_this_server_may_ask(self, client):
        assert client.post("/session", data=json.dumps(written())).status_code == 403
        # To be asked for is not to be sent to: that is the page itself.
        assert client.get("/session", headers=HEADERS).mimetype == "text/html"
