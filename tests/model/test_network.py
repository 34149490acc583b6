"""The loop against one step at a time and against torch; interventions against gains applied by hand."""

import pickle
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hmmrnn.model.inputs import with_fewer_inputs
from hmmrnn.model.network import TARGETS, Intervention, Network, intervene, rollout
from hmmrnn.model.weight_checks import MAX_NEURONS
from tests.networks import network_of_cell, random_network

WEIGHTS = ("W_hh", "W_ih", "W_out", "b_h", "b_out")


def noise_for(network: Network, batch: int = 3, steps: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((batch, steps, network.n_inputs))


def start_for(network: Network, batch: int = 3, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random((batch, network.n_neurons))


def naive_rollout(network, noise, h0, recurrent=1.0, inputs=1.0, bias=1.0) -> tuple[np.ndarray, np.ndarray]:
    """One trajectory, one neuron and one step at a time, with gains on what reaches each neuron."""
    batch, steps, _ = noise.shape
    gains = [np.broadcast_to(gain, network.n_neurons) for gain in (recurrent, inputs, bias)]
    pre, h = (np.empty((batch, steps, network.n_neurons)) for _ in range(2))
    for b in range(batch):
        state = h0[b]
        for t in range(steps):
            for i in range(network.n_neurons):
                pre[b, t, i] = (
                    gains[0][i] * sum(network.W_hh[i, j] * state[j] for j in range(network.n_neurons))
                    + gains[1][i] * sum(network.W_ih[i, k] * noise[b, t, k] for k in range(network.n_inputs))
                    + gains[2][i] * network.b_h[i]
                )
            state = h[b, t] = np.maximum(pre[b, t], 0)
    return pre, h


def assert_same_weights(one: Network, other: Network) -> None:
    for name in WEIGHTS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("bias", [False, True])
def test_rollout_equals_single_steps(bias):
    network = random_network(n=6, m=3, bias=bias)
    noise, h0 = noise_for(network), start_for(network)
    pre, h = naive_rollout(network, noise, h0)
    run = rollout(network, network.drive(noise), h0)
    np.testing.assert_allclose(run.pre_activation, pre, atol=1e-13)
    np.testing.assert_allclose(run.h, h, atol=1e-13)


@pytest.mark.parametrize("bias", [False, True])
def test_rollout_equals_torch(bias):
    network = random_network(n=30, m=8, bias=bias)
    noise, h0 = noise_for(network, steps=80), start_for(network)
    rnn = torch.nn.RNN(8, 30, nonlinearity="relu", bias=bias, batch_first=True)
    state = {"weight_ih_l0": network.W_ih, "weight_hh_l0": network.W_hh}
    if bias:
        # torch has two biases that are added; any split of b_h is the same network.
        state |= {"bias_ih_l0": 0.25 * network.b_h, "bias_hh_l0": 0.75 * network.b_h}
    rnn.load_state_dict({name: torch.tensor(value, dtype=torch.float32) for name, value in state.items()})
    with torch.no_grad():
        h, _ = rnn(torch.tensor(noise, dtype=torch.float32), torch.tensor(h0, dtype=torch.float32)[None])
    np.testing.assert_allclose(rollout(network, network.drive(noise), h0).h, h.numpy(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
def test_logits_are_the_readout(bias):
    network = random_network(bias=bias)
    h = start_for(network)
    expected = [[network.W_out[o] @ row + network.b_out[o] for o in range(network.n_outputs)] for row in h]
    np.testing.assert_allclose(network.logits(h), expected, atol=1e-14)


def test_rollout_goes_on_from_where_it_stopped():
    network = random_network(bias=True)
    drive, h0 = network.drive(noise_for(network)), start_for(network)
    whole = rollout(network, drive, h0)
    first = rollout(network, drive[:, :25], h0)
    rest = rollout(network, drive[:, 25:], first.h[:, -1])
    np.testing.assert_array_equal(np.concatenate([first.h, rest.h], axis=1), whole.h)


def test_rollout_leaves_its_arguments_alone():
    network = random_network()
    drive, h0 = network.drive(noise_for(network)), start_for(network)
    before = drive.copy(), h0.copy()
    rollout(network, drive, h0)
    np.testing.assert_array_equal(drive, before[0])
    np.testing.assert_array_equal(h0, before[1])


@pytest.mark.parametrize("target", TARGETS)
def test_mu_of_one_and_no_intervention_change_nothing_bit_for_bit(target):
    network = random_network(bias=True)
    same = intervene(network, Intervention((0, 3, 7), mu=1.0, target=target))
    for one in (same, intervene(network), intervene(network, []), intervene(network, Intervention(()))):
        assert_same_weights(one, network)
    drive, h0 = network.drive(noise_for(network)), start_for(network)
    np.testing.assert_array_equal(rollout(same, drive, h0).h, rollout(network, drive, h0).h)


@pytest.mark.parametrize("mu", [0.0, 0.4, 2.0])
@pytest.mark.parametrize("target", TARGETS)
def test_folded_weights_equal_gains_in_the_loop(target, mu):
    network = random_network(n=6, m=3, bias=True)
    gain = np.ones(6)
    gain[[1, 4]] = mu
    gains = {
        "unit": {"recurrent": gain, "inputs": gain, "bias": gain},
        "recurrent": {"recurrent": gain},
        "input": {"inputs": gain},
    }[target]
    noise, h0 = noise_for(network, steps=25), start_for(network)
    pre, h = naive_rollout(network, noise, h0, **gains)
    folded = intervene(network, Intervention((1, 4), mu=mu, target=target))
    run = rollout(folded, folded.drive(noise), h0)
    np.testing.assert_allclose(run.pre_activation, pre, atol=1e-13)
    np.testing.assert_allclose(run.h, h, atol=1e-13)


def test_a_silenced_unit_is_silent_for_good_and_the_rest_is_as_if_it_were_not_there():
    network = random_network(n=8, bias=True)
    silenced, rest = [2, 5], [0, 1, 3, 4, 6, 7]
    assert (network.b_h[silenced] > 0).any(), "a positive bias is what could keep a silenced unit active"
    ablated = intervene(network, Intervention(tuple(silenced), mu=0.0, target="unit"))
    noise = noise_for(network)
    run = rollout(ablated, ablated.drive(noise), np.zeros((3, 8)))
    np.testing.assert_array_equal(run.h[..., silenced], 0)
    W_hh = network.W_hh[np.ix_(rest, rest)]
    smaller = Network(W_hh, network.W_ih[rest], network.W_out[:, rest], network.b_h[rest])
    without = rollout(smaller, smaller.drive(noise), np.zeros((3, 6)))
    np.testing.assert_allclose(run.h[..., rest], without.h, atol=1e-13)


def test_only_the_named_rows_change():
    network = random_network(n=6, bias=True)
    others = [0, 2, 3, 5]
    for target in TARGETS:
        changed = intervene(network, Intervention((1, 4), mu=0.3, target=target))
        for name in ("W_hh", "W_ih", "b_h"):
            np.testing.assert_array_equal(getattr(changed, name)[others], getattr(network, name)[others])
        np.testing.assert_array_equal(changed.W_out, network.W_out)
        np.testing.assert_array_equal(changed.b_out, network.b_out)


def test_interventions_multiply_and_their_order_does_not_matter():
    network = random_network(n=6, bias=True)
    several = (
        Intervention((1, 4), mu=0.5, target="unit"),
        Intervention((4,), mu=1.7, target="recurrent"),
        Intervention((0, 4), mu=0.3, target="input"),
    )
    expected = {"W_hh": [1, 0.5, 1, 1, 0.5 * 1.7, 1], "W_ih": [0.3, 0.5, 1, 1, 0.5 * 0.3, 1]}
    for order in permutations(several):
        changed = intervene(network, *order)
        for name, gain in expected.items():
            np.testing.assert_allclose(getattr(changed, name), getattr(network, name) * np.array(gain)[:, None])
        np.testing.assert_allclose(changed.b_h, network.b_h * [1, 0.5, 1, 1, 0.5, 1])
        assert_same_weights(intervene(network, order), changed)
        one_by_one = network
        for item in order:
            one_by_one = intervene(one_by_one, item)
        np.testing.assert_allclose(one_by_one.W_hh, changed.W_hh, rtol=1e-15)


@given(*[st.builds(Intervention, st.just(at), st.floats(0, 3), st.sampled_from(TARGETS)) for at in ((0, 1), (4,))])
def test_two_interventions_on_disjoint_neurons_commute_bit_for_bit(one, other):
    network = random_network(n=6, bias=True)
    assert_same_weights(intervene(network, one, other), intervene(intervene(network, other), one))


def test_an_intervention_keeps_the_metadata_and_the_intact_network():
    network = random_network()
    named = Network(network.W_hh, network.W_ih, network.W_out, metadata={"family": "linear-2"})
    before = named.W_hh.copy()
    ablated = intervene(named, Intervention((0,)))
    assert dict(ablated.metadata) == {"family": "linear-2"}
    np.testing.assert_array_equal(named.W_hh, before)
    assert not ablated.W_hh[0].any()


def test_has_bias():
    network = random_network()
    weights = (network.W_hh, network.W_ih, network.W_out)
    assert not network.has_bias
    assert not Network(*weights, b_h=np.zeros(16), b_out=np.zeros(3)).has_bias
    assert Network(*weights, b_h=np.full(16, 1e-9)).has_bias
    assert Network(*weights, b_out=[0, 0, -1]).has_bias


def test_arrays_are_read_only_copies_in_double_precision():
    W_hh = np.eye(3, dtype=np.float32)
    network = Network(W_hh=W_hh, W_ih=np.ones((3, 2), dtype=int), W_out=[[1, 2, 3]])
    W_hh[0, 0] = 9
    assert network.W_hh[0, 0] == 1
    for name in WEIGHTS:
        array = getattr(network, name)
        assert array.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(TypeError, match="does not support item assignment"):
        network.metadata["family"] = "cyclic"


def test_pickling_keeps_everything():
    network = random_network(bias=True)
    named = Network(network.W_hh, network.W_ih, network.W_out, network.b_h, network.b_out, {"family": "cyclic"})
    copy = pickle.loads(pickle.dumps(named))
    assert_same_weights(copy, named)
    assert dict(copy.metadata) == {"family": "cyclic"}
    assert not any(getattr(copy, name).flags.writeable for name in WEIGHTS)


def with_nan(*shape: int) -> np.ndarray:
    array = np.ones(shape)
    array.flat[:2] = np.nan, np.inf
    return array


@pytest.mark.parametrize(("changes", "message"), [
    ({"W_hh": np.ones((4, 3))}, r"W_hh must be square \(N, N\); got \(4, 3\)"),
    ({"W_hh": np.ones(4)}, r"W_hh must be a matrix with two dimensions; got shape \(4,\)"),
    ({"W_hh": np.ones((0, 0))}, r"W_hh must be a matrix with two dimensions; got shape \(0, 0\)"),
    ({"W_ih": np.ones((3, 2))}, r"W_ih must have shape \(N, M\) with N = 4 as in W_hh; got \(3, 2\)"),
    ({"W_ih": np.ones((4, 0))}, r"W_ih must be a matrix with two dimensions; got shape \(4, 0\)"),
    ({"W_out": np.ones((3, 5))}, r"W_out must have shape \(O, N\) with N = 4 as in W_hh; got \(3, 5\)"),
    ({"b_h": np.ones(3)}, r"b_h must have shape \(4,\); got \(3,\)"),
    ({"b_out": np.ones((1, 3))}, r"b_out must have shape \(3,\); got \(1, 3\)"),
    ({"W_hh": with_nan(4, 4)}, "W_hh must be finite; got 2 NaN or infinite values"),
    ({"W_ih": with_nan(4, 2)}, "W_ih must be finite; got 2 NaN or infinite values"),
    ({"W_out": with_nan(3, 4)}, "W_out must be finite; got 2 NaN or infinite values"),
    ({"b_h": with_nan(4)}, "b_h must be finite; got 2 NaN or infinite values"),
    ({"b_out": with_nan(3)}, "b_out must be finite; got 2 NaN or infinite values"),
])  # fmt: skip
def test_refuses_what_is_not_a_network(changes, message):
    with pytest.raises(ValueError, match=message):
        Network(**{"W_hh": np.ones((4, 4)), "W_ih": np.ones((4, 2)), "W_out": np.ones((3, 4)), **changes})


def test_refuses_more_neurons_than_it_supports():
    n = MAX_NEURONS + 1
    with pytest.raises(ValueError, match="at most 2,048 neurons are supported; got N = 2,049"):
        Network(W_hh=np.zeros((n, n)), W_ih=np.zeros((n, 1)), W_out=np.zeros((2, n)))


@pytest.mark.parametrize(("changes", "message"), [
    ({"mu": -1}, "mu must be >= 0; got -1"), ({"mu": float("nan")}, "mu must be >= 0; got nan"),
    ({"mu": float("inf")}, "mu must be >= 0; got inf"),
    ({"target": "output"}, "target must be one of unit, recurrent, input; got 'output'"),
    ({"neurons": (3, -2)}, "neurons must be >= 0; got -2"),
    ({"neurons": (3, 5, 3)}, "each neuron may be named once; got 3 more than once"),
    ({"neurons": (0,) * 2049}, "at most 2,048 neurons may be named; got 2,049"),
    ({"neurons": (2**70,)}, r"neurons must be whole numbers; got \(1180591620717411303424,\)"),
])  # fmt: skip
def test_refuses_what_is_not_an_intervention(changes, message):
    with pytest.raises(ValueError, match=message):
        Intervention(**{"neurons": (0, 1), **changes})


def test_an_intervention_is_a_value():
    one = Intervention(np.array([3, 5]), mu=0, target="unit")
    assert one == Intervention((3, 5))
    assert hash(one) == hash(Intervention((3, 5)))
    assert all(type(neuron) is int for neuron in one.neurons)
    assert Intervention(3).neurons == (3,)


def test_refuses_a_neuron_that_the_network_does_not_have():
    with pytest.raises(ValueError, match="neuron 16 does not exist: this network has 16, numbered 0 to 15"):
        intervene(random_network(), Intervention((2, 16)))


@pytest.mark.parametrize(
    ("drive", "h0"), [((3, 10, 15), (3, 16)), ((3, 16), (3, 16)), ((3, 10, 16), (2, 16)), ((3, 10, 16), (16,))]
)
def test_rollout_refuses_shapes_that_do_not_fit(drive, h0):
    with pytest.raises(ValueError, match=r"drive must have shape \(B, T, 16\) and h0 \(B, 16\); got"):
        rollout(random_network(), np.zeros(drive), np.zeros(h0))


def test_it_is_shown_by_its_sizes_and_its_family_and_not_by_its_weights():
    network = replace(random_network(12, 4, 3), metadata={"family": "linear-2", "seed": "7", "note": "x" * 500})
    assert repr(network) == "Network(N=12, M=4, O=3, family='linear-2', seed='7')"


@pytest.mark.parametrize("kind", [{"cell": "relu"}, {"cell": "gru"}, {"cell": "tanh", "skip": True}])
def test_fewer_inputs_drive_a_network_in_the_same_way(kind):
    network = network_of_cell(**kind, n=5, m=200, o=2)
    few = with_fewer_inputs(network)
    assert few.n_inputs == network.n_drive
    change = Intervention((1, 3), 0.5, "input")
    for one, other in ((network, few), (intervene(network, change), intervene(few, change))):
        # The covariance of the drive is all that white noise does.
        covariances = [(net.drive(np.eye(net.n_inputs)) - net.drive_bias) for net in (one, other)]
        np.testing.assert_allclose(*(c.T @ c for c in covariances), atol=1e-10)
    assert few.metadata["shown_inputs"].endswith(f"as it does the {network.n_inputs} of the network")


def test_weights_are_copied_unless_nobody_can_change_them():
    given = np.eye(3)
    network = Network(given, np.ones((3, 2)), np.ones((2, 3)))
    given[0, 0] = 7
    assert network.W_hh[0, 0] == 1
    looked_at = given.view()
    looked_at.setflags(write=False)
    other = replace(network, W_hh=looked_at)
    given[0, 0] = 8
    assert other.W_hh[0, 0] == 7
    assert replace(network, W_ih=np.ones((3, 1))).W_hh is network.W_hh
