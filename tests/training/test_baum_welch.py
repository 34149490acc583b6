"""Baum-Welch on sequences of known HMMs: the HMM comes back within its errors, and so does its number of states."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn

from hmmrnn import HMM
from hmmrnn.model.sequences import read_sequences, sequences_of
from hmmrnn.training.baum_welch import fit_hmm

KNOWN = HMM([[0.95, 0.05], [0.1, 0.9]], [[0.9, 0.1, 0.0], [0.0, 0.2, 0.8]])


@pytest.fixture(scope="module")
def fit():
    sequences = sequences_of(list(KNOWN.sample(24, 100, 1)[0]))
    shares = []
    found = fit_hmm(sequences, most_states=3, starts=2, folds=2, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    return sequences, found


def test_a_known_hmm_is_recovered_within_its_errors(fit):
    _, found = fit
    best = found.best
    assert found.chosen == 2
    # Four standard errors, of six free probabilities.
    for fitted, known, error in ((best.hmm.A, KNOWN.A, best.A_se), (best.hmm.B, KNOWN.B, best.B_se)):
        assert (np.abs(fitted - known) < 4 * error + 2e-3).all()
        assert error.max() < 0.05
    assert best.same_optimum >= 1
    assert best.converged.all()


def test_the_curve_is_the_likelihood_of_what_was_held_out_and_the_bic(fit):
    sequences, found = fit
    assert found.states.tolist() == [1, 2, 3]
    one = found.of(1)
    shares = np.bincount(np.concatenate(sequences.symbols)) / sequences.lengths.sum()
    np.testing.assert_allclose(one.hmm.B[0], shares, atol=1e-4)
    n = sequences.lengths.sum()
    assert found.bic[0] == pytest.approx(-2 * n * (shares * np.log(shares)).sum() + 2 * np.log(n), rel=1e-4)
    # The null lies far below; a third state brings nothing.
    assert found.below_best[0] > 10 * found.below_best_se[0]
    assert found.bic.argmin() == 1
    # No better than the HMM that made them, but for the noise of the sample.
    truth = KNOWN.log_likelihood(np.stack(sequences.symbols)).sum() / n
    assert found.held_out[1] == pytest.approx(truth, abs=4 * found.held_out_se[1] * 0.1)


def test_the_likelihood_is_that_of_our_own_forward_algorithm(fit):
    sequences, found = fit
    best = found.best
    likelihood = best.hmm.log_likelihood(np.stack(sequences.symbols)).sum() / sequences.lengths.sum()
    assert best.log_likelihoods.max() == pytest.approx(likelihood, abs=1e-5)


def test_one_long_sequence_is_cut_and_starts_as_in_the_long_run():
    found = fit_hmm(sequences_of(KNOWN.sample(1, 1200, 3)[0]), most_states=2, starts=1, folds=2)
    assert (found.cut, found.chosen, found.pieces) == (True, 2, 20)
    np.testing.assert_allclose(found.best.hmm.start, found.best.hmm.stationary)


def test_independent_symbols_have_one_state():
    shares = HMM([[1.0]], [[0.5, 0.3, 0.2]])
    assert fit_hmm(sequences_of(list(shares.sample(24, 40, 2)[0])), most_states=2, starts=1, folds=2).chosen == 1


def test_an_alternation_of_two_symbols_needs_two_states():
    flips = HMM([[0.05, 0.95], [0.95, 0.05]], np.eye(2))
    found = fit_hmm(sequences_of(list(flips.sample(24, 30, 2)[0])), most_states=2, starts=6, folds=2)
    assert found.chosen == 2
    order = min(itertools.permutations(range(2)), key=lambda p: np.abs(found.best.hmm.B[list(p)] - np.eye(2)).sum())
    np.testing.assert_allclose(found.best.hmm.A[np.ix_(order, order)], flips.A, atol=0.03)


def test_two_states_of_english_letters_are_vowels_and_consonants():
    """The descriptions of data that scikit-learn brings, letter by letter, with _ between words (Cave and Neuwirth)."""
    folder = Path(sklearn.__file__).parent / "datasets" / "descr"
    names = ("breast_cancer", "covtype", "iris", "wine_data", "diabetes", "digits", "linnerud")
    words = [word for name in names for word in re.findall("[a-z]+", (folder / f"{name}.rst").read_text().lower())]
    found = fit_hmm(read_sequences("\n".join("_".join(words))), most_states=2, starts=3, folds=2)
    assert found.chosen == 2
    assert found.below_best[0] > 10 * found.below_best_se[0]
    hmm, letters = found.best.hmm, sorted({*"".join(words), "_"})
    state = dict(zip(letters, (hmm.stationary[:, None] * hmm.B).argmax(axis=0), strict=True))
    assert {letter for letter in letters if state[letter] == state["e"]} == set("_aeiouy")


@pytest.mark.parametrize(("more", "sentence"), [
    ({"most_states": 71}, "most_states must be from 1 to 70"), ({"folds": 1}, "folds >= 2"), ({}, "too few symbols"),
])  # fmt: skip
def test_what_cannot_be_fitted_is_said(more, sentence):
    with pytest.raises(ValueError, match=sentence):
        fit_hmm(sequences_of([np.array([0, 1, 0, 1])]), **more)
