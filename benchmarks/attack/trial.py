"""What a trial of an attack is, and the server that is attacked: a real one, on loopback, on folders of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.attack.offered import offer_networks
from benchmarks.machine import children
from tests.browser.conftest import Server

# What every permitted question keeps to.
WITHIN_SECONDS, WITHIN_MB = 5.0, 300.0
# How long a trial waits for an answer: longer than any attack that is known holds a process.
PATIENCE_SECONDS = 60.0
# Sizes of `make test` are multiplied by this in `make attack`.
LONG = 10


@dataclass(frozen=True)
class Answer:
    """What came back: the status, or 0 where the connection ended without one; the body; and after how long."""

    status: int
    body: bytes
    seconds: float

    @property
    def refused(self) -> bool:
        """Whether it says in words that there is no answer."""
        return self.status >= 400 or b'"refused"' in self.body[:200]


@dataclass(frozen=True)
class Outcome:
    """What became of a trial: what was sent, what was seen, in words, and whether the server held."""

    sent: str
    seen: str
    held: bool


@dataclass(frozen=True)
class Trial:
    """An attack.

    Attributes:
        name: its title, in a few words.
        found: what it did before it was mended, as measured then.
        run: from the attacked server and a size, 1 or `LONG`, to what became of it.
    """

    name: str
    found: str
    run: Callable[[Victim, int], Outcome]


class Victim:
    """The attacked server."""

    def __init__(self, server: Server, models: Path) -> None:
        self.server, self.models = server, models

    def send(self, path: str, body: bytes | None = None, method: str = "POST", **headers: str) -> Answer:
        """Send a request of its own connection, and wait for the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_SECONDS)
        began = time.monotonic()
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.read(), time.monotonic() - began)
        except OSError as error:
            return Answer(0, str(error).encode(), time.monotonic() - began)
        except http.client.HTTPException as error:
            return Answer(0, repr(error).encode(), time.monotonic() - began)
        finally:
            connection.close()

    def get(self, path: str) -> Answer:
        """Fetch an address."""
        return self.send(path, None, "GET")

    def ask(self, path: str, question: Any) -> Answer:
        """Send a question as the page does, in JSON; text is sent as it is."""
        text = question if isinstance(question, str) else json.dumps(question)
        return self.send(path, text.encode(), Content_Type="application/json")

    @property
    def web(self) -> list[int]:
        """Numbers of the web processes."""
        return children(children(self.server.process.pid)[0])

    def processor_seconds(self) -> float:
        """Time that the web processes have computed for."""
        return sum(_processor_seconds(pid) for pid in self.web)

    def peak_mb(self) -> float:
        """The most that a web process has held in memory, in MB, since it began or `forget_peaks`."""
        return max(_peak_mb(pid) for pid in self.web)

    def forget_peaks(self) -> float:
        """Begin anew with the peaks of memory; returns the least that is held now."""
        for pid in self.web:
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
        return min(_peak_mb(pid) for pid in self.web)


def _peak_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", text, flags=re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Taken(NamedTuple):
    """What an answer took: by how many MB it raised the peak of a web process, and seconds of a processor."""

    megabytes: float
    seconds: float


def measured(victim: Victim, question: Callable[[], Answer]) -> tuple[Answer, Taken]:
    """An answer of a server that had answered before, and what it took."""
    peak, computed = victim.forget_peaks(), victim.processor_seconds()
    answer = question()
    return answer, Taken(victim.peak_mb() - peak, victim.processor_seconds() - computed)


def bounded(sent: str, answer: Answer, taken: Taken) -> Outcome:
    """The outcome of a question that must be answered or refused within bounds.

    The time is that of a processor, since other programs of a busy machine do not count.
    """
    what = f"status {answer.status}" if answer.status else "no answer"
    times = f"{what} after {answer.seconds:.2f} s, {taken.seconds:.2f} s of a processor"
    seen = f"{times}, {max(0.0, taken.megabytes):,.0f} MB more, {len(answer.body):,} bytes sent"
    held = 200 <= answer.status < 500 and taken.seconds < WITHIN_SECONDS and taken.megabytes < WITHIN_MB
    return Outcome(sent, seen, held)


@contextmanager
def attacked(**environment: str) -> Iterator[Victim]:
    """A server with two web processes and its workers, on empty folders, that offers the networks of the trials."""
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as folder:
        models = Path(folder) / "models"
        models.mkdir()
        settings = {"HMMRNN_MODELS": str(models), "HMMRNN_REDIS_URL": "", "HMMRNN_USERS": "", **environment}
        server = Server(Path(folder), Path(folder) / "data", **settings)
        offer_networks(models)
        server.start()
        try:
            yield Victim(server, models)
        finally:
            server.stop()
