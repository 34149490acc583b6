"""Ways and committors of chains whose answer is known, and of points that jump between two clusters."""

import numpy as np
import pytest

from hmmrnn.lenses.switch_paths import find_paths, level_line, most_likely_way, paths_of, solve_committor
from tests.networks import planted_switch


def walk(n: int, up: float = 0.5) -> np.ndarray:
    """A walk on a line of n places."""
    P = up * np.eye(n, k=1) + (1 - up) * np.eye(n, k=-1)
    P[0, 0], P[-1, -1] = 1 - up, up
    return P


def ends(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(n) == 0, np.arange(n) == n - 1


def test_the_committor_of_a_fair_walk_is_its_place():
    np.testing.assert_allclose(solve_committor(walk(11), *ends(11)), np.arange(11) / 10, atol=1e-9)


def test_the_committor_of_a_biased_walk_is_the_gamblers():
    ratio = 0.4 / 0.6
    expected = (1 - ratio ** np.arange(11)) / (1 - ratio**10)
    np.testing.assert_allclose(solve_committor(walk(11, 0.6), *ends(11)), expected, atol=1e-9)


def test_a_place_that_was_never_left_is_not_known():
    P = walk(6)
    P[3] = 0
    assert np.isnan(solve_committor(P, *ends(6))[3])


def test_the_most_likely_way_is_that_of_all_ways():
    rng = np.random.default_rng(0)
    P = rng.random((5, 5)) * (rng.random((5, 5)) < 0.7)
    P /= P.sum(axis=1, keepdims=True)
    moves = P * ~np.eye(5, dtype=bool)
    moves /= moves.sum(axis=1, keepdims=True)
    best, stack = 0.0, [((0,), 1.0)]
    while stack:
        way, p = stack.pop()
        if way[-1] == 4:
            if p > best:
                best, chosen = p, way
            continue
        stack += [((*way, d), p * moves[way[-1], d]) for d in range(5) if d not in way and moves[way[-1], d] > 0]
    found, log_probability = most_likely_way(P, 0, 4)
    assert tuple(found) == chosen
    assert log_probability == pytest.approx(np.log(best))


def test_no_way_is_said():
    with pytest.raises(ValueError, match="no way leads from cell 0 to cell 2"):
        most_likely_way(np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1.0]]), 0, 2)


def test_points_that_walk_between_two_ends_commit_in_the_middle():
    rng = np.random.default_rng(1)
    x = np.zeros((40, 1500))
    for t in range(1, 1500):
        # A double well: the walk is drawn to -1 and 1.
        x[:, t] = x[:, t - 1] - 0.15 * (x[:, t - 1] ** 3 - x[:, t - 1]) + 0.22 * rng.standard_normal(40)
    points = np.stack([x, 0.3 * rng.standard_normal(x.shape)], axis=-1)
    found = paths_of(points, (x > 0).astype(int), 2, bins=15)
    assert [path.exit for path in found.paths] == [(0, 1), (1, 0)]
    there, back = found.paths
    middle = (found.edges[0, 1:] + found.edges[0, :-1]) / 2
    known = found.counts > 200
    for q in (there.committor, there.observed):
        near = np.abs(middle) < 0.15
        assert np.mean(q[near][known[near]]) == pytest.approx(0.5, abs=0.1)
        assert np.nanmean(q[middle < -0.6][known[middle < -0.6]]) < 0.2
        assert np.nanmean(q[middle > 0.6][known[middle > 0.6]]) > 0.8
    both = (there.committor + back.committor)[found.counts > 0]
    np.testing.assert_allclose(both[np.isfinite(both)], 1, atol=1e-6)
    assert there.way[0, 0] < -0.5 < 0.5 < there.way[-1, 0]
    firsts = [(b, t) for b in range(40) for t in range(15, 1485) if x[b, t - 1] <= 0 < x[b, t]]
    for shift in (-15, 0, 15):
        expected = np.mean([points[b, t + shift] for b, t in firsts], axis=0)
        np.testing.assert_allclose(there.mean[there.offset == shift][0], expected)
    assert (there.mean_se > 0).all()
    # A chain of small cells and what is observed agree where there are many visits.
    apart = (there.committor - there.observed)[known] / np.maximum(there.observed_se[known], 0.01)
    assert np.abs(apart).mean() < 2


def test_a_planted_switch_has_a_way_for_each_exit():
    found = find_paths(planted_switch(hold=8, integrators=12, kick=2, echoes=2, idle=4).network)
    assert {path.exit for path in found.paths} == {(0, 1), (1, 0)}
    for path in found.paths:
        assert path.switches >= 20
        assert path.log_probability < 0
        assert len(path.way) >= 2
    assert set(np.unique(found.cores)) == {-1, 0, 1}
    off, null = found.committor_error
    assert off < null / 2


def test_the_line_of_a_level_is_that_of_a_plane_and_stops_at_what_is_not_known():
    x, y = np.linspace(0, 1, 9), np.linspace(0, 2, 7)
    plane = x[:, None] + 0.3 * y[None, :] - 0.2
    pieces = level_line(plane, x, y)
    np.testing.assert_allclose(pieces[..., 0] + 0.3 * pieces[..., 1] - 0.2, 0.5)
    assert pieces[..., 1].min() == 0
    assert pieces[..., 1].max() == 2
    length = np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=1).sum()
    assert length == pytest.approx(np.hypot(0.6, 2))
    plane[:, 3] = np.nan
    assert not ((level_line(plane, x, y)[..., 1] > y[2]) & (level_line(plane, x, y)[..., 1] < y[4])).any()
    assert level_line(np.zeros((4, 4)), x[:4], y[:4]).shape == (0, 2, 2)
