"""Trainings in a real worker process that is killed and stopped while it works, on SQLite and on a real Redis."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from hmmrnn.model.checkpoint import load
from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from hmmrnn.tasks.store import TaskState
from hmmrnn.training.trainer import fit
from tests.programs import WorkerProcess, children, eventually, gone, memory
from tests.sweeps import short_training

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shared_world")]

STEPS_COMPARED = 30


@pytest.fixture(scope="module")
def shared_worker(shared_world: None) -> Iterator[WorkerProcess]:
    made = WorkerProcess()
    yield made
    made.stop()


@pytest.fixture
def worker(shared_worker: WorkerProcess) -> WorkerProcess:
    """A worker that runs; one for all tests, unless a test has ended it."""
    if shared_worker.process is None:
        shared_worker.start()
    return shared_worker


@pytest.fixture
def endless(request: pytest.FixtureRequest, worker: WorkerProcess) -> Iterator[str]:
    """A training that runs until the test is over; each has a seed of its own."""
    seed = list(request.session.items).index(request.node)
    training_id = services().trainings.submit(short_training(seed=seed, steps=1_000_000))
    advances(training_id)
    yield training_id
    if worker.process is not None:
        services().trainings.cancel(training_id)
        becomes(training_id, TaskState.CANCELLED)


def becomes(training_id: str, state: TaskState) -> None:
    eventually(lambda: services().trainings.look_at(training_id).state is state)


def advances(training_id: str) -> None:
    """Wait until a training runs and is further than it is now."""
    before = max(services().trainings.look_at(training_id).step, STEPS_COMPARED)

    def further() -> bool:
        training = services().trainings.look_at(training_id)
        return training.state is TaskState.RUNNING and training.step > before

    eventually(further)


def test_a_training_gives_the_network_that_it_gives_without_a_worker(worker: WorkerProcess) -> None:
    config = short_training(seed=0, steps=3)
    training_id = services().trainings.submit(config)
    becomes(training_id, TaskState.DONE)
    network = services().models.network(services().trainings.look_at(training_id).model)
    np.testing.assert_array_equal(network.W_hh, fit(config).network.W_hh)
    assert network.metadata["fidelity_passes"] == "false"
    assert services().trainings.submit(config) == training_id
    assert services().trainings.look_at(training_id).state is TaskState.DONE, "an equal request joins what is done"


def test_what_runs_reports_and_can_be_joined_explored_cancelled_and_resumed(endless: str) -> None:
    training = services().trainings.look_at(endless)
    assert services().trainings.submit(training.config) == endless
    assert training.progress is not None
    assert training.progress.floor < training.progress.plateau
    assert training.progress.steps_per_second
    assert training.progress.fidelity["step"]
    snapshot = services().models.network(services().trainings.explore(endless))
    assert (snapshot.n_neurons, snapshot.n_inputs, snapshot.n_outputs) == (10, 5, 3)
    assert 1 <= int(snapshot.metadata["steps_done"]) <= services().trainings.look_at(endless).step

    next_one = services().trainings.submit(short_training(seed=1, steps=3))
    waiting = services().trainings.look_at(next_one)
    assert (waiting.state, waiting.before) == (TaskState.WAITING, 1)
    services().trainings.cancel(endless)
    becomes(endless, TaskState.CANCELLED)
    becomes(next_one, TaskState.DONE)
    reached = services().trainings.look_at(endless).step
    services().trainings.resume(endless)
    advances(endless)
    assert services().trainings.look_at(endless).step > reached, "it has gone on, not begun anew"


def test_what_is_killed_or_stopped_goes_on_as_if_nothing_had_happened(endless, worker, later):
    worker.kill_the_one_that_trains()
    with later():
        assert services().trainings.look_at(endless).state is TaskState.LOST
        services().trainings.resume(endless)
    advances(endless)

    worker.stop()
    assert services().trainings.look_at(endless).state is TaskState.WAITING, "it was put back"
    worker.start()
    advances(endless)
    undisturbed = iter(range(STEPS_COMPARED + 1))
    same = fit(services().trainings.look_at(endless).config, should_stop=lambda: next(undisturbed) == STEPS_COMPARED)
    np.testing.assert_allclose(services().trainings.losses(endless)[:STEPS_COMPARED], same.losses, atol=5e-5)


def test_a_worker_that_is_killed_leaves_no_process_and_a_whole_snapshot(endless, worker, later):
    assert worker.process is not None
    below = children(worker.process.pid)
    # The process that works holds PyTorch, which the others do not.
    held = os.sysconf("SC_PAGE_SIZE") * sum(map(memory, [worker.process.pid, *below]))
    name = f"{socket.gethostname()}:{worker.process.pid}"
    eventually(lambda: services().store.memory_of_workers(queue.TRAININGS).get(name, 0) == pytest.approx(held, rel=0.2))
    worker.process.kill()
    worker.process.wait()
    worker.process = None
    eventually(lambda: all(map(gone, below)))
    with later():
        assert name not in services().store.memory_of_workers(queue.TRAININGS)
        assert services().trainings.look_at(endless).state is TaskState.LOST
    assert load(services().trainings.snapshot_file(endless)).n_neurons == 10
