"""A real Redis: `pytest_plugins = ["tests.fixtures_redis"]`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from tests.programs import RedisServer
from tests.services import rebuild_services


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis that runs all the time."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def redis_server_of_own(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that the test may stop."""
    server = RedisServer(tmp_path / "redis")
    server.folder.mkdir()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "redis"])
def either_queue(request, empty_world, monkeypatch):
    """Services with one of the two kinds of queue."""
    if request.param == "redis":
        monkeypatch.setenv("HMMRNN_REDIS_URL", request.getfixturevalue("redis_url"))
        rebuild_services()
        services().queues.queue(queue.TRAININGS).storage.flush_all()
    return empty_world
