"""Who does what takes long, and how does one hear of it? Workers, by way of three queues and a few shared values.

Without further ado all are one SQLite file in the data folder; with HMMRNN_REDIS_URL they are in Redis, and web
processes and workers may run on several machines.

Trainings take minutes and wait for each other; inquiries (experiments on a network) take up to half a minute; errands
(checking a file, an analysis with heavy libraries) take seconds. None must wait for one of a slower kind, so each kind
has a queue and a worker of its own. The web process names the work and never imports it.
"""

from __future__ import annotations

import json
import pickle
import pkgutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from huey import Huey, RedisHuey, SqliteHuey
from huey.api import TaskWrapper
from huey.constants import EmptyData
from huey.exceptions import ResultTimeout, TaskException

from hmmrnn.dashboard import folders, redis_server

TRAININGS, ERRANDS, INQUIRIES = "trainings", "errands", "inquiries"
QUEUES = (TRAININGS, ERRANDS, INQUIRIES)
WORK = {
    "train": (TRAININGS, "hmmrnn.dashboard.work:run_training"),
    "check": (ERRANDS, "hmmrnn.dashboard.files:check"),
    "analyse": (ERRANDS, "hmmrnn.dashboard.work:analyse"),
    "inquire": (INQUIRIES, "hmmrnn.dashboard.work:inquire"),
}
PREFIX = "hmmrnn-"
ANSWER, REFUSED = "answer", "refused"
# Whoever works beats every two seconds; without a beat for so long it is taken for gone.
BEAT_SECONDS, LOST_AFTER_SECONDS = 2.0, 7.0
PATIENCE_SECONDS = 60.0

_making = threading.Lock()


class NoWorkerError(ValueError):
    """Nobody is there to do the work, or nobody did it in time; the message says what to do."""


class QueueGoneError(ValueError):
    """The queues cannot be reached, or not be written to; the message says what goes on without them."""


class _Made(NamedTuple):
    """A queue, and the work that belongs to it."""

    huey: Huey
    tasks: dict[str, TaskWrapper]


def queue(name: str) -> Huey:
    """One of the three queues."""
    return _made(name).huey


def task(work: str) -> TaskWrapper:
    """A kind of work, which is put into its queue by calling it."""
    return _made(WORK[work][0]).tasks[work]


def _made(name: str) -> _Made:
    # Two first requests at once must not make two queues.
    with _making:
        return _make(name)


@cache
def _make(name: str) -> _Made:
    if redis_server.url():
        huey = RedisHuey(f"{PREFIX}{name}", connection_pool=redis_server.pool())
    else:
        huey = SqliteHuey(f"{PREFIX}{name}", filename=str(folders.data() / "queue.db"), strict_fifo=True)
    # All of its work at once: who cannot read an item of the queue cannot say what waits in it.
    paths = {work: path for work, (of, path) in WORK.items() if of == name}
    return _Made(huey, {work: huey.task(name=work)(_imported_when_run(path)) for work, path in paths.items()})


def _imported_when_run(path: str) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        return pkgutil.resolve_name(path)(*args)

    return run


@contextmanager
def _reached() -> Iterator[None]:
    """Turn what a storage raises that is away or full into a sentence."""
    try:
        yield
    except redis_server.AWAY as error:
        raise QueueGoneError(
            f"Redis at {redis_server.place()} does not answer; trainings, experiments and files wait until it does, "
            f"everything else goes on"
        ) from error
    except sqlite3.OperationalError as error:
        raise QueueGoneError(
            f"the queue in the data folder cannot be used ({error}); trainings, experiments and files wait until it "
            f"can, everything else goes on"
        ) from error


@_reached()
def send(work: str, *args: Any) -> None:
    """Put work of a kind into its queue.

    Raises:
        QueueGoneError: it cannot be reached, as in every function below.
    """
    task(work)(*args)


