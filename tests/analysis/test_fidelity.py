"""Fidelity on networks whose statistics are known exactly, and against counting on plain runs."""

import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hmmrnn.analysis.fidelity import LAGS, Fidelity, measure_fidelity
from hmmrnn.model.hmm import HMM, transition_matrix
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import simulate
from tests.networks import coincidence_network, constant_network, random_network

# A normal deviate beyond this has probability 6e-6; the seeds are fixed, so a test that passes keeps passing.
SIGMAS = 4.5


def one_state(shares: list[float]) -> HMM:
    return HMM(A=[[1.0]], B=[shares])


def sometimes_diverging() -> Network:
    """One neuron that rests below 4 and doubles without end above it; strong noise takes some runs there."""
    return Network(W_hh=[[2.0]], W_ih=[[1.0]], W_out=[[0.1], [0.0], [0.0]], b_h=[-4.0])


def doubling(n_outputs: int = 2) -> Network:
    return Network(W_hh=[[2.0]], W_ih=[[1.0]], W_out=np.zeros((n_outputs, 1)))


@pytest.fixture(scope="module")
def coincidence() -> Fidelity:
    network, hmm = coincidence_network()
    return measure_fidelity(network, hmm, seed=1, trajectories=64, steps=1500)


def test_constant_logits_are_a_one_state_hmm():
    shares = [0.2, 0.05, 0.75]
    judged = measure_fidelity(constant_network(shares), one_state(shares), trajectories=40, steps=300)
    assert judged.transition_error < 1e-12
    assert judged.marginal_error < 1e-12
    assert judged.lag_error < 1e-12
    assert judged.volatility_ratio == pytest.approx(1, abs=1e-12)
    for error in (judged.marginal_se, judged.transitions_se, judged.agreement_se, judged.volatility_se):
        np.testing.assert_allclose(error, 0, atol=1e-12)
    # Only the likelihood is of sampled symbols.
    assert 0 < judged.log_likelihood_gap_se < 0.03
    assert abs(judged.log_likelihood_gap) < SIGMAS * judged.log_likelihood_gap_se
    assert judged.passes
    assert judged.failures == ()


def test_a_network_that_is_the_hmm_is_found_to_be(coincidence):
    # The delays are empty for three steps, and a share 1e-4 of the noise falls between off and on.
    slack = 3 / coincidence.steps + 1e-4
    assert coincidence.passes
    for own, target, error in (
        (coincidence.marginal, coincidence.target_marginal, coincidence.marginal_se),
        (coincidence.transitions, coincidence.target_transitions, coincidence.transitions_se),
        (coincidence.agreement, coincidence.target_agreement, coincidence.agreement_se),
        (coincidence.volatility, coincidence.target_volatility, coincidence.volatility_se),
    ):
        assert (np.abs(own - target) < SIGMAS * error + slack).all()
    assert abs(coincidence.log_likelihood_gap) < SIGMAS * coincidence.log_likelihood_gap_se
    assert coincidence.diverged == 0


def test_memory_that_the_target_lacks_is_seen():
    network, _ = coincidence_network()
    judged = measure_fidelity(network, one_state([1 - 0.375, 0.375]), trajectories=32, steps=600)
    assert judged.marginal_error < 0.01
    # Of three signs in a row, all are positive in 1/8, the first or the last two alone in 1/8 each, and neither in 5/8.
    both_ones = (0.9 * 0.9 + 2 * 0.9 * 0.2 + 5 * 0.2 * 0.2) / 8
    assert judged.transition_error == pytest.approx(both_ones / 0.375 - 0.375, abs=0.01)
    # The memory is one step long: it shows in the volatility, and not at the lags of the gate.
    assert judged.volatility_ratio == pytest.approx(
        (1 - both_ones - (1 - 2 * 0.375 + both_ones)) / (2 * 0.375 * 0.625), abs=0.02
    )
    assert judged.lag_error < 0.01
    assert not judged.passes


def test_target_values_are_the_exact_ones(coincidence):
    _, hmm = coincidence_network()
    np.testing.assert_array_equal(coincidence.target_marginal, hmm.marginal)
    np.testing.assert_array_equal(coincidence.target_transitions, hmm.emission_transitions)
    np.testing.assert_allclose(coincidence.target_agreement, [hmm.lag_agreement(lag) for lag in LAGS])
    assert coincidence.target_volatility == hmm.volatility


