"""Every cell against torch's own modules, its Jacobian against finite differences, and interventions on it."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hmmrnn.analysis.stability import jacobian
from hmmrnn.model.cells import CELLS, LEAKS, NotApplicableError, describe_cell, drive_slopes, refuse_unless
from hmmrnn.model.checkpoint import load, read_metadata, save
from hmmrnn.model.network import Gate, Intervention, Network, intervene, rollout
from hmmrnn.model.simulation import run, simulate
from tests.networks import network_of_cell

N, M, O = 7, 3, 2  # noqa: E741  # the letters of the docstrings
STEPS = 500
# One of each kind; the leaky ones in all conventions.
KINDS = [
    *({"cell": name} for name in CELLS),
    *({"cell": name, "alpha": 0.2, "leak": leak} for name in ("relu", "tanh") for leak in LEAKS),
    {"cell": "tanh", "leak": "current"},
    {"cell": "tanh", "skip": True},
    {"cell": "lstm", "skip": True},
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values())))


def noise(steps: int = STEPS, batch: int = 2) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((batch, steps, M))


def torch_module(network: Network) -> torch.nn.Module:
    """Torch's module of a cell, with the weights of a network."""
    blocks = {"gru": ("reset", "update", None), "lstm": ("input", "forget", None, "output")}.get(network.cell, (None,))
    parts = [network if name is None else network.gates[name] for name in blocks]
    kinds = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
    if network.cell in kinds:
        module = kinds[network.cell](M, N, batch_first=True).double()
    else:
        module = torch.nn.RNN(M, N, nonlinearity=network.cell, batch_first=True).double()
    recurrent_bias = [network.b_rec if part is network else np.zeros(N) for part in parts]
    stacked = {
        "weight_ih_l0": np.concatenate([part.W_ih for part in parts]),
        "weight_hh_l0": np.concatenate([part.W_hh for part in parts]),
        "bias_ih_l0": np.concatenate([part.b_h for part in parts]),
        "bias_hh_l0": np.concatenate(recurrent_bias),
    }
    module.load_state_dict({name: torch.tensor(value) for name, value in stacked.items()})
    return module


@pytest.mark.parametrize("cell", ["relu", "tanh", "gru", "lstm"])
def test_500_steps_equal_those_of_torch(cell):
    network = network_of_cell(cell, n=N, m=M, o=O)
    x = noise()
    with torch.no_grad():
        h, _ = torch_module(network)(torch.from_numpy(x))
        logits = h @ torch.tensor(network.W_out).T + torch.tensor(network.b_out)
    ours = run(network, x)
    np.testing.assert_allclose(ours.h, h.numpy(), atol=1e-6)
    np.testing.assert_allclose(ours.logits, logits.numpy(), atol=1e-6)


def test_an_lstm_goes_on_from_its_memory():
    network = network_of_cell("lstm", n=N, m=M, o=O)
    x = noise(40)
    whole = run(network, x)
    assert whole.state.shape == (2, 40, 2 * N)
    rest = run(network, x[:, 25:], h0=whole.state[:, 24])
    np.testing.assert_array_equal(rest.h, whole.h[:, 25:])
    assert not np.allclose(run(network, x[:, 25:], h0=whole.h[:, 24]).h, whole.h[:, 25:])


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("cell", ["relu", "tanh"])
def test_the_conventions_of_a_leak_equal_naive_loops(cell, leak):
    network = network_of_cell(cell, n=N, m=M, o=O, alpha=0.3, leak=leak)
    f = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}[cell]
    x, h, logits = noise(60, 1), np.zeros(N), []
    for t in range(60):
        d = network.W_ih @ x[0, t] + network.b_h
        if leak == "rate":
            h = 0.7 * h + 0.3 * f(network.W_hh @ h + d)
        elif leak == "total":
            h = f(0.7 * h + 0.3 * (network.W_hh @ h + d))
        else:
            h = 0.7 * h + 0.3 * (network.W_hh @ f(h) + d)
        logits.append(network.W_out @ (f(h) if leak == "current" else h) + network.b_out)
    found = run(network, x)
    np.testing.assert_allclose(found.h[0, -1], h, atol=1e-12)
    np.testing.assert_allclose(found.logits[0], logits, atol=1e-12)


