"""Real servers, killed, cut off, filled up and put out of time while they work: nothing is lost, nothing is half.

Those that take minutes are left to `make faults`. How often each is done is HMMRNN_ROUNDS: once in `make test`, more
often there, where it is also written down how long it took until all was well again (HMMRNN_FAULTS names the file).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hmmrnn.dashboard import ids, work
from hmmrnn.explorer import experiments as kinds
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import load, save
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Intervention
from hmmrnn.server.services import resolve, services
from hmmrnn.storage import cache
from hmmrnn.tasks import queue
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import RESUMABLE
from hmmrnn.training.config import TrainingConfig
from hmmrnn.training.trainer import fit
from tests.browser.conftest import Server
from tests.networks import random_network
from tests.programs import RedisServer, children, descendants, eventually, gone, memory, noted
from tests.services import rebuild_services
from tests.sweeps import short_training
from tests.wire import Wire

if TYPE_CHECKING:
    from tests.fixtures_dashboard import Shelf

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]

ROUNDS = int(os.environ.get("HMMRNN_ROUNDS", "1"))
HOUR = 3600.0
MIB = 2**20
KNOWN_DIGITS = 5e-5
DISK_BYTES = 32 * MIB
# The clock of a process, as far as Python is asked for it.
WRONG_CLOCK = """
import os, time
right = time.time
def wrong():
    with open(os.environ["HMMRNN_TEST_CLOCK"]) as file:
        return right() + float(file.read() or 0)
time.time = wrong
"""
FORM = {
    **{"A": HMM.preset("linear-2").A.tolist(), "B": HMM.preset("linear-2").B.tolist(), "recipe": "fast"},
    **{"neurons": 4, "inputs": 2, "seed": 1, "steps": 1},
}
SCENARIO = Scenario("linear-2", steps=100, trajectories=2)


# ---- words ----


@pytest.fixture(scope="module", params=range(ROUNDS))
def shared_server(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests that leave it as it was."""
    # At the top it would be imported before it is registered as a plugin.
    from tests.fixtures_dashboard import world_of

    with pytest.MonkeyPatch.context() as patch:
        for world in world_of(replace(shelf, data=tmp_path_factory.mktemp("data")), patch):
            running = Server(world.cache, world.data)
            running.start()
            yield running
            running.stop()


@pytest.fixture(params=range(ROUNDS))
def server(request, dashboard) -> Iterator[Server]:
    """A server with two web processes and three workers, on the shelf of small networks."""
    running = Server(dashboard.cache, dashboard.data)
    running.start()
    yield running
    if running.process.poll() is None:
        running.stop()


def state_of(training_id: str) -> TaskState:
    return services().trainings.look_at(training_id).state


def command(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def web_processes(server: Server) -> list[int]:
    """The processes that answer, below the one that keeps them running."""
    (leader,) = [child for child in children(server.process.pid) if command(child) == command(server.process.pid)]
    return children(leader)


def worker_that_works(server: Server, name: str) -> int:
    """Of the processes of a queue's worker, the one with the job."""
    (worker,) = [child for child in children(server.process.pid) if f"--only {name}" in command(child)]
    return max(children(worker), key=memory)


def ablated(neuron: int) -> Scenario:
    return replace(SCENARIO, interventions=(Intervention((neuron,)),))


def views(wire: Wire, neuron: int) -> dict[str, Any]:
    """The fast views with one neuron silenced, as the page gets them."""
    found = wire.fast(ablated(neuron))
    assert found[ids.NUMBERS]["values"]["of"] == ablated(neuron).to_query()
    return found


def noise(wire: Wire) -> dict[str, Any]:
    """What the page gets when it asks for the noise experiment."""
    asked = {"view": kinds.NOISE, "scenario": SCENARIO.to_dict(), "theme": "light", "leave": [], "fresh": False}
    found: dict[str, Any] = wire.ask("/tasks", {**asked, "wanted": True, "again": False})
    return found


def without_failing(act: Callable[[], Any]) -> Any:
    """What an act gives, tried again while no server answers, as the page does it."""
    given: list[Any] = []

    def tried() -> bool:
        with suppress(urllib.error.URLError, ConnectionError, json.JSONDecodeError):
            given.append(act())
        return bool(given)

    eventually(tried)
    return given[0]


def well_again(what: str, holds: Callable[[], object]) -> None:
    began = time.monotonic()
    eventually(lambda: without_failing(holds))
    noted(what, round(time.monotonic() - began, 2))


def expect_undisturbed(job_id: str, config: TrainingConfig) -> None:
    """The network that came of a training is the one that would have come of it without any fault."""
    whole = fit(config)
    found = load(services().data.networks / f"{services().trainings.look_at(job_id).model}.safetensors")
    for name in ("W_hh", "W_ih", "W_out"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole.network, name))
    np.testing.assert_allclose(services().trainings.losses(job_id), whole.losses, atol=KNOWN_DIGITS)


