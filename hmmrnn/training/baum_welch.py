"""HMMs fitted to sequences by Baum-Welch, and how many states the sequences support.

    held-out log-likelihood per symbol: mean over pieces that the HMM was not fitted to, in nats
    BIC = -2 log L + p log n        p = K (K - 1) + K (O - 1) + K - 1 parameters, n symbols

Each number of states is fitted from several random starts, to all sequences and, for the held-out likelihood, to all
but one part of them. One state is the null: symbols that do not depend on each other. The number chosen is the smallest
whose held-out likelihood lies within one standard error of the best. Few long sequences are cut into pieces.

Standard errors come from a bootstrap over pieces that begins at the fit. hmmlearn does the iterations; a prior of a
hundredth of a count keeps a symbol that was not seen from being impossible.

Source: Baum et al. (1970); hmmlearn, `CategoricalHMM`; Schwarz (1978) for the BIC; Breiman et al. (1984) for the rule
of one standard error.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import ProgressCallback, no_progress
from hmmrnn.model.hmm import HMM, MAX_STATES
from hmmrnn.model.network import Floats, Result
from hmmrnn.model.sequences import Sequences

Piece = NDArray[np.int64]

MAX_ITERATIONS = 300
# Baum-Welch ends when it gains less than this, in nats per symbol.
TOLERANCE = 2e-6
PRIOR = 1.01
# Fewer sequences are cut, into pieces of at least so many symbols; the start is then that of the long run.
FEWEST_PIECES, SHORTEST_PIECE = 20, 25
BOOTSTRAP = 24
# Starts that end within so many nats per symbol of the best have found the same optimum.
SAME_OPTIMUM = 1e-4
# How likely a state is kept in half of the random starts.
STICKY = 0.7


@dataclass(frozen=True, eq=False)
class StatesFit(Result):
    """The HMM of K states that is likeliest, and how sure it is."""

    hmm: HMM
    A_se: Floats  # (K, K) standard errors of its transition probabilities
    B_se: Floats  # (K, O) standard errors of its emission probabilities
    log_likelihoods: Floats  # (R,) nats per symbol from each start
    converged: NDArray[np.bool_]  # (R,) whether Baum-Welch had converged

    @property
    def same_optimum(self) -> int:
        """How many starts have found the best optimum."""
        return int((self.log_likelihoods > self.log_likelihoods.max() - SAME_OPTIMUM).sum())


@dataclass(frozen=True, eq=False)
class HMMFit(Result):
    """HMMs of one to S states fitted to sequences, and the number of states that is chosen."""

    states: NDArray[np.int64]  # (S,) numbers of states
    held_out: Floats  # (S,) held-out log-likelihood, nats per symbol
    held_out_se: Floats  # (S,) its standard error, from the spread between pieces
    # (S,) by how much it is below the best, and the standard error of that, from paired pieces.
    below_best: Floats
    below_best_se: Floats
    bic: Floats  # (S,) Bayesian information criterion of the fits to all sequences
    fits: tuple[StatesFit, ...]  # (S,) the fit of each number of states
    chosen: int  # K, the number of states chosen
    pieces: int  # number of pieces that are left out in turn and drawn by the bootstrap
    cut: bool  # whether these are parts of sequences
    seed: int  # seed of starts, parts and bootstrap

    @property
    def best(self) -> StatesFit:
        """The fit with the number of states that is chosen."""
        return self.of(self.chosen)

    def of(self, n_states: int) -> StatesFit:
        """The fit with another number of states.

        Raises:
            ValueError: that number was not fitted.
        """
        if n_states not in self.states:
            raise ValueError(f"fitted are {self.states.min()} to {self.states.max()} states; got {n_states}")
        return self.fits[int(np.flatnonzero(self.states == n_states)[0])]


def fit_hmm(
    sequences: Sequences,
    most_states: int = 6,
    starts: int = 4,
    folds: int = 3,
    seed: int = 0,
    on_progress: ProgressCallback = no_progress,
) -> HMMFit:
    """Fit HMMs of one to `most_states` states to sequences, and choose the number of states.

    Args:
        sequences: what is observed.
        most_states: the largest number of states, up to 70.
        starts: random starts of each fit.
        folds: parts, of which each is held out once.
        seed: of starts, parts and bootstrap.
        on_progress: gets the share done.

    Raises:
        ValueError: a number is out of range, or there are too few symbols for the parts.
        ModuleNotFoundError: hmmlearn is not installed (extra `data`).
    """
    if not (1 <= most_states <= MAX_STATES and starts >= 1 and folds >= 2):
        raise ValueError(
            f"most_states must be from 1 to {MAX_STATES}, starts >= 1 and folds >= 2; got {most_states}, {starts} and "
            f"{folds}"
        )
    pieces, cut = _pieces(sequences)
    if len(pieces) < 2 * folds:
        raise ValueError(
            f"too few symbols to hold some out: expected at least {2 * folds * SHORTEST_PIECE}, or {2 * folds} "
            f"sequences; got {sequences.lengths.sum()} in {len(sequences.symbols)}"
        )
    rng = np.random.default_rng(seed)
    part = rng.permutation(np.arange(len(pieces)) % folds)
    states = np.arange(1, most_states + 1)
    # Larger fits take longer, about as their number of states.
    done, total = 0.0, float(states.sum())
    scores, fits = [], []
    for n_states in states:
        fitter = _Fitter(sequences.n_outputs, int(n_states), starts, rng)
        scores.append(fitter.held_out(pieces, part))
        on_progress((done + 0.6 * n_states) / total)
        fits.append(fitter.fitted(pieces, cut))
        done += float(n_states)
        on_progress(done / total)
    return _chosen(states, np.array(scores), pieces, fits, {"cut": cut, "seed": seed})


def _chosen(
    states: NDArray[np.int64], scores: Floats, pieces: Sequence[Piece], fits: list[StatesFit], more: Any
) -> HMMFit:
    """The curve over numbers of states; `scores` are log-likelihoods (S, B) of pieces that were held out."""
    lengths = np.array([len(piece) for piece in pieces])
    n = int(lengths.sum())
    held_out, held_out_se = _per_symbol(scores, lengths)
    below, below_se = _per_symbol(scores[held_out.argmax()] - scores, lengths)
    n_outputs = fits[0].hmm.n_outputs
    parameters = states * (states - 1) + states * (n_outputs - 1) + states - 1
    bic = np.array([-2 * n * fit.log_likelihoods.max() for fit in fits]) + parameters * np.log(n)
    return HMMFit(
        states=states,
        held_out=held_out,
        held_out_se=held_out_se,
        below_best=below,
        below_best_se=below_se,
        bic=bic,
        fits=tuple(fits),
        chosen=int(states[np.flatnonzero(below <= below_se)[0]]),
        pieces=len(pieces),
        **more,
    )


def _per_symbol(scores: Floats, lengths: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean per symbol of (S, B) sums over pieces, and its standard error by the spread between pieces."""
    mean = scores.sum(axis=1) / lengths.sum()
    deviation = scores - mean[:, None] * lengths
    count = len(lengths)
    return mean, np.sqrt((deviation**2).sum(axis=1) * count / (count - 1)) / lengths.sum()


