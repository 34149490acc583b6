"""Regressions on other runs: whole runs are left out, weights and shares of variance are those of textbooks."""

import numpy as np
import pytest
from scipy.optimize import OptimizeResult

from hmmrnn.lenses.cross_validation import (
    decode_labels,
    explained,
    guess_labels,
    predict_by_ridge,
    ridge_weights,
    share_right,
    split_runs,
)


@pytest.mark.parametrize("runs", [2, 3, 7, 16])
def test_every_run_is_left_out_once(runs):
    masks = split_runs(runs)
    assert np.array_equal(np.sum(masks, axis=0), np.ones(runs))
    assert all(mask.any() and not mask.all() for mask in masks)


def test_a_single_run_cannot_be_left_out():
    with pytest.raises(ValueError, match="at least 2 runs"):
        split_runs(1)


def test_linear_maps_are_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 200, 4))
    y = x @ rng.standard_normal((4, 2)) + 5
    share, error = explained(y, predict_by_ridge(x, y))
    assert share == pytest.approx(1, abs=1e-6)
    noise = rng.standard_normal(y.shape)
    share, error = explained(noise, predict_by_ridge(x, noise))
    assert -0.03 < share < 4 * error
    np.testing.assert_allclose(
        ridge_weights(x.reshape(-1, 4), noise.reshape(-1, 2)),
        np.linalg.lstsq(x.reshape(-1, 4), noise.reshape(-1, 2))[0],
        atol=1e-5,
    )


def test_the_share_over_some_steps_is_of_their_variance():
    rng = np.random.default_rng(1)
    y, predicted = rng.standard_normal((2, 5, 30, 3))
    where = rng.random((5, 30)) < 0.3
    missed = ((y - predicted)[where] ** 2).sum()
    spread = ((y - y.reshape(-1, 3).mean(axis=0))[where] ** 2).sum()
    assert explained(y, predicted, where)[0] == pytest.approx(1 - missed / spread)


def test_a_run_that_differs_is_not_learned_from_itself():
    x = np.zeros((4, 50, 1))
    y = np.zeros((4, 50, 1))
    x[0], y[0] = 1.0, 1.0
    assert abs(predict_by_ridge(x, y)[0]).max() < 1e-6


def test_labels_are_decoded_as_by_the_library():
    sklearn = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(2)
    x = rng.standard_normal((4, 150, 3))
    labels = (x @ rng.standard_normal((3, 3)) + rng.gumbel(size=(4, 150, 3))).argmax(axis=-1)
    ours = decode_labels(x, labels, 3)
    theirs = np.empty_like(ours)
    for out in split_runs(4):
        model = sklearn.LogisticRegression(C=np.inf).fit(x[~out].reshape(-1, 3), labels[~out].ravel())
        theirs[out] = model.predict(x[out].reshape(-1, 3)).reshape(-1, 150)
    assert (ours == theirs).mean() > 0.98
    assert share_right(labels, ours)[0] > 0.4


def test_several_labels_of_the_same_rows_are_decoded_as_each_alone():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((4, 60, 3))
    first = (x @ rng.standard_normal((3, 2)) + rng.gumbel(size=(4, 60, 2))).argmax(axis=-1)
    both = np.stack([first, rng.integers(2, size=first.shape)])
    expected = np.stack([decode_labels(x, labels, 2) for labels in both])
    np.testing.assert_array_equal(decode_labels(x, both, 2), expected)


def test_the_slope_of_the_regression_is_that_of_its_loss(monkeypatch):
    seen = []

    def look(loss, start, **_):
        rng = np.random.default_rng(4)
        at, h = rng.standard_normal(start.shape), 1e-6
        moved = [(loss(at + h * e)[0] - loss(at - h * e)[0]) / (2 * h) for e in np.eye(len(at))]
        seen.append((loss(at)[1], moved, loss(start)[0]))
        return OptimizeResult(x=start)

    monkeypatch.setattr("scipy.optimize.minimize", look)
    rng = np.random.default_rng(5)
    decode_labels(rng.standard_normal((2, 40, 3)), rng.integers(3, size=(2, 40)), 3)
    for slope, moved, at_zero in seen:
        np.testing.assert_allclose(slope, moved, atol=1e-7)
        assert at_zero == pytest.approx(np.log(3))


def test_guesses_are_the_commonest_label_of_other_runs():
    known = np.array([[0, 0, 0, 1], [0, 0, 1, 1]])
    labels = np.array([[2, 2, 0, 1], [1, 1, 0, 0]])
    guessed = guess_labels(known, labels, 2, 3)
    np.testing.assert_array_equal(guessed, [[1, 1, 1, 0], [2, 2, 1, 1]])
