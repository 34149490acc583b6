"""Records of tasks, workers, sweeps and files, typed, and shared by all processes.

A value is found by three things: the kind of thing that it is about, the id of that thing, and the part of it. It is
kept as JSON beside the queues, in SQLite or in Redis. This is the only module that writes keys. Every method raises
QueueGoneError if the storage cannot be reached.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from logging import getLogger
from typing import Any, Generic, TypeVar

from huey.constants import EmptyData
from pydantic import AliasChoices, BaseModel, Field, TypeAdapter, ValidationError

from hmmrnn.storage.processes import repeated
from hmmrnn.storage.signing import ForeignError
from hmmrnn.tasks.queue import TRAININGS, QueueGoneError, Queues

logger = getLogger(__name__)

T = TypeVar("T")

TRAINING, EXPERIMENT, WORKER, SWEEP, FILE, PROBE = "training", "experiment", "worker", "sweep", "file", "probe"
# A process that works leaves a heartbeat every two seconds; without one for so long it counts as gone.
HEARTBEAT_SECONDS, LOST_AFTER_SECONDS = 2.0, 7.0
# Values in one question to the storage.
MOST_AT_ONCE = 500


# ---- the records ----


class TaskState(StrEnum):
    """Where a task stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


class Record(BaseModel, frozen=True):
    """Where a task stands, as it was last written."""

    state: TaskState  # never `lost`, which follows from missing heartbeats
    asked_at: float = 0.0  # when it was last asked for, in seconds since 1970
    # Version 0.1 called it `asker`.
    # Name of the user or viewer who asked for it; empty for none.
    requester: str = Field(default="", validation_alias=AliasChoices("requester", "asker"))
    attempt: int = 1  # how often it has been put into the queue for one request
    reason: str = ""  # why it failed; empty otherwise
    is_final: bool = False  # whether it would fail again for that reason
    model: str = ""  # name of the network that a training has made; empty otherwise


class TrainingProgress(BaseModel, frozen=True):
    """How far a training is."""

    step: int  # steps done
    steps: int  # steps in all
    loss: float  # Sinkhorn divergence of the last batch
    # floor, plateau: the same of two HMM batches, and of independent symbols.
    floor: float
    plateau: float
    seconds: float  # time spent on training
    steps_per_second: float | None = None  # over the last steps; None if not known yet
    # Of the latest snapshot: its step, the number of its diverged runs, and its measures by name, None where they
    # cannot be measured; empty before the first snapshot.
    fidelity: dict[str, int | float | None] = {}


class FileRecord(BaseModel, frozen=True):
    """How far the check of an uploaded file is: its state, its name, when the check began, and why it was refused."""

    state: str
    name: str = ""
    since: float = 0.0
    sentence: str = ""
    # JSON of what a mapping has to say: its tensors with their shapes, and a proposal; or of its preview.
    asked: str = ""


# ---- the keys ----


class Part(Generic[T]):
    """A part of what is kept of a thing: its name, and the type of its values."""

    def __init__(self, name: str, kind: type[T]) -> None:
        self.name, self.adapter = name, TypeAdapter(kind)


RECORD = Part("state", Record)
PROGRESS = Part("progress", TrainingProgress)
LOSSES = Part("losses", list[float])
CANCEL = Part("cancel", bool)
HEARTBEAT = Part("heartbeat", float)
SHARE = Part("share", float)
BEGAN_AT = Part("began", float)
WANTED_AT, LEFT_AT = Part("wanted", float), Part("left", float)
RESULT = Part("result", bytes)
RECENT = Part("recent", list[str])
MEMORY = Part("memory", dict[str, tuple[float, float]])
CHECKED = Part("check", FileRecord)
PROBED = Part("probe", bool)


def key_of(kind: str, id: str, part: Part[Any]) -> str:
    """The key of a value. Those of trainings do not name their kind: version 0.1 wrote them so, and they last."""
    return f"{part.name}:{id}" if kind == TRAINING else f"{kind}:{part.name}:{id}"


def _read(part: Part[T], key: str, found: Any) -> T | None:
    """A value as it was kept; None, and a line in the log, if another program has written something else there."""
    try:
        return part.adapter.validate_json(bytes(found))
    except ValidationError as error:
        logger.warning("%s is left aside: it is not what this server keeps there (%d errors)", key, error.error_count())
        return None


