"""Short tasks: requested of a worker process, which responds, refuses or fails; on SQLite and on a real Redis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.explorer import queries
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.server.services import resolve, services
from hmmrnn.tasks import queue, short_tasks
from tests.networks import random_network
from tests.programs import WorkerProcess, eventually

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shared_world")]


@pytest.fixture(scope="module")
def scenario(shared_world: None) -> Scenario:
    network = replace(random_network(12, 4, 3), metadata={"family": "linear-2"})
    save(network, services().models.models / "net.safetensors")
    return Scenario("net", steps=150, trajectories=2)


@pytest.fixture(scope="module")
def worker(shared_world: None) -> Iterator[WorkerProcess]:
    made = WorkerProcess()
    yield made
    made.stop()


def test_without_a_worker_it_says_what_to_do(scenario: Scenario) -> None:
    with pytest.raises(short_tasks.NoWorkerError, match="no worker is running; start one with python -m hmmrnn worker"):
        short_tasks.request(services().store, queue.ANALYSE, "matching", scenario)


def test_a_worker_responds_refuses_or_fails(scenario: Scenario, worker: WorkerProcess) -> None:
    worker.start(queue.SHORT_TASKS)
    eventually(lambda: services().store.worker_present(queue.SHORT_TASKS))
    found = short_tasks.request(services().store, queue.ANALYSE, "matching", scenario)
    np.testing.assert_array_equal(found.distances, queries.matched_distances_of.function(resolve(scenario)).distances)
    assert queries.matched_distances_of.known(resolve(scenario)).distance == found.distance, "the worker has kept it"
    with pytest.raises(ValueError, match="there is no network 'gone'"):
        short_tasks.request(services().store, queue.ANALYSE, "matching", replace(scenario, model="gone"))
    with pytest.raises(RuntimeError, match=r"the worker failed at analyse: .*riddle"):
        short_tasks.request(services().store, queue.ANALYSE, "riddle", scenario)