def test_errors_are_the_largest_differences(coincidence):
    gated = [LAGS.index(lag) for lag in (2, 5, 10)]
    difference = np.abs(coincidence.agreement - coincidence.target_agreement)
    assert coincidence.lag_error == difference[gated].max()
    assert coincidence.marginal_error == np.abs(coincidence.marginal - coincidence.target_marginal).max()
    assert coincidence.transition_error == np.abs(coincidence.transitions - coincidence.target_transitions).max()
    assert coincidence.volatility_ratio == pytest.approx(coincidence.volatility / coincidence.target_volatility)


@pytest.fixture
def judged_by_hand() -> tuple[Network, HMM, Fidelity]:
    network, hmm = random_network(bias=True), HMM.preset("linear-3")
    return network, hmm, measure_fidelity(network, hmm, seed=3, trajectories=70, steps=60, sigma=0.8)


def test_equals_averages_over_a_plain_run(judged_by_hand):
    network, hmm, judged = judged_by_hand
    run = simulate(network, 60, 70, sigma=0.8, seed=3)
    p = run.probabilities
    joints = []
    for lag in LAGS:
        per_run = np.zeros((70, 3, 3))
        for t in range(60 - lag):
            per_run += p[:, t, :, None] * p[:, t + lag, None, :] / (60 - lag)
        joints.append(per_run)
    agreement = np.array([np.trace(joint, axis1=1, axis2=2) for joint in joints])
    np.testing.assert_allclose(judged.marginal, p.mean(axis=(0, 1)), atol=1e-12)
    np.testing.assert_allclose(judged.marginal_se, p.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(70), atol=1e-12)
    np.testing.assert_allclose(judged.transitions, transition_matrix(joints[0].mean(axis=0)), atol=1e-12)
    np.testing.assert_allclose(judged.agreement, agreement.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(judged.agreement_se, agreement.std(axis=1, ddof=1) / np.sqrt(70), atol=1e-12)
    assert judged.volatility == pytest.approx(1 - agreement[0].mean())
    likelihoods = hmm.log_likelihood(run.emission) / 60, hmm.log_likelihood(hmm.sample(70, 60, 3)[0]) / 60
    means, errors = zip(*((values.mean(), values.std(ddof=1) / np.sqrt(70)) for values in likelihoods), strict=True)
    assert (judged.log_likelihood, judged.target_log_likelihood) == pytest.approx(means)
    assert (judged.log_likelihood_se, judged.target_log_likelihood_se) == pytest.approx(errors)
    assert judged.log_likelihood_gap == pytest.approx(means[1] - means[0])
    assert judged.log_likelihood_gap_se == pytest.approx(np.hypot(*errors))


def block_entropy(hmm: HMM, length: int, start: np.ndarray) -> float:
    """Entropy of the first symbols in nats, over every sequence of that length."""
    every = np.array(list(product(range(hmm.n_outputs), repeat=length)))
    log_probability = HMM(hmm.A, hmm.B, start).log_likelihood(every)
    log_probability = log_probability[np.isfinite(log_probability)]
    return float(-(np.exp(log_probability) * log_probability).sum())


@pytest.mark.parametrize("name", ["linear-2", "linear-3", "cyclic"])
def test_the_targets_own_likelihood_is_minus_its_entropy_rate(name):
    hmm = HMM.preset(name)
    judged = measure_fidelity(random_network(), hmm, seed=2, trajectories=64, steps=2000)
    # The entropy of a symbol given those before it falls to the rate, and given the first state too it rises to it.
    upper = block_entropy(hmm, 9, hmm.stationary) - block_entropy(hmm, 8, hmm.stationary)
    rises = [block_entropy(hmm, 9, first) - block_entropy(hmm, 8, first) for first in np.eye(hmm.n_states)]
    lower = hmm.stationary @ rises
    # Where the first state makes no difference, the two are equal but for rounding.
    assert -1e-12 < upper - lower < 0.02
    slack = SIGMAS * judged.target_log_likelihood_se
    assert lower - slack < -judged.target_log_likelihood < upper + slack


def test_the_likelihood_of_one_state_is_the_entropy_of_its_symbols():
    shares = np.array([0.2, 0.05, 0.75])
    judged = measure_fidelity(constant_network([0.75, 0.2, 0.05]), one_state(list(shares)), trajectories=64, steps=400)
    for value, error, exact in (
        (judged.target_log_likelihood, judged.target_log_likelihood_se, shares @ np.log(shares)),
        (judged.log_likelihood, judged.log_likelihood_se, shares[[2, 0, 1]] @ np.log(shares)),
    ):
        assert abs(value - exact) < SIGMAS * error


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_running_it_in_parts_has_no_influence(judged_by_hand, monkeypatch, chunk):
    network, hmm, judged = judged_by_hand
    monkeypatch.setattr(sys.modules["hmmrnn.analysis.fidelity"], "CHUNK_TRAJECTORIES", chunk)
    other = measure_fidelity(network, hmm, seed=3, trajectories=70, steps=60, sigma=0.8)
    for name in ("transitions", "transitions_se", "agreement", "agreement_se", "marginal", "log_likelihood"):
        np.testing.assert_allclose(getattr(other, name), getattr(judged, name), atol=1e-12, err_msg=name)


def test_the_seed_decides():
    network, hmm = coincidence_network()
    one, again, other = (measure_fidelity(network, hmm, seed=seed, trajectories=4, steps=50) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.agreement, again.agreement)
    assert one.log_likelihood_gap == again.log_likelihood_gap
    assert (one.agreement != other.agreement).any()
    assert (other.seed, other.trajectories, other.steps) == (2, 4, 50)


def test_standard_errors_are_the_spread_between_seeds():
    network, hmm = coincidence_network()
    repeats = [measure_fidelity(network, hmm, seed=seed, trajectories=24, steps=100) for seed in range(40)]
    for value, error in (
        ("marginal", "marginal_se"),
        ("transitions", "transitions_se"),
        ("agreement", "agreement_se"),
        ("volatility", "volatility_se"),
        ("log_likelihood_gap", "log_likelihood_gap_se"),
        ("log_likelihood", "log_likelihood_se"),
        ("target_log_likelihood", "target_log_likelihood_se"),
    ):
        spread = np.std([getattr(judged, value) for judged in repeats], axis=0, ddof=1)
        stated = np.mean([getattr(judged, error) for judged in repeats], axis=0)
        # A standard deviation from 40 repeats is itself uncertain by 11 %: this is four times that.
        assert (np.abs(spread / stated - 1) < 0.45).all(), value


def test_a_network_that_always_diverges_has_no_statistics_and_says_so():
    judged = measure_fidelity(doubling(), one_state([0.5, 0.5]), trajectories=6, steps=60)
    assert judged.diverged == judged.trajectories == 6
    assert not judged.passes
    assert judged.failures == ("6 of 6 runs diverged",)
    for name in ("transition_error", "marginal_error", "volatility_ratio", "lag_error", "log_likelihood_gap"):
        assert np.isnan(getattr(judged, name)), name
    for name in (
        "marginal", "transitions", "agreement", "volatility", "marginal_se", "transitions_se",
        "log_likelihood", "log_likelihood_se", "log_likelihood_gap_se",
    ):  # fmt: skip
        assert np.isnan(getattr(judged, name)).all(), name


def test_statistics_are_over_the_runs_that_do_not_diverge():
    network, hmm = sometimes_diverging(), HMM.preset("linear-2")
    judged = measure_fidelity(network, hmm, seed=2, trajectories=40, steps=300, sigma=2.4)
    run = simulate(network, 300, 40, sigma=2.4, seed=2)
    finite = run.diverged_at < 0
    assert 5 < finite.sum() < 35, "the test means to have runs of both kinds"
    assert judged.diverged == (~finite).sum()
    np.testing.assert_allclose(judged.marginal, run.probabilities[finite].mean(axis=(0, 1)), atol=1e-12)
    assert f"{judged.diverged} of 40 runs diverged" in judged.failures
    agreement = (run.probabilities[finite, :-1] * run.probabilities[finite, 1:]).sum(axis=-1).mean()
    assert judged.volatility == pytest.approx(1 - agreement)
    likelihood = hmm.log_likelihood(run.emission[finite]) / 300
    assert judged.log_likelihood == pytest.approx(likelihood.mean())
    assert judged.log_likelihood_se == pytest.approx(likelihood.std(ddof=1) / np.sqrt(finite.sum()))


def test_symbols_that_the_target_cannot_emit_cost_infinitely_many_nats():
    judged = measure_fidelity(constant_network([0.5, 0.5]), one_state([1.0, 0.0]), trajectories=4, steps=50)
    assert judged.log_likelihood_gap == np.inf
    assert judged.log_likelihood == -np.inf
    assert np.isnan([judged.log_likelihood_se, judged.log_likelihood_gap_se]).all()
    assert np.isfinite(judged.target_log_likelihood)
    assert not judged.passes


def test_a_wrong_network_differs_from_the_target():
    judged = measure_fidelity(constant_network([0.5, 0.01, 0.49]), HMM.preset("linear-2"), trajectories=8, steps=200)
    # The right marginals, no memory: what is wrong is everything that needs two symbols.
    assert judged.marginal_error < 0.01
    assert judged.transition_error == pytest.approx(0.94 - 0.49, abs=0.02)
    assert judged.volatility_ratio > 5
    assert judged.log_likelihood_gap > 0.4
    assert [sentence.split()[0] for sentence in judged.failures] == ["transition", "symbol", "lag"]


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"transition_error": 0.0312}, "transition error 0.031 is above 0.03"),
    ({"marginal_error": 0.2}, "marginal error 0.200 is above 0.03"),
    ({"volatility_ratio": 0.5}, "symbol switch rate is 0.50 of the target's, outside 0.9 to 1.1"),
    ({"volatility_ratio": 1.2}, "symbol switch rate is 1.20 of the target's, outside 0.9 to 1.1"),
    ({"lag_error": 0.09}, "lag error 0.090 is above 0.08"), ({"diverged": 3}, "3 of 64 runs diverged"),
    ({"transition_error": float("nan")}, "transition error nan is above 0.03"),
])  # fmt: skip
def test_each_criterion_of_the_gate_fails_by_itself(coincidence, changes, sentence):
    failed = replace(coincidence, **changes)
    assert not failed.passes
    assert failed.failures == (sentence,)


