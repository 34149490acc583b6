"""The slow way to scale a population: gains applied to what arrives, one run and one step at a time.

The tests hold the gain sweep to it, and the benchmarks measure against it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hmmrnn.model.network import Network


def naive_runs(
    network: Network, neurons: tuple[int, ...], target: str, mu: float, noise: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Activity (B, T, N) and output (B, T) from h_0 = 0 on noise (B, T, M)."""
    h = np.zeros((*noise.shape[:2], network.n_neurons))
    output = np.zeros(noise.shape[:2], dtype=np.int64)
    for b, run in enumerate(noise):
        state = np.zeros(network.n_neurons)
        for t, x in enumerate(run):
            recurrent, arriving = network.W_hh @ state, network.W_ih @ x
            if target == "recurrent":
                recurrent[list(neurons)] *= mu
            else:
                arriving[list(neurons)] *= mu
            state = np.maximum(recurrent + arriving + network.b_h, 0)
            h[b, t] = state
            output[b, t] = np.argmax(network.W_out @ state + network.b_out)
    return h, output


def naive_critical_pairs(
    network: Network, neurons: tuple[int, ...], target: str, mu: float, state: NDArray[np.float64]
) -> int:
    """Complex pairs at a state (N,) whose image under (z - 1) / (z + 1) has |Re| < 0.1 and Im > 0.06."""
    gain = np.ones(network.n_neurons)
    if target == "recurrent":
        gain[list(neurons)] = mu
    active = gain * (network.W_hh @ state) + network.b_h > 0
    jacobian = np.diag(active * gain) @ network.W_hh
    count = 0
    for value in np.linalg.eigvals(jacobian):
        if value.imag > 0:
            image = (value - 1) / (value + 1)
            count += abs(image.real) < 0.1 and image.imag > 0.06
    return count
