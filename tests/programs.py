"""Programs that tests start, stop and start again: Redis and workers, on free ports."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hmmrnn.storage.processes import end_with_parent
from hmmrnn.tasks import queue

# Far longer than anything takes: a busy machine is slow, and what comes late is no fault.
PATIENCE_SECONDS = 400.0
ROOT = Path(__file__).resolve().parents[1]
# Not the one whose seed the tests set: another process would draw the same ports.
CHANCE = random.SystemRandom()


def ending_with_tests() -> Callable[[], None]:
    """For `preexec_fn` of a program: it gets a signal to end when the tests end, however they do."""
    return partial(end_with_parent, signal.SIGTERM, os.getpid())


def start_program(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a program that ends with the tests.

    Args:
        command: with its arguments.
        options: of `subprocess.Popen`.
    """
    return subprocess.Popen(command, preexec_fn=ending_with_tests(), **options)


class RedisServer:
    """A Redis that keeps all writes, as that of the compose file does.

    Attributes:
        url: its address, the same after it was stopped and started.
    """

    def __init__(self, folder: Path) -> None:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if found is None:
            pytest.fail("no redis-server on this machine: run `make test`, which installs it, or install it by hand")
        self.program, self.folder, self.port = found, folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        command = [self.program, "--port", str(self.port), *options, "--dir", str(self.folder)]
        self.process = start_program(command, stdout=subprocess.DEVNULL)
        eventually(lambda: answers(self.port))

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE_SECONDS)
            self.process = None


@dataclass
class WorkerProcess:
    """A worker, as `serve` starts it."""

    process: subprocess.Popen[bytes] | None = None

    def start(self, name: str = queue.TRAININGS) -> None:
        command = [sys.executable, "-m", "hmmrnn", "worker", "--only", name]
        self.process = start_program(command, cwd=ROOT)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(PATIENCE_SECONDS) == 0
            self.process = None

    def kill_the_one_that_trains(self) -> None:
        """SIGKILL to the process that trains: of all that the worker has started, the one with the most memory."""
        assert self.process is not None
        number = max(children(self.process.pid), key=memory)
        os.kill(number, signal.SIGKILL)
        eventually(lambda: gone(number))


def children(pid: int) -> list[int]:
    """The processes that a process has started; none if it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def descendants(pid: int) -> list[int]:
    """A process's children, and theirs."""
    return [found for child in children(pid) for found in (child, *descendants(child))]


def gone(pid: int) -> bool:
    """Whether a process has ended; one that its parent has not waited for counts as ended."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def memory(pid: int) -> int:
    """Pages that a process holds in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What calls return that threads make at the same time."""
    start = threading.Barrier(len(calls))
    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(lambda call: (start.wait(PATIENCE_SECONDS), call())[1], calls))


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def noted(what: str, measured: float | list[int]) -> None:
    """Write down what was measured, in the file that HMMRNN_FAULTS names, if it is set."""
    path = os.environ.get("HMMRNN_FAULTS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "measured": measured}) + "\n")


def free_port() -> int:
    """A port that stays free: below those that the system gives to connections, which may come between."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    # Chromium refuses some ports below.
    return next(port for port in iter(lambda: CHANCE.randrange(12_000, max(lowest, 20_000)), None) if not answers(port))
