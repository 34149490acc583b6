"""Distances of DSA: none between a process and itself turned round, more to one with other eigenvalues."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hmmrnn.comparison import dynamical_similarity
from hmmrnn.comparison.dynamical_similarity import dsa_distances, has_dsa


def process(angle: float, seed: int) -> np.ndarray:
    """(B, T, 2) noisy rotation by an angle a step."""
    turn = 0.97 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    noise = np.random.default_rng(seed).standard_normal((16, 300, 2))
    points = np.zeros_like(noise)
    for t in range(1, 300):
        points[:, t] = points[:, t - 1] @ turn.T + 0.1 * noise[:, t]
    return points


def test_without_the_package_a_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(dynamical_similarity, "find_spec", lambda name: None)
    assert not has_dsa()
    with pytest.raises(ImportError, match=r"pip install 'hmmrnn\[similarity\]'"):
        dsa_distances([process(0.1, 0)] * 2)


def test_a_turn_of_the_coordinates_changes_nothing_and_another_process_is_far():
    if not has_dsa():
        pytest.skip("dsa-metric is not installed")
    slow, fast = process(0.1, 0), process(0.8, 1)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((2, 2)))[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distance, floor = dsa_distances([slow, slow @ turn, fast], delays=2, rank=4)
    np.testing.assert_allclose(distance, distance.T)
    assert distance[0, 1] <= floor[0, 1] + 1e-3
    assert distance[0, 2] > 3 * floor[0, 2]
