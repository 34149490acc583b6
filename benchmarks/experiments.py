"""Time of an experiment: three gain sweeps on the shipped network, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable

from threadpoolctl import threadpool_limits

from benchmarks.figures import Measurement
from hmmrnn.analysis.gain_sweep import MOST_STATES, MUS, sweep_gains
from hmmrnn.analysis.kick_neurons import detect_kick_neurons
from hmmrnn.analysis.numerics import TRANSIENT
from hmmrnn.analysis.orbit import fit_plane
from hmmrnn.analysis.populations import CONTROL, INTEGRATING, find_populations
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from hmmrnn.model.checkpoint import load
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import draw_noise, simulate
from hmmrnn.shipped import MODELS
from tests.naive_gains import naive_critical_pairs, naive_runs

Population = tuple[tuple[int, ...], str]
RUNS, STEPS = 16, 1500


def gain_sweep_figures(repeats: int) -> list[Measurement]:
    """Measure the sweeps of three populations, and a naive loop over a part of one, in turn."""
    network = load(MODELS / f"{DEFAULT_MODEL}.safetensors")
    plane = fit_plane(simulate(network, STEPS, RUNS))
    swept = _populations(network)
    fast, naive = [], []
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(repeats):
            fast.append(
                _seconds(lambda: [sweep_gains(network, *one, plane, trajectories=RUNS, steps=STEPS) for one in swept])
            )
            naive.append(_seconds(lambda: _one_gain(network, *swept[0])) * len(MUS) * len(swept))
    baseline = (
        "a plain loop over runs and steps, and the eigenvalues of the whole Jacobian at as many states, for one gain "
        f"of one population, times {len(MUS) * len(swept)}"
    )
    return [Measurement("gain_sweep_s", tuple(fast), baseline, tuple(naive))]


def _populations(network: Network) -> list[Population]:
    """Neurons and target: the kick group of the first output, what integrates noise for it, and the control."""
    found = detect_kick_neurons(network)
    group, roles = found.groups[0], find_populations(network, found)
    return [
        (group.neurons, "recurrent"),
        (roles.members(INTEGRATING, group.output), "input"),
        (roles.members(CONTROL), "unit"),
    ]


def _one_gain(network: Network, neurons: tuple[int, ...], target: str) -> None:
    noise = draw_noise(network.n_inputs, TRANSIENT + STEPS, RUNS, 1.0, 0)
    h, _ = naive_runs(network, neurons, target, 1.0, noise)
    # As many states before switches as anywhere.
    for state in h[:, TRANSIENT:].reshape(-1, network.n_neurons)[: 2 * MOST_STATES]:
        naive_critical_pairs(network, neurons, target, 1.0, state)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
