"""Time of the lenses, each on the shipped network, and of networks side by side, beside plain loops over their runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.figures import COMPARED, LENSES, MANY, Measurement
from hmmrnn.comparison.side_by_side import compare_networks, search_kick_neurons
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from hmmrnn.lenses.catalog import lens_named
from hmmrnn.model.checkpoint import load
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import draw_noise
from hmmrnn.shipped import FURTHER, MODELS, SHELF, list_seeds

# Runs and steps of the plain loop that stands beside each: those that most lenses look at.
LOOP_RUNS, LOOP_STEPS = 64, 1100


def lens_figures(repeats: int) -> list[Measurement]:
    """Measure each lens, and a plain loop over as many runs as most of them look at, in turn."""
    network = load(MODELS / f"{DEFAULT_MODEL}.safetensors")
    baseline = f"a plain loop over {LOOP_RUNS} runs of {LOOP_STEPS:,} steps, one product for each step of each run"
    found = []
    with threadpool_limits(limits=1, user_api="blas"):
        for name in LENSES:
            fast, naive = [], []
            for _ in range(repeats):
                fast.append(_seconds(lambda name=name: lens_named(name).look(network)))
                naive.append(_seconds(lambda: run_plainly(network)))
            found.append(Measurement(f"lens_{name}_s", tuple(fast), baseline, tuple(naive)))
    return found


def comparison_figures(repeats: int) -> list[Measurement]:
    """Measure the comparison of the shipped networks of the paper's families, without a search for kick neurons."""
    networks = {name: load(MODELS / f"{name}.safetensors") for name in SHELF[:COMPARED]}
    return [_comparison("compare_s", networks, lambda: compare_networks(networks), repeats)]


def search_figures(repeats: int) -> list[Measurement]:
    """Measure the comparison of these networks and those with other seeds, with a search for all kick neurons."""
    shelf = [MODELS / f"{name}.safetensors" for name in SHELF[:COMPARED]]
    networks = {file.stem: load(file) for file in (*shelf, *(FURTHER / f"{name}.safetensors" for name in list_seeds()))}
    assert len(networks) == MANY

    def search_and_compare() -> object:
        found = {name: search_kick_neurons(network) for name, network in networks.items()}
        return compare_networks(networks, kick={name: kick for name, kick in found.items() if kick is not None})

    return [_comparison("compare_many_s", networks, search_and_compare, repeats)]


def _comparison(name: str, networks: dict[str, Network], work: Callable[[], object], repeats: int) -> Measurement:
    samples = [_seconds(work) for _ in range(repeats)]
    baseline = f"a plain loop over {LOOP_RUNS} runs of {LOOP_STEPS:,} steps of each of them"
    naive = [_seconds(lambda: [run_plainly(network) for network in networks.values()]) for _ in range(repeats)]
    return Measurement(name, tuple(samples), baseline, tuple(naive))


def run_plainly(network: Network) -> float:
    """Step every run by itself; returns the mean activity, which depends on all of it."""
    noise = draw_noise(network.n_inputs, LOOP_STEPS, LOOP_RUNS, 1.0, 0)
    total = 0.0
    for run in noise:
        h = np.zeros(network.n_neurons)
        for x in run:
            h = np.maximum(network.W_hh @ h + network.W_ih @ x + network.b_h, 0.0)
            total += float(h.mean())
    return total / (LOOP_RUNS * LOOP_STEPS)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