def _pieces(sequences: Sequences) -> tuple[list[Piece], bool]:
    """The sequences, or if there are few of them, pieces that are about equally long."""
    whole = [one for one in sequences.symbols if len(one)]
    if len(whole) >= FEWEST_PIECES:
        return whole, False
    size = max(SHORTEST_PIECE, int(sequences.lengths.sum()) // FEWEST_PIECES)
    return [part for one in whole for part in np.array_split(one, max(1, len(one) // size))], True


class _Fitter:
    """Baum-Welch for one number of states, from random starts."""

    def __init__(self, n_outputs: int, n_states: int, starts: int, rng: np.random.Generator) -> None:
        self.n_outputs, self.n_states, self.starts, self.rng = n_outputs, n_states, starts, rng

    def held_out(self, pieces: list[Piece], part: NDArray[np.int64]) -> Floats:
        """(B,) log-likelihood of each piece under the HMM that was fitted to the other parts."""
        found = np.empty(len(pieces))
        for fold in np.unique(part):
            kept = [piece for piece, one in zip(pieces, part, strict=True) if one != fold]
            best = max(
                (self._from_random(kept) for _ in range(self.starts)), key=lambda model: model.monitor_.history[-1]
            )
            for i in np.flatnonzero(part == fold):
                found[i] = best.score(pieces[i][:, None])
        return found

    def fitted(self, pieces: list[Piece], cut: bool) -> StatesFit:
        """The likeliest HMM for all pieces, its states in the order of their likeliest symbols."""
        n = sum(map(len, pieces))
        models = [self._from_random(pieces) for _ in range(self.starts)]
        reached = np.array([model.monitor_.history[-1] for model in models]) / n
        hmm = _ordered(_hmm_of(models[int(reached.argmax())], cut))
        A_se, B_se = self._errors(pieces, hmm)
        converged = np.array([model.monitor_.converged for model in models])
        return StatesFit(hmm, A_se, B_se, reached, converged)

    def _errors(self, pieces: list[Piece], hmm: HMM) -> tuple[Floats, Floats]:
        drawn = []
        for _ in range(BOOTSTRAP):
            sample = [pieces[i] for i in self.rng.integers(len(pieces), size=len(pieces))]
            drawn.append(self._run(sample, hmm.start, hmm.A, hmm.B))
        return (
            np.std([model.transmat_ for model in drawn], axis=0, ddof=1),
            np.std([model.emissionprob_ for model in drawn], axis=0, ddof=1),
        )

    def _from_random(self, pieces: list[Piece]) -> Any:
        K, n_outputs = self.n_states, self.n_outputs
        # About every other start has states that are not kept, or alternations would not be found.
        kept = STICKY * self.rng.integers(2)
        A = kept * np.eye(K) + (1 - kept) * self.rng.dirichlet(np.full(K, 0.5), K) if K > 1 else np.ones((1, 1))
        shares = np.bincount(np.concatenate(pieces), minlength=n_outputs) + 1.0
        B = self.rng.dirichlet(n_outputs * shares / shares.sum(), K) + 1e-3
        return self._run(pieces, np.full(K, 1 / K), A, B / B.sum(axis=1, keepdims=True))

    def _run(self, pieces: list[Piece], start: Floats, A: Floats, B: Floats) -> Any:
        from hmmlearn.hmm import CategoricalHMM

        n = sum(map(len, pieces))
        model = CategoricalHMM(
            self.n_states,
            startprob_prior=PRIOR,
            transmat_prior=PRIOR,
            emissionprob_prior=PRIOR,
            n_features=self.n_outputs,
            n_iter=MAX_ITERATIONS,
            tol=TOLERANCE * n,
            init_params="",
            implementation="scaling",
        )
        model.startprob_, model.transmat_, model.emissionprob_ = np.array(start), np.array(A), np.array(B)
        # It says of each fit that has not converged that it has not; here `converged` does.
        logging.getLogger("hmmlearn").setLevel(logging.ERROR)
        return model.fit(np.concatenate(pieces)[:, None], [len(piece) for piece in pieces])


def _hmm_of(model: Any, cut: bool) -> HMM:
    hmm = HMM.from_hmmlearn(model)
    return replace(hmm, start=hmm.stationary) if cut else hmm


def _ordered(hmm: HMM) -> HMM:
    order = np.lexsort((-hmm.B.max(axis=1), hmm.B.argmax(axis=1)))
    return HMM(hmm.A[np.ix_(order, order)], hmm.B[order], hmm.start[order])
