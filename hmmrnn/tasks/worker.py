"""A worker process: it takes work from one queue, leaves heartbeats, and ends with its parent.

The work is taken by huey's consumer. It runs each piece in a process that can be killed; another one takes its place.
Where a queue has a quick lane, one of the processes takes work from that alone, so that what is long never holds up
what is quick; the others take quick work first.
"""

import logging
import math
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from huey import Huey
from huey.consumer import Consumer, Scheduler, Worker
from huey.signals import SIGNAL_INTERRUPTED

from hmmrnn.storage import metrics
from hmmrnn.storage.processes import end_with_parent
from hmmrnn.storage.redis import UNAVAILABLE
from hmmrnn.tasks.queue import PREFIX, QueueGoneError
from hmmrnn.tasks.store import HEARTBEAT_SECONDS, WORKER, Store

logger = logging.getLogger(__name__)

HEALTH_EVERY_SECONDS = 1
# A worker without work looks at its queue again after at most so long (SQLite; Redis wakes it at once).
LOOK_EVERY_SECONDS = 0.5
NICENESS = 5


def serve_queue(store: Store, name: str, at_once: int, functions: Mapping[str, Callable[..., Any]]) -> None:
    """Take work from a queue until this process is asked to end; does not return before.

    Args:
        functions: what to call for each kind of work of the queue, all of it imported: work that has left the queue
            while modules are still being imported would count as lost.
    """
    # Pages are answered first: they must not feel that a network is trained.
    os.nice(NICENESS)
    store.queues.perform(functions)
    consumer_of(store, name, at_once).run()


def consumer_of(store: Store, name: str, at_once: int) -> Consumer:
    """What takes the work of a queue, so many pieces at the same time."""
    lanes = store.queues.lanes(name)
    for lane in lanes:
        # If this process is asked to end between taking work and beginning it, the next worker takes the work.
        lane.signal(SIGNAL_INTERRUPTED)(lambda _signal, task, lane=lane: lane.enqueue(task))
    return _Consumer(
        store,
        lanes,
        workers=at_once,
        worker_type="process",
        periodic=False,
        max_delay=LOOK_EVERY_SECONDS,
        health_check_interval=HEALTH_EVERY_SECONDS,
    )


class _Worker(Worker):
    """A process that takes work from the lanes of a queue, the first of them first."""

    def __init__(self, lanes: Sequence[Huey], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lanes = lanes

    def initialize(self) -> None:
        end_with_parent(signal.SIGKILL)
        super().initialize()

    def loop(self, now: datetime | None = None) -> None:
        """Do the next piece of work, or wait a little for one."""
        try:
            # Waiting at the last lane, which with Redis takes a second, is for when the others are empty.
            self.huey = next((lane for lane in self.lanes[:-1] if lane.pending_count()), self.lanes[-1])
        except (sqlite3.Error, *UNAVAILABLE) as error:
            logger.warning("this worker waits: %s", error)
            self.sleep()
            return
        super().loop(now)


class _Scheduler(Scheduler):
    """The part of a consumer that runs every second, whatever its workers do: it leaves the queue's heartbeats."""

    def __init__(self, store: Store, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._store, self._reported_at = store, -math.inf

    def initialize(self) -> None:
        end_with_parent(signal.SIGKILL)
        super().initialize()

    def loop(self, now: datetime | None = None) -> None:
        name = self.huey.name.removeprefix(PREFIX)
        # The consumer, which has started this process and those that work.
        number = os.getppid()
        try:
            self._store.entry(WORKER, name).beat()
            if time.monotonic() - self._reported_at >= HEARTBEAT_SECONDS:
                memory = metrics.memory_of_family(number)
                self._store.report_memory(name, f"{socket.gethostname()}:{number}", memory)
                self._reported_at = time.monotonic()
        except QueueGoneError as error:
            logger.warning("this worker waits: %s", error)
        super().loop(now)


class _Consumer(Consumer):
    def __init__(self, store: Store, lanes: Sequence[Huey], **kwargs: Any) -> None:
        self.scheduler_class = partial(_Scheduler, store)
        self._lanes = lanes
        # Heartbeats bear the name of the last lane, which is that of the queue.
        super().__init__(lanes[-1], **kwargs)

    def start(self) -> None:
        """Start all processes; none of them shares a connection with this one."""
        for lane in self._lanes:
            lane.storage.close()
        super().start()

    def _create_worker(self) -> Worker:
        """A worker for quick work alone where there are several and no such one, otherwise one for all lanes."""
        alone = min(self.workers, len(self._lanes)) > 1 and not any(
            len(worker.lanes) == 1 and process.exitcode is None for worker, process in self.worker_threads
        )
        self.worker_class = partial(_Worker, self._lanes[:1] if alone else self._lanes)
        return super()._create_worker()
