"""The life of trainings in real workers that are killed and stopped while they work, on SQLite and on a real Redis."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.checkpoint import load, save
from hmmrnn.dashboard import catalog, folders, ids, inquiries, jobs, queries, questions, queue
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.recipe import TrainingConfig
from hmmrnn.training import fit
from tests.networks import random_network
from tests.programs import PATIENCE_SECONDS, WorkerProcess, eventually, memory

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]

# A worker that is killed must be missed within this time.
MISSED_WITHIN_SECONDS = 10.0
STEPS_COMPARED = 60


@pytest.fixture
def worker(empty_world) -> Iterator[WorkerProcess]:
    """A worker that is not started yet."""
    made = WorkerProcess()
    yield made
    if made.process is not None:
        made.process.terminate()
        made.process.wait(PATIENCE_SECONDS)


def becomes(job_id: str, state: str, within: float = PATIENCE_SECONDS) -> None:
    eventually(lambda: jobs.look_at(job_id).state == state, within)


def step_of(job_id: str) -> int:
    return int(jobs.look_at(job_id).progress.get("step", 0))


def advances(job_id: str) -> None:
    """Wait until a job has trained further than it has now."""
    before = step_of(job_id)
    eventually(lambda: jobs.look_at(job_id).state == jobs.RUNNING and step_of(job_id) > max(before, STEPS_COMPARED))


def small(seed: int, steps: int) -> TrainingConfig:
    return TrainingConfig.preset(
        "linear-2", seed=seed, steps=steps, n_neurons=10, n_inputs=5, batch=32, length=20, pair_from=0.0
    )


@pytest.mark.usefixtures("either_queue")
def test_the_life_of_trainings(worker: WorkerProcess) -> None:
    endless, short = small(seed=0, steps=1_000_000), small(seed=1, steps=3)
    first = jobs.submit(endless)
    second = jobs.submit(short)
    assert not queue.present(queue.TRAININGS)
    assert [jobs.look_at(job).before for job in (first, second)] == [0, 1]
    assert jobs.submit(endless) == first

    worker.start()
    eventually(lambda: queue.present(queue.TRAININGS))
    advances(first)
    assert (jobs.look_at(second).state, jobs.look_at(second).before) == (jobs.WAITING, 1)
    assert jobs.submit(endless) == first
    assert len(jobs.listing()) == 2, "an equal request joins what runs"
    progress = jobs.look_at(first).progress
    assert progress["floor"] < progress["plateau"]
    assert progress["steps_per_second"] > 0
    assert progress["fidelity"]["step"] >= 1

    snapshot = catalog.network(jobs.explore(first))
    assert (snapshot.n_neurons, snapshot.n_inputs, snapshot.n_outputs) == (10, 5, 3)
    assert 1 <= int(snapshot.metadata["steps_done"]) <= step_of(first)

    jobs.cancel(first)
    becomes(first, jobs.CANCELLED)
    becomes(second, jobs.DONE)
    model = jobs.look_at(second).model
    assert model in [entry.name for entry in catalog.entries()]
    whole = fit(short)
    np.testing.assert_array_equal(catalog.network(model).W_hh, whole.network.W_hh)
    assert catalog.network(model).metadata["fidelity_passes"] == "false"
    assert jobs.submit(short) == second
    assert jobs.look_at(second).state == jobs.DONE, "who asks for what is done gets what is done"

    reached = step_of(first)
    jobs.resume(first)
    advances(first)
    assert step_of(first) > reached, "it has gone on, not begun anew"

    worker.kill_the_one_that_works()
    becomes(first, jobs.LOST, within=MISSED_WITHIN_SECONDS)
    jobs.resume(first)
    advances(first)

    worker.stop()
    assert jobs.look_at(first).state == jobs.WAITING, "it was put back, at its place"
    kept = step_of(first)
    worker.start()
    eventually(lambda: jobs.look_at(first).state == jobs.RUNNING and step_of(first) > kept)
    jobs.cancel(first)
    becomes(first, jobs.CANCELLED)

    undisturbed = iter(range(STEPS_COMPARED + 1))
    same = fit(endless, should_stop=lambda: next(undisturbed) == STEPS_COMPARED)
    np.testing.assert_allclose(jobs.losses(first)[:STEPS_COMPARED], same.losses, atol=5e-5)
    assert len(jobs.losses(first)) == step_of(first)


def test_a_training_that_diverges_says_why(worker: WorkerProcess) -> None:
    config = TrainingConfig.from_dict({**small(seed=0, steps=50).to_dict(), "learning_rate": 1e30})
    job_id = jobs.submit(config)
    worker.start()
    becomes(job_id, jobs.FAILED)
    assert "training diverged at step 2" in jobs.look_at(job_id).reason
    assert not list(folders.networks().iterdir())


def test_a_state_that_cannot_be_gone_on_from_is_said(worker: WorkerProcess) -> None:
    job_id = jobs.submit(small(seed=0, steps=3))
    jobs.state_file(job_id).write_bytes(b"not a state")
    worker.start()
    becomes(job_id, jobs.FAILED)
    assert "training cannot go on from state.pt" in jobs.look_at(job_id).reason


def test_a_worker_that_is_killed_leaves_nothing_behind(worker: WorkerProcess) -> None:
    job_id = jobs.submit(small(seed=0, steps=1_000_000))
    worker.start()
    advances(job_id)
    assert worker.process is not None
    children = worker.children()
    # Those that work have PyTorch, which the others do not.
    held = os.sysconf("SC_PAGE_SIZE") * sum(map(memory, [worker.process.pid, *children]))
    name = f"{socket.gethostname()}:{worker.process.pid}"
    eventually(lambda: queue.memory_of_workers(queue.TRAININGS).get(name, 0) == pytest.approx(held, rel=0.2))
    worker.process.kill()
    worker.process.wait()
    worker.process = None
    eventually(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    eventually(lambda: name not in queue.memory_of_workers(queue.TRAININGS))
    becomes(job_id, jobs.LOST, within=MISSED_WITHIN_SECONDS)
    assert load(jobs.snapshot_file(job_id)).n_neurons == 10, "the snapshot is whole"


class TestErrands:
    """Questions that the web process has answered elsewhere."""

    @pytest.fixture
    def scenario(self, either_queue) -> Scenario:
        save(
            replace(random_network(12, 4, 3), metadata={"family": "linear-2"}), either_queue.models / "net.safetensors"
        )
        return Scenario("net", steps=150, trajectories=2)

    def test_an_analysis_is_answered_by_the_worker(self, scenario, worker: WorkerProcess) -> None:
        with pytest.raises(queue.NoWorkerError, match="no worker is running; start one with python -m hmmrnn worker"):
            queries.matching_of(scenario)
        worker.start(queue.ERRANDS)
        eventually(lambda: queue.present(queue.ERRANDS))
        found, here = queries.matching_of(scenario), queries.answer_here("matching", scenario)
        np.testing.assert_array_equal(found.distances, here.distances)
        worker.stop()
        assert queries.matching_of(scenario).distance == found.distance, "it was kept"

    def test_a_refusal_comes_back_as_its_sentence(self, scenario, worker: WorkerProcess) -> None:
        worker.start(queue.ERRANDS)
        eventually(lambda: queue.present(queue.ERRANDS))
        with pytest.raises(ValueError, match="there is no network 'gone'"):
            queue.errand("analyse", "matching", replace(scenario, model="gone"))
        with pytest.raises(RuntimeError, match=r"the worker failed at analyse: .*riddle"):
            queue.errand("analyse", "riddle", scenario)


class TestInquiries:
    """Experiments in real workers, which are killed and told to stop."""

    @pytest.fixture
    def scenario(self, either_queue) -> Scenario:
        save(random_network(150, 60, 3), either_queue.models / "large.safetensors")
        save(random_network(12, 4, 3), either_queue.models / "small.safetensors")
        return Scenario("large", sigma=0.5)

    def state(self, scenario: Scenario) -> str:
        return questions.ask(ids.NOISE, scenario).state

    def test_an_experiment_is_answered_by_the_worker(self, scenario, worker: WorkerProcess) -> None:
        small = replace(scenario, model="small")
        assert questions.ask(ids.NOISE, small).reason == "no worker is running; start one with python -m hmmrnn worker"
        worker.start(queue.INQUIRIES)
        eventually(lambda: self.state(small) == inquiries.DONE)
        found = questions.ask(ids.NOISE, small).answer
        here = questions.answer(ids.NOISE, small, lambda share: None)
        np.testing.assert_array_equal(found.sweep.radius, here.sweep.radius)
        worker.stop()
        assert self.state(small) == inquiries.DONE, "it was kept"

    def test_what_is_killed_is_missed_and_asked_again_and_what_nobody_wants_is_given_up(
        self, scenario, worker: WorkerProcess
    ) -> None:
        self.state(scenario)
        worker.start(queue.INQUIRIES)
        eventually(lambda: self.state(scenario) == inquiries.RUNNING)
        key = questions.ask(ids.NOISE, scenario).key
        eventually(lambda: questions.ask(ids.NOISE, scenario).share > 0)
        worker.kill_the_one_that_works()
        eventually(lambda: self.state(scenario) == inquiries.WAITING, within=MISSED_WITHIN_SECONDS)
        eventually(lambda: self.state(scenario) == inquiries.RUNNING)
        assert queue.look_up(f"inquiry:{key}")["attempt"] == 2
        inquiries.leave(key)
        eventually(lambda: queue.look_up(f"inquiry:{key}") is None)
        # The worker is free for others.
        eventually(lambda: self.state(replace(scenario, model="small")) == inquiries.DONE)