def test_a_leak_with_alpha_of_one_is_none():
    for leak in ("rate", "total"):
        plain, leaky = (network_of_cell("relu", n=N, m=M, o=O, leak=one) for one in ("rate", leak))
        np.testing.assert_array_equal(run(plain, noise(50)).h, run(leaky, noise(50)).h)


def test_a_readout_that_sees_the_input():
    network = network_of_cell("tanh", n=N, m=M, o=O, skip=True)
    x = noise(30)
    plain, found = run(replace(network, W_skip=None), x), run(network, x)
    np.testing.assert_array_equal(found.h, plain.h)
    np.testing.assert_allclose(found.logits, plain.logits + x @ network.W_skip.T, atol=1e-12)
    with pytest.raises(ValueError, match=r"the readout sees the input: give states \(\.\.\., 9\)"):
        network.logits(found.h)


def test_a_low_rank_network_is_m_n_over_N():
    rng = np.random.default_rng(0)
    m, n = rng.standard_normal((2, N, 2))
    network = Network.of_low_rank(m, n, rng.standard_normal((N, M)), np.ones((1, N)), cell="tanh", alpha=0.2)
    np.testing.assert_allclose(network.W_hh, sum(np.outer(m[:, r], n[:, r]) for r in range(2)) / N)
    assert np.linalg.matrix_rank(network.W_hh) == 2
    with pytest.raises(ValueError, match=r"m and n must both have shape \(N, R\)"):
        Network.of_low_rank(m, n[:, :1], np.ones((N, M)), np.ones((1, N)))


# ---- derivatives ----


def next_state(network: Network, state: np.ndarray, drive: np.ndarray) -> np.ndarray:
    return rollout(network, drive[None, None], state[None]).state[0, 0]


def difference(function, at: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """(to, from) central differences."""
    columns = [(function(at + e) - function(at - e)) / (2 * step) for e in step * np.eye(len(at))]
    return np.stack(columns, axis=1)


@every_kind
def test_the_jacobian_equals_finite_differences(kind):
    network = network_of_cell(**kind, n=N, m=M, o=O)
    x = np.random.default_rng(5).standard_normal(M)
    for state in simulate(network, 60, 1).state[0, ::20]:
        expected = difference(lambda h: next_state(network, h, network.drive(x)), state)
        np.testing.assert_allclose(jacobian(network, state, x), expected, atol=1e-7)


@every_kind
def test_slopes_by_the_drive_equal_finite_differences(kind):
    network = network_of_cell(**kind, n=N, m=M, o=O)
    state = simulate(network, 20, 1).state[0, -1]
    by_drive = difference(lambda d: next_state(network, state, d), network.drive_bias)[:N]
    found = drive_slopes(network, state[None], network.drive_bias)[0]
    for block, slopes in enumerate(found):
        np.testing.assert_allclose(np.diag(slopes), by_drive[:, block * N : (block + 1) * N], atol=1e-7)


# ---- interventions ----


@every_kind
def test_mu_of_one_changes_nothing_bit_for_bit(kind):
    network = network_of_cell(**kind, n=N, m=M, o=O)
    for target in ("unit", "recurrent", "input"):
        same = intervene(network, Intervention((0, 2), 1.0, target))
        np.testing.assert_array_equal(run(same, noise(40)).state, run(network, noise(40)).state)


@every_kind
def test_a_silenced_unit_is_silent_for_good(kind):
    network = intervene(network_of_cell(**kind, n=N, m=M, o=O), Intervention((1, 4)))
    found = run(network, noise(40))
    np.testing.assert_array_equal(found.h[..., [1, 4]], 0)
    assert found.h[..., 0].any()
    start = np.full(N, 0.5)
    assert np.abs(run(network, noise(200), h0=start).h[:, -1, [1, 4]]).max() < 1e-6


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_gain_acts_on_the_rows_of_the_gates_too(cell):
    network = network_of_cell(cell, n=N, m=M, o=O)
    changed = intervene(network, Intervention((3,), 0.5, "input"))
    for before, after in zip([network, *network.gates.values()], [changed, *changed.gates.values()], strict=True):
        np.testing.assert_array_equal(after.W_ih[3], 0.5 * before.W_ih[3])
        np.testing.assert_array_equal(after.W_hh, before.W_hh)
        np.testing.assert_array_equal(after.b_h, before.b_h)


# ---- what is asked of the cell ----


@every_kind
def test_scaled_noise_scales_the_run_exactly_where_the_cell_says_so(kind):
    network = network_of_cell(**kind, n=N, m=M, o=O, bias=False)
    one, four = (simulate(network, 80, 1, sigma=sigma) for sigma in (1.0, 4.0))
    assert np.array_equal(4 * one.h, four.h) == network.scales_with_noise
    assert network_of_cell(**kind, n=N, m=M, o=O).scales_with_noise is False


def test_what_does_not_apply_is_said_in_a_sentence():
    network = network_of_cell("lstm", n=N, m=M, o=O)
    with pytest.raises(NotApplicableError, match="a map does not apply to an LSTM network: it has gates"):
        refuse_unless(not network.kind.is_gated, "a map", network, "it has gates")
    refuse_unless(True, "a map", network, "")
    assert describe_cell(network_of_cell("tanh", n=2, alpha=0.5)) == "a tanh network, alpha = 0.5, leak 'rate'"


# ---- checks ----


@every_kind
def test_a_network_survives_pickling(kind):
    network = network_of_cell(**kind, n=N, m=M, o=O)
    again = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(run(again, noise(30)).logits, run(network, noise(30)).logits)
    assert (again.cell, again.alpha, again.leak) == (network.cell, network.alpha, network.leak)
    assert repr(again) == repr(network)


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"cell": "elu"}, "cell must be one of relu, tanh, linear, gru, lstm; got 'elu'"),
    ({"leak": "slow"}, "leak must be one of rate, total, current; got 'slow'"),
    ({"alpha": 0.0}, r"alpha = dt / tau must be above 0 and at most 1; got 0"),
    ({"alpha": 1.5}, r"alpha = dt / tau must be above 0 and at most 1; got 1\.5"),
    ({"cell": "gru"}, "the gates of a gru are reset, update; got none"),
    ({"gates": {"reset": Gate(np.eye(N), np.ones((N, M)))}}, "the gates of a relu are none; got reset"),
    ({"W_skip": np.ones((O, M + 1))}, r"W_skip must have shape \(O, M\) = \(2, 3\); got \(2, 4\)"),
])  # fmt: skip
def test_what_is_no_network_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(network_of_cell("relu", n=N, m=M, o=O), **changes)


