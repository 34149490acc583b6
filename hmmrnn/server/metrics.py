"""Metrics of the server at /metrics, in the format of Prometheus: what web processes counted, and the present state.

Queues, trainings, parts and memory are looked at on request, and left out if they do not answer in time.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from hmmrnn.server import health, metrics_folder
from hmmrnn.server.services import Services
from hmmrnn.storage.metrics import RESIDENT, STARTED, UP, process
from hmmrnn.tasks.queue import QUEUES, QueueGoneError, Queues
from hmmrnn.tasks.store import Store, TaskState
from hmmrnn.tasks.trainings import Trainings

K = TypeVar("K")

_OF_PROCESS = re.compile(r"gauge_livesum_(\d+)\.db")


def register(server: Flask, services: Services) -> None:
    """Register the address that Prometheus reads."""
    if metrics_folder.folder() is None:
        UP.set(1)
    present = PresentState(services)

    def metrics() -> Response:
        return Response(generate_latest(_collected(present)), content_type=CONTENT_TYPE_LATEST)

    server.add_url_rule("/metrics", "metrics", metrics)


def _collected(present: Collector) -> CollectorRegistry:
    collected = CollectorRegistry()
    if metrics_folder.folder() is None:
        collected.register(REGISTRY)
    else:
        MultiProcessCollector(collected)
    collected.register(present)
    return collected


class PresentState(Collector):
    """Metrics that are looked at rather than counted."""

    def __init__(self, services: Services) -> None:
        self.parts = health.parts(services)
        self.lengths = health.Probe(partial(_lengths, services.store.queues))
        self.states = health.Probe(partial(_states, services.trainings))
        self.workers = health.Probe(partial(_workers, services.store))

    def collect(self) -> Iterable[Metric]:
        """All of them, as they are now."""
        until = time.monotonic() + health.ANSWER_WITHIN_SECONDS
        lengths, states, workers = self.lengths.begin(), self.states.begin(), self.workers.begin()
        parts = {name: float(part.well) for name, part in health.examine(self.parts).items()}
        yield _gauge("hmmrnn_part_well", "1 for each part of /readyz that is well, otherwise 0", "part", parts)
        yield _gauge("hmmrnn_queue_length", "Tasks that no worker has taken yet", "queue", _in_time(lengths, until))
        yield _gauge("hmmrnn_trainings", "Trainings by state", "state", _in_time(states, until))
        words = "Memory of each worker and its descendants, as it reported within the last seconds"
        reported = _in_time(workers, until)
        yield _gauges("hmmrnn_worker_resident_memory_bytes", words, ["queue", "worker"], reported)
        yield from _web_processes()


def _in_time(result: Future[dict[K, float]], until: float) -> dict[K, float]:
    """The result of a probe; empty if it hangs or the queue cannot be reached, which its part of /readyz says."""
    try:
        return result.result(timeout=max(0.0, until - time.monotonic()))
    except (TimeoutError, QueueGoneError, RedisError, OSError):
        return {}


def _lengths(queues: Queues) -> dict[str, float]:
    return {name: float(sum(lane.pending_count() for lane in queues.lanes(name))) for name in QUEUES}


def _states(trainings: Trainings) -> dict[str, float]:
    found = Counter(training.state for training in trainings.listing())
    return {state.value: float(found[state]) for state in TaskState}


def _workers(store: Store) -> dict[tuple[str, ...], float]:
    reported = {name: store.memory_of_workers(name) for name in QUEUES}
    # By number: their own names hold those of machines and processes.
    return {
        (name, str(i)): workers[worker]
        for name, workers in reported.items()
        for i, worker in enumerate(sorted(workers), 1)
    }


def _web_processes() -> Iterator[Metric]:
    """Memory and age of every web process of this server."""
    found = sorted((values for pid in _pids() if (values := process(pid))), key=lambda values: values[STARTED])
    seen = {str(i): values for i, values in enumerate(found, 1)}
    memory = {i: values[RESIDENT] for i, values in seen.items()}
    yield _gauge("hmmrnn_resident_memory_bytes", "Memory of each web process, the oldest first", "process", memory)
    age = {i: time.time() - values[STARTED] for i, values in seen.items()}
    yield _gauge("hmmrnn_uptime_seconds", "Age of each web process, the oldest first", "process", age)


def _pids() -> list[int]:
    folder = metrics_folder.folder()
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
