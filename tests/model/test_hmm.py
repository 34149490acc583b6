"""The HMM against enumeration of all its paths, against hmmlearn, against long samples and against the paper."""

import json
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hmmlearn.hmm import CategoricalHMM
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as hypothesis_arrays

from hmmrnn.model.hmm import HMM, MAX_OUTPUTS, MAX_STATES, PRESETS, transition_matrix

# A normal deviate beyond this has probability 6e-6; the seeds are fixed, so a test that passes keeps passing.
SIGMAS = 4.5


def small_hmm() -> HMM:
    """Three states that differ in everything; symbols 2, 0, 2 cannot follow each other. The start is not stationary."""
    return HMM(
        A=[[0.7, 0.3, 0.0], [0.1, 0.6, 0.3], [0.5, 0.0, 0.5]],
        B=[[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.0, 0.0, 1.0]],
        start=[0.2, 0.3, 0.5],
    )


def path_probability(hmm: HMM, states: tuple[int, ...], start: np.ndarray) -> float:
    p = start[states[0]]
    for before, after in pairwise(states):
        p *= hmm.A[before, after]
    return float(p)


def joint_by_enumeration(hmm: HMM, lag: int) -> np.ndarray:
    """P(y_0 = i, y_lag = j), summed over every path of the hidden states."""
    joint = np.zeros((hmm.n_outputs, hmm.n_outputs))
    for states in product(range(hmm.n_states), repeat=lag + 1):
        p = path_probability(hmm, states, hmm.stationary)
        joint += p * np.outer(hmm.B[states[0]], hmm.B[states[-1]])
    return joint


def likelihood_by_enumeration(hmm: HMM, symbols: tuple[int, ...]) -> float:
    return sum(
        path_probability(hmm, states, hmm.start) * np.prod([hmm.B[s, y] for s, y in zip(states, symbols, strict=True)])
        for states in product(range(hmm.n_states), repeat=len(symbols))
    )


