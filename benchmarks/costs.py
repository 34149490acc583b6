"""Server time of a click by size of the network and number of trajectories; clicks a second; memory of idle workers."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.dashboard import running_server
from benchmarks.figures import COST_RUNS, LIVE_OUTPUTS, LIVE_SIZES, Measurement, inputs_of
from benchmarks.machine import children, memory
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Intervention
from hmmrnn.tasks.queue import QUEUES
from tests.networks import random_network
from tests.wire import Wire

ALIVE = "GET /healthz of the same server, in turn"
# Steps of each run, so that the largest number of runs is the largest window that a page may ask for.
STEPS = 500
# Every shipped network has at least as many.
NEURONS = 150
ASKERS, ASKING_SECONDS, CORES = 4, 10.0, os.cpu_count() or 1


def size_figures(clicks: int) -> list[Measurement]:
    """Measure so many clicks on networks of several sizes."""
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as models:
        for n in LIVE_SIZES:
            save(random_network(n, inputs_of(n), LIVE_OUTPUTS), Path(models) / f"random-{n}.safetensors")
        os.environ["HMMRNN_MODELS"] = models
        try:
            with running_server() as server:
                wire = Wire(server.url)
                return [_clicks(f"click_server_ms_{n}", wire, Scenario(f"random-{n}"), clicks) for n in LIVE_SIZES]
        finally:
            del os.environ["HMMRNN_MODELS"]


def run_figures(clicks: int) -> list[Measurement]:
    """Measure so many clicks on the shipped network with several numbers of runs."""
    with running_server() as server:
        wire = Wire(server.url)
        return [
            _clicks(f"click_server_ms_{b}_runs", wire, Scenario(DEFAULT_MODEL, steps=STEPS, trajectories=b), clicks)
            for b in COST_RUNS
        ]


def capacity_figures(rounds: int) -> list[Measurement]:
    """Measure how many clicks of different viewers are answered, and what workers hold that have nothing to do."""
    with running_server() as server:
        wire = Wire(server.url)
        _click(wire, Scenario(DEFAULT_MODEL), 0)
        clicked, alive = [], []
        for turn in range(rounds):
            clicked.append(_answered(lambda i, turn=turn: _click(wire, _another(turn, i), i % NEURONS)))
            alive.append(_answered(lambda _: wire.fetch("/healthz")))
        # The web server is the first that was started; the workers come in the order of the queues.
        _, *workers = children(server.process.pid)
        held = [sum(memory(pid).rss for pid in (worker, *children(worker))) for worker in workers]
    words = ", ".join(f"{name} {mb:.0f}" for name, mb in zip(QUEUES, held, strict=True))
    return [
        Measurement("clicks_per_s_per_core", tuple(clicked), ALIVE, tuple(alive)),
        Measurement("worker_memory_mb", (max(held),), "nothing", (), f"with all processes of each: {words}"),
    ]


def _clicks(name: str, wire: Wire, scenario: Scenario, clicks: int) -> Measurement:
    # The intact network and the plane are computed once for all clicks.
    _click(wire, scenario, 0)
    laps, alive = [], []
    for neuron in range(1, clicks + 1):
        laps.append(_timed(lambda neuron=neuron: _click(wire, scenario, neuron)))
        alive.append(_timed(lambda: wire.fetch("/healthz")))
    return Measurement(name, tuple(laps), ALIVE, tuple(alive))


def _click(wire: Wire, scenario: Scenario, neuron: int) -> None:
    touched = replace(scenario, interventions=(Intervention((neuron,), 0.0, "unit"),))
    wire.fast(touched)


def _another(turn: int, question: int) -> Scenario:
    """A scenario of which no neuron was silenced before, once all neurons of the one before were."""
    return Scenario(DEFAULT_MODEL, seed=1 + 1000 * turn + question // NEURONS)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def _answered(ask: Callable[[int], object]) -> float:
    """How many questions are answered per second and core while some ask one after another."""
    counts, end = [0] * ASKERS, time.perf_counter() + ASKING_SECONDS

    def keep_asking(asker: int) -> None:
        while time.perf_counter() < end:
            ask(counts[asker] * ASKERS + asker)
            counts[asker] += 1

    askers = [threading.Thread(target=keep_asking, args=(asker,)) for asker in range(ASKERS)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    return sum(counts) / ASKING_SECONDS / CORES
