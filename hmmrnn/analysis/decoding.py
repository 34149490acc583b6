"""Hidden states of the target HMM decoded from a network's emissions, and the regions and outputs they go with.

    s_0 .. s_{T-1} = argmax over paths of P(s_0 .. s_{T-1}, y_0 .. y_{T-1})        (Viterbi, of the target HMM)

In a network that emulates the HMM, a decoded state is a stretch of the orbit: it lasts while the network is in one
cluster, and ends where the network leaves that cluster.

Source: Torre et al. (2025), section 2 (the target models); decoding the network by them is this project's own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ratio_of_sums
from hmmrnn.analysis.regions import REGIONS
from hmmrnn.model.hmm import HMM
from hmmrnn.model.network import Floats
from hmmrnn.model.simulation import Trajectory

# In the place of a state or region where there is none.
NOWHERE = -1


@dataclass(frozen=True, eq=False)
class Decoding:
    """The likeliest hidden states of B runs of T steps, and how often each goes with a region and an output.

    Standard errors come from the spread between runs; a row without counts is NaN.
    """

    # (B, T) the decoded state of each step; -1 from a divergence on, and throughout a run whose emissions the HMM
    # cannot emit.
    states: NDArray[np.int64]
    # region_given_state, region_given_state_se: (K, R) share of each of `REGIONS` in the steps of each decoded state,
    # over the steps whose region was sampled.
    region_given_state: Floats
    region_given_state_se: Floats
    region_counts: NDArray[np.int64]  # (K, R) how many steps that is
    # state_given_output, state_given_output_se: (O, K) share of each decoded state in the steps of each output.
    state_given_output: Floats
    state_given_output_se: Floats
    output_counts: NDArray[np.int64]  # (O, K) how many steps that is
    impossible: int  # number of runs whose emissions the HMM cannot emit


def decode_states(hmm: HMM, run: Trajectory, at: NDArray[np.integer], region: NDArray[np.str_]) -> Decoding:
    """Decode the emissions of runs, and count which regions and outputs each hidden state goes with.

    Args:
        run: B runs of T steps of a network with as many outputs as the HMM has symbols.
        at: (S, 2) run and step of the states whose region is known, as in `StateSurvey.at`.

    Raises:
        ValueError: the numbers of outputs differ, or `at` and `region` are not equally many.
    """
    hmm.check_outputs(run.logits.shape[-1])
    if at.shape != (len(region), 2):
        raise ValueError(f"at must have shape (S, 2) for the S = {len(region)} regions; got {at.shape}")
    lengths = run.valid.sum(axis=1)
    states = viterbi(hmm, run.emission, lengths)
    where = np.full(states.shape, NOWHERE)
    where[tuple(at.T)] = (region[:, None] == np.array(REGIONS)).argmax(axis=1)
    regions = _counts(states, where, (hmm.n_states, len(REGIONS)))
    outputs = _counts(run.output, states, (hmm.n_outputs, hmm.n_states))
    region_given_state, region_given_state_se = _shares(regions)
    state_given_output, state_given_output_se = _shares(outputs)
    return Decoding(
        states=states,
        region_given_state=region_given_state,
        region_given_state_se=region_given_state_se,
        region_counts=regions.sum(axis=0),
        state_given_output=state_given_output,
        state_given_output_se=state_given_output_se,
        output_counts=outputs.sum(axis=0),
        impossible=int(((states[:, 0] == NOWHERE) & (lengths > 0)).sum()),
    )


def viterbi(hmm: HMM, emissions: NDArray[np.integer], lengths: NDArray[np.integer] | None = None) -> NDArray[np.int64]:
    """The likeliest path of hidden states (B, T) of each sequence of symbols (B, T), as far as its length (B,).

    -1 beyond the length, and throughout a sequence that the HMM cannot emit.

    Raises:
        ValueError: emissions is not (B, T), or a symbol lies outside 0 to O - 1.
    """
    emissions = hmm.check_symbols(emissions)
    if emissions.ndim != 2:
        raise ValueError(f"emissions must have shape (B, T); got {emissions.shape}")
    n_runs, n_steps = emissions.shape
    ends = np.full(n_runs, n_steps) if lengths is None else np.asarray(lengths)
    if not n_steps:
        return np.full(emissions.shape, NOWHERE, dtype=np.int64)
    score, came_from = _best_scores(hmm, emissions, ends)
    paths = np.empty(emissions.shape, dtype=np.int64)
    paths[:, -1] = score.argmax(axis=1)
    for step in range(n_steps - 1, 0, -1):
        paths[:, step - 1] = came_from[step, np.arange(n_runs), paths[:, step]]
    paths[np.arange(n_steps) >= ends[:, None]] = NOWHERE
    paths[~np.isfinite(score.max(axis=1))] = NOWHERE
    return paths


def _best_scores(
    hmm: HMM, emissions: NDArray[np.integer], ends: NDArray[np.integer]
) -> tuple[Floats, NDArray[np.int16]]:
    """(B, K) log-probability of the likeliest path into each state, and (T, B, K) the state before on that path.

    Beyond the end of its sequence a path stays where it is.
    """
    with np.errstate(divide="ignore"):
        start, transition, emission = np.log(hmm.start), np.log(hmm.A), np.log(hmm.B).T
    stays = np.arange(hmm.n_states)
    score = start + emission[emissions[:, 0]]
    came_from = np.empty((emissions.shape[1], *score.shape), dtype=np.int16)
    for step in range(1, emissions.shape[1]):
        into = score[:, :, None] + transition
        within = (step < ends)[:, None]
        # Of states before that are equally likely, the last.
        came_from[step] = np.where(within, stays[-1] - into[:, ::-1].argmax(axis=1), stays)
        score = np.where(within, into.max(axis=1) + emission[emissions[:, step]], score)
    return score, came_from


def _counts(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """(B, *shape) how many steps of each run have which row and column, out of (B, T) each; -1 is not counted."""
    runs = np.broadcast_to(np.arange(len(rows))[:, None], rows.shape)
    there = (rows >= 0) & (columns >= 0)
    size = (len(rows), *shape)
    cell = np.ravel_multi_index((runs[there], rows[there], columns[there]), size)
    return np.bincount(cell, minlength=int(np.prod(size))).reshape(size)


def _shares(counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    return ratio_of_sums(counts, np.broadcast_to(counts.sum(axis=2, keepdims=True), counts.shape))