def test_gates_fit_the_candidate():
    network = network_of_cell("gru", n=N, m=M, o=O)
    gates = {**network.gates, "update": Gate(np.eye(N), np.ones((N, M + 2)))}
    with pytest.raises(ValueError, match=r"W_ih of gate update must have shape \(7, 3\) .* got \(7, 5\)"):
        replace(network, gates=gates)
    with pytest.raises(ValueError, match="gates instead of a leak"):
        replace(network, alpha=0.5)


# ---- files ----


@every_kind
def test_a_network_survives_its_file(kind, tmp_path):
    network = replace(network_of_cell(**kind, n=N, m=M, o=O), metadata={"family": "linear-2"})
    save(network, tmp_path / "net.safetensors")
    again, header = load(tmp_path / "net.safetensors"), read_metadata(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(run(again, noise(30)).logits, run(network, noise(30)).logits)
    assert (again.cell, again.alpha, again.leak) == (network.cell, network.alpha, network.leak)
    assert again.metadata == header.metadata == {"family": "linear-2"}
    assert (header.n_neurons, header.n_inputs, header.n_outputs, header.cell) == (N, M, O, network.cell)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_gates_lie_in_a_file_as_torch_has_them(cell, tmp_path):
    network = network_of_cell(cell, n=N, m=M, o=O)
    save(network, tmp_path / "net.safetensors")
    stored = {
        name.removeprefix("rnn."): tensor
        for name, tensor in load_file(tmp_path / "net.safetensors").items()
        if name.startswith("rnn.")
    }
    module = torch_module(network)
    module.load_state_dict(stored)
    with torch.no_grad():
        h, _ = module(torch.from_numpy(noise(20)))
    np.testing.assert_allclose(run(network, noise(20)).h, h.numpy(), atol=1e-9)
