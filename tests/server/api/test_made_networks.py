"""Networks that lenses make, fetched as files: their weights, their names, and what is refused."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from hmmrnn.explorer.lens_answers import LensAnswer
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.lenses.hmm_recovery import Recovered
from hmmrnn.lenses.sparse_recordings import SHARES, train_and_compare
from hmmrnn.lenses.weight_halves import split_halves
from hmmrnn.model import metadata
from hmmrnn.model.checkpoint import load
from hmmrnn.server.services import resolve
from hmmrnn.tasks.experiments import Experiments
from hmmrnn.training.students import StudentConfig

pytest_plugins = ["tests.fixtures_dashboard"]

LINK = "model=linear-2&ablate=3&seed=5"


@pytest.fixture
def now(dashboard):
    return resolve(Scenario.from_query(LINK, "")).now


def made(client, path: str, tmp_path):
    with client.get(f"/made/{path}?{LINK}") as answer:
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        name = answer.headers["Content-Disposition"].partition("filename=")[2].strip('"')
        (tmp_path / name).write_bytes(answer.data)
    return name, load(tmp_path / name)


def test_a_mixture_of_the_network_as_it_is_now(client, now, tmp_path) -> None:
    name, network = made(client, "halves/0.5/1.25", tmp_path)
    S, K = split_halves(now.W_hh)
    assert name == "linear-2-0.5S-1.25K.safetensors"
    assert np.allclose(network.W_hh, 0.5 * S + 1.25 * K)
    assert np.array_equal(network.W_ih[3], np.zeros(now.n_inputs))
    assert network.metadata["made"] == "0.5 S + 1.25 K of linear-2"
    assert made(client, "halves/1/1", tmp_path)[1].W_hh.tobytes() == now.W_hh.tobytes()


def test_a_number_that_is_written_otherwise_is_fit_for_the_header(client, now, tmp_path) -> None:
    assert made(client, "halves/%0A0.50/1_0e-1", tmp_path)[0] == "linear-2-0.5S-1K.safetensors"


@pytest.mark.parametrize("truncation", ["weighted", "svd", "random"])
def test_a_lower_rank(client, now, tmp_path, truncation) -> None:
    name, network = made(client, f"rank/{truncation}/2", tmp_path)
    assert name == f"linear-2-rank-2-{truncation}.safetensors"
    assert np.linalg.matrix_rank(network.W_hh) == 2
    assert network.metadata["made"] == f"rank 2 ({truncation}) of linear-2"


@pytest.fixture
def shown(monkeypatch):
    """Gives what a lens has found, as if its figure were there."""

    def show(found) -> None:
        monkeypatch.setattr(Experiments, "known_result", lambda *_: LensAnswer(found, None))

    return show


def test_a_student_that_the_lens_has_trained(client, now, tmp_path, shown) -> None:
    seen = train_and_compare(now, SHARES, StudentConfig(steps=2, batch=2), {})
    shown(seen)
    for student, one in zip(["0.1", "0.3", "outputs"], seen.students, strict=True):
        name, network = made(client, f"student/{student}", tmp_path)
        assert name == f"linear-2-student-{student}.safetensors"
        assert np.allclose(network.W_hh, one.W_hh, atol=1e-6)
    assert network.metadata["made"] == "student of linear-2, given its outputs alone"
    assert "student must be one of 0.1, 0.3, outputs" in client.get(f"/made/student/0.5?{LINK}").text.lower()


def test_the_recovered_hmm_as_the_target(client, now, tmp_path, shown) -> None:
    values = dict.fromkeys((one.name for one in fields(Recovered)), 0)
    A, B = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
    shown(Recovered(**{**values, "A": A, "B": B}))
    name, network = made(client, "recovered", tmp_path)
    assert name == "linear-2-recovered.safetensors"
    assert np.array_equal(network.W_hh, now.W_hh)
    target = metadata.target(network.metadata, 3)
    assert target.name == "recovered"
    assert np.allclose(target.A, A)
    assert np.allclose(target.B, B)
    assert not [key for key in network.metadata if key.startswith("fidelity")], "that was measured of another target"


@pytest.mark.parametrize("path", ["student/0.1", "recovered"])
def test_what_the_lens_has_not_shown_yet_is_not_made(client, path) -> None:
    assert "wait until its figure is there" in client.get(f"/made/{path}?{LINK}").get_json()["refused"]


@pytest.mark.parametrize(("path", "sentence"), [
    ("halves/3/1", "Alpha must be from 0 to 2; got 3."), ("halves/nan/1", "Alpha must be from 0 to 2; got nan."),
    ("halves/a/1", "Alpha and beta must be numbers; got 'a'."),
    ("rank/best/2", "Truncation must be one of weighted, svd, random; got 'best'."),
    ("rank/svd/100000", "The rank must be from 1 to N = "),
])  # fmt: skip
def test_refusals(client, path, sentence) -> None:
    said = client.get(f"/made/{path}?{LINK}").get_json()["refused"]
    assert said.lower().startswith(sentence.lower())
    assert client.get("/made/halves/1/1?model=none-there").get_json()["refused"]