def errand(work: str, *args: Any) -> Any:
    """Have an errand run by a worker, and wait for its answer.

    Raises:
        NoWorkerError: there is no worker, or it did not answer in time.
        ValueError: it refused, in its own sentence.
    """
    if not present(ERRANDS):
        raise NoWorkerError("no worker is running; start one with python -m hmmrnn worker")
    outcome, answer = _run(work, args)
    if outcome == REFUSED:
        raise ValueError(answer)
    return answer


@_reached()
def _run(work: str, args: tuple[Any, ...]) -> Any:
    try:
        return task(work)(*args).get(blocking=True, timeout=PATIENCE_SECONDS, max_delay=0.2)
    except ResultTimeout:
        raise NoWorkerError(f"the worker did not answer within {PATIENCE_SECONDS:g} seconds; try again") from None
    except TaskException as error:
        raise RuntimeError(f"the worker failed at {work}: {error}") from error


@_reached()
def waiting(work: str) -> list[tuple[Any, ...]]:
    """The arguments of all work of a kind that no worker has taken yet, the next one first."""
    return [item.args for item in queue(WORK[work][0]).pending() if item.name == work]


@_reached()
def put(key: str, value: Any) -> None:
    """Keep a value that JSON can hold where all processes see it."""
    queue(TRAININGS).storage.put_data(key, json.dumps(value, allow_nan=False).encode())


@_reached()
def look_up(key: str) -> Any:
    """The value kept under a key; None if there is none."""
    found = queue(TRAININGS).storage.peek_data(key)
    return None if found is EmptyData else json.loads(bytes(found))


@_reached()
def claim(key: str, value: Any) -> bool:
    """Keep a value that JSON can hold, unless there is one under the key already; returns whether it was kept."""
    encoded = json.dumps(value, allow_nan=False).encode()
    return bool(queue(TRAININGS).storage.put_if_empty(key, encoded))


@_reached()
def hand_over(key: str, answer: Any) -> None:
    """Keep an answer of any kind where all processes see it."""
    queue(TRAININGS).storage.put_data(key, pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL))


@_reached()
def receive(key: str) -> tuple[Any] | None:
    """The answer that was handed over under a key, which it leaves; None if there is none."""
    found = queue(TRAININGS).storage.pop_data(key)
    # Like the queue's own results it was written by a worker of ours, and nobody else can write there.
    return None if found is EmptyData else (pickle.loads(bytes(found)),)


@_reached()
def discard(key: str) -> None:
    """Forget a value, if it is there."""
    queue(TRAININGS).storage.delete_data(key)


@_reached()
def now() -> float:
    """Seconds since 1970 by the one clock that all machines share: that of Redis, or this machine's."""
    if not redis_server.url():
        return time.time()
    seconds, microseconds = redis_server.client().time()
    return float(seconds + microseconds / 1e6)


def beat(key: str) -> None:
    """Leave a sign of life under a key."""
    put(f"beat:{key}", now())


def beating(key: str) -> bool:
    """Whether there was a sign of life within the last seconds."""
    beaten_at = look_up(f"beat:{key}")
    return beaten_at is not None and abs(now() - beaten_at) < LOST_AFTER_SECONDS


def present(name: str) -> bool:
    """Whether a queue has a worker."""
    return beating(f"worker:{name}")


def tell_memory(name: str, worker: str, held: float) -> None:
    """Say how much memory a worker of a queue holds, in bytes, for as long as it beats."""
    # Two that tell at once may lose one of them, until it tells again.
    others = {other: told for other, told in _told(name).items() if other != worker}
    put(f"memory:{name}", {**others, worker: [now(), held]})


def memory_of_workers(name: str) -> dict[str, float]:
    """Bytes that each worker of a queue has told of within the last seconds."""
    return {worker: held for worker, (_, held) in _told(name).items()}


def _told(name: str) -> dict[str, list[float]]:
    kept: dict[str, list[float]] = look_up(f"memory:{name}") or {}
    at = now()
    return {worker: told for worker, told in kept.items() if abs(at - told[0]) < LOST_AFTER_SECONDS}
