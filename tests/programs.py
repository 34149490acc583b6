"""Programs that tests start for real, on free ports, and stop and start again in the middle of things."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hmmrnn.dashboard import queue

PATIENCE_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[1]


class RedisServer:
    """A Redis that keeps what it is told, as that of the compose file does.

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
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
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
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            assert self.process.wait(PATIENCE_SECONDS) == 0
            self.process = None

    def kill_the_one_that_works(self) -> None:
        """SIGKILL to the process with the job: of all that the worker started, the one with the most memory."""
        os.kill(max(self.children(), key=memory), signal.SIGKILL)

    def children(self) -> list[int]:
        """The processes that it has started."""
        assert self.process is not None
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]


def memory(pid: int) -> int:
    """Pages that a process holds in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def eventually(holds: Callable[[], object], within: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def noted(what: str, measured: float | list[int]) -> None:
    """Write down what was measured, in the file that HMMRNN_FAULTS names, if somebody wants to know."""
    path = os.environ.get("HMMRNN_FAULTS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "measured": measured}) + "\n")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