@st.composite
def hmms(draw: st.DrawFn) -> HMM:
    """Any HMM whose states all reach each other."""
    n_states, n_outputs = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    A, B = (draw(hypothesis_arrays(float, (n_states, n), elements=st.floats(0.05, 1.0))) for n in (n_states, n_outputs))
    return HMM(A=A / A.sum(axis=1, keepdims=True), B=B / B.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("n_states", [2, 3, 4, 5])
def test_linear_presets_are_the_published_chain(n_states):
    hmm = HMM.preset(f"linear-{n_states}")
    q = 0.05 ** (1 / (n_states - 1))
    A, B = np.zeros((n_states, n_states)), np.zeros((n_states, 3))
    for k in range(n_states):
        alpha = k / (n_states - 1)
        B[k] = [0.99 * (1 - alpha), 0.01, 0.99 * alpha]
        if k in (0, n_states - 1):
            A[k, k], A[k, 1 if k == 0 else n_states - 2] = 1 - q, q
        else:
            A[k, k], A[k, k - 1], A[k, k + 1] = 1 - 2 * q, q, q
    np.testing.assert_allclose(hmm.A, A, atol=1e-15)
    np.testing.assert_allclose(hmm.B, B, atol=1e-15)
    np.testing.assert_allclose(hmm.start, 1 / n_states)


def test_numbers_of_the_linear_presets_that_the_paper_gives():
    np.testing.assert_allclose(HMM.preset("linear-2").A, [[0.95, 0.05], [0.05, 0.95]])
    np.testing.assert_allclose(HMM.preset("linear-2").B, [[0.99, 0.01, 0], [0, 0.01, 0.99]])
    assert HMM.preset("linear-4").A[1, 1] == pytest.approx(0.263, abs=5e-4)
    assert HMM.preset("linear-5").A[1, 1] == pytest.approx(0.054, abs=5e-4)


def test_fully_connected_and_cyclic_presets():
    connected, ring = HMM.preset("fully-connected"), HMM.preset("cyclic")
    np.testing.assert_allclose(connected.A, [[0.95, 0.025, 0.025], [0.025, 0.95, 0.025], [0.025, 0.025, 0.95]])
    np.testing.assert_allclose(connected.B, [[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.01, 0.01, 0.98]])
    np.testing.assert_allclose(
        ring.A, [[0.95, 0.025, 0, 0.025], [0.025, 0.95, 0.025, 0], [0, 0.025, 0.95, 0.025], [0.025, 0, 0.025, 0.95]]
    )
    np.testing.assert_allclose(ring.B, [[0.9, 0.1, 0], [0.1, 0.9, 0], [0, 0.1, 0.9], [0, 0.9, 0.1]])


def test_volatility_of_the_presets():
    # By hand for linear-2: within a state two symbols differ with 2 * 0.99 * 0.01, across states unless both are 1.
    assert HMM.preset("linear-2").volatility == pytest.approx(0.95 * 0.0198 + 0.05 * (1 - 0.01**2))
    assert HMM.preset("linear-3").volatility == pytest.approx(0.256, abs=5e-4)
    assert HMM.preset("linear-5").volatility == pytest.approx(0.311, abs=5e-4)
    assert HMM.preset("fully-connected").volatility == pytest.approx(0.086, abs=5e-4)
    assert HMM.preset("cyclic").volatility == pytest.approx(0.214, abs=5e-4)


@pytest.mark.parametrize("lag", [1, 2, 3, 5])
def test_joint_equals_enumeration_of_all_paths(lag):
    hmm = small_hmm()
    np.testing.assert_allclose(hmm.joint(lag), joint_by_enumeration(hmm, lag), atol=1e-14)


def test_statistics_follow_from_the_enumerated_joint():
    hmm = small_hmm()
    joint = joint_by_enumeration(hmm, 1)
    np.testing.assert_allclose(hmm.marginal, joint.sum(axis=1), atol=1e-14)
    np.testing.assert_allclose(hmm.emission_transitions, joint / joint.sum(axis=1, keepdims=True), atol=1e-14)
    assert hmm.volatility == pytest.approx(joint[~np.eye(3, dtype=bool)].sum())
    assert hmm.lag_agreement(4) == pytest.approx(np.trace(joint_by_enumeration(hmm, 4)))


def test_symbols_that_are_never_emitted_have_no_row():
    hmm = HMM(A=[[1.0]], B=[[0.25, 0.0, 0.75]])
    np.testing.assert_array_equal(np.isnan(hmm.emission_transitions).all(axis=1), [False, True, False])
    np.testing.assert_allclose(hmm.emission_transitions[0], [0.25, 0.0, 0.75])
    np.testing.assert_array_equal(transition_matrix(np.zeros((2, 2))), np.full((2, 2), np.nan))


def test_stationary_shares_of_a_chain_with_states_it_leaves_for_good_and_of_a_periodic_one():
    hmm = HMM(A=[[0.5, 0.5, 0], [0, 0.2, 0.8], [0, 0.4, 0.6]], B=np.eye(3))
    np.testing.assert_allclose(hmm.stationary, [0, 1 / 3, 2 / 3], atol=1e-14)
    np.testing.assert_allclose(HMM(A=[[0, 1], [1, 0]], B=np.eye(2)).stationary, [0.5, 0.5], atol=1e-14)


@given(hmms())
def test_stationary_is_a_distribution_that_a_step_keeps(hmm):
    assert hmm.stationary.min() >= 0
    np.testing.assert_allclose(hmm.stationary.sum(), 1, atol=1e-12)
    np.testing.assert_allclose(hmm.stationary @ hmm.A, hmm.stationary, atol=1e-12)
    np.testing.assert_allclose(np.linalg.matrix_power(hmm.A, 2000), np.tile(hmm.stationary, (hmm.n_states, 1)))


@given(hmms(), st.integers(1, 30))
def test_joint_is_a_distribution_with_the_right_margins(hmm, lag):
    joint = hmm.joint(lag)
    assert joint.min() >= 0
    assert joint.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(joint.sum(axis=0), hmm.marginal, atol=1e-12)
    np.testing.assert_allclose(joint.sum(axis=1), hmm.marginal, atol=1e-12)


@given(hmms(), st.integers(1, 10))
def test_the_chain_run_backwards_has_the_transposed_joint(hmm, lag):
    pi = hmm.stationary
    backwards = HMM(A=hmm.A.T * pi / pi[:, None], B=hmm.B)
    np.testing.assert_allclose(backwards.joint(lag), hmm.joint(lag).T, atol=1e-12)


@given(hmms())
def test_agreement_and_volatility_are_two_sides_of_the_same(hmm):
    assert hmm.volatility == pytest.approx(1 - hmm.lag_agreement(1), abs=1e-12)
    assert -1e-12 <= hmm.volatility <= 1 + 1e-12
    np.testing.assert_allclose(hmm.emission_transitions.sum(axis=1), 1, atol=1e-12)
    # Far apart, two symbols know nothing of each other.
    assert hmm.lag_agreement(2000) == pytest.approx(float(hmm.marginal @ hmm.marginal), abs=1e-10)


@given(hmms())
def test_likelihoods_of_all_sequences_sum_to_one(hmm):
    sequences = np.array(list(product(range(hmm.n_outputs), repeat=3)))
    assert np.exp(hmm.log_likelihood(sequences)).sum() == pytest.approx(1, abs=1e-10)


def test_log_likelihood_equals_enumeration():
    hmm = small_hmm()
    sequences = np.array(list(product(range(3), repeat=5)))
    expected = np.array([likelihood_by_enumeration(hmm, tuple(sequence)) for sequence in sequences])
    assert (expected == 0).any(), "the test means to include sequences that cannot be"
    np.testing.assert_allclose(np.exp(hmm.log_likelihood(sequences)), expected, atol=1e-15)
    np.testing.assert_array_equal(np.isneginf(hmm.log_likelihood(sequences)), expected == 0)


@pytest.mark.parametrize("name", ["linear-3", "fully-connected", "cyclic"])
def test_log_likelihood_equals_hmmlearn(name):
    hmm = HMM.preset(name)
    emissions, _ = hmm.sample(6, 400, seed=2)
    reference = CategoricalHMM(n_components=hmm.n_states)
    reference.n_features = hmm.n_outputs
    reference.startprob_, reference.transmat_, reference.emissionprob_ = hmm.start, hmm.A, hmm.B
    expected = [reference.score(sequence[:, None]) for sequence in emissions]
    np.testing.assert_allclose(hmm.log_likelihood(emissions), expected, rtol=1e-10)


def test_log_likelihood_takes_one_sequence_and_does_not_underflow():
    hmm = HMM.preset("linear-2")
    sequence = hmm.sample(1, 20_000, seed=0)[0][0]
    value = hmm.log_likelihood(sequence)
    assert value.shape == (1,)
    assert -20_000 < value[0] < -1_000


def test_sampling_is_the_naive_loop_over_the_same_draws():
    hmm = small_hmm()
    emissions, states = hmm.sample(7, 40, seed=3)
    rng = np.random.default_rng(3)

    def draw(row: np.ndarray, u: float) -> int:
        return int(np.searchsorted(np.cumsum(row)[:-1], u, side="right"))

    for t in range(40):
        for_states, for_symbols = rng.random(7), rng.random(7)
        for b in range(7):
            row = hmm.start if t == 0 else hmm.A[states[b, t - 1]]
            assert states[b, t] == draw(row, for_states[b])
            assert emissions[b, t] == draw(hmm.B[states[b, t]], for_symbols[b])


def test_sampling_is_decided_by_its_seed():
    hmm = HMM.preset("cyclic")
    emissions, states = hmm.sample(5, 30, seed=1)
    again, _ = hmm.sample(5, 30, seed=1)
    other, _ = hmm.sample(5, 30, seed=2)
    longer, _ = hmm.sample(5, 60, seed=1)
    assert emissions.shape == states.shape == (5, 30)
    assert emissions.dtype.kind == states.dtype.kind == "i"
    np.testing.assert_array_equal(emissions, again)
    assert (emissions != other).any()
    np.testing.assert_array_equal(longer[:, :30], emissions)


def test_sampling_advances_a_generator_and_leaves_the_global_one_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002  # the test is about the global generator
    rng = np.random.default_rng(1)
    hmm = HMM.preset("linear-2")
    first, second = hmm.sample(5, 30, rng)[0], hmm.sample(5, 30, rng)[0]
    np.testing.assert_array_equal(first, hmm.sample(5, 30, 1)[0])
    assert (first != second).any()
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def assert_counts_fit(counts: np.ndarray, expected: np.ndarray) -> None:
    """Counts of independent draws, rows of `expected` being distributions: each within SIGMAS of its binomial."""
    n = counts.sum(axis=-1, keepdims=True)
    spread = np.sqrt(n * expected * (1 - expected))
    np.testing.assert_array_equal(counts[expected == 0], 0)
    assert (np.abs(counts - n * expected) <= SIGMAS * spread + 1e-9).all()


def test_samples_start_step_and_emit_as_they_should():
    hmm = small_hmm()
    emissions, states = hmm.sample(2000, 50, seed=0)
    assert_counts_fit(np.bincount(states[:, 0], minlength=3), hmm.start)
    steps = np.bincount((3 * states[:, :-1] + states[:, 1:]).ravel(), minlength=9).reshape(3, 3)
    assert_counts_fit(steps, hmm.A)
    symbols = np.bincount((3 * states + emissions).ravel(), minlength=9).reshape(3, 3)
    assert_counts_fit(symbols, hmm.B)


@pytest.mark.parametrize("lag", [1, 4])
def test_samples_have_the_exact_joint(lag):
    # One pair per sequence, started from the stationary chain: independent draws, so the spread is binomial.
    base = small_hmm()
    hmm = HMM(A=base.A, B=base.B, start=base.stationary)
    emissions, _ = hmm.sample(40_000, lag + 1, seed=5)
    pairs = np.bincount(3 * emissions[:, 0] + emissions[:, lag], minlength=9)
    assert_counts_fit(pairs, hmm.joint(lag).ravel())


def test_probabilities_are_read_only_copies_whose_rows_sum_to_one_exactly():
    A = np.array([[0.3333333, 0.6666667], [0.5, 0.5]])
    hmm = HMM(A=A, B=np.eye(2))
    A[1] = [0, 1]
    np.testing.assert_array_equal(hmm.A[1], [0.5, 0.5])
    np.testing.assert_allclose(hmm.A.sum(axis=1), 1, atol=1e-16)
    for array in (hmm.A, hmm.B, hmm.start):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


HALVES = np.full((2, 2), 0.5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"A": [[0.5, 0.5], [0.5, 0.4]], "B": HALVES}, r"row 1 of A must sum to 1; got 0\.9"),
        ({"A": HALVES, "B": [[0.5, 0.4], [0.5, 0.5]]}, r"row 0 of B must sum to 1; got 0\.9"),
        ({"A": [[1.5, -0.5], [0.5, 0.5]], "B": HALVES}, r"A must hold probabilities from 0 to 1; got -0\.5 to 1\.5"),
        ({"A": [[np.nan, 0.5], [0.5, 0.5]], "B": HALVES}, "A must hold probabilities from 0 to 1; got nan to nan"),
        ({"A": HALVES, "B": [[np.inf, 0], [0, 1]]}, "B must hold probabilities from 0 to 1; got 0 to inf"),
        ({"A": [[0.5, 0.5, 0], [0.5, 0, 0.5]], "B": HALVES}, r"A must be square \(K, K\); got \(2, 3\)"),
        ({"A": [0.5, 0.5], "B": HALVES}, r"A must have 2 dimensions; got shape \(2,\)"),
        ({"A": np.empty((0, 0)), "B": HALVES}, r"A must have 2 dimensions; got shape \(0, 0\)"),
        ({"A": HALVES, "B": np.full((3, 2), 0.5)}, "B must have one row per state, 2 as in A; got 3"),
        ({"A": HALVES, "B": HALVES, "start": [0.5, 0.4]}, r"^start must sum to 1; got 0\.9"),
        ({"A": HALVES, "B": HALVES, "start": [1.0]}, r"start must have one value per state, \(2,\); got \(1,\)"),
        ({"A": HALVES, "B": HALVES, "start": [[1.0, 0.0]]}, r"start must have 1 dimension; got shape \(1, 2\)"),
        (
            {"A": np.eye(MAX_STATES + 1), "B": np.full((MAX_STATES + 1, 2), 0.5)},
            "at most 70 states and 32 outputs are supported; got 71 states and 2 outputs",
        ),
        (
            {"A": HALVES, "B": np.full((2, MAX_OUTPUTS + 1), 1 / (MAX_OUTPUTS + 1))},
            "at most 70 states and 32 outputs are supported; got 2 states and 33 outputs",
        ),
    ],
)
def test_refuses_what_is_not_an_hmm(fields, message):
    with pytest.raises(ValueError, match=message):
        HMM(**fields)


