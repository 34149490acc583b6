"""Residency against a naive loop, planted circuits with known times, and the invariants of scale and order."""

import numpy as np
import pytest

from hmmrnn.analysis.regions import (
    BLOCK_STATES,
    CLUSTER,
    KICK_ZONE,
    REGIONS,
    TRANSITION,
    UNASSIGNED,
    block_noise,
    label_regions,
    region_shares,
    residency,
)
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.model.simulation import respond, simulate, softmax
from tests.naive import naive_residency
from tests.networks import network_of_cell


def random_network(seed=0, n=16, m=5, o=3, bias=False):
    """Integrators of noise that inhibit each other: bounded, with states of every region."""
    rng = np.random.default_rng(seed)
    biases = {"b_h": 0.1 * rng.standard_normal(n), "b_out": 0.3 * rng.standard_normal(o)} if bias else {}
    return Network(
        W_hh=np.eye(n) - 1 / n + 0.1 * rng.standard_normal((n, n)) / np.sqrt(n),
        W_ih=0.3 * rng.standard_normal((n, m)),
        W_out=rng.standard_normal((o, n)),
        **biases,
    )


def visited(network, count, seed=5):
    return simulate(network, steps=count, seed=seed).h[0]


def silent(W_hh, W_out, b_h=None, b_out=None):
    """A network that no noise reaches."""
    return Network(W_hh=W_hh, W_ih=np.zeros((len(W_hh), 1)), W_out=W_out, b_h=b_h, b_out=b_out)


