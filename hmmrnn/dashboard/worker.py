"""How does a worker process live? It takes jobs from one queue, shows that it is there, and ends with its parent.

The taking is huey's consumer, which runs each job in a process that can be killed: the next one takes its place.
"""

from __future__ import annotations

import logging
import math
import os
import pkgutil
import signal
import socket
import time
from datetime import datetime

from huey.consumer import Consumer, Scheduler, Worker
from huey.signals import SIGNAL_INTERRUPTED

from hmmrnn.dashboard import memory, queue
from hmmrnn.supervisor import end_with_parent

logger = logging.getLogger(__name__)

HEALTH_EVERY_SECONDS = 1
# A worker that has nothing to do looks again after at most so long (SQLite; Redis tells it at once).
LOOK_EVERY_SECONDS = 0.5
NICENESS = 5


def serve_queue(name: str, at_once: int) -> None:
    """Take jobs from a queue until this process is told to end; does not return before.

    Args:
        name: trainings, errands or inquiries.
        at_once: number of jobs to work on at the same time.
    """
    # Pages are answered first: who looks on should not feel that somebody trains.
    os.nice(NICENESS)
    # Before the first job: one that has left the queue and says nothing while modules are imported would look lost.
    for of, path in queue.WORK.values():
        if of == name:
            pkgutil.resolve_name(path)
    taken_from = queue.queue(name)
    # Told to end between taking a job and beginning it: the next worker has it.
    taken_from.signal(SIGNAL_INTERRUPTED)(lambda _signal, task: taken_from.enqueue(task))
    _Consumer(
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
    """The part of a consumer that comes around every second, whatever its workers do: it shows that they are there."""

    _told_at = -math.inf

    def initialize(self) -> None:
        end_with_parent(signal.SIGKILL)
        super().initialize()

    def loop(self, now: datetime | None = None) -> None:
        name = self.huey.name.removeprefix(queue.PREFIX)
        # The consumer, which has started this process and those that work.
        number = os.getppid()
        try:
            queue.beat(f"worker:{name}")
            if time.monotonic() - self._told_at >= queue.BEAT_SECONDS:
                queue.tell_memory(name, f"{socket.gethostname()}:{number}", memory.family(number))
                self._told_at = time.monotonic()
        except queue.QueueGoneError as error:
            logger.warning("this worker waits: %s", error)
        super().loop(now)


class _Consumer(Consumer):
    worker_class, scheduler_class = _Worker, _Scheduler
