"""Messages between groups of neurons: who drives whom, in how many directions, and when.

    message of G to H         m_HG(t) = W_HG h_G(t - 1)       times a GRU's reset gate, and alpha where pre leaks
    share of G in H           sum_i cov(m_HG,i , pre_i) / sum_i var(pre_i)       over the neurons i of H
    dimension of a message    (tr Q)^2 / tr Q^2,   Q = W_HG E[h_G h_G^T] W_HG^T

Over all senders, the noise input among them, the shares of a receiver sum to 1: sum_G m_HG + (U x + b)_H = pre_H. Where
a leak is in pre, what the receiver keeps of itself, (1 - alpha) h, is one of them.

Source: Neuronal Group Communication.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, no_progress, ratio_of_sums
from hmmrnn.analysis.regions import CLUSTER, KICK_ZONE, TRANSITION, residency
from hmmrnn.lenses.catalog import Groups
from hmmrnn.lenses.runs import SettledRuns, check_groups, check_moves, settled_drive, settled_runs
from hmmrnn.model.cells import RATE, logistic, step_jacobian
from hmmrnn.model.network import Floats, Network, Result

RUNS, STEPS = 32, 600
BEFORE, AFTER = 20, 10
# Of neurons that no group names, of what comes from outside, and of what a leaky neuron keeps of itself.
REST, NOISE, KEPT = "rest", "noise", "kept"
MAX_COMMUNITIES = 6
# States whose region is looked up for the Jacobian, and the regions that are told apart.
STATES, REGIONS = 120, (CLUSTER, KICK_ZONE, TRANSITION)


@dataclass(frozen=True, eq=False)
class GroupMessages(Result):
    """Messages between G groups, each by "receiver<-sender", and from the noise input."""

    shares: Mapping[str, float]  # of the variance of the receiver's pre-activation; may be below 0
    shares_se: Mapping[str, float]  # standard error over runs
    shares_null: Mapping[str, float]  # with the message of another run
    dimensions: Mapping[str, float]  # directions that a message fills; 0 where nothing is sent
    groups: Mapping[str, tuple[int, ...]]  # the neurons of each group
    found: str  # where the groups come from: "given" or "communities of the weights"
    lags: NDArray[np.int64]  # (L,) steps from a switch of the output; 0 is the first with the new output
    # (L,) length of the message over the root of the number of receivers, in units of activity: mean over switches, its
    # standard error over runs, and the mean over all steps.
    around_switch: Mapping[str, Floats]
    around_switch_se: Mapping[str, Floats]
    all_steps: Mapping[str, float]
    switches: int  # number of switches whose window lies within their run
    # Mean largest singular value of the Jacobian block, by region and "receiver<-sender"; regions that are not seen are
    # left out.
    gain: Mapping[str, Mapping[str, float]]
    runs: int
    steps: int
    seed: int


def messages(
    network: Network, seed: int = 0, *, groups: Groups | None = None, on_progress: ProgressCallback = no_progress
) -> GroupMessages:
    """Measure the messages between groups of neurons.

    Args:
        groups: names of groups with their neurons; communities of the weights if None. Neurons that none of them names
            are the group "rest".

    Raises:
        ValueError: the network diverges or stays in one state, a group names a neuron that is not there, or two groups
            share one.
    """
    members = with_rest(check_groups(groups, network.n_neurons), network.n_neurons)
    if groups is None:
        members = find_communities(network)
    run = settled_runs(network, seed, RUNS, STEPS)
    drive = settled_drive(network, run, seed)
    check_moves(run.pre_activation, "input of the neurons")
    on_progress(0.3)
    at, opened = _switches(run.output), _reset_gates(network, run, drive)
    found: dict[str, dict[str, float]] = {name: {} for name in ("shares", "se", "null", "dimensions", "all_steps")}
    around: dict[str, Floats] = {}
    around_se: dict[str, Floats] = {}
    for done, (to, rows) in enumerate(members.items(), 1):
        sent = receive(network, run, rows, members, opened)
        pre = run.pre_activation[:, 1:, rows]
        for source, message in sent.items():
            key = f"{to}<-{source}"
            found["shares"][key], found["se"][key] = _share(message, pre)
            found["null"][key] = _share(np.roll(message, 1, axis=0), pre)[0]
            if source in members:
                found["dimensions"][key] = _dimension(message)
                length = np.sqrt((message**2).mean(axis=-1))
                found["all_steps"][key] = float(length.mean())
                around[key], around_se[key] = _around(length, at)
        on_progress(0.3 + 0.5 * done / len(members))
    return GroupMessages(
        shares=found["shares"],
        shares_se=found["se"],
        shares_null=found["null"],
        dimensions=found["dimensions"],
        groups={name: tuple(neurons) for name, neurons in members.items()},
        found="given" if groups is not None else "communities of the weights",
        lags=np.arange(-BEFORE, AFTER + 1),
        around_switch=around,
        around_switch_se=around_se,
        all_steps=found["all_steps"],
        switches=len(at),
        gain=_gains(network, run, drive, members, seed),
        runs=len(run.h),
        steps=run.h.shape[1],
        seed=seed,
    )


def message(network: Network, h: Floats, receiver: list[int], sender: list[int]) -> Floats:
    """(..., H) what a group of neurons sends to another one with activity h (..., N), before a reset gate."""
    sent: Floats = network.rates(h)[..., sender] @ network.W_hh[np.ix_(receiver, sender)].T
    return sent if network.leak == RATE else network.alpha * sent


def receive(
    network: Network,
    run: SettledRuns,
    rows: list[int],
    members: Mapping[str, list[int]],
    opened: Floats | float = 1.0,
) -> dict[str, Floats]:
    """All that reaches a group in the steps after the first, (B, T - 1, H) by sender, the noise input last.

    Args:
        opened: (B, T - 1, N) how far the reset gates are open, if the network has any.
    """
    before = run.h[:, :-1]
    gate = opened[..., rows] if isinstance(opened, np.ndarray) else opened
    sent = {name: gate * message(network, before, rows, sender) for name, sender in members.items()}
    if network.alpha != 1 and network.leak != RATE:
        sent[KEPT] = (1 - network.alpha) * before[..., rows]
    return {**sent, NOISE: run.pre_activation[:, 1:, rows] - sum(sent.values())}


def _reset_gates(network: Network, run: SettledRuns, drive: Floats) -> Floats | float:
    """(B, T - 1, N) reset gates of a GRU at the steps after the first; 1 for any other cell."""
    if network.cell != "gru":
        return 1.0
    n = network.n_neurons
    return logistic(run.h[:, :-1] @ network.gates["reset"].W_hh.T + drive[:, 1:, n : 2 * n])


def with_rest(members: dict[str, list[int]], n_neurons: int) -> dict[str, list[int]]:
    """The groups, and one of the neurons that are in none of them.

    Raises:
        ValueError: a group has the name of what is not one.
    """
    taken = {REST, NOISE, KEPT} & members.keys()
    if taken:
        raise ValueError(f"no group may be named {taken.pop()!r}, which stands for what is in no group")
    named = {i for group in members.values() for i in group}
    rest = [i for i in range(n_neurons) if i not in named]
    return {**members, **({REST: rest} if rest else {})}


def find_communities(network: Network, most: int = MAX_COMMUNITIES) -> dict[str, list[int]]:
    """Communities of the weights |W| + |W^T|, two to six: as many as the largest gap between eigenvalues says.

    The first eigenvalue is 1 for any weights, so the gap below it says nothing. Names begin with the community of the
    first neuron. A single neuron is one community.
    """
    # Only this needs scikit-learn.
    from sklearn.cluster import KMeans

    n = network.n_neurons
    weights = np.abs(network.W_hh)
    affinity = weights + weights.T
    np.fill_diagonal(affinity, 0.0)
    degree = affinity.sum(axis=1)
    root = np.divide(1.0, np.sqrt(degree), out=np.zeros(n), where=degree > 0)
    values, vectors = np.linalg.eigh(root[:, None] * affinity * root[None, :])
    values, vectors = values[::-1], vectors[:, ::-1]
    if n < 3:
        return {"community 0": list(range(n))}
    gaps = values[1:-1] - values[2:]
    k = int(np.argmax(gaps[: most - 1])) + 2
    rows = vectors[:, :k] / np.maximum(np.linalg.norm(vectors[:, :k], axis=1, keepdims=True), np.finfo(float).tiny)
    label = KMeans(k, n_init=10, random_state=0).fit_predict(rows)
    first = list(dict.fromkeys(label.tolist()))
    return {f"community {place}": np.flatnonzero(label == one).tolist() for place, one in enumerate(first)}


def _share(sent: Floats, pre: Floats) -> tuple[float, float]:
    """Share of a message (B, T, H) in the variance of the pre-activation, and its standard error over runs."""
    off = pre - pre.mean(axis=(0, 1))
    together = ((sent - sent.mean(axis=(0, 1))) * off).sum(axis=(1, 2))
    share, error = ratio_of_sums(together, (off**2).sum(axis=(1, 2)))
    return float(share), float(error)


def _dimension(sent: Floats) -> float:
    states = sent.reshape(-1, sent.shape[-1])
    Q = states.T @ states / len(states)
    squares = float((Q**2).sum())
    return float(np.trace(Q) ** 2 / squares) if squares else 0.0


def _switches(output: NDArray[np.int64]) -> NDArray[np.int64]:
    """(S, 2) run and first step with the new output, of the switches whose window lies within their run."""
    run, step = np.nonzero(output[:, 1:] != output[:, :-1])
    step = step + 1
    inside = (step - BEFORE >= 1) & (step + AFTER < output.shape[1])
    return np.stack([run[inside], step[inside]], axis=1)


def _around(length: Floats, at: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """(L,) mean of values (B, T - 1), the first of them of step 1, around switches, and its error over runs."""
    lags = np.arange(-BEFORE, AFTER + 1)
    if not len(at):
        return np.full(len(lags), np.nan), np.full(len(lags), np.nan)
    windows = length[at[:, 0, None], at[:, 1, None] + lags - 1]
    sums = np.zeros((len(length), len(lags)))
    np.add.at(sums, at[:, 0], windows)
    counts = np.bincount(at[:, 0], minlength=len(length)).astype(np.float64)
    return ratio_of_sums(sums, np.broadcast_to(counts[:, None], sums.shape))


def _gains(
    network: Network, run: SettledRuns, drive: Floats, members: Mapping[str, list[int]], seed: int
) -> dict[str, dict[str, float]]:
    """Mean largest singular value of each block of the exact Jacobian of a step, by region of the state it leads to."""
    rng = np.random.default_rng([seed, 2])
    runs, steps = rng.integers(len(run.h), size=STATES), rng.integers(1, run.h.shape[1], size=STATES)
    region = residency(network, run.state[runs, steps], seed=seed).region
    found: dict[str, dict[str, float]] = {}
    for name in REGIONS:
        at = np.flatnonzero(region == name)
        sizes = [
            _block_gains(network, run.state[b, [t - 1]], drive[b, t], members)
            for b, t in zip(runs[at], steps[at], strict=True)
        ]
        if sizes:
            found[name] = {key: float(np.mean([one[key] for one in sizes])) for key in sizes[0]}
    return found


def _block_gains(network: Network, state: Floats, drive: Floats, members: Mapping[str, list[int]]) -> dict[str, float]:
    """Largest singular value of each block of the Jacobian of the step from a state (1, S) under a drive (D,)."""
    J = step_jacobian(network, state, drive)[0]
    return {
        f"{to}<-{source}": float(np.linalg.norm(J[np.ix_(rows, columns)], ord=2))
        for to, rows in members.items()
        for source, columns in members.items()
    }
