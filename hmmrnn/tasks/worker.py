"""A worker process: it takes work from one queue, leaves heartbeats, and ends with its parent.

The work is taken by huey's consumer. It runs each piece in a process that can be killed; another one takes its place.
"""

import logging
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from huey.consumer import Consumer, Scheduler, Worker
from huey.signals import SIGNAL_INTERRUPTED

from hmmrnn.storage import metrics
from hmmrnn.storage.processes import end_with_parent
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
    taken_from = store.queues.queue(name)
    # If this process is asked to end between taking work and beginning it, the next worker takes the work.
    taken_from.signal(SIGNAL_INTERRUPTED)(lambda _signal, task: taken_from.enqueue(task))
    _Consumer(
        store,
        taken_from,
        workers=at_once,
        worker_type="process",
        periodic=False,
        max_delay=LOOK_EVERY_SECONDS,
        health_check_interval=HEALTH_EVERY_SECONDS,
    ).run()


class _Worker(Worker):
    def initialize(self) -> None:
        end_with_parent(signal.SIGKILL)
        super().initialize()


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
    worker_class = _Worker

    def __init__(self, store: Store, *args: Any, **kwargs: Any) -> None:
        self.scheduler_class = partial(_Scheduler, store)
        super().__init__(*args, **kwargs)
