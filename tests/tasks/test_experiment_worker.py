"""Experiments in a real worker process, on SQLite and on a real Redis."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from hmmrnn.cli.worker import functions_for
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.services import services
from hmmrnn.tasks import experiments, queue, store
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import Task
from tests.programs import ROOT, WorkerProcess, eventually, gone, start_program
from tests.tasks.worker_program import SEED, UNTIL, file

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shared_world")]


@pytest.fixture(scope="module")
def worker(shared_world: None) -> Iterator[WorkerProcess]:
    made = WorkerProcess(start_program([sys.executable, "-m", "tests.tasks.worker_program"], cwd=ROOT))
    yield made
    made.stop()


def ask(name: str, subject: Scenario) -> experiments.Experiment:
    return services().experiments.ask(name, subject, "content")


@pytest.mark.usefixtures("worker")
def test_a_result_comes_from_the_worker_and_is_kept() -> None:
    subject = Scenario("net", seed=7)
    eventually(lambda: ask(SEED, subject).state is TaskState.DONE)
    assert ask(SEED, subject).result == 7
    assert services().experiments.known_result(SEED, subject, "content") == 7


@pytest.mark.usefixtures("worker")
def test_what_is_killed_is_retried(later: Callable[[], AbstractContextManager[None]]) -> None:
    subject = Scenario("killed", seed=8)
    eventually(lambda: ask(UNTIL, subject).share == 0.5)
    number = int(file(subject, "pid").read_text())
    os.kill(number, signal.SIGKILL)
    eventually(lambda: gone(number))
    with later():
        retried = ask(UNTIL, subject)
    assert retried.reason == "the worker ended in the middle of it; it is started again"
    record = Task(services().store, store.EXPERIMENT, retried.id).record
    assert record is not None
    assert record.attempt == 2
    file(subject, "go").touch()
    eventually(lambda: ask(UNTIL, subject).state is TaskState.DONE)
    assert ask(UNTIL, subject).result == 8


@pytest.mark.usefixtures("worker")
def test_what_every_page_has_left_makes_room_for_the_next() -> None:
    left = Scenario("left", seed=9)
    eventually(lambda: ask(UNTIL, left).state is TaskState.RUNNING)
    services().experiments.leave(ask(UNTIL, left).id)
    next_one = Scenario("net", seed=10)
    eventually(lambda: ask(SEED, next_one).state is TaskState.DONE)


@pytest.mark.parametrize("name", queue.QUEUES)
def test_the_worker_of_a_queue_knows_all_of_its_work(name: str) -> None:
    assert set(functions_for(services(), name)) == {work for work, of in queue.QUEUE_OF.items() if of == name}
