"""Two lanes of a queue: what is long never holds up what is quick. No process is started: each looks for work here."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from hmmrnn.tasks.worker import consumer_of

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]
pytestmark = pytest.mark.usefixtures("shared_world")


@pytest.fixture
def done(shared_world: None) -> Iterator[list[str]]:
    """Which files were checked; nothing waits before or after."""
    checked: list[str] = []
    services().queues.perform({queue.CHECK: lambda digest, *_: checked.append(digest)})
    yield checked
    for lane in services().queues.lanes(queue.SHORT_TASKS):
        lane.flush()


def send(digest: str, quick: bool) -> None:
    services().queues.send(queue.CHECK, digest, "name", quick=quick)


def workers(consumer: Any) -> list[Any]:
    return [worker for worker, _ in consumer.worker_threads]


def test_one_worker_takes_quick_work_alone_and_the_others_take_it_first(done: list[str]) -> None:
    reserved, other = workers(consumer_of(services().store, queue.SHORT_TASKS, 2))
    send("pickle", quick=False)
    send("second pickle", quick=False)
    reserved.loop()
    assert done == [], "the worker for quick work took a long one"
    send("quick", quick=True)
    send("next quick", quick=True)
    assert [args[0] for args in services().queues.waiting(queue.CHECK)] == [
        "quick", "next quick", "pickle", "second pickle",
    ]  # fmt: skip
    reserved.loop()
    other.loop()
    assert done == ["quick", "next quick"]
    other.loop()
    other.loop()
    assert done == ["quick", "next quick", "pickle", "second pickle"]


def test_a_worker_that_takes_the_place_of_a_dead_one_takes_what_that_one_took() -> None:
    consumer = consumer_of(services().store, queue.EXPERIMENTS, 3)
    assert [len(worker.lanes) for worker in workers(consumer)] == [1, 2, 2]
    lives, dead = SimpleNamespace(exitcode=None), SimpleNamespace(exitcode=-9)
    first, second, third = workers(consumer)
    consumer.worker_threads = [(first, dead), (second, lives), (third, lives)]
    assert len(consumer._create_worker().lanes) == 1
    consumer.worker_threads = [(first, lives), (second, dead), (third, lives)]
    assert len(consumer._create_worker().lanes) == 2


def test_a_worker_that_is_alone_takes_everything() -> None:
    (worker,) = workers(consumer_of(services().store, queue.EXPERIMENTS, 1))
    assert len(worker.lanes) == 2


def test_trainings_have_one_lane() -> None:
    (worker,) = workers(consumer_of(services().store, queue.TRAININGS, 1))
    assert worker.lanes == [services().queues.queue(queue.TRAININGS)]
