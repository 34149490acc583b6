"""The slow way: analyses written as plain loops, one state and one step at a time.

The tests hold the fast versions to these, and the benchmarks measure against them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.regions import ROUNDING
from hmmrnn.model.network import Network


def naive_residency(
    network: Network, states: NDArray[np.float64], noise_for_state: Callable[[int], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Residency time (S,) and sign changes (S,), with the noise (rollouts, max_steps, M) of each position."""
    time, sign_changes = np.empty(len(states)), np.empty(len(states))
    for i, state in enumerate(states):
        pairs = [_one_rollout(network, state, noise) for noise in noise_for_state(i)]
        time[i], sign_changes[i] = np.mean(pairs, axis=0)
    return time, sign_changes


def _one_rollout(network: Network, state: NDArray[np.float64], noise: NDArray[np.float64]) -> tuple[int, int]:
    h = state
    logits = network.W_out @ h + network.b_out
    own = int(np.argmax(logits))
    steps, sign_changes, previous_sign = 0, 0, 0
    for x in noise:
        before = logits[own]
        h = np.maximum(network.W_hh @ h + network.W_ih @ x + network.b_h, 0)
        logits = network.W_out @ h + network.b_out
        steps += 1
        difference = logits[own] - before
        sign = 0 if abs(difference) <= ROUNDING * np.max(np.abs(logits)) else (1 if difference > 0 else -1)
        sign_changes += sign * previous_sign == -1
        previous_sign = sign
        if int(np.argmax(logits)) != own:
            break
    return steps, sign_changes


def naive_leave_rate(network: Network, starts, noise, output: int) -> float:
    """Leave rate out of an output, run by run and step by step.

    Args:
        network: intact or intervened upon.
        starts: (B, N) activity to start from.
        noise: (B, T, M).
        output: the output that is left.
    """
    stayed = left = 0
    for h, path in zip(starts, noise, strict=True):
        before = -1
        for x in path:
            h = np.maximum(network.W_hh @ h + network.W_ih @ x + network.b_h, 0)
            now = int(np.argmax(network.W_out @ h + network.b_out))
            stayed += before == output == now
            left += before == output != now
            before = now
    return left / (stayed + left)
