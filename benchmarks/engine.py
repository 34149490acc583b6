"""Times of the two heaviest analyses, residency and the search for kick neurons, without a page."""

from __future__ import annotations

import time
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.figures import Measurement
from hmmrnn.analysis.kick_neurons import detect_kick_neurons
from hmmrnn.analysis.leave_rates import MEASURED_STEPS, RUNS, Measured, PairedLeaveRates
from hmmrnn.analysis.regions import block_noise, residency
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from hmmrnn.model.checkpoint import load
from hmmrnn.model.network import Floats, Intervention, Network, intervene
from hmmrnn.model.simulation import draw_noise, simulate
from hmmrnn.shipped import MODELS
from tests.naive import naive_leave_rate, naive_residency

STATES, ROLLOUTS, MAX_STEPS = 5000, 20, 60
# The naive loop would take minutes for all of them.
NAIVE_STATES = 25
NAIVE_INTERVENTIONS = 4
VISITING_RUNS, VISITING_STEPS, TRANSIENT = 32, 300, 100


def residency_figures(repeats: int) -> list[Measurement]:
    """Measure the residency of all states and that of a few by a naive loop, in turn."""
    network = load(MODELS / f"{DEFAULT_MODEL}.safetensors")
    states = _visited(network)
    # All of the naive loop's states lie in the first block, which shares one draw of noise.
    noise = block_noise(network.n_inputs, 0, ROLLOUTS, MAX_STEPS, sigma=1.0, seed=0)
    fast, naive = [], []
    # As in the dashboard: matrices are small here, and threads that wait for each other take longer than one.
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(repeats):
            fast.append(_seconds(lambda: residency(network, states, ROLLOUTS, MAX_STEPS)))
            naive.append(_seconds(lambda: naive_residency(network, states[:NAIVE_STATES], lambda _: noise)))
    baseline = (
        f"a plain loop over states, realisations and steps, on {NAIVE_STATES} of the states, "
        f"times {STATES // NAIVE_STATES}"
    )
    scaled = tuple(seconds * STATES / NAIVE_STATES for seconds in naive)
    return [Measurement("residency_s", tuple(fast), baseline, scaled)]


def kick_figures(repeats: int) -> list[Measurement]:
    """Measure the search for kick neurons with its null, and a few of its measurements by a naive loop, in turn."""
    network = load(MODELS / f"{DEFAULT_MODEL}.safetensors")
    exits = PairedLeaveRates(network, simulate(network, VISITING_STEPS, VISITING_RUNS, seed=0), 0, TRANSIENT, 0)
    noise = draw_noise(network.n_inputs, MEASURED_STEPS, RUNS, 1.0, 1)
    fast, naive, measured = [], [], 0
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(repeats):
            with patch.object(Measured, "_measure", autospec=True, side_effect=Measured._measure) as counted:
                fast.append(_seconds(lambda: detect_kick_neurons(network)))
            measured = counted.call_count
            naive.append(
                _seconds(
                    lambda: [
                        naive_leave_rate(intervene(network, Intervention((neuron,))), exits.starts, noise, 0)
                        for neuron in range(NAIVE_INTERVENTIONS)
                    ]
                )
            )
    baseline = (
        f"a plain loop over interventions, runs and steps, on {NAIVE_INTERVENTIONS} of the {measured} interventions "
        f"that are measured, times {measured / NAIVE_INTERVENTIONS:.0f}; without what else the search does"
    )
    scaled = tuple(seconds * measured / NAIVE_INTERVENTIONS for seconds in naive)
    return [Measurement("kick_detection_s", tuple(fast), baseline, scaled)]


def _visited(network: Network) -> Floats:
    """(STATES, N) states of noisy runs after their transient, in random order."""
    run = simulate(network, VISITING_STEPS, VISITING_RUNS, seed=0)
    visited = run.h[:, TRANSIENT:].reshape(-1, network.n_neurons)
    return visited[np.random.default_rng(0).choice(len(visited), STATES, replace=False)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
