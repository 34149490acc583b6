"""Health of the server: /healthz says that the process answers, /readyz the state of each part that it needs.

The parts are cache, queue, disk and workers. A part that hangs is not waited for: its probe runs on in a thread, and
until it ends no second one is started.
"""

import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryFile
from typing import Generic, NamedTuple, TypeVar

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError

import hmmrnn
from hmmrnn.server.services import Services
from hmmrnn.tasks.queue import QUEUES, QueueDamagedError, QueueGoneError
from hmmrnn.tasks.store import LOST_AFTER_SECONDS, PROBE, PROBED

logger = logging.getLogger(__name__)

T = TypeVar("T")

# /readyz answers within two seconds; the rest is for the way there and back.
ANSWER_WITHIN_SECONDS = 1.5
MIN_FREE_BYTES = 64 * 2**20
QUEUE_WAITS = "trainings, experiments and files wait; everything else works"


@dataclass(frozen=True)
class Health:
    """How a part is."""

    well: bool  # whether it does what it is for
    says: str  # one sentence on its state, or on what does not work without it


class Probe(Generic[T]):
    """A look at something that may hang, made in a thread; at most one is under way."""

    def __init__(self, look: Callable[[], T]) -> None:
        self.look = look
        self._lock = threading.Lock()
        self._result: Future[T] | None = None

    def begin(self) -> Future[T]:
        """Start a look, unless an earlier one has not come back yet."""
        with self._lock:
            if self._result is None or self._result.done():
                self._result = Future()
                threading.Thread(target=self._run, args=(self._result,), daemon=True).start()
            return self._result

    def _run(self, result: Future[T]) -> None:
        try:
            result.set_result(self.look())
        except Exception as error:
            # Raised again in the thread that waits for the result.
            result.set_exception(error)


class Part(NamedTuple):
    """A part of the server: its name, a probe that returns how it is, and what does not work while it is not well."""

    name: str
    probe: Probe[str]
    without: str

    def health(self, result: Future[str], until: float) -> Health:
        """What the probe has found by then."""
        try:
            return Health(True, result.result(timeout=max(0.0, until - time.monotonic())))
        except TimeoutError:
            return Health(False, f"does not answer within {ANSWER_WITHIN_SECONDS:g} seconds; {self.without}")
        except QueueDamagedError as error:
            return Health(False, str(error))
        except (QueueGoneError, OSError, RedisError) as error:
            # Anybody may ask: paths and the address of Redis are in the log alone.
            logger.warning("%s is not well: %s", self.name, error)
            reason = error.strerror if isinstance(error, OSError) else "the place where it is kept does not answer"
            return Health(False, f"{reason}; {self.without}")
        except ValueError as error:
            return Health(False, f"{error}")


def register(server: Flask, services: Services) -> None:
    """Register /healthz and /readyz."""
    all_parts = parts(services)

    def healthz() -> ResponseReturnValue:
        # The process answers and can list its networks; no other process is asked.
        return jsonify(status="ok", version=hmmrnn.__version__, networks=len(services.models.entries()))

    def readyz() -> ResponseReturnValue:
        found = examine(all_parts)
        well = all(health.well for health in found.values())
        shown = {name: {"well": health.well, "says": health.says} for name, health in found.items()}
        answer = jsonify(status="ready" if well else "not ready", parts=shown)
        answer.headers["Cache-Control"] = "no-store"
        return answer, 200 if well else 503

    server.add_url_rule("/healthz", "healthz", healthz)
    server.add_url_rule("/readyz", "readyz", readyz)


def examine(parts: Sequence[Part]) -> Mapping[str, Health]:
    """How each part is, all of them looked at at the same time."""
    until = time.monotonic() + ANSWER_WITHIN_SECONDS
    results = [(part, part.probe.begin()) for part in parts]
    return {part.name: part.health(result, until) for part, result in results}


def parts(services: Services) -> tuple[Part, ...]:
    """Everything that an answer may need."""
    workers = (
        Part(f"worker-{name}", Probe(partial(_look_at_worker, services, name)), f"{name} may wait") for name in QUEUES
    )
    return (
        Part("cache", Probe(partial(_look_at_cache, services)), "every answer is computed anew, which takes longer"),
        Part("queue", Probe(partial(_look_at_queue, services)), QUEUE_WAITS),
        Part("disk", Probe(partial(_look_at_disk, services)), "what is trained or opened is not kept"),
        *workers,
    )


def _look_at_cache(services: Services) -> str:
    folder, redis = services.answers.folder, services.redis
    with TemporaryFile(dir=folder) as file:
        file.write(b"probe")
        file.flush()
        os.fsync(file.fileno())
    if redis is None:
        return "answers are kept in the cache folder"
    redis.client().ping()
    return "answers are kept in Redis"


def _look_at_queue(services: Services) -> str:
    probe = services.store.entry(PROBE, "queue")
    probe.put(PROBED, True)
    if probe.get(PROBED) is not True:
        raise ValueError("a value that was put into the store of the queue is not there")
    return f"tasks wait in {'Redis' if services.redis else 'the data folder'}"


def _look_at_disk(services: Services) -> str:
    folders = {"the data folder": services.data.path, "the cache folder": services.answers.folder}
    free = {name: shutil.disk_usage(path).free for name, path in folders.items()}
    for name, left in free.items():
        if left < MIN_FREE_BYTES:
            raise ValueError(
                f"{_mib(left)} are free in {name}; {_mib(MIN_FREE_BYTES)} are needed to keep what is trained or "
                f"opened; free some space"
            )
    return f"{_mib(min(free.values()))} are free"


def _mib(size: int) -> str:
    return f"{size // 2**20:,} MiB"


def _look_at_worker(services: Services, name: str) -> str:
    if not services.store.worker_present(name):
        raise ValueError(
            f"no worker for {name} is running, so these wait; start one with python -m hmmrnn worker --only {name}"
        )
    return f"a worker for {name} was there within the last {LOST_AFTER_SECONDS:g} seconds"