def test_the_gate_is_passed_up_to_its_bounds(coincidence):
    assert replace(
        coincidence, transition_error=0.03, marginal_error=0.03, volatility_ratio=0.95, lag_error=0.08
    ).passes


def test_rows_that_the_target_hardly_has_are_not_judged():
    # Symbol 1 has 1 % of the mass: its row is as good as unobserved, and the other rows are right.
    hmm = HMM(A=[[1.0]], B=[[0.5, 0.01, 0.49]])
    network, _ = coincidence_network(both=0.5, otherwise=0.5)
    three = Network(network.W_hh, network.W_ih, np.zeros((3, 4)), network.b_h, np.log([0.5, 0.01, 0.49]))
    assert measure_fidelity(three, hmm, trajectories=4, steps=50).transition_error < 1e-12
    blind = replace(three, W_out=[[0, 0, 0, 0], [0, 0, 0, 9.0], [0, 0, 0, 0]])
    judged = measure_fidelity(blind, hmm, trajectories=4, steps=50)
    heavy = [0, 2]
    difference = np.abs(judged.transitions - judged.target_transitions)
    assert judged.transition_error == difference[heavy].max()
    assert difference[1].max() > judged.transition_error


def test_refuses_what_cannot_be_compared():
    with pytest.raises(ValueError, match="network and HMM must have equally many outputs; got 2 and 3"):
        measure_fidelity(constant_network([0.5, 0.5]), HMM.preset("linear-2"))
    with pytest.raises(ValueError, match="steps must be above 20, the largest lag; got 20"):
        measure_fidelity(constant_network([0.5, 0.5]), one_state([0.5, 0.5]), steps=20)
    with pytest.raises(ValueError, match="steps and trajectories must be >= 1; got 50 and 0"):
        measure_fidelity(constant_network([0.5, 0.5]), one_state([0.5, 0.5]), trajectories=0, steps=50)
