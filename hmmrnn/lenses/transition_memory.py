"""Transition graph and memory: between which regions a network moves, and how far back it remembers its output.

    node          output x region (cluster, kick zone, transition, unassigned) of each step
    dwell         steps in a node / visits of it                       null: 1 / (1 - share), the steps in random order
    order gain    sum n_ijk ln(P(k | i, j) / P(k | j)) / sum n_ijk     nats per step that the node before the present
                                                                       one adds; null: chains of order 1
    accuracy(k)   share of the outputs k steps back decoded from h     multinomial logistic, left-out runs
    naive(k)      the same from the present output alone
    Bayes(k)      sum_s max_o P(s_t = s, y_{t-k} = o)                  from the HMM's present hidden state

A network whose accuracy is above Bayes remembers more than a machine that holds the HMM's hidden state and no more.

Source: Karuvally et al., Episodic Memory Theory for the mechanistic interpretation of recurrent neural networks;
regions are those of Torre et al. (2025), section 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, jackknife_error, no_progress, progress_part, ratio_of_sums
from hmmrnn.analysis.regions import REGIONS, residency
from hmmrnn.lenses.cross_validation import decode_labels, guess_labels, share_right
from hmmrnn.lenses.runs import settled_runs
from hmmrnn.model.hmm import HMM
from hmmrnn.model.metadata import known_target
from hmmrnn.model.network import Floats, Network, Result, few_threads

LAGS = (1, 2, 5, 10, 20, 40)
RUNS, STEPS, MIN_STEPS = 32, 500, 50
# Runs and steps whose every state gets a region: neighbours in time are needed, so these are stretches.
GRAPH_RUNS, GRAPH_STEPS = 12, 200
ORDER_NULLS = 100


@dataclass(frozen=True, eq=False)
class TransitionGraph(Result):
    """The G pairs of output and region that a network visits, and how it moves between them."""

    output: NDArray[np.int64]  # (G,) output of each node
    region: NDArray[np.str_]  # (G,) region of each node
    # share, share_se: (G,) share of the steps in each node, and its standard error over runs.
    share: Floats
    share_se: Floats
    # dwell, dwell_se: (G,) mean steps of a visit, and its standard error; dwell_null: with the steps in random order.
    dwell: Floats
    dwell_se: Floats
    dwell_null: Floats
    # probability, probability_se: (G, G) of the next node when a node (row) is left; probability_null: in random order.
    probability: Floats
    probability_se: Floats
    probability_null: Floats
    counts: NDArray[np.int64]  # (G, G) steps from row to column
    order_gain: float  # nats per step that the node before the present one adds to what is known of the next
    order_gain_se: float  # its standard error, by leaving out one run at a time
    order_gain_null: float  # its mean in chains of order 1 with the same transitions
    order_gain_band: float  # its 95th percentile in them

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes in words."""
        return tuple(
            f"{output} {region.replace('_', ' ')}" for output, region in zip(self.output, self.region, strict=True)
        )


@dataclass(frozen=True, eq=False)
class Memory(Result):
    """How well the output k steps back can be told, by the lag k in steps, and the graph of regions."""

    accuracy: dict[str, float]  # share of right answers from activity
    accuracy_se: dict[str, float]  # its standard error over runs
    accuracy_null: dict[str, float]  # the same with the labels of other runs
    naive: dict[str, float]  # share of right answers from the present output alone
    naive_se: dict[str, float]  # its standard error over runs
    bayes: dict[str, float]  # the best share from the HMM's present hidden state, exact; NaN without an HMM
    graph: TransitionGraph  # between which regions the network moves
    note: str  # what is missing, and why; empty if nothing is
    seed: int  # seed of the noise


def memory(network: Network, seed: int = 0, *, on_progress: ProgressCallback = no_progress) -> Memory:
    """Measure how far back activity remembers the output, and the graph of the regions that the network visits.

    Without a known HMM its limit is NaN, and `note` says so.

    Raises:
        ValueError: the network diverges.
    """
    return measure_memory(network, LAGS, seed, on_progress)


def measure_memory(
    network: Network, lags: Sequence[int], seed: int = 0, on_progress: ProgressCallback = no_progress
) -> Memory:
    """Measure memory as the lens does, at other lags.

    Raises:
        ValueError: the network diverges, or a lag is below 1 or leaves fewer than 50 steps of a run.
    """
    hmm, note = known_target(network.metadata, network.n_outputs)
    run = settled_runs(network, seed, RUNS, STEPS)
    longest = run.output.shape[1] - MIN_STEPS
    if not lags or min(lags) < 1 or max(lags) > longest:
        raise ValueError(f"lags must be from 1 to {longest} steps; got {list(lags)}")
    measured = []
    # Threads of the many small products of a regression spin beside other work.
    with few_threads(network):
        for done, lag in enumerate(lags):
            measured.append(_remembered(run.h, run.output, lag, network.n_outputs))
            on_progress(0.5 * (done + 1) / len(lags))
    keys = [str(lag) for lag in lags]
    accuracy, accuracy_se, accuracy_null, naive, naive_se = (
        dict(zip(keys, column, strict=True)) for column in zip(*measured, strict=True)
    )
    return Memory(
        accuracy=accuracy,
        accuracy_se=accuracy_se,
        accuracy_null=accuracy_null,
        naive=naive,
        naive_se=naive_se,
        bayes={str(lag): float("nan") if hmm is None else bayes_limit(hmm, lag) for lag in lags},
        graph=transition_graph(network, seed, progress_part(on_progress, 0.5, 1.0)),
        note=f"No Bayes limit: {note}" if note else "",
        seed=seed,
    )


