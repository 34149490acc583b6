"""A data folder, a session, links and users that commit 817106a wrote are opened by this code (see make_data.py)."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hmmrnn import shipped
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import read_metadata
from hmmrnn.model.metadata import known_target
from hmmrnn.server.api import downloads
from hmmrnn.server.auth import users
from hmmrnn.server.services import services
from hmmrnn.tasks import queue, sweeps, trainings
from hmmrnn.tasks.training_run import run_training
from tests.services import services_of_environment

OLD = Path(__file__).with_name("data-817106a")
EXPECTED = json.loads((OLD / "expected.json").read_text(encoding="utf-8"))
TRAININGS = EXPECTED["trainings"]
STATES = sorted(TRAININGS)
RESUMABLE = ("cancelled", "failed", "lost")


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the old data folder, which this code works in."""
    shutil.copytree(OLD / "data", tmp_path / "data")
    monkeypatch.setenv("HMMRNN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HMMRNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HMMRNN_MODELS", str(shipped.MODELS))
    monkeypatch.delenv("HMMRNN_REDIS_URL", raising=False)
    with services_of_environment():
        yield tmp_path / "data"


def test_the_folders_are_where_they_were(data: Path) -> None:
    assert (services().data.networks, services().data.trainings, services().data.sweeps) == tuple(
        data / name for name in ("networks", "trainings", "sweeps")
    )


class TestNetworks:
    def test_all_are_offered(self) -> None:
        kept = [item.name for item in services().models.entries() if item.path.parent == services().data.networks]
        assert kept == sorted(EXPECTED["networks"])

    @pytest.mark.parametrize("name", sorted(EXPECTED["networks"]))
    def test_a_network_is_as_it_was(self, name: str) -> None:
        network, expected = services().models.network(name), EXPECTED["networks"][name]
        assert [network.n_neurons, network.n_inputs, network.n_outputs] == expected["sizes"]
        assert dict(network.metadata) == expected["metadata"]
        for tensor in ("W_hh", "W_ih", "W_out", "b_h", "b_out"):
            assert float((getattr(network, tensor) ** 2).sum()) == pytest.approx(expected[tensor], rel=1e-12)

    def test_the_hmm_that_it_was_trained_on_is_known(self) -> None:
        found = services().models.entry(TRAININGS["done"]["model"]).header
        hmm, _ = known_target(found.metadata, found.n_outputs)
        assert hmm is not None
        assert hmm.name == "linear-2"

    def test_the_file_that_a_user_has_opened_is_not_asked_for_again(self) -> None:
        digest = EXPECTED["networks"][EXPECTED["opened"]]["metadata"]["opened_sha256"]
        assert services().uploads.outcome(digest) == {"state": "ready", "model": EXPECTED["opened"]}


class TestTrainings:
    def test_all_are_listed(self) -> None:
        assert {job.id for job in services().trainings.listing()} >= {kept["id"] for kept in TRAININGS.values()}

    @pytest.mark.parametrize("state", STATES)
    def test_a_training_is_as_it_was(self, state: str) -> None:
        expected = TRAININGS[state]
        job = services().trainings.look_at(expected["id"])
        assert job.state == state
        assert (job.reason, job.model) == (expected["reason"], expected["model"])
        assert job.config.to_dict() == expected["config"]
        assert (job.progress.model_dump() if job.progress else {}) == expected["progress"]
        assert (job.asked_at, job.requester) == (expected["asked_at"], expected["asker"])
        assert services().trainings.losses(job.id) == expected["losses"]

    @pytest.mark.parametrize("state", STATES)
    def test_the_same_settings_are_the_same_training(self, state: str) -> None:
        job = services().trainings.look_at(TRAININGS[state]["id"])
        assert trainings.id_of(job.config) == job.id
        assert services().trainings.submit(job.config) == job.id

    def test_its_snapshot_can_be_explored(self) -> None:
        assert services().trainings.explore(TRAININGS["cancelled"]["id"]) == EXPECTED["snapshot"]

    def test_what_waited_in_the_queue_still_waits(self) -> None:
        assert services().queues.waiting(queue.TRAIN) == [(TRAININGS["waiting"]["id"],)]

    def test_what_waited_in_the_queue_is_taken_by_a_worker(self) -> None:
        item = services().queues.queue(queue.TRAININGS).dequeue()
        assert (item.name, item.args) == ("train", (TRAININGS["waiting"]["id"],))

    @pytest.mark.parametrize("state", RESUMABLE)
    def test_what_was_stopped_can_be_resumed(self, state: str) -> None:
        services().trainings.resume(TRAININGS[state]["id"])
        assert services().trainings.look_at(TRAININGS[state]["id"]).state == "waiting"

    @pytest.mark.parametrize("state", ["cancelled", "lost"])
    def test_a_training_goes_on_from_its_state_file(self, state: str) -> None:
        job_id, before = TRAININGS[state]["id"], TRAININGS[state]["losses"]
        steps = TRAININGS[state]["config"]["steps"]
        services().trainings.resume(job_id)
        run_training(services().trainings, job_id)
        job = services().trainings.look_at(job_id)
        assert (job.state, job.step) == ("done", steps)
        # A killed worker may have told of a step that its state file does not have yet.
        assert services().trainings.losses(job_id)[: len(before) - 1] == before[:-1]
        assert read_metadata(services().data.networks / f"{job.model}.safetensors").metadata["steps_done"] == str(steps)


class TestSweeps:
    def sweep(self) -> sweeps.Sweep:
        (found,) = services().sweeps.listing()
        assert found.name == EXPECTED["sweep"]["name"]
        return found

    def test_its_table_is_as_it_was(self) -> None:
        assert sweeps.csv_text(self.sweep(), services().sweeps.table_now(self.sweep())) == EXPECTED["sweep"]["csv"]

    def test_its_counts_are_as_they_were(self) -> None:
        assert sweeps.counts(services().sweeps.table_now(self.sweep())) == EXPECTED["sweep"]["counts"]

    def test_beginning_it_again_finds_it(self) -> None:
        services().sweeps.keep(self.sweep())
        assert services().sweeps.find(EXPECTED["sweep"]["name"]) == self.sweep()


class TestLinks:
    @pytest.mark.parametrize("link", EXPECTED["links"], ids=lambda link: link["query"][:80])
    def test_a_link_opens_its_scenario(self, link: dict[str, Any]) -> None:
        opened = Scenario.from_query(link["query"], default_model="linear-5")
        assert opened == Scenario.from_dict(link["scenario"])
        # Which tab was open is no part of a scenario any more; the page opens the chapter of that view.
        assert opened.to_query() == re.sub("&tab=[^&]*", "", link["query"])

    def test_a_session_opens(self) -> None:
        found = downloads.session_of((OLD / "session.json").read_bytes())
        scenarios = [Scenario.from_dict(link["scenario"]).to_dict() for link in EXPECTED["links"]]
        plain = json.loads(json.dumps(found))
        assert (plain["past"], plain["present"], plain["future"]) == (scenarios[2:], scenarios[1], scenarios[:1])


def test_a_user_signs_in_with_the_same_password() -> None:
    known = users.read(OLD / "users.txt")
    assert users.matches(known, "ada", "correct horse battery")
    assert not users.matches(known, "ada", "wrong horse battery")
