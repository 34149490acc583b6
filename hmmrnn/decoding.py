"""Which hidden state explains what it emits? The likeliest path of hidden states, beside the regions it passes.

    s_0 .. s_{T-1} = argmax over paths of P(s_0 .. s_{T-1}, y_0 .. y_{T-1})        (Viterbi, of the target HMM)

If the network does what the HMM does, a decoded state is a stretch of its orbit: one cluster holds it, and it is left
where the network is thrown out of that cluster.

Source: Torre et al. (2025), section 2 (the target models); decoding the network by them is this project's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.hmm import HMM
from hmmrnn.network import Floats
from hmmrnn.regions import REGIONS
from hmmrnn.simulation import Trajectory
from hmmrnn.switching import ratio_of_sums

# In the place of a state or region where there is none.
NOWHERE = -1


@dataclass(frozen=True, eq=False)
class Decoding:
    """The hidden states that explain the emissions of B runs of T steps, beside what the network did.

    Standard errors come from the spread between runs; a row without counts is NaN.

    Attributes:
        states: (B, T) the decoded state of each step; -1 from a divergence on, and throughout a run whose emissions
            the HMM cannot emit.
        region_given_state, region_given_state_se: (K, R) share of each of `REGIONS` in the steps of each decoded state,
            over the steps whose region was sampled.
        region_counts: (K, R) how many steps that is.
        state_given_output, state_given_output_se: (O, K) share of each decoded state in the steps of each output.
        output_counts: (O, K) how many steps that is.
        impossible: number of runs whose emissions the HMM cannot emit.
    """

    states: NDArray[np.int64]
    region_given_state: Floats
    region_given_state_se: Floats
    region_counts: NDArray[np.int64]
    state_given_output: Floats
    state_given_output_se: Floats
    output_counts: NDArray[np.int64]
    impossible: int


def decoding(hmm: HMM, run: Trajectory, at: NDArray[np.integer], region: NDArray[np.str_]) -> Decoding:
    """Decode the emissions of runs, and count which regions and outputs each hidden state goes with.

    Args:
        hmm: the target.
        run: B runs of T steps of a network with as many outputs as the HMM has symbols.
        at: (S, 2) run and step of the states whose region is known, as in `Landscape.at`.
        region: (S,) the region of each, one of `REGIONS`.

    Raises:
        ValueError: the numbers of outputs differ, or `at` and `region` are not equally many.
    """
    n_outputs = run.logits.shape[-1]
    if n_outputs != hmm.n_outputs:
        raise ValueError(f"network and HMM must have equally many outputs; got {n_outputs} and {hmm.n_outputs}")
    if at.shape != (len(region), 2):
        raise ValueError(f"at must have shape (S, 2) for the S = {len(region)} regions; got {at.shape}")
    lengths = run.valid.sum(axis=1)
    states = viterbi(hmm, run.emission, lengths)
    where = np.full(states.shape, NOWHERE)
    where[tuple(at.T)] = (region[:, None] == np.array(REGIONS)).argmax(axis=1)
    regions = _counts(states, where, (hmm.n_states, len(REGIONS)))
    outputs = _counts(run.output, states, (n_outputs, hmm.n_states))
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
    """The likeliest path of hidden states of each sequence.

    Args:
        hmm: any HMM, also one with probabilities of zero.
        emissions: (B, T) symbols 0 to O - 1.
        lengths: (B,) how many symbols of each sequence are to be decoded; all of them if None.

    Returns:
        (B, T) states 0 to K - 1; -1 beyond the length, and throughout a sequence that the HMM cannot emit.

    Raises:
        ValueError: emissions is not (B, T), or a symbol lies outside 0 to O - 1.
    """
    emissions = np.asarray(emissions)
    if emissions.ndim != 2:
        raise ValueError(f"emissions must have shape (B, T); got {emissions.shape}")
    if emissions.size and not (0 <= emissions.min() and emissions.max() < hmm.n_outputs):
        raise ValueError(
            f"emissions must be symbols 0 to {hmm.n_outputs - 1}; "
            f"got values from {emissions.min()} to {emissions.max()}"
        )
    ends = np.full(len(emissions), emissions.shape[1]) if lengths is None else lengths
    model = _model(hmm)
    paths = np.full(emissions.shape, NOWHERE, dtype=np.int64)
    for path, symbols, end in zip(paths, emissions, ends, strict=True):
        if end:
            log_probability, states = model.decode(symbols[:end, None])
            path[:end] = states if np.isfinite(log_probability) else NOWHERE
    return paths


def _model(hmm: HMM) -> Any:
    # Imported here: it brings scikit-learn, seconds and a hundred megabytes that no other analysis needs.
    from hmmlearn.hmm import CategoricalHMM

    model = CategoricalHMM(n_components=hmm.n_states)
    model.n_features = hmm.n_outputs
    model.startprob_, model.transmat_, model.emissionprob_ = hmm.start, hmm.A, hmm.B
    return model


def _counts(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    """(B, *shape) how many steps of each run have which row and column, out of (B, T) each; -1 is not counted."""
    runs = np.broadcast_to(np.arange(len(rows))[:, None], rows.shape)
    there = (rows >= 0) & (columns >= 0)
    size = (len(rows), *shape)
    cell = np.ravel_multi_index((runs[there], rows[there], columns[there]), size)
    return np.bincount(cell, minlength=int(np.prod(size))).reshape(size)


def _shares(counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    return ratio_of_sums(counts, np.broadcast_to(counts.sum(axis=2, keepdims=True), counts.shape))
