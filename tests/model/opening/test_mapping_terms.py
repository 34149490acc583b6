"""Terms of a mapping: values as NumPy computes them, and shapes that are known without values."""

from __future__ import annotations

import numpy as np
import pytest

from hmmrnn.model.opening.mapping_terms import TermError, names_of, shape_of, value_of

RNG = np.random.default_rng(0)
VALUES = {
    "a": RNG.standard_normal((4, 6)),
    "b": RNG.standard_normal((6, 3)),
    "rnn.w": RNG.standard_normal((6, 6)),
    "v": RNG.standard_normal(6),
    "g": RNG.standard_normal((6, 1)),
}
A, B, W, V, G = VALUES.values()


@pytest.mark.parametrize(("term", "value"), [
    ("a", A), ("a.T", A.T), ("v.T", V[:, None]), ("rnn.w[:2, 1:]", W[:2, 1:]), ("rnn.w.T[1:]", W.T[1:]),
    ("a @ b / 6", A @ B / 6), ("v.T * v", np.outer(V, V)), ("rnn.w * v", W * V), ("rnn.w @ v", W @ V),
    ("v + rnn.w @ v", V + W @ V), ("abs(rnn.w) * signs(4, 2)", np.abs(W) * [1, 1, 1, 1, -1, -1]),
    ("relu(rnn.w.T) * offdiagonal(6)", np.maximum(W.T, 0) * (1 - np.eye(6))), ("b.T @ eye(6, 8)", B.T @ np.eye(6, 8)),
    ("stack(rnn.w, a)", np.concatenate([W, A])), ("stack(a[:, :3].T, rnn.w[:, :4])",
    np.concatenate([A[:, :3].T, W[:, :4]])), ("norm(g, b)", G * B / np.linalg.norm(B, axis=1, keepdims=True)),
    ("stack(v, v)", np.concatenate([V, V])), ("a - neg(a) * 2 - a", 2 * A),
    ("stack(zeros(2), ones(3), v[:1])", [0, 0, 1, 1, 1, V[0]]),
    ("rnn.w * bn_scale(v, abs(v), 1e-05)", W * V / np.sqrt(np.abs(V) + 1e-5)),
])  # fmt: skip
def test_a_term_has_the_value_that_numpy_gives_it(term, value):
    np.testing.assert_allclose(value_of(term, VALUES), value, rtol=1e-14)
    assert shape_of(term, {name: item.shape for name, item in VALUES.items()}) == np.shape(value)


def test_the_tensors_of_a_term_are_named():
    assert names_of("abs(a) @ b + stack(v, g[:1]) * 3", VALUES) == {"a", "b", "v", "g"}


@pytest.mark.parametrize(("term", "sentence"), [
    ("c", "there is no tensor 'c'"), ("exp(a)", "there is no function 'exp'; expected one of abs, relu, neg, stack"),
    ("abs(a, b)", "abs takes 1 in its brackets; got 2"), ("eye(3)", "eye takes 2 in its brackets; got 1"),
    ("eye(3, 99999999)", "eye takes whole numbers up to 8,192"), ("signs(a, b)", "signs takes whole numbers"),
    ("a @ a", "matrices of shapes"), ("stack(a, b)", "cannot be stacked"), ("a * b", "do not fit each other"),
    ("a +", "there is no tensor"), ("", "there is no tensor ''"), ("__import__(os)", "there is no function"),
])  # fmt: skip
def test_what_cannot_be_read_is_said(term, sentence):
    shapes = {name: item.shape for name, item in VALUES.items()}
    with pytest.raises(TermError, match=sentence):
        shape_of(term, shapes)