def test_largest_supported_size_is_accepted():
    hmm = HMM(A=np.full((MAX_STATES,) * 2, 1 / MAX_STATES), B=np.full((MAX_STATES, MAX_OUTPUTS), 1 / MAX_OUTPUTS))
    np.testing.assert_allclose(hmm.marginal, 1 / MAX_OUTPUTS)


def test_a_chain_in_two_parts_has_no_statistics():
    hmm = HMM(A=np.eye(2), B=np.eye(2))
    with pytest.raises(ValueError, match="more than one stationary distribution, because some states never reach"):
        hmm.stationary  # noqa: B018  # reading it is what must fail
    with pytest.raises(ValueError, match="more than one stationary distribution"):
        hmm.joint(1)


def test_unknown_preset_names_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown HMM family 'linear-9'; expected one of linear-2, .*cyclic"):
        HMM.preset("linear-9")


def test_refuses_lags_lengths_and_symbols_out_of_range():
    hmm = small_hmm()
    with pytest.raises(ValueError, match="lag must be >= 1 step; got 0"):
        hmm.joint(0)
    with pytest.raises(ValueError, match="n_sequences and length must be >= 1; got 0 and 5"):
        hmm.sample(0, 5, seed=0)
    with pytest.raises(ValueError, match="n_sequences and length must be >= 1; got 5 and -1"):
        hmm.sample(5, -1, seed=0)
    with pytest.raises(ValueError, match="emissions must be symbols 0 to 2; got values from 0 to 3"):
        hmm.log_likelihood(np.array([[0, 3]]))
    with pytest.raises(ValueError, match="emissions must be symbols 0 to 2; got values from -1 to 1"):
        hmm.log_likelihood(np.array([[1, -1]]))


