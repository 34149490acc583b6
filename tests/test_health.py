"""Does /readyz name what is missing, in time, whatever hangs; and does /healthz ask nobody?"""

from __future__ import annotations

import shutil
import signal
import socket
import threading
import time
from types import SimpleNamespace

import pytest
from flask.testing import FlaskClient

from hmmrnn.dashboard import health, queue, redis_server, stores
from hmmrnn.dashboard.application import create_app
from tests.programs import RedisServer, eventually

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]

PARTS = {"cache", "queue", "disk", "worker-trainings", "worker-errands", "worker-inquiries"}
PROMISED_SECONDS = 2.0


@pytest.fixture
def client(empty_world) -> FlaskClient:
    return create_app().server.test_client()


@pytest.fixture
def redis(empty_world, redis_server_of_own: RedisServer, monkeypatch) -> RedisServer:
    monkeypatch.setenv("HMMRNN_REDIS_URL", redis_server_of_own.url)
    return redis_server_of_own


def all_workers_beat() -> None:
    for name in queue.QUEUES:
        queue.beat(f"worker:{name}")


def asked(client: FlaskClient) -> tuple[int, dict[str, dict]]:
    """Status and parts of /readyz, which must come in time."""
    began = time.monotonic()
    answer = client.get("/readyz")
    assert time.monotonic() - began < PROMISED_SECONDS
    told = answer.get_json()
    assert told["status"] == ("ready" if answer.status_code == 200 else "not ready")
    assert set(told["parts"]) == PARTS
    return answer.status_code, told["parts"]


def missing(parts: dict[str, dict]) -> set[str]:
    return {name for name, part in parts.items() if not part["well"]}


def test_it_is_ready_when_everything_is_there(client):
    all_workers_beat()
    status, parts = asked(client)
    assert (status, missing(parts)) == (200, set())
    assert parts["cache"]["says"] == f"answers are kept in {stores.folder()}"
    assert parts["queue"]["says"] == "work waits in the data folder"


@pytest.mark.parametrize("name", queue.QUEUES)
def test_a_worker_that_is_gone_is_named_and_what_to_do(client, name):
    all_workers_beat()
    queue.discard(f"beat:worker:{name}")
    status, parts = asked(client)
    assert (status, missing(parts)) == (503, {f"worker-{name}"})
    assert parts[f"worker-{name}"]["says"] == (
        f"no worker for {name} is there, so these wait; start one with python -m hmmrnn worker --only {name}"
    )


def test_a_disk_that_is_nearly_full_is_named(client, monkeypatch):
    all_workers_beat()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=health.LEAST_FREE_BYTES - 1))
    status, parts = asked(client)
    assert (status, missing(parts)) == (503, {"disk"})
    assert "63 MiB are free in" in parts["disk"]["says"]


def test_a_cache_that_cannot_be_written_is_named(client, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    all_workers_beat()
    monkeypatch.setattr(health, "TemporaryFile", full)
    status, parts = asked(client)
    assert (status, missing(parts)) == (503, {"cache"})
    assert parts["cache"]["says"].endswith("No space left on device; every answer is computed anew, which takes longer")


def test_a_redis_that_is_there_goes_and_comes_back(redis, client):
    all_workers_beat()
    status, parts = asked(client)
    assert (status, missing(parts)) == (200, set())
    assert parts["cache"]["says"] == f"answers are kept in Redis at 127.0.0.1:{redis.port}"
    assert parts["queue"]["says"] == f"work waits in Redis at 127.0.0.1:{redis.port}"

    redis.stop()
    status, parts = asked(client)
    assert (status, missing(parts)) == (503, PARTS - {"disk"})
    assert f"Redis at 127.0.0.1:{redis.port} does not answer" in parts["queue"]["says"]

    redis.start()
    all_workers_beat()
    eventually(lambda: asked(client)[0] == 200)


def test_a_redis_that_hangs_is_not_waited_for_and_not_asked_by_more_and_more(redis, client):
    all_workers_beat()
    assert asked(client)[0] == 200
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    try:
        status, parts = asked(client)
        assert (status, missing(parts)) == (503, PARTS - {"disk"})
        assert parts["queue"]["says"].startswith("does not answer within 1.5 seconds; trainings, experiments")
        looking = threading.active_count()
        for _ in range(2):
            asked(client)
        assert threading.active_count() <= looking
    finally:
        redis.process.send_signal(signal.SIGCONT)
    all_workers_beat()
    eventually(lambda: asked(client)[0] == 200)


def test_an_address_that_nobody_listens_at_is_not_waited_for(empty_world, monkeypatch):
    with socket.socket() as deaf:
        # Its queue of connections is full at once: whoever connects gets no answer at all.
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            monkeypatch.setenv("HMMRNN_REDIS_URL", f"redis://:secret@127.0.0.1:{port}/0")
            redis_server.pool.cache_clear()
            answer = create_app().server.test_client()
            status, parts = asked(answer)
            assert (status, missing(parts)) == (503, PARTS - {"disk"})
            assert "secret" not in str(parts)
    redis_server.pool.cache_clear()


def test_being_alive_asks_nobody(client, monkeypatch):
    def network(*_, **__):
        raise AssertionError("it asked the network")

    monkeypatch.setenv("HMMRNN_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(socket, "socket", network)
    monkeypatch.setattr(socket, "create_connection", network)
    monkeypatch.setattr(queue, "look_up", network)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ok")
