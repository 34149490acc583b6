"""A server or a process of it is killed, what is sent to it is cut, what it keeps is spoilt."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hmmrnn.model.checkpoint import save
from hmmrnn.server.services import services
from hmmrnn.tasks import queue
from hmmrnn.tasks.store import TaskState
from hmmrnn.training.config import TrainingConfig
from tests.browser.conftest import Server
from tests.faults.words import (
    ROUNDS,
    expect_undisturbed,
    expect_whole_files,
    reaches,
    state_of,
    views,
    web_processes,
    well_again,
    without_failing,
    worker_that_works,
)
from tests.networks import random_network
from tests.programs import descendants, eventually, gone, noted
from tests.sweeps import short_training
from tests.wire import Wire

if TYPE_CHECKING:
    from tests.fixtures_dashboard import Shelf

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.fixtures_dashboard"]


@pytest.fixture(scope="module", params=range(ROUNDS))
def shared_server(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests that leave it as it was."""
    # At the top it would be imported before it is registered as a plugin.
    from tests.fixtures_dashboard import world_of

    # Its answers are spoilt: other tests, which run meanwhile, need theirs.
    own = replace(shelf, cache=tmp_path_factory.mktemp("cache"), data=tmp_path_factory.mktemp("data"))
    with pytest.MonkeyPatch.context() as patch:
        for world in world_of(own, patch):
            running = Server(world.cache, world.data)
            running.start()
            yield running
            running.stop()


class TestProcesses:
    def test_a_web_process_is_killed_while_it_answers(self, shared_server: Server) -> None:
        server = shared_server
        wire = Wire(server.url)
        wanted = {neuron: views(wire, neuron) for neuron in range(20)}
        before = web_processes(server)
        with ThreadPoolExecutor(4) as viewers:
            asked = [viewers.submit(lambda n=n: without_failing(lambda: views(wire, n))) for n in [*range(20)] * 5]
            os.kill(before[0], signal.SIGKILL)
            began = time.monotonic()
            assert [answer.result() for answer in asked] == [wanted[n] for n in [*range(20)] * 5]
        eventually(lambda: len(set(web_processes(server)) - set(before)) == 1)
        noted("web process killed: all answered, and another in its place", round(time.monotonic() - began, 2))
        assert before[0] not in web_processes(server)

    @pytest.mark.faults
    def test_the_worker_is_killed_in_the_middle_of_a_training(self, server: Server) -> None:
        config = short_training(seed=3, steps=800)
        job_id = services().trainings.submit(config)
        reaches(job_id, 100)
        os.kill(worker_that_works(server, queue.TRAININGS), signal.SIGKILL)
        well_again("worker killed in a training: seen", lambda: state_of(job_id) == TaskState.LOST)
        services().trainings.resume(job_id)
        well_again("worker killed in a training: gone on with", lambda: state_of(job_id) == TaskState.RUNNING)
        eventually(lambda: state_of(job_id) == TaskState.DONE)
        expect_undisturbed(job_id, config)
        expect_whole_files(server.data)

    @pytest.mark.faults
    def test_the_whole_server_is_killed_and_started_again(self, server: Server) -> None:
        config = short_training(seed=4, steps=800)
        job_id = services().trainings.submit(config)
        waiting = services().trainings.submit(short_training(seed=5, steps=3))
        reaches(job_id, 100)
        wanted = views(Wire(server.url), 3)
        everything = [server.process.pid, *descendants(server.process.pid)]
        for pid in everything:
            # Those that end when their parent does may be gone already.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.process.wait()
        eventually(lambda: all(map(gone, everything)))
        assert state_of(waiting) == TaskState.WAITING
        eventually(lambda: state_of(job_id) == TaskState.LOST)
        began = time.monotonic()
        server.start()
        assert views(Wire(server.url), 3) == wanted
        noted("server killed with all its workers and started: all views", round(time.monotonic() - began, 2))
        services().trainings.resume(job_id)
        eventually(lambda: {state_of(one) for one in (job_id, waiting)} == {TaskState.DONE})
        expect_undisturbed(job_id, config)
        expect_whole_files(server.data)

    @pytest.mark.faults
    def test_the_server_is_stopped_in_a_step_that_takes_longer_than_it_may(self, server: Server) -> None:
        config = TrainingConfig.preset("linear-2", seed=6, steps=2, batch=4096, length=100)
        job_id = services().trainings.submit(config)
        eventually(lambda: state_of(job_id) == TaskState.RUNNING)
        began = time.monotonic()
        server.stop()
        noted("server stopped in a training: ended after", round(time.monotonic() - began, 2))
        assert state_of(job_id) == TaskState.WAITING
        server.start()
        well_again("server stopped and started: it goes on", lambda: state_of(job_id) == TaskState.RUNNING)
        assert not services().trainings.look_at(job_id).progress, "its first step was not over"
        services().trainings.cancel(job_id)
        eventually(lambda: state_of(job_id) == TaskState.CANCELLED)


class TestFiles:
    def test_an_upload_is_cut_half_way(self, shared_server: Server, tmp_path: Path) -> None:
        server = shared_server
        save(random_network(40, 10, 3), tmp_path / "net.safetensors")
        content = (tmp_path / "net.safetensors").read_bytes()
        wire = Wire(server.url)
        lines = ("POST /files?name=net.safetensors HTTP/1.1", "Host: 127.0.0.1", "X-Requested-With: x")
        head = "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""])
        for size in (0, 1, len(content) // 2, len(content) - 1):
            with socket.create_connection(("127.0.0.1", server.port)) as sending:
                sending.sendall(head.encode() + content[:size])
        well_again("upload cut half-way", lambda: not list(services().data.incoming.iterdir()))
        assert [item for item in services().models.entries() if item.name.startswith("net")] == []
        sent = wire.fetch("/files?name=net.safetensors", content, "application/octet-stream")
        eventually(lambda: wire.fetch(f"/files/{sent['file']}")["state"] == "ready")
        model = wire.fetch(f"/files/{sent['file']}")["model"]
        np.testing.assert_array_equal(services().models.network(model).W_hh, random_network(40, 10, 3).W_hh)
        expect_whole_files(server.data)

    def test_answers_in_the_cache_are_cut_short_and_spoilt(self, shared_server: Server) -> None:
        server = shared_server
        wire = Wire(server.url)
        wanted = {neuron: views(wire, neuron) for neuron in range(6)}
        kept = [path for path in (server.cache / "hmmrnn" / "answers").iterdir() if path.is_file()]
        assert len(kept) > 6
        for number, path in enumerate(kept):
            content = path.read_bytes()
            spoilt = (content[: len(content) // 2], b"", content[:10] + bytes(len(content)), b"\xff" * 40)
            path.write_bytes(spoilt[number % 4])
        well_again("answers in the cache cut short", lambda: {n: views(wire, n) for n in wanted} == wanted)