def test_symbols_may_be_floats_and_a_column_is_refused():
    hmm = HMM([[0.9, 0.1], [0.2, 0.8]], [[0.9, 0.1], [0.2, 0.8]])
    for symbols in ([[0, 1, 1]], [[0.0, 1.0, 1.0]], [0, 1, 1], np.array([[0, 1, 1]], dtype=np.float32)):
        np.testing.assert_allclose(hmm.log_likelihood(symbols), [-2.61421839], atol=5e-9)
    with pytest.raises(ValueError, match=r"got a column of 3 symbols, .* 3 sequences of one symbol: pass emissions\.T"):
        hmm.log_likelihood(np.array([[0], [1], [1]]))
    for symbols in ([[0.5, 1.0]], [["0", "1"]], [[np.nan, 0.0]]):
        with pytest.raises(ValueError, match="emissions must be whole numbers 0 to 1"):
            hmm.log_likelihood(symbols)


@pytest.mark.parametrize("family", PRESETS)
def test_plain_values_of_a_family_are_recognised(family):
    hmm = HMM.preset(family)
    rounded = {"A": hmm.A.tolist(), "B": (hmm.B * (1 + 1e-11)).tolist()}
    for plain in (hmm.to_dict(), rounded):
        assert HMM.from_dict(plain).name == family


