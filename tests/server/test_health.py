"""/readyz names each part that is missing, in time even if one hangs; /healthz asks no other process."""

from __future__ import annotations

import shutil
import signal
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hmmrnn.server import health
from hmmrnn.server.services import Services
from hmmrnn.server.settings import Settings
from hmmrnn.storage import redis as redis_module
from hmmrnn.tasks.queue import QUEUES
from hmmrnn.tasks.store import HEARTBEAT, WORKER, Entry
from tests.programs import RedisServer, eventually

pytest_plugins = ["tests.fixtures_redis"]

PARTS = {"cache", "queue", "disk", "worker-trainings", "worker-short-tasks", "worker-experiments"}
# Much longer than an answer takes on a busy machine, and much shorter than a part that hangs.
IN_TIME_SECONDS, HANGS_SECONDS = 60.0, 600.0


def services_of(folder: Path, url: str | None = None) -> Services:
    (folder / "models").mkdir(exist_ok=True)
    return Services(Settings(models=folder / "models", data=folder / "data", cache=folder / "cache", redis_url=url))


def client_of(services: Services) -> FlaskClient:
    server = Flask("test")
    health.register(server, services)
    return server.test_client()


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return services_of(tmp_path)


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return client_of(services)


def all_workers_beat(services: Services) -> None:
    for name in QUEUES:
        services.store.entry(WORKER, name).beat()


def asked(client: FlaskClient) -> tuple[int, dict[str, dict]]:
    """Status and parts of /readyz."""
    began = time.monotonic()
    answer = client.get("/readyz")
    assert time.monotonic() - began < IN_TIME_SECONDS
    found = answer.get_json()
    assert found["status"] == ("ready" if answer.status_code == 200 else "not ready")
    assert set(found["parts"]) == PARTS
    return answer.status_code, found["parts"]


def missing(parts: dict[str, dict]) -> set[str]:
    return {name for name, part in parts.items() if not part["well"]}


def test_it_is_ready_when_everything_is_there(services, client):
    all_workers_beat(services)
    status, parts = asked(client)
    assert (status, missing(parts)) == (200, set())
    assert parts["cache"]["says"] == "answers are kept in the cache folder"
    assert parts["queue"]["says"] == "tasks wait in the data folder"


@pytest.mark.parametrize("name", QUEUES)
def test_a_worker_that_is_gone_is_named_and_what_to_do(services, client, name):
    all_workers_beat(services)
    services.store.entry(WORKER, name).discard(HEARTBEAT)
    status, parts = asked(client)
    assert (status, missing(parts)) == (503, {f"worker-{name}"})
    assert parts[f"worker-{name}"]["says"] == (
        f"no worker for {name} is running, so these wait; start one with python -m hmmrnn worker --only {name}"
    )


def test_a_disk_that_is_nearly_full_is_named(services, client, monkeypatch):
    all_workers_beat(services)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=health.MIN_FREE_BYTES - 1))
    status, parts = asked(client)
    assert (status, missing(parts)) == (503, {"disk"})
    assert parts["disk"]["says"].startswith("63 MiB are free in the data folder; 64 MiB are needed")


def test_a_cache_that_cannot_be_written_is_named(services, client, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    all_workers_beat(services)
    monkeypatch.setattr(health, "TemporaryFile", full)
    status, parts = asked(client)
    assert (status, missing(parts)) == (503, {"cache"})
    assert parts["cache"]["says"].endswith("No space left on device; every answer is computed anew, which takes longer")


def test_a_redis_is_named_when_it_goes_and_no_longer_when_it_is_back(redis_server_of_own: RedisServer, tmp_path):
    services = services_of(tmp_path, redis_server_of_own.url)
    client = client_of(services)
    all_workers_beat(services)
    status, parts = asked(client)
    assert (status, missing(parts)) == (200, set())
    assert parts["cache"]["says"] == "answers are kept in Redis"
    assert parts["queue"]["says"] == "tasks wait in Redis"

    redis_server_of_own.stop()
    status, parts = asked(client)
    assert (status, missing(parts)) == (503, PARTS - {"disk"})
    assert parts["queue"]["says"].startswith("the place where it is kept does not answer; trainings, experiments")
    assert str(redis_server_of_own.port) not in str(parts)
    assert str(tmp_path) not in str(parts)

    redis_server_of_own.start()
    all_workers_beat(services)
    eventually(lambda: asked(client)[0] == 200)


def test_a_redis_that_hangs_is_neither_waited_for_nor_asked_again_meanwhile(redis_server_of_own, tmp_path, monkeypatch):
    monkeypatch.setattr(redis_module, "ANSWER_SECONDS", HANGS_SECONDS)
    services = services_of(tmp_path, redis_server_of_own.url)
    client = client_of(services)
    all_workers_beat(services)
    assert asked(client)[0] == 200
    assert redis_server_of_own.process is not None
    redis_server_of_own.process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(health, "ANSWER_WITHIN_SECONDS", 0.2)
    try:
        status, parts = asked(client)
        assert status == 503
        assert PARTS - {"disk"} <= missing(parts)
        assert parts["queue"]["says"].startswith("does not answer within 0.2 seconds; trainings, experiments")
        threads = threading.active_count()
        for _ in range(2):
            asked(client)
        assert threading.active_count() <= threads
    finally:
        redis_server_of_own.process.send_signal(signal.SIGCONT)
    monkeypatch.setattr(health, "ANSWER_WITHIN_SECONDS", 1.5)
    eventually(lambda: all_workers_beat(services) or asked(client)[0] == 200)


def test_an_address_that_refuses_no_connection_and_answers_none_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(redis_module, "CONNECT_SECONDS", HANGS_SECONDS)
    monkeypatch.setattr(health, "ANSWER_WITHIN_SECONDS", 0.2)
    with socket.socket() as deaf:
        # Its queue of connections is full at once.
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            status, parts = asked(client_of(services_of(tmp_path, f"redis://:secret@127.0.0.1:{port}/0")))
            assert status == 503
            assert PARTS - {"disk"} <= missing(parts)
            assert "secret" not in str(parts)


def test_being_alive_asks_no_other_process(tmp_path, monkeypatch):
    def network(*_, **__):
        raise AssertionError("it asked the network")

    client = client_of(services_of(tmp_path, "redis://127.0.0.1:1/0"))
    monkeypatch.setattr(socket, "socket", network)
    monkeypatch.setattr(socket, "create_connection", network)
    monkeypatch.setattr(Entry, "get", network)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ok")
