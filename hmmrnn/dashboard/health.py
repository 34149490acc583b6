"""Can it serve? Every part that an answer may need is looked at by itself, and whoever asks hears of each in time.

/healthz says that the process is alive; /readyz, that cache, queue, disk and workers are there. A part that hangs is
not waited for: the look at it goes on, and until it ends no other one is begun.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Generic, NamedTuple, TypeVar

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError

import hmmrnn
from hmmrnn.dashboard import catalog, folders, queue, redis_server, stores

T = TypeVar("T")

# Two seconds are promised; the rest is for the way there and back.
ANSWER_WITHIN_SECONDS = 1.5
LEAST_FREE_BYTES = 64 * 2**20
PROBE = "probe"


@dataclass(frozen=True)
class Part:
    """What is known of a part.

    Attributes:
        well: whether it does what it is for.
        says: in a sentence, how it is, or what does not work without it.
    """

    well: bool
    says: str


class Look(Generic[T]):
    """A way to look at something that may hang: nobody waits longer than he likes, and only one look is under way."""

    def __init__(self, at: Callable[[], T]) -> None:
        self.at = at
        self._lock = threading.Lock()
        self._under_way: Future[T] | None = None

    def begin(self) -> Future[T]:
        """Look, unless an earlier look has not come back yet."""
        with self._lock:
            if self._under_way is None or self._under_way.done():
                self._under_way = Future()
                threading.Thread(target=self._fulfil, args=(self._under_way,), daemon=True).start()
            return self._under_way

    def _fulfil(self, promise: Future[T]) -> None:
        try:
            promise.set_result(self.at())
        except Exception as error:
            # Whatever it is, whoever waits for the promise hears of it.
            promise.set_exception(error)


class Watched(NamedTuple):
    """A part that is looked at: its name, the look, which ends with how it is, and what is so while it is not well."""

    name: str
    look: Look[str]
    without: str

    def seen(self, promise: Future[str], until: float) -> Part:
        """What has come of a look by then."""
        try:
            return Part(True, promise.result(timeout=max(0.0, until - time.monotonic())))
        except TimeoutError:
            return Part(False, f"does not answer within {ANSWER_WITHIN_SECONDS:g} seconds; {self.without}")
        except ValueError as error:
            return Part(False, f"{error}")
        except (OSError, RedisError) as error:
            return Part(False, f"{error}; {self.without}")


def register(server: Flask) -> None:
    """Register the addresses at which others look whether it is well."""
    watched = parts()

    def readyz() -> ResponseReturnValue:
        found = look_at(watched)
        well = all(part.well for part in found.values())
        told = {name: {"well": part.well, "says": part.says} for name, part in found.items()}
        answer = jsonify(status="ready" if well else "not ready", parts=told)
        answer.headers["Cache-Control"] = "no-store"
        return answer, 200 if well else 503

    server.add_url_rule("/healthz", "healthz", healthz)
    server.add_url_rule("/readyz", "readyz", readyz)


def healthz() -> ResponseReturnValue:
    """Alive: the process answers and can list its networks. Asks nobody else."""
    return jsonify(status="ok", version=hmmrnn.__version__, networks=len(catalog.entries()))


def look_at(watched: Sequence[Watched]) -> Mapping[str, Part]:
    """Look at all parts at once, and say how each is."""
    until = time.monotonic() + ANSWER_WITHIN_SECONDS
    promises = [(part, part.look.begin()) for part in watched]
    return {part.name: part.seen(promise, until) for part, promise in promises}


def parts() -> tuple[Watched, ...]:
    """Everything that an answer may need."""
    return (
        Watched("cache", Look(_cache), "every answer is computed anew, which takes longer"),
        Watched("queue", Look(_queue), "trainings, experiments and files wait; everything else goes on"),
        Watched("disk", Look(_disk), "what is trained or opened is not kept"),
        *(Watched(f"worker-{name}", Look(_worker(name)), f"{name} may wait") for name in queue.QUEUES),
    )


def _cache() -> str:
    _written_and_read(stores.folder())
    if not redis_server.url():
        return f"answers are kept in {stores.folder()}"
    redis_server.client().ping()
    return f"answers are kept in Redis at {redis_server.place()}"


def _written_and_read(folder: Path) -> None:
    with TemporaryFile(dir=folder) as file:
        file.write(PROBE.encode())
        file.flush()
        os.fsync(file.fileno())


def _queue() -> str:
    queue.put(PROBE, True)
    if queue.look_up(PROBE) is not True:
        raise ValueError("what was put into the queue's storage is not there")
    where = f"Redis at {redis_server.place()}" if redis_server.url() else "the data folder"
    return f"work waits in {where}"


def _disk() -> str:
    free = {str(path): shutil.disk_usage(path).free for path in (folders.data(), stores.folder())}
    for path, left in free.items():
        if left < LEAST_FREE_BYTES:
            needed = f"{_mib(LEAST_FREE_BYTES)} are needed to keep what is trained or opened; make room"
            raise ValueError(f"{_mib(left)} are free in {path}, and {needed}")
    return f"{_mib(min(free.values()))} are free"


def _mib(size: int) -> str:
    return f"{size // 2**20:,} MiB"


def _worker(name: str) -> Callable[[], str]:
    def look() -> str:
        if not queue.present(name):
            raise ValueError(
                f"no worker for {name} is there, so these wait; start one with python -m hmmrnn worker --only {name}"
            )
        return f"a worker for {name} was there within the last {queue.LOST_AFTER_SECONDS:g} seconds"

    return look