@pytest.mark.parametrize("bias", [False, True])
def test_equals_the_naive_loop(bias):
    network = random_network(bias=bias)
    states = visited(network, BLOCK_STATES + 30)
    found = residency(network, states, rollouts=3, max_steps=21, sigma=0.8, seed=4)

    def noise_for_state(i):
        return block_noise(network.n_inputs, i // BLOCK_STATES, rollouts=3, max_steps=21, sigma=0.8, seed=4)

    time, sign_changes = naive_residency(network, states, noise_for_state)
    np.testing.assert_array_equal(found.time, time)
    np.testing.assert_array_equal(found.sign_changes, sign_changes)
    assert set(found.region) >= {CLUSTER, KICK_ZONE, TRANSITION}
    assert sign_changes.max() > 2


def test_own_output_and_probability_are_those_of_the_state():
    network = random_network(bias=True)
    states = visited(network, 40)
    found = residency(network, states, rollouts=2, max_steps=9)
    logits = states @ network.W_out.T + network.b_out
    np.testing.assert_array_equal(found.output, logits.argmax(axis=1))
    np.testing.assert_allclose(found.max_probability, softmax(logits).max(axis=1))
    np.testing.assert_array_equal(found.region, label_regions(found.time, found.max_probability))


def test_what_comes_next_is_counted_rollout_by_rollout():
    network = random_network()
    states = visited(network, BLOCK_STATES + 20)
    found = residency(network, states, rollouts=4, max_steps=17, seed=4)
    own = network.logits(states).argmax(axis=1)
    for i in (0, 7, 40, BLOCK_STATES + 5):
        came = np.zeros(network.n_outputs)
        for noise in block_noise(network.n_inputs, i // BLOCK_STATES, 4, 17, 1.0, seed=4):
            path = respond(network, noise[None], 1.0, 0, states[i]).output[0]
            others = path[path != own[i]]
            came[others[:1]] += 1
        np.testing.assert_array_equal(found.next_output[i], came / 4)
    assert (found.next_output[np.arange(len(states)), own] == 0).all()
    assert 0 < found.next_output.sum(axis=1).mean() < 1


def test_of_an_lstm_a_state_is_its_activity_and_its_memory():
    network = network_of_cell("lstm", n=12)
    with pytest.raises(ValueError, match=r"shape \(S, 24\): \[h, c\] of each state; got \(3, 12\)"):
        residency(network, np.zeros((3, 12)))


def test_a_decay_leaves_when_it_crosses_the_threshold():
    # Output 0 while h > 1: h = 10, 5, 2.5, 1.25, 0.625 leaves at the fourth step; 1.5 leaves at the first.
    network = silent([[0.5]], [[1.0], [0.0]], b_out=[0.0, 1.0])
    found = residency(network, [[10.0], [1.5], [0.5]], rollouts=2)
    np.testing.assert_array_equal(found.time, [4, 1, 60])
    np.testing.assert_array_equal(found.sign_changes, 0)
    np.testing.assert_array_equal(found.output, [0, 0, 1])
    # The last state stays for ever, yet its output is not sure enough for a cluster.
    np.testing.assert_array_equal(found.region, [KICK_ZONE, TRANSITION, UNASSIGNED])


def test_an_alternating_logit_reverses_at_every_step():
    network = silent([[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]], b_out=[4.0, 0.0])
    found = residency(network, [[1.0, 2.0]], rollouts=1, max_steps=30)
    assert found.time[0] == 30
    assert found.sign_changes[0] == 29
    assert found.region[0] == CLUSTER


def test_rounding_around_a_fixed_point_is_no_change_of_direction():
    # A spiral that is at rest to the last digit long before step 100; which then flickers for ever.
    rng = np.random.default_rng(3)
    W = 0.5 * np.linalg.qr(rng.standard_normal((12, 12)))[0]
    network = silent(W, rng.standard_normal((2, 12)), b_h=rng.random(12) + 0.5, b_out=[9.0, 0.0])
    short, long = (residency(network, np.ones((1, 12)), rollouts=1, max_steps=steps) for steps in (100, 400))
    assert (short.time[0], long.time[0]) == (100, 400)
    assert long.sign_changes[0] == short.sign_changes[0] > 5


def test_silencing_what_drives_the_switch_traps_the_output():
    # Neuron 0 holds output 0; neuron 1 passes noise on to output 1, and is what throws the switch.
    network = Network(W_hh=np.diag([1.0, 0.0]), W_ih=[[0.0], [5.0]], W_out=np.eye(2))
    trapped = intervene(network, Intervention(neurons=(1,), mu=0.0))
    states = [[4.0, 0.0]]
    assert residency(network, states).time[0] < 8
    after = residency(trapped, states)
    assert after.time[0] == after.max_steps
    assert after.region[0] == CLUSTER


def test_answer_depends_on_position_only():
    network = random_network()
    states = visited(network, BLOCK_STATES + 20)
    everything = residency(network, states, rollouts=3, max_steps=20)
    for count in (1, 10, BLOCK_STATES + 1):
        part = residency(network, states[:count], rollouts=3, max_steps=20)
        for name in ("time", "sign_changes", "region", "output"):
            np.testing.assert_array_equal(getattr(part, name), getattr(everything, name)[:count])


def test_blocks_and_seeds_have_noise_of_their_own():
    first = block_noise(4, block=0, rollouts=2, max_steps=3, sigma=2.0, seed=1)
    assert first.shape == (2, 3, 4)
    np.testing.assert_array_equal(first, block_noise(4, block=0, rollouts=2, max_steps=3, sigma=2.0, seed=1))
    np.testing.assert_array_equal(first, 2 * block_noise(4, block=0, rollouts=2, max_steps=3, sigma=1.0, seed=1))
    for other in ({"block": 1, "seed": 1}, {"block": 0, "seed": 2}):
        assert not np.isclose(first, block_noise(4, rollouts=2, max_steps=3, sigma=2.0, **other)).any()


@pytest.mark.parametrize("scale", [0.25, 3.7])
def test_without_bias_the_scale_of_the_noise_changes_nothing_but_the_probability(scale):
    network = random_network()
    states = visited(network, 100)
    base = residency(network, states, rollouts=4)
    scaled = residency(network, scale * states, rollouts=4, sigma=scale)
    np.testing.assert_array_equal(scaled.time, base.time)
    np.testing.assert_array_equal(scaled.sign_changes, base.sign_changes)
    np.testing.assert_array_equal(scaled.output, base.output)
    np.testing.assert_array_equal(label_regions(scaled.time, base.max_probability), base.region)
    for name in (TRANSITION, KICK_ZONE):
        np.testing.assert_array_equal(scaled.region == name, base.region == name)


def test_with_bias_the_scale_of_the_noise_matters():
    network = random_network(bias=True)
    states = visited(network, 100)
    base, scaled = residency(network, states), residency(network, 0.25 * states, sigma=0.25)
    assert (scaled.time != base.time).any()


def test_thresholds_fall_on_the_papers_side():
    time = np.array([1.95, 2.0, 8.0, 8.05, 8.05, 60.0])
    probability = np.array([1.0, 1.0, 1.0, 0.8, 0.81, 0.99])
    expected = [TRANSITION, KICK_ZONE, KICK_ZONE, UNASSIGNED, CLUSTER, CLUSTER]
    np.testing.assert_array_equal(label_regions(time, probability), expected)


def test_shares_count_each_region():
    shares = region_shares(np.array([CLUSTER, CLUSTER, TRANSITION, CLUSTER]))
    assert shares == {CLUSTER: 0.75, KICK_ZONE: 0.0, TRANSITION: 0.25, UNASSIGNED: 0.0}
    assert tuple(shares) == REGIONS


def test_no_states_give_an_empty_answer():
    network = random_network()
    found = residency(network, np.empty((0, network.n_neurons)))
    assert found.time.shape == found.region.shape == (0,)
    assert all(np.isnan(share) for share in region_shares(found.region).values())


def test_result_is_read_only_and_says_what_was_asked():
    network = random_network()
    found = residency(network, visited(network, 3), rollouts=2, max_steps=12, sigma=0.5, seed=9)
    assert (found.rollouts, found.max_steps, found.sigma, found.seed) == (2, 12, 0.5, 9)
    with pytest.raises(ValueError, match="read-only"):
        found.time[0] = 0


def test_activity_beyond_a_float_is_an_error():
    network = silent([[1e40]], [[1.0], [0.0]])
    with pytest.raises(FloatingPointError, match="grew beyond what a float holds"):
        residency(network, [[1.0]])


@pytest.mark.parametrize(("changes", "message"), [
    ({"states": np.zeros(16)}, r"states must have shape \(S, 16\); got \(16,\)"),
    ({"states": np.zeros((2, 3))}, r"states must have shape \(S, 16\); got \(2, 3\)"),
    ({"states": np.full((2, 16), np.nan)}, "states must be finite; got 32 NaN"),
    ({"rollouts": 0}, "rollouts must be >= 1; got 0"), ({"max_steps": 8}, "max_steps must be above 8"),
    ({"sigma": -1.0}, "sigma must be >= 0; got -1"), ({"sigma": np.inf}, "sigma must be >= 0; got inf"),
])  # fmt: skip
def test_bad_input_is_refused(changes, message):
    arguments = {"states": np.zeros((2, 16)), **changes}
    with pytest.raises(ValueError, match=message):
        residency(random_network(), **arguments)