def expect_whole_files(data: Path) -> None:
    """Every network in the data folder can be read."""
    for path in data.rglob("*.safetensors"):
        load(path)
    assert not [path for path in (data / "networks").glob("*") if path.name.endswith((".partial", ".tmp"))]


def reaches(job_id: str, step: int) -> None:
    eventually(lambda: services().trainings.look_at(job_id).step >= step)


# ---- the faults ----


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


@pytest.mark.faults
class TestRedis:
    @pytest.fixture
    def redis(self, dashboard, redis_server_of_own: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
        monkeypatch.setenv("HMMRNN_REDIS_URL", redis_server_of_own.url)
        rebuild_services()
        return redis_server_of_own

    @pytest.fixture
    def server(self, redis: RedisServer, dashboard) -> Iterator[Server]:
        """A server whose queue, answers and locks are in Redis."""
        running = Server(dashboard.cache, dashboard.data)
        running.start()
        yield running
        running.stop()

    @pytest.mark.parametrize("_round", range(ROUNDS))
    def test_it_is_stopped_and_started_in_the_middle_of_everything(self, redis, server, _round):
        config = short_training(seed=6, steps=1500)
        wire = Wire(server.url)
        job_id = services().trainings.submit(config)
        reaches(job_id, 100)
        wanted = {neuron: views(wire, neuron) for neuron in (1, 2)}
        step = services().trainings.look_at(job_id).step
        redis.stop()
        for neuron in (1, 2, 3):
            found = views(wire, neuron)
            assert neuron == 3 or found == wanted[neuron]
        words = dict(noise(wire)["updates"])[ids.state(kinds.NOISE)]["children"]
        assert words.startswith(f"Redis at 127.0.0.1:{redis.port} does not answer; trainings, experiments and files")
        redis.start()
        well_again("Redis stopped and started: experiments", lambda: self.asks(SCENARIO))
        well_again("Redis stopped and started: training", lambda: services().trainings.look_at(job_id).step > step)
        eventually(lambda: state_of(job_id) == TaskState.DONE)
        expect_undisturbed(job_id, config)
        eventually(lambda: work.ask(kinds.NOISE, resolve(SCENARIO)).state == TaskState.DONE)
        found, here = (
            work.ask(kinds.NOISE, resolve(SCENARIO)).result,
            kinds.compute(services().explorer, kinds.NOISE, SCENARIO, lambda _: None),
        )
        np.testing.assert_array_equal(found.sweep.radius, here.sweep.radius)
        assert {neuron: views(wire, neuron) for neuron in wanted} == wanted
        expect_whole_files(server.data)

    def asks(self, scenario: Scenario) -> bool:
        return work.ask(kinds.NOISE, resolve(scenario)).state in (TaskState.RUNNING, TaskState.DONE)

    def test_two_servers_answer_alike_and_compute_once(self, redis, server, dashboard, tmp_path):
        other = Server(tmp_path, dashboard.data)
        other.start()
        try:
            there = services().redis.client()
            there.config_set("notify-keyspace-events", "E$")
            written = there.pubsub()
            written.subscribe("__keyevent@0__:set")
            wires = [Wire(server.url), Wire(other.url)]
            with ThreadPoolExecutor(8) as viewers:
                for neuron in range(10, 16):
                    asked = [viewers.submit(views, wire, neuron) for wire in wires * 4]
                    first, *others = [answer.result() for answer in asked]
                    assert all(answer == first for answer in others)
        finally:
            other.stop()
        # Each answer was written once, by whichever process computed it.
        told = [message["data"] for message in iter(lambda: written.get_message(timeout=0.5), None)]
        answers = [key for key in told if isinstance(key, bytes) and key.startswith(cache.PREFIX.encode())]
        written.close()
        assert len(answers) == len(set(answers)) > 6


@pytest.mark.faults
class TestClock:
    @pytest.fixture
    def clock(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A file that holds by how many seconds the clock of every process that is started from now on is wrong."""
        (tmp_path / "sitecustomize.py").write_text(WRONG_CLOCK)
        (tmp_path / "clock").write_text("0")
        monkeypatch.setenv("HMMRNN_TEST_CLOCK", str(tmp_path / "clock"))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return tmp_path / "clock"

    def test_it_jumps_by_an_hour_forth_and_back(self, clock: Path, server: Server) -> None:
        wire, config = Wire(server.url), short_training(seed=7, steps=2500)
        job_id = services().trainings.submit(config)
        reaches(job_id, 50)
        noise(wire)
        for wrong_by in (HOUR, 0.0, -HOUR):
            step = services().trainings.look_at(job_id).step
            clock.write_text(str(wrong_by))
            what = f"clock jumps {'forth' if wrong_by > 0 else 'back'} by an hour"
            well_again(what, lambda: said_of(wire, job_id).startswith("Training"))
            eventually(lambda step=step: services().trainings.look_at(job_id).step > step + 50)
            assert said_of(wire, job_id).startswith(("Training", "Trained", "Done"))
            views(wire, 1)
        eventually(lambda: said_of(wire, job_id).startswith("Done"))
        expect_undisturbed(job_id, config)
        eventually(lambda: not noise(wire)["unfinished"])
        eventually(lambda: [services().queues.waiting(work) for work in (queue.TRAIN, queue.EXPERIMENT)] == [[], []])


@pytest.mark.faults
class TestDisk:
    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[Path]:
        """A file system of its own, with little room."""
        place = tmp_path / "disk"
        place.mkdir()
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        mount = [*as_root, "mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},uid={os.getuid()}", "tmpfs", str(place)]
        done = subprocess.run(mount, capture_output=True, text=True) if shutil.which("mount") else None
        if done is None or done.returncode:
            pytest.skip("a small file system can be mounted by root only")
        yield place
        subprocess.run([*as_root, "umount", "--lazy", str(place)], check=True)

    @pytest.fixture
    def server(self, disk: Path, dashboard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
        """A server whose folders are on the small disk."""
        monkeypatch.setenv("HMMRNN_DATA", str(disk / "data"))
        rebuild_services()
        running = Server(disk, disk / "data")
        running.log = tmp_path / "server.log"
        running.start()
        yield running
        running.stop()

    @pytest.mark.parametrize("_round", range(ROUNDS))
    def test_it_is_full_and_then_not(self, disk: Path, server: Server, tmp_path: Path, _round: int) -> None:
        wire, config = Wire(server.url), short_training(seed=8, steps=2000)
        job_id = services().trainings.submit(config)
        reaches(job_id, 50)
        wanted = views(wire, 1)
        save(random_network(40, 10, 3), tmp_path / "net.safetensors")
        content = (tmp_path / "net.safetensors").read_bytes()
        with full(disk / "filler"):
            assert views(wire, 1) == wanted
            meanwhile = views(wire, 2)
            refused = wire.fetch("/files?name=net.safetensors", content, "application/octet-stream")
            assert refused["state"] == "refused"
            assert "its disk is full" in refused["sentence"]
            command = {"command": "train", "of": FORM}
            assert re.search("disk.* full", wire.ask("/train/command", command)["refused"])
            # Until the training has wanted to write.
            eventually(lambda: "No space left" in server.log.read_text() or "full" in server.log.read_text())
        well_again("disk full: views", lambda: views(wire, 2) == meanwhile)
        sent = wire.fetch("/files?name=net.safetensors", content, "application/octet-stream")
        well_again("disk full: upload", lambda: wire.fetch(f"/files/{sent['file']}")["state"] == "ready")
        began = wire.ask("/train/command", command)["job"]
        eventually(lambda: state_of(job_id) in (TaskState.RUNNING, TaskState.DONE, *RESUMABLE))
        if state_of(job_id) in RESUMABLE:
            services().trainings.resume(job_id)
        eventually(lambda: {state_of(one) for one in (job_id, began)} == {TaskState.DONE})
        expect_undisturbed(job_id, config)
        expect_whole_files(server.data)


@contextmanager
def full(filler: Path) -> Iterator[None]:
    """A file system without any room."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


def said_of(wire: Wire, job_id: str) -> str:
    """What the page of a training says of it."""
    parts = wire.ask("/watch/training", {"theme": "light", "seen": {}, "job": job_id})["parts"]
    return str(dict(parts["job"]["updates"])["job-state"]["children"])
