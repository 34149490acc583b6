"""Switching against plain counting, exact identities, and the known rates of a Markov chain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hmmrnn.analysis.numerics import ratio_of_sums
from hmmrnn.analysis.switching import count_switches
from hmmrnn.model.hmm import HMM

# A normal deviate beyond this has probability 6e-6; the seeds are fixed, so a test that passes keeps passing.
SIGMAS = 4.5
O = 3  # noqa: E741  # the letter of the docstrings


def counted_one_by_one(output, valid) -> np.ndarray:
    """(B, O, O) steps from output to output, in a plain loop."""
    joint = np.zeros((len(output), O, O), int)
    for b, run in enumerate(output):
        for t in range(len(run) - 1):
            if valid[b][t + 1]:
                joint[b, run[t], run[t + 1]] += 1
    return joint


def standard_error(numerators, denominators) -> float:
    """Delta method for a ratio of sums over runs, in plain Python."""
    runs, total = len(numerators), sum(denominators)
    if runs < 2 or total == 0:
        return float("nan")
    ratio = sum(numerators) / total
    squares = sum((x - ratio * y) ** 2 for x, y in zip(numerators, denominators, strict=True))
    return (squares * runs / (runs - 1)) ** 0.5 / total


@st.composite
def runs(draw):
    shape = draw(st.tuples(st.integers(1, 5), st.integers(2, 12)))
    output = draw(arrays(np.int64, shape, elements=st.integers(0, O - 1)))
    ends = draw(arrays(np.int64, shape[0], elements=st.integers(0, shape[1])))
    return output, np.arange(shape[1]) < ends[:, None]


@given(runs())
def test_counts_and_rates_are_those_of_a_plain_loop(drawn):
    output, valid = drawn
    found, joint = count_switches(output, O, valid), counted_one_by_one(output, valid)
    np.testing.assert_array_equal(found.counts, joint.sum(axis=0))
    assert found.steps == joint.sum()
    visits = joint.sum(axis=2)
    for a in range(O):
        left = [sum(row) - row[a] for row in joint[:, a]]
        expected = sum(left) / visits[:, a].sum() if visits[:, a].sum() else np.nan
        np.testing.assert_allclose(found.leave_rate[a], expected)
        np.testing.assert_allclose(found.leave_rate_se[a], standard_error(left, visits[:, a]), atol=1e-12)
        share = visits[:, a].sum() / joint.sum() if joint.sum() else np.nan
        np.testing.assert_allclose(found.time_share[a], share)
        np.testing.assert_allclose(found.time_share_se[a], standard_error(visits[:, a], visits.sum(axis=1)), atol=1e-12)
    switched = [run.sum() - np.trace(run) for run in joint]
    expected = 1000 * sum(switched) / joint.sum() if joint.sum() else np.nan
    np.testing.assert_allclose(found.switches_per_1000, expected)
    np.testing.assert_allclose(
        found.switches_per_1000_se, 1000 * standard_error(switched, visits.sum(axis=1)), atol=1e-9
    )


@given(runs())
def test_the_parts_make_up_the_whole(drawn):
    output, valid = drawn
    found = count_switches(output, O, valid)
    if not found.steps:
        assert np.isnan(found.time_share).all()
        return
    np.testing.assert_allclose(found.time_share.sum(), 1)
    # Every switch leaves some output: the rates, weighted by the time in each, are the rate of switching.
    visited = found.time_share > 0
    whole = (found.leave_rate * found.time_share)[visited].sum()
    np.testing.assert_allclose(1000 * whole, found.switches_per_1000, atol=1e-9)


@pytest.mark.parametrize(("output", "leave_rate", "time_share", "switches_per_1000"), [
    ([[1] * 10] * 3, [np.nan, 0.0], [0.0, 1.0], 0), ([[0, 1, 0, 1, 0]], [1.0, 1.0], [0.5, 0.5], 1000),
    ([[0, 0, 0, 1]], [1 / 3, np.nan], [1, 0], 1000 / 3),
], ids=["never left", "alternating", "the last step has no next one"])  # fmt: skip
def test_runs_that_are_counted_by_eye(output, leave_rate, time_share, switches_per_1000):
    found = count_switches(np.array(output), 2)
    np.testing.assert_allclose(found.leave_rate, leave_rate)
    np.testing.assert_allclose(found.time_share, time_share)
    assert found.switches_per_1000 == pytest.approx(switches_per_1000)
    assert found.steps == found.counts.sum() == sum(len(run) - 1 for run in output)


def test_steps_after_a_divergence_are_not_counted():
    output = np.array([[0, 0, 1, 1, 0, 1], [0, 1, 0, 1, 0, 1]])
    valid = np.arange(6) < np.array([[6], [1]])
    found, alone = count_switches(output, 2, valid), count_switches(output[:1], 2)
    np.testing.assert_array_equal(found.counts, alone.counts)
    assert found.steps == 5


def test_a_single_run_has_no_standard_error():
    found = count_switches(np.array([[0, 1, 1, 0, 0, 1]]), 2)
    assert np.isnan(found.leave_rate_se).all()
    assert np.isnan(found.time_share_se).all()
    assert np.isnan(found.switches_per_1000_se)


def test_the_order_of_the_runs_does_not_matter():
    output = np.random.default_rng(0).integers(0, O, (6, 40))
    one, other = count_switches(output, O), count_switches(output[::-1], O)
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_allclose(one.leave_rate_se, other.leave_rate_se)


def test_the_states_of_a_markov_chain_are_left_at_its_own_rates():
    chain = HMM.preset("linear-3")
    states = chain.sample(300, 400, seed=0)[1]
    found = count_switches(states, chain.n_states)
    assert (np.abs(found.leave_rate - (1 - np.diag(chain.A))) < SIGMAS * found.leave_rate_se).all()
    assert (np.abs(found.time_share - chain.stationary) < SIGMAS * found.time_share_se).all()


def test_the_standard_error_is_the_spread_of_repeated_measurements():
    chain, repeats, size = HMM.preset("linear-2"), 200, 24
    states = chain.sample(repeats * size, 200, seed=1)[1].reshape(repeats, size, 200)
    found = [count_switches(part, chain.n_states) for part in states]
    for name in ("leave_rate", "time_share", "switches_per_1000"):
        spread = np.std([getattr(item, name) for item in found], axis=0)
        stated = np.mean([getattr(item, f"{name}_se") for item in found], axis=0)
        # The spread of 200 measurements is itself known to 5 %.
        np.testing.assert_allclose(stated, spread, rtol=0.2)


def test_ratio_of_sums_by_hand():
    # 1/2 and 3/6 pool to 4/8; the deviations are 0 and 0.
    np.testing.assert_allclose(ratio_of_sums(np.array([1, 3]), np.array([2, 6])), [0.5, 0.0])
    # 0/4 and 2/4 pool to 1/4; the deviations are -1 and 1, so the error is sqrt(2 * 2 / 1) / 8.
    np.testing.assert_allclose(ratio_of_sums(np.array([0, 2]), np.array([4, 4])), [0.25, 0.25])


def test_with_equal_denominators_the_error_is_that_of_a_mean():
    numerators = np.random.default_rng(2).integers(0, 50, (9, 4))
    ratio, error = ratio_of_sums(numerators, np.full((9, 4), 50))
    np.testing.assert_allclose(ratio, (numerators / 50).mean(axis=0))
    np.testing.assert_allclose(error, (numerators / 50).std(axis=0, ddof=1) / 3)


@pytest.mark.parametrize("shape", [(5,), (4, 1), (2, 3, 4), (3, 0)])
def test_refuses_what_has_no_steps(shape):
    with pytest.raises(ValueError, match=r"output must have shape \(B, T\) with at least 2 steps; got"):
        count_switches(np.zeros(shape, int), 2)
