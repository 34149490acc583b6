"""Regressions on activity that are trained on some runs and judged on the others.

    ridge       y ~ y_mean + V (x - x_mean),  V = (X^T X + l I)^-1 X^T Y
    R^2         1 - sum |y - predicted|^2 / sum |y - y_mean|^2       over all columns of y and all steps
    logistic    P(o | x) = softmax(V x + c)_o,  V and c by maximum likelihood with a small ridge

Steps of one run depend on each other, so whole runs are left out, and standard errors come from the spread between
runs.

Source: Stone (1974), cross-validation; ridge and multinomial logistic regression are textbook methods.
"""

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.numerics import mean_and_error, ratio_of_sums
from hmmrnn.model.network import Floats

FOLDS = 4
# Relative to the mean variance of a column of x: small enough to change no result that the data decide, large enough
# for neurons that are never active.
RIDGE = 1e-6
LOGISTIC_RIDGE = 1e-4
LOGISTIC_STEPS = 200


def split_runs(runs: int, folds: int = FOLDS) -> list[NDArray[np.bool_]]:
    """Masks (B,) of the runs left out in each fold; every run is left out once.

    Raises:
        ValueError: there are fewer than 2 runs.
    """
    if runs < 2:
        raise ValueError(f"cross-validation by run needs at least 2 runs; got {runs}")
    number = np.arange(runs) % min(folds, runs)
    return [number == fold for fold in range(min(folds, runs))]


def predict_by_ridge(x: Floats, y: Floats) -> Floats:
    """Predictions (B, T, Q) of y (B, T, Q) from x (B, T, P), each by a ridge regression on other runs."""
    predicted = np.empty(y.shape)
    for left_out in split_runs(len(x)):
        train_x, train_y = (part[~left_out].reshape(-1, part.shape[-1]) for part in (x, y))
        mean_x, mean_y = train_x.mean(axis=0), train_y.mean(axis=0)
        weights = ridge_weights(train_x - mean_x, train_y - mean_y)
        predicted[left_out] = (x[left_out] - mean_x) @ weights + mean_y
    return predicted


def ridge_weights(x: Floats, y: Floats) -> Floats:
    """Weights (P, Q) of a ridge regression of centred y (S, Q) on centred x (S, P)."""
    moments = x.T @ x
    penalty = RIDGE * max(np.trace(moments) / len(moments), np.finfo(float).tiny)
    return np.linalg.solve(moments + penalty * np.eye(len(moments)), x.T @ y)


def explained(y: Floats, predicted: Floats, where: NDArray[np.bool_] | None = None) -> tuple[float, float]:
    """R^2 of predictions of y (B, T, Q), and its standard error over runs; NaN where y does not vary.

    Args:
        where: (B, T) steps that count; all if None. The variance is around the mean over all steps.
    """
    counted = np.ones(y.shape[:2]) if where is None else where.astype(float)
    missed = (((y - predicted) ** 2).sum(axis=-1) * counted).sum(axis=1)
    spread = (((y - y.mean(axis=(0, 1))) ** 2).sum(axis=-1) * counted).sum(axis=1)
    share, error = ratio_of_sums(missed, spread)
    return 1 - float(share), float(error)


def decode_labels(x: Floats, labels: NDArray[np.integer], n_labels: int) -> NDArray[np.int64]:
    """The likeliest label (..., B, T) of each row of x (B, T, P), by a logistic regression on other runs.

    Of several labels (..., B, T) each has regressions of its own.
    """
    decoded = np.empty(labels.shape, dtype=np.int64)
    kinds = list(np.ndindex(labels.shape[:-2]))
    for left_out in split_runs(len(x)):
        train = x[~left_out].reshape(-1, x.shape[-1])
        mean, axes = _whitening(train)
        columns = np.concatenate([axes.T @ (train - mean).T, np.ones((1, len(train)))])
        for kind in kinds:
            weights = _fit_logistic(columns, labels[kind][~left_out].ravel(), n_labels)
            scores = (x[left_out] - mean) @ (axes @ weights[:-1]) + weights[-1]
            decoded[kind][left_out] = scores.argmax(axis=-1)
    return decoded


def guess_labels(
    known: NDArray[np.integer], labels: NDArray[np.integer], n_known: int, n_labels: int
) -> NDArray[np.int64]:
    """The commonest label (B, T), in other runs, at steps with the same known symbol (B, T)."""
    guessed = np.empty(labels.shape, dtype=np.int64)
    for left_out in split_runs(len(labels)):
        code = known[~left_out] * n_labels + labels[~left_out]
        counts = np.bincount(code.ravel(), minlength=n_known * n_labels).reshape(n_known, n_labels)
        guessed[left_out] = counts.argmax(axis=1)[known[left_out]]
    return guessed


def share_right(labels: NDArray[np.integer], decoded: NDArray[np.integer]) -> tuple[float, float]:
    """Share of the labels (B, T) that are decoded, and its standard error over runs."""
    mean, error = mean_and_error((labels == decoded).mean(axis=1))
    return float(mean), float(error)


def _whitening(x: Floats) -> tuple[Floats, Floats]:
    """Mean (P,) and axes (P, D) that turn x into D uncorrelated columns of variance 1: few steps then reach the fit."""
    mean = x.mean(axis=0)
    variance, vectors = np.linalg.eigh(np.cov(x.T, ddof=0).reshape(x.shape[1], x.shape[1]))
    kept = variance > 1e-9 * max(variance[-1], np.finfo(float).tiny)
    return mean, vectors[:, kept] / np.sqrt(variance[kept])


def _fit_logistic(columns: Floats, labels: NDArray[np.integer], n_labels: int) -> Floats:
    """Weights (D, O) of a multinomial logistic regression on columns (D, S), of which the last is constant."""
    from scipy.optimize import minimize

    rows, steps = columns.shape
    wanted = labels, np.arange(steps)

    def loss(flat: Floats) -> tuple[float, Floats]:
        # Scores (O, S): sums over the few labels then go along whole rows, in half of the time.
        weights = flat.reshape(n_labels, rows)
        scores = weights @ columns
        scores -= scores.max(axis=0)
        miss = -scores[wanted].sum()
        chances = np.exp(scores, out=scores)
        total = chances.sum(axis=0)
        miss += np.log(total).sum()
        chances /= total
        chances[wanted] -= 1
        slope = chances @ columns.T / steps + LOGISTIC_RIDGE * weights
        return float(miss / steps + 0.5 * LOGISTIC_RIDGE * (weights**2).sum()), slope.ravel()

    start = np.zeros(n_labels * rows)
    found: Floats = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": LOGISTIC_STEPS}).x
    return found.reshape(n_labels, rows).T
