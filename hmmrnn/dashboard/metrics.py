"""How is it doing, in numbers? /metrics, in the form that Prometheus reads: what web processes counted, and what is.

What is looked at when it is asked for (queues, trainings, parts, memory) is left out if it does not answer in time.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeVar

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from hmmrnn.dashboard import counters, health, jobs, memory, queue, tallies

K = TypeVar("K")

STATES = (jobs.WAITING, jobs.RUNNING, jobs.DONE, jobs.FAILED, jobs.CANCELLED, jobs.LOST)
_OF_PROCESS = re.compile(r"gauge_liveall_(\d+)\.db")


def register(server: Flask) -> None:
    """Register the address that Prometheus reads."""
    counters.UP.set(1)
    present = Present()

    def metrics() -> Response:
        return Response(generate_latest(_gathered(present)), content_type=CONTENT_TYPE_LATEST)

    server.add_url_rule("/metrics", "metrics", metrics)


def _gathered(present: Collector) -> CollectorRegistry:
    gathered = CollectorRegistry()
    if tallies.folder() is None:
        gathered.register(REGISTRY)
    else:
        MultiProcessCollector(gathered)
    gathered.register(present)
    return gathered


class Present(Collector):
    """What is looked at rather than counted."""

    def __init__(self) -> None:
        self.parts = health.parts()
        self.lengths, self.states, self.workers = health.Look(_lengths), health.Look(_states), health.Look(_workers)

    def collect(self) -> Iterable[Metric]:
        """All of it, as it is now."""
        until = time.monotonic() + health.ANSWER_WITHIN_SECONDS
        lengths, states, workers = self.lengths.begin(), self.states.begin(), self.workers.begin()
        parts = {name: float(part.well) for name, part in health.look_at(self.parts).items()}
        yield _gauge("hmmrnn_part_well", "1 for each part of /readyz that is well, otherwise 0", "part", parts)
        yield _gauge("hmmrnn_queue_length", "Jobs that no worker has taken yet", "queue", _come(lengths, until))
        yield _gauge("hmmrnn_trainings", "Trainings by state", "state", _come(states, until))
        yield _gauges(
            "hmmrnn_worker_resident_memory_bytes",
            "Memory of each worker and of what it has started, as it told it within the last seconds",
            ["queue", "worker"],
            _come(workers, until),
        )
        yield from _processes()


def _come(promise: Future[dict[K, float]], until: float) -> dict[K, float]:
    """What a look has found by then; nothing if it hangs or the queue cannot be reached, as its part says."""
    try:
        return promise.result(timeout=max(0.0, until - time.monotonic()))
    except (TimeoutError, queue.QueueGoneError, RedisError, OSError):
        return {}


def _lengths() -> dict[str, float]:
    return {name: float(queue.queue(name).pending_count()) for name in queue.QUEUES}


def _states() -> dict[str, float]:
    found = Counter(job.state for job in jobs.listing())
    return {state: float(found[state]) for state in STATES}


def _processes() -> Iterator[Metric]:
    """Memory and age of every web process of this server."""
    seen = {str(number): values for number in _numbers() if (values := memory.process(number))}
    held = {number: values[memory.RESIDENT] for number, values in seen.items()}
    yield _gauge("hmmrnn_resident_memory_bytes", "Memory of each web process", "pid", held)
    age = {number: time.time() - values[memory.BEGUN] for number, values in seen.items()}
    yield _gauge("hmmrnn_uptime_seconds", "Age of each web process", "pid", age)


def _workers() -> dict[tuple[str, ...], float]:
    """Memory of every worker on any machine, with all that it has started."""
    told = {name: queue.memory_of_workers(name) for name in queue.QUEUES}
    return {(name, worker): held for name, workers in told.items() for worker, held in workers.items()}


def _numbers() -> list[int]:
    folder = tallies.folder()
    if folder is None:
        return [os.getpid()]
    return sorted(int(found[1]) for path in folder.iterdir() if (found := _OF_PROCESS.fullmatch(path.name)))


def _gauge(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    return _gauges(name, words, [label], {(of,): value for of, value in values.items()})


def _gauges(name: str, words: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for of, value in values.items():
        family.add_metric(of, value)
    return family