class Store:
    """All that is kept of tasks, workers, sweeps and files, beside the queues."""

    def __init__(self, queues: Queues) -> None:
        self.queues = queues

    def entry(self, kind: str, id: str) -> Entry:
        """All that is kept of one thing."""
        return Entry(self, kind, id)

    def get_many(self, kind: str, ids: Sequence[str], part: Part[T]) -> dict[str, T]:
        """The values of a part of many things, by their ids; without those that have none."""
        found: dict[str, T] = {}
        for first in range(0, len(ids), MOST_AT_ONCE):
            keys = {key_of(kind, id, part): id for id in ids[first : first + MOST_AT_ONCE]}
            with self.storage() as storage:
                values = storage.peek_many(list(keys))
            read = {keys[key]: _read(part, key, value) for key, value in values.items()}
            found |= {id: value for id, value in read.items() if value is not None}
        return found

    @contextmanager
    def storage(self) -> Iterator[Any]:
        """The storage of the queues, with its errors turned into QueueGoneError."""
        with self.queues.reached():
            yield self.queues.queue(TRAININGS).storage

    def now(self) -> float:
        """Seconds since 1970 by the one clock that all machines share: that of Redis, or this machine's."""
        redis = self.queues.redis
        if redis is None:
            return time.time()
        with self.queues.reached():
            seconds, microseconds = redis.client().time()
        return float(seconds + microseconds / 1e6)

    def worker_present(self, name: str) -> bool:
        """Whether a queue has a worker."""
        return self.entry(WORKER, name).alive()

    def report_memory(self, name: str, worker: str, held: float) -> None:
        """Note how much memory a worker of a queue holds, in bytes; forgotten within seconds unless noted again."""
        # Of two workers that report at once one may be missing, until it reports again.
        self.entry(WORKER, name).put(MEMORY, {**self._reported(name), worker: (self.now(), held)})

    def memory_of_workers(self, name: str) -> dict[str, float]:
        """Bytes that each worker of a queue has reported within the last seconds."""
        return {worker: held for worker, (_, held) in self._reported(name).items()}

    def _reported(self, name: str) -> dict[str, tuple[float, float]]:
        kept, at = self.entry(WORKER, name).get(MEMORY) or {}, self.now()
        return {worker: report for worker, report in kept.items() if abs(at - report[0]) < LOST_AFTER_SECONDS}


@dataclass(frozen=True)
class Entry:
    """All that is kept of one thing."""

    store: Store  # where it is kept
    kind: str  # what it is: a training, an experiment, a queue's workers, a sweep or a file
    id: str  # which one

    def get(self, part: Part[T]) -> T | None:
        """The value of a part; None if there is none."""
        key = key_of(self.kind, self.id, part)
        with self.store.storage() as storage:
            found = storage.peek_data(key)
        return None if found is EmptyData else _read(part, key, found)

    def put(self, part: Part[T], value: T) -> None:
        """Keep a value."""
        with self.store.storage() as storage:
            storage.put_data(key_of(self.kind, self.id, part), part.adapter.dump_json(value))

    def claim(self, part: Part[T], value: T) -> bool:
        """Keep a value unless there is one already; returns whether it was kept."""
        with self.store.storage() as storage:
            return bool(storage.put_if_empty(key_of(self.kind, self.id, part), part.adapter.dump_json(value)))

    def discard(self, *parts: Part[Any]) -> None:
        """Delete the values of some parts, if they are there."""
        with self.store.storage() as storage:
            for part in parts:
                storage.delete_data(key_of(self.kind, self.id, part))

    def put_result(self, result: Any) -> None:
        """Keep a result of any Python type."""
        with self.store.storage() as storage:
            storage.put_data(self._result_key, self._signed(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL)))

    def take_result(self) -> tuple[Any] | None:
        """The result in a tuple of its own, deleted from here; None if there is none."""
        with self.store.storage() as storage:
            found = storage.pop_data(self._result_key)
        if found is EmptyData:
            return None
        try:
            return (pickle.loads(self._checked(bytes(found))),)
        except ForeignError as error:
            logger.warning("a result is left aside: %s", error)
            return None

    @property
    def _result_key(self) -> str:
        return key_of(self.kind, self.id, RESULT)

    # A file of the data folder is private; in Redis others might write.

    def _signed(self, data: bytes) -> bytes:
        redis = self.store.queues.redis
        return data if redis is None else redis.signer.sign(data, self._result_key)

    def _checked(self, data: bytes) -> bytes:
        redis = self.store.queues.redis
        return data if redis is None else redis.signer.check(data, self._result_key)

    def beat(self) -> None:
        """Leave a heartbeat."""
        self.put(HEARTBEAT, self.store.now())

    def alive(self) -> bool:
        """Whether there was a heartbeat within the last seconds."""
        beaten_at = self.get(HEARTBEAT)
        return beaten_at is not None and abs(self.store.now() - beaten_at) < LOST_AFTER_SECONDS

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Leave heartbeats from another thread, since a step of the work may take longer than they may be apart."""

        def beat() -> None:
            try:
                self.beat()
            except QueueGoneError as error:
                logger.warning("no heartbeat could be left for %s %s: %s", self.kind, self.id, error)

        self.beat()
        with repeated(beat, HEARTBEAT_SECONDS):
            yield
