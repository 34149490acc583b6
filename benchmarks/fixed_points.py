"""Fixed points by regions and damped Gauss-Newton steps, beside those of the public fixed-point finder's method.

python -m benchmarks.fixed_points [--networks linear-2 flip-flop ...]

The public method, from its description (Golub & Sussillo, 2018, FixedPointFinder): from many visited states, jittered
by noise, Adam minimises the speed q(h) = |F(h) - h|^2 / 2 of all of them at once, until each is below a tolerance. What
is not is left out, and points closer than a tolerance are one. Here: 1,024 starts, at most 5,000 iterations, a learning
rate from 1e-2 that adapts, tolerance 1e-12 on q, the same point within 1e-3 of the largest. The gradient is exact, from
the Jacobian of the step, in NumPy; both methods run in this process, on one thread.

One JSON line for each network: points, and how many of the other's it has, saddles, and seconds of one processor.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Iterator

import numpy as np
from scipy.linalg import block_diag
from threadpoolctl import threadpool_limits

from hmmrnn.analysis.stability import fixed_points
from hmmrnn.model.checkpoint import load
from hmmrnn.model.inputs import with_constant
from hmmrnn.model.network import Floats, Network, rollout
from hmmrnn.model.simulation import simulate
from hmmrnn.shipped import MODELS

STARTS, ITERATIONS = 1024, 5000
LEARNING_RATE, FACTOR, PATIENCE = 1e-2, 0.95, 5
SPEED_TOLERANCE, SAME = 1e-12, 1e-3
BETAS, EPSILON = (0.9, 0.999), 1e-8
JITTER = 0.1


def adam_points(network: Network, seed: int = 0, iterations: int = ITERATIONS) -> Floats:
    """(F, N) distinct points where Adam on the speed ends, of a cell without gates or leak."""
    rng = np.random.default_rng(seed)
    states = simulate(network, 128, 16, seed=seed).h[:, 20:].reshape(-1, network.n_neurons)
    x = states[rng.choice(len(states), size=STARTS)]
    x = x + JITTER * states.std() * rng.standard_normal(x.shape)
    drive = network.drive_bias
    W, rate = network.W_hh, LEARNING_RATE
    mean, square, last = np.zeros_like(x), np.zeros_like(x), deque(maxlen=PATIENCE)
    for step in range(1, iterations + 1):
        pre = x @ W.T + drive
        after = np.tanh(pre) if network.cell == "tanh" else np.maximum(pre, 0)
        slope = 1 - after**2 if network.cell == "tanh" else (pre > 0).astype(float)
        off = after - x
        q = 0.5 * (off**2).sum(axis=1)
        if (q < SPEED_TOLERANCE).all():
            break
        gradient = (off * slope) @ W - off
        mean = BETAS[0] * mean + (1 - BETAS[0]) * gradient
        square = BETAS[1] * square + (1 - BETAS[1]) * gradient**2
        x = x - rate * (mean / (1 - BETAS[0] ** step)) / (np.sqrt(square / (1 - BETAS[1] ** step)) + EPSILON)
        # The rate falls where the mean speed is above all of the last ones, and rises again where it is below.
        speed = float(q.mean())
        if last and speed > max(last):
            rate *= FACTOR
        elif last and speed < min(last):
            rate = min(LEARNING_RATE, rate / FACTOR)
        last.append(speed)
    off = rollout(network, np.broadcast_to(drive, (len(x), 1, len(drive))), x).h[:, 0] - x
    return distinct(x[0.5 * (off**2).sum(axis=1) < SPEED_TOLERANCE])


def distinct(points: Floats) -> Floats:
    """Points that are farther apart than the tolerance, relative to the largest."""
    found: list[Floats] = []
    same = SAME * max(1.0, float(np.abs(points).max(initial=0.0)))
    for point in points:
        if all(np.abs(point - other).max() > same for other in found):
            found.append(point)
    return np.array(found).reshape(-1, points.shape[1])


def shared(points: Floats, others: Floats) -> int:
    """How many of the other points are among these."""
    same = 10 * SAME * max(1.0, float(np.abs(others).max(initial=0.0)))
    return sum(bool((np.abs(points - other).max(axis=1) < same).any()) for other in others) if len(points) else 0


def networks() -> Iterator[tuple[str, Network]]:
    """Networks whose points are known, random ones, and shipped ones under a constant input."""
    rng = np.random.default_rng(0)
    inhibition = np.array([[0.5, -1.0], [-1.0, 0.5]])
    pairs = np.zeros((20, 20))
    pairs[:6, :6], pairs[6:, :6] = block_diag(inhibition, inhibition, inhibition), 0.3 * rng.standard_normal((14, 6))
    bias = np.concatenate([np.ones(6), 0.1 * rng.standard_normal(14)])
    yield "three pairs of inhibiting ReLU neurons (27)", Network(pairs, np.eye(20), np.ones((1, 20)), bias)
    Q = np.linalg.qr(rng.standard_normal((60, 3))).Q
    yield (
        "three tanh flip-flops in 60 neurons",
        Network(2 * Q @ Q.T, 0.3 * rng.standard_normal((60, 5)), Q.T, cell="tanh"),
    )
    for n in (50, 100):
        W = 1.5 * rng.standard_normal((n, n)) / np.sqrt(n)
        yield (
            f"random tanh, g = 1.5, {n} neurons",
            Network(W, rng.standard_normal((n, 4)), np.ones((2, n)), cell="tanh"),
        )
    for name in ("linear-2", "cyclic"):
        yield f"{name} under a constant input of 0.1", with_constant(load(MODELS / f"{name}.safetensors"), 0.1)


def compare(name: str, network: Network) -> dict[str, object]:
    """Both methods on one network."""
    began = time.process_time()
    ours = fixed_points(network)
    between = time.process_time()
    theirs = adam_points(network)
    ended = time.process_time()
    return {
        "network": name,
        "points": len(ours.points),
        "saddles": int(ours.saddles.sum()),
        "seconds": round(between - began, 2),
        "adam_points": len(theirs),
        "adam_seconds": round(ended - between, 2),
        "adams_that_are_ours": shared(ours.points[:, : network.n_neurons], theirs),
        "ours_that_are_adams": shared(theirs, ours.points[:, : network.n_neurons]),
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fixed_points", description=__doc__)
    parser.add_argument("--networks", nargs="*", default=[], help="parts of names; all if none is given")
    args = parser.parse_args(argv)
    with threadpool_limits(1):
        for name, network in networks():
            if not args.networks or any(part in name for part in args.networks):
                sys.stdout.write(json.dumps(compare(name, network)) + "\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
