"""How is it doing, in numbers? /metrics, in the form that Prometheus reads: what web processes counted, and what is.

What is looked at when it is asked for (queues, trainings, parts, memory) is left out if it does not answer in time.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from hmmrnn.dashboard import counters, health, jobs, queue, tallies

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
        self.lengths, self.states = health.Look(_lengths), health.Look(_states)

    def collect(self) -> Iterable[Metric]:
        """All of it, as it is now."""
        until = time.monotonic() + health.ANSWER_WITHIN_SECONDS
        lengths, states = self.lengths.begin(), self.states.begin()
        parts = {name: float(part.well) for name, part in health.look_at(self.parts).items()}
        yield _gauge("hmmrnn_part_well", "1 for each part of /readyz that is well, otherwise 0", "part", parts)
        yield _gauge("hmmrnn_queue_length", "Jobs that no worker has taken yet", "queue", _come(lengths, until))
        yield _gauge("hmmrnn_trainings", "Trainings by state", "state", _come(states, until))
        yield from _processes()


def _come(promise: Future[dict[str, float]], until: float) -> dict[str, float]:
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
    seen = {str(number): _process(number) for number in _numbers()}
    memory = {number: values["process_resident_memory_bytes"] for number, values in seen.items() if values}
    begun = {number: values["process_start_time_seconds"] for number, values in seen.items() if values}
    yield _gauge("hmmrnn_resident_memory_bytes", "Memory of each web process", "pid", memory)
    age = {number: time.time() - began for number, began in begun.items()}
    yield _gauge("hmmrnn_uptime_seconds", "Age of each web process", "pid", age)


def _numbers() -> list[int]:
    folder = tallies.folder()
    if folder is None:
        return [os.getpid()]
    return sorted(int(found[1]) for path in folder.iterdir() if (found := _OF_PROCESS.fullmatch(path.name)))


def _process(number: int) -> dict[str, float]:
    """What the system says of a process; nothing if it has ended, or where there is no /proc."""
    families = ProcessCollector(pid=lambda: number, registry=None).collect()
    return {family.name: family.samples[0].value for family in families}


def _gauge(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family
