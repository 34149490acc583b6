"""Statistics of symbol sequences from data, of the HMM fitted to them, and of a network, side by side.

    marginal P(y = i)        joint at lag 1, as transitions P(y' = j | y = i)        agreement P(y_t = y_{t+k})
    run: a symbol for as long as it stays        log-likelihood under the HMM, nats per symbol

HMM and network emit as many and as long sequences as the data's mean, at least 64 of them. The null is sequences of
independent symbols with the data's shares. Every statistic is a ratio of sums over sequences, with the standard error
of their spread; runs that a sequence begins or ends in are left out.

Source: Torre et al. (2025), section 3 (marginals, transitions, lags); run lengths are this project's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.fidelity import LAGS, long_runs, whole
from hmmrnn.analysis.numerics import ratio_of_sums
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats, Network, Result
from hmmrnn.model.sequences import Sequences
from hmmrnn.model.simulation import draw_emissions

FEWEST, LONGEST = 64, 2000
# The distribution of run lengths is given up to so many steps.
RUN_STEPS = 60


@dataclass(frozen=True, eq=False)
class SymbolStatistics(Result):
    """Statistics of B sequences of O symbols, each with its standard error; NaN where there is nothing to count."""

    # marginal, marginal_se: (O,) share of each symbol.
    marginal: Floats
    marginal_se: Floats
    # transitions, transitions_se: (O, O) probability of the next symbol given the present one.
    transitions: Floats
    transitions_se: Floats
    # agreement, agreement_se: (L,) probability that two symbols at each of `LAGS` steps apart are equal.
    agreement: Floats
    agreement_se: Floats
    # run_length, run_length_se: (O,) mean steps that a symbol stays, over runs that begin and end within a sequence.
    run_length: Floats
    run_length_se: Floats
    # runs_longer, runs_longer_se: (R,) share of these runs that last more than 0 to R - 1 steps.
    runs_longer: Floats
    runs_longer_se: Floats
    # log_likelihood, log_likelihood_se: nats per symbol under the HMM.
    log_likelihood: float
    log_likelihood_se: float
    sequences: int  # B
    symbols: int  # number of symbols in all


@dataclass(frozen=True, eq=False)
class Comparison(Result):
    """Data, HMM, network and null side by side."""

    data: SymbolStatistics
    hmm: SymbolStatistics
    network: SymbolStatistics | None  # None before there is a network, or if all its runs diverge
    null: SymbolStatistics  # independent symbols with the data's shares
    diverged: int  # number of runs of the network that diverged
    alphabet: tuple[str, ...]  # (O,) what each symbol is called
    seed: int  # seed of HMM, network and null


def compare_symbols(sequences: Sequences, hmm: HMM, network: Network | None = None, seed: int = 0) -> Comparison:
    """Compare the statistics of data with those of an HMM and of a network that emulates it.

    Raises:
        ValueError: the numbers of symbols differ.
    """
    hmm.check_outputs(sequences.n_outputs)
    if network is not None:
        hmm.check_outputs(network.n_outputs)
    count = max(FEWEST, len(sequences.symbols))
    steps = int(np.clip(round(sequences.lengths.mean()), max(LAGS) + 1, LONGEST))
    data = measure_symbols(sequences.symbols, hmm)
    emitted, diverged = (None, 0) if network is None else _emissions(network, count, steps, seed)
    shares = HMM(np.ones((1, 1)), data.marginal[None])
    return Comparison(
        data=data,
        hmm=measure_symbols(list(hmm.sample(count, steps, seed)[0]), hmm),
        network=measure_symbols(list(emitted), hmm) if emitted is not None and len(emitted) else None,
        null=measure_symbols(list(shares.sample(count, steps, seed + 1)[0]), hmm),
        diverged=diverged,
        alphabet=sequences.alphabet,
        seed=seed,
    )


def measure_symbols(sequences: Sequence[NDArray[np.int64]], hmm: HMM) -> SymbolStatistics:
    """Measure the statistics of sequences (T_b,) of an HMM's symbols.

    Raises:
        ValueError: a symbol lies outside 0 to O - 1.
    """
    n_outputs = hmm.n_outputs
    checked = [hmm.check_symbols(one) for one in sequences]
    lengths = np.array([len(one) for one in checked])
    counts = np.stack([np.bincount(one, minlength=n_outputs) for one in checked])
    pairs = np.stack([_pairs(one, n_outputs) for one in checked])
    equal, compared = (np.stack(part) for part in zip(*map(_agreement, checked), strict=True))
    runs = [_runs(one) for one in checked]
    total, number = (np.stack(part) for part in zip(*(_run_sums(*one, n_outputs) for one in runs), strict=True))
    longer = np.stack([(steps[:, None] > np.arange(RUN_STEPS)).sum(axis=0) for _, steps in runs])
    every = np.broadcast_to(number.sum(axis=1, keepdims=True), longer.shape)
    likelihood = _likelihoods(checked, lengths, hmm)
    measured = {
        "marginal": ratio_of_sums(counts, np.broadcast_to(lengths[:, None], counts.shape)),
        "transitions": ratio_of_sums(pairs, np.broadcast_to(pairs.sum(axis=2, keepdims=True), pairs.shape)),
        "agreement": ratio_of_sums(equal, compared),
        "run_length": ratio_of_sums(total, number),
        "runs_longer": ratio_of_sums(longer, every),
    }
    values: dict[str, Any] = {name: value for name, (value, _) in measured.items()}
    errors: dict[str, Any] = {f"{name}_se": error for name, (_, error) in measured.items()}
    mean, error = _mean_likelihood(likelihood, lengths)
    numbers: dict[str, Any] = {"log_likelihood": mean, "log_likelihood_se": error, "sequences": len(checked)}
    return SymbolStatistics(**values, **errors, **numbers, symbols=int(lengths.sum()))


def _likelihoods(sequences: Sequence[NDArray[np.int64]], lengths: NDArray[np.int64], hmm: HMM) -> Floats:
    """(B,) log-likelihood of each sequence; those that are equally long at once."""
    found = np.zeros(len(sequences))
    for length in np.unique(lengths[lengths > 0]):
        at = np.flatnonzero(lengths == length)
        together = np.stack([sequences[int(i)] for i in at])
        # A column would be refused: of symbols one by one the likelihood is that of the start.
        found[at] = np.log(hmm.start @ hmm.B)[together[:, 0]] if length == 1 else hmm.log_likelihood(together)
    return found


def _mean_likelihood(likelihood: Floats, lengths: NDArray[np.int64]) -> tuple[float, float]:
    if not np.isfinite(likelihood).all():
        return -np.inf, np.nan
    mean, error = ratio_of_sums(likelihood, lengths)
    return float(mean), float(error)


def _emissions(network: Network, count: int, steps: int, seed: int) -> tuple[NDArray[np.int64], int]:
    probabilities = long_runs(network, steps, count, 1.0, seed)
    finite = whole(probabilities)
    return draw_emissions(probabilities, seed)[finite], int((~finite).sum())


def _pairs(one: NDArray[np.int64], n_outputs: int) -> NDArray[np.int64]:
    """(O, O) how often each symbol follows each."""
    return np.bincount(n_outputs * one[:-1] + one[1:], minlength=n_outputs**2).reshape(n_outputs, n_outputs)


def _agreement(one: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(L,) how many symbols equal the one a lag later, and how many are compared."""
    equal = [int((one[:-lag] == one[lag:]).sum()) for lag in LAGS]
    return np.array(equal), np.maximum(0, len(one) - np.array(LAGS))


def _runs(one: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Symbol and steps of each run that begins and ends within a sequence."""
    begins = np.flatnonzero(one[1:] != one[:-1]) + 1
    return one[begins[:-1]], np.diff(begins)


def _run_sums(
    symbol: NDArray[np.int64], steps: NDArray[np.int64], n_outputs: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(O,) steps in all runs of each symbol, and the number of these runs."""
    total = np.bincount(symbol, weights=steps, minlength=n_outputs).astype(np.int64)
    return total, np.bincount(symbol, minlength=n_outputs)