def test_plain_values_hold_a_name_where_there_is_one():
    own = HMM([[0.9, 0.1], [0.2, 0.8]], [[1, 0], [0, 1]], name="mine")
    assert HMM.from_dict(json.loads(json.dumps(own.to_dict()))).name == "mine"
    for unnamed in (replace(own, name="custom"), HMM.preset("cyclic")):
        assert set(unnamed.to_dict()) == {"A", "B", "start"}


@pytest.mark.parametrize("name", ["", "x" * 61, "a\nb", 5, ["a"]])
def test_a_name_is_a_short_text(name):
    with pytest.raises(ValueError, match="the name of an HMM must be a text of 1 to 60 characters"):
        HMM.from_dict({"A": [[1]], "B": [[1]], "name": name})


@pytest.mark.parametrize("change", ["A", "B", "start"])
def test_a_family_that_was_changed_is_one_no_more(change):
    plain = HMM.preset("linear-3").to_dict()
    plain[change] = np.roll(plain[change], 1, axis=-1).tolist() if change != "start" else [0.5, 0.25, 0.25]
    found = HMM.from_dict(plain)
    assert found.name == "custom"
    np.testing.assert_allclose(getattr(found, change), plain[change], rtol=0, atol=1e-15)


@pytest.mark.parametrize(("plain", "message"), [
    ({}, "an HMM must have matrices A and B"), ([], "an HMM must have matrices A and B"),
    ({"A": [[1]], "B": [[1]], "C": 0}, "an HMM must have matrices A and B"),
    ({"A": [[0.5, 0.5], [1]], "B": [[1], [1]]}, "A must hold numbers, equally many in each row"),
    ({"A": [["x"]], "B": [[1]]}, "A must hold numbers"),
    ({"A": [[None]], "B": [[1]]}, "A must hold probabilities|A must hold numbers"),
    ({"A": [[1]], "B": [[0.4, 0.4]]}, "row 0 of B must sum to 1; got 0.8"),
])  # fmt: skip
def test_plain_values_that_are_no_hmm_are_refused(plain, message):
    with pytest.raises(ValueError, match=message):
        HMM.from_dict(plain)