def bayes_limit(hmm: HMM, lag: int) -> float:
    """Probability of guessing the symbol `lag` steps back from the present hidden state, by the best rule."""
    backwards = hmm.stationary[:, None] * hmm.B
    return float((np.linalg.matrix_power(hmm.A, lag).T @ backwards).max(axis=1).sum())


def _remembered(h: Floats, output: NDArray[np.int64], lag: int, n_outputs: int) -> tuple[float, ...]:
    """Accuracy, its error and null, and the naive guess with its error, at one lag."""
    later, now, before = h[:, lag:], output[:, lag:], output[:, :-lag]
    # Labels of another run have the same statistics and nothing to do with this run.
    other = np.roll(before, 1, axis=0)
    own, shuffled = decode_labels(later, np.stack([before, other]), n_outputs)
    accuracy, null = share_right(before, own), share_right(other, shuffled)[0]
    naive = share_right(before, guess_labels(now, before, n_outputs, n_outputs))
    return (*accuracy, null, *naive)


# ---- the graph ----


def transition_graph(network: Network, seed: int = 0, on_progress: ProgressCallback = no_progress) -> TransitionGraph:
    """The graph of output and region over stretches in which every state gets its region.

    Raises:
        ValueError: the network diverges.
    """
    run = settled_runs(network, seed + 1, GRAPH_RUNS, GRAPH_STEPS)
    region = residency(network, run.state.reshape(-1, network.n_state), seed=seed).region
    on_progress(0.8)
    number = (region.reshape(run.output.shape)[..., None] == np.array(REGIONS)).argmax(axis=-1)
    return graph_of(run.output * len(REGIONS) + number, seed)


def graph_of(sequence: NDArray[np.integer], seed: int = 0) -> TransitionGraph:
    """The graph of sequences (B, T) of codes, output x 4 + index of the region in `REGIONS`."""
    codes, node = np.unique(sequence, return_inverse=True)
    node = node.reshape(sequence.shape)
    steps = _pair_counts(node, len(codes))
    from_each = steps.sum(axis=2)
    left = steps * ~np.eye(len(codes), dtype=bool)
    leaving = left.sum(axis=2)
    share, share_se = ratio_of_sums(from_each, np.broadcast_to(from_each.sum(axis=1, keepdims=True), from_each.shape))
    dwell, dwell_se = ratio_of_sums(from_each, leaving)
    probability, probability_se = ratio_of_sums(left, np.broadcast_to(leaving[:, :, None], left.shape))
    with np.errstate(divide="ignore", invalid="ignore"):
        dwell_null, probability_null = 1 / (1 - share), share / (1 - share[:, None])
    null = _gains_of_first_order(node, steps.sum(axis=0), seed)
    triples = _triple_counts(node, len(codes))
    without = np.array([order_gain(triples.sum(axis=0) - one) for one in triples])
    return TransitionGraph(
        output=codes // len(REGIONS),
        region=np.array(REGIONS)[codes % len(REGIONS)],
        share=share,
        share_se=share_se,
        dwell=dwell,
        dwell_se=dwell_se,
        dwell_null=dwell_null,
        probability=probability,
        probability_se=probability_se,
        probability_null=np.where(np.eye(len(codes), dtype=bool), 0.0, probability_null),
        counts=steps.sum(axis=0),
        order_gain=order_gain(triples.sum(axis=0)),
        order_gain_se=float(jackknife_error(without)),
        order_gain_null=float(null.mean()),
        order_gain_band=float(np.quantile(null, 0.95)),
    )


def order_gain(triples: NDArray[np.integer]) -> float:
    """Nats per step by which a chain of order 2 is likelier than one of order 1, from counts (G, G, G) of triples.

    Twice the gain times the number of triples is the likelihood ratio of the two orders.
    """
    total = triples.sum()
    second, first = _log_rows(triples), _log_rows(triples.sum(axis=0))
    return float((triples * (second - first)).sum() / total) if total else float("nan")


def _log_rows(counts: NDArray[np.integer]) -> Floats:
    """Log of each row's shares; 0 where nothing is counted."""
    mass = np.broadcast_to(counts.sum(axis=-1, keepdims=True), counts.shape)
    return np.log(np.divide(counts, mass, out=np.ones(counts.shape), where=counts > 0))


def _pair_counts(node: NDArray[np.integer], size: int) -> NDArray[np.int64]:
    """(B, G, G) steps from row to column in each run."""
    code = node[:, :-1] * size + node[:, 1:]
    return np.array([np.bincount(one, minlength=size**2) for one in code]).reshape(-1, size, size)


def _triple_counts(node: NDArray[np.integer], size: int) -> NDArray[np.int64]:
    code = (node[:, :-2] * size + node[:, 1:-1]) * size + node[:, 2:]
    return np.array([np.bincount(one, minlength=size**3) for one in code]).reshape(-1, size, size, size)


def _gains_of_first_order(node: NDArray[np.integer], steps: NDArray[np.integer], seed: int) -> Floats:
    """(ORDER_NULLS,) order gains of chains of order 1 with the transitions of these sequences, as many and as long."""
    size = len(steps)
    # A node that is seen in the last step only stays where it is.
    filled = steps + np.diag((steps.sum(axis=1) == 0).astype(int))
    edges = np.cumsum(filled / filled.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    rng = np.random.default_rng([seed, size])
    state = np.tile(node[:, 0], ORDER_NULLS)
    drawn = [state]
    for _ in range(node.shape[1] - 1):
        state = (rng.random(len(state))[:, None] >= edges[state]).sum(axis=1)
        drawn.append(state)
    chains = np.stack(drawn, axis=1).reshape(ORDER_NULLS, *node.shape)
    return np.array([order_gain(_triple_counts(chain, size).sum(axis=0)) for chain in chains])
