"""The queues of work for workers, in a SQLite file of the data folder or in Redis (HMMRNN_REDIS_URL).

Trainings take minutes, experiments up to half a minute, short tasks (checking a file, an analysis with heavy libraries)
seconds. Each of the three has a queue and workers of its own, so that none waits for a slower kind. The last two have a
second lane for what is quick among them, and a process that takes nothing else. A web process sends work by its name
and imports none of it; a worker process says with `perform` which function each name stands for.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from huey import Huey, SqliteHuey
from huey.api import Result, TaskWrapper
from huey.serializer import Serializer
from huey.storage import RedisStorage

from hmmrnn.storage.redis import UNAVAILABLE, RedisServer
from hmmrnn.storage.signing import ForeignError, Signer

logger = logging.getLogger(__name__)

TRAININGS, SHORT_TASKS, EXPERIMENTS = "trainings", "short-tasks", "experiments"
QUEUES = (TRAININGS, SHORT_TASKS, EXPERIMENTS)
TRAIN, EXPERIMENT, CHECK, ANALYSE = "train", "experiment", "check", "analyse"
# Queues with a second lane, for what takes a few seconds at most.
WITH_QUICK_LANE = (SHORT_TASKS, EXPERIMENTS)
QUEUE_OF = {TRAIN: TRAININGS, EXPERIMENT: EXPERIMENTS, CHECK: SHORT_TASKS, ANALYSE: SHORT_TASKS}
PREFIX, QUICK_SUFFIX = "hmmrnn-", "-quick"


class QueueGoneError(ValueError):
    """The queues cannot be reached or written to; the message says what still works without them."""


class QueueDamagedError(QueueGoneError):
    """The file of the queues is damaged; the message names no path, so anybody may read it."""


class _SignedPickles(Serializer):
    """Pickles of a queue in Redis: what is not signed is never unpickled."""

    def __init__(self, signer: Signer) -> None:
        super().__init__()
        self._signer = signer

    def _serialize(self, data: Any) -> bytes:
        return self._signer.sign(super()._serialize(data))

    def _deserialize(self, data: bytes) -> Any:
        return super()._deserialize(self._signer.check(bytes(data)))


class _SignedItems(RedisStorage):
    """A queue in Redis: what is not signed is taken out, or passed over."""

    def __init__(self, signer: Signer, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._signer = signer

    def dequeue(self) -> Any:
        while (item := super().dequeue()) is not None:
            if self._ours([item]):
                return item
        return None

    def enqueued_items(self, limit: int | None = None) -> list[Any]:
        return self._ours(super().enqueued_items(limit))

    def read_schedule(self, ts: Any) -> list[Any]:
        return self._ours(super().read_schedule(ts))

    def _ours(self, items: list[Any]) -> list[Any]:
        found = []
        for item in items:
            try:
                self._signer.check(bytes(item))
                found.append(item)
            except ForeignError as error:
                logger.warning("an item of the queue %s is left aside: %s", self.name, error)
        return found


class _Made(NamedTuple):
    """A queue, and the kinds of work that belong to it."""

    huey: Huey
    work: dict[str, TaskWrapper]


class Queues:
    """The three queues, made when they are first needed."""

    def __init__(self, file: Path, redis: RedisServer | None = None) -> None:
        self.redis, self._file = redis, file
        self._made: dict[str, _Made] = {}
        self._making = threading.Lock()
        self._functions: dict[str, Callable[..., Any]] = {}

    def queue(self, name: str, quick: bool = False) -> Huey:
        """One of the three queues, or its quick lane."""
        return self._of(_lane(name, quick)).huey

    def lanes(self, name: str) -> list[Huey]:
        """The lanes of a queue, the quick one first."""
        return [self.queue(name, quick) for quick in ((True, False) if name in WITH_QUICK_LANE else (False,))]

    def perform(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        """Set the functions that this process calls for each kind of work that it takes from a queue."""
        self._functions.update(functions)

    def send(self, work: str, *args: Any, quick: bool = False) -> Result:
        """Put work of a kind into its queue, or into the quick lane of it; returns the handle of its result.

        Raises:
            QueueGoneError: the queue cannot be reached.
        """
        with self.reached():
            return self._of(_lane(QUEUE_OF[work], quick)).work[work](*args)

    def waiting(self, work: str) -> list[tuple[Any, ...]]:
        """The arguments of all work of a kind that no worker has taken yet: the quick lane first, and in each the next.

        Raises:
            QueueGoneError: the queue cannot be reached.
        """
        with self.reached():
            lanes = self.lanes(QUEUE_OF[work])
            return [item.args for lane in lanes for item in lane.pending() if item.name == work]

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Turn what an unreachable or full storage raises into a QueueGoneError."""
        try:
            yield
        except UNAVAILABLE as error:
            place = self.redis.place if self.redis else ""
            raise QueueGoneError(
                f"Redis at {place} does not answer; trainings, experiments and files wait until it does, everything "
                f"else still works"
            ) from error
        except sqlite3.OperationalError as error:
            raise QueueGoneError(
                f"the queue in the data folder cannot be used ({error}); trainings, experiments and files wait until "
                f"it can, everything else still works"
            ) from error
        except sqlite3.DatabaseError as error:
            raise QueueDamagedError(
                f"the file {self._file.name} in the data folder is damaged ({error}); trainings, experiments and files "
                f"wait, everything else still works; stop the server and start it again, which begins a new one"
            ) from error

    def mend(self) -> None:
        """Put a damaged file of the queues aside, so that a new one is begun. Called before anything uses it."""
        if self.redis is not None or not self._file.exists():
            return
        try:
            with closing(sqlite3.connect(self._file)) as database:
                (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError:
            # It is in use, or cannot be opened; what needs it says so.
            return
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found == "ok":
            return
        aside = self._file.with_name(f"{self._file.name}.damaged-{time.time():.0f}")
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.replace(f"{self._file}{suffix}", f"{aside}{suffix}")
        logger.warning(
            "%s was damaged (%s) and is kept as %s; what waited is forgotten, and trainings can be resumed",
            self._file, found, aside.name,
        )  # fmt: skip

    def _of(self, name: str) -> _Made:
        # Two first requests at once must not make two queues.
        with self._making:
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def _make(self, name: str) -> _Made:
        if self.redis is not None:
            signer = self.redis.signer
            kept = partial(_SignedItems, signer)
            huey = Huey(
                f"{PREFIX}{name}",
                storage_class=kept,
                serializer=_SignedPickles(signer),
                connection_pool=self.redis.pool,
            )
        else:
            huey = SqliteHuey(f"{PREFIX}{name}", filename=str(self._file), strict_fifo=True)
        # All kinds of work at once: huey can read only those items of a queue whose work it knows.
        kinds = [work for work in QUEUE_OF if QUEUE_OF[work] == name.removesuffix(QUICK_SUFFIX)]
        return _Made(huey, {work: huey.task(name=work)(self._performing(work)) for work in kinds})

    def _performing(self, work: str) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            return self._functions[work](*args)

        # Part of the name by which huey finds work in a queue: that of version 0.1, whose queues are still read.
        run.__module__ = "hmmrnn.dashboard.queue"
        return run


def _lane(name: str, quick: bool) -> str:
    return f"{name}{QUICK_SUFFIX}" if quick else name
