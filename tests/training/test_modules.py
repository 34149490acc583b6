"""Training of every cell: the network of the weights steps as torch's modules do, and the loss comes down."""

import numpy as np
import pytest
import torch

from hmmrnn.model.checkpoint import load, save
from hmmrnn.model.hmm import HMM
from hmmrnn.model.simulation import run
from hmmrnn.training.config import TrainingConfig
from hmmrnn.training.modules import run_layer, state_size
from hmmrnn.training.trainer import _Run, fit

CELLS = [
    {"cell": "relu"}, {"cell": "tanh"}, {"cell": "linear"}, {"cell": "gru"}, {"cell": "lstm"},
    {"cell": "relu", "alpha": 0.3}, {"cell": "tanh", "alpha": 0.3}, {"cell": "relu", "rank": 2},
    {"cell": "tanh", "rank": 3},
]  # fmt: skip
every_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: "-".join(map(str, cell.values())))


def config(**changes: object) -> TrainingConfig:
    settings = {"n_neurons": 8, "n_inputs": 4, "batch": 16, "length": 6, "steps": 3, "threads": 1}
    return TrainingConfig.preset("linear-2", **{**settings, **changes})


@every_cell
def test_the_network_of_the_weights_steps_as_torch_does(cell, tmp_path):
    one = _Run(config(**cell))
    for _ in range(2):
        one.step()
    noise = torch.randn(3, 20, 4, dtype=torch.float64)
    with torch.no_grad():
        h, last = run_layer(one.rnn.double(), one.config, noise, torch.zeros(1, 3, state_size(one.config)).double())
        logits = one.readout.double()(h)
    network = one.network()
    found = run(network, noise.numpy())
    np.testing.assert_allclose(found.h, h.numpy(), atol=1e-6)
    np.testing.assert_allclose(found.logits, logits.numpy(), atol=1e-6)
    np.testing.assert_allclose(found.state[:, -1], last[0].numpy(), atol=1e-6)
    assert (network.cell, network.alpha) == (cell["cell"], cell.get("alpha", 1.0))
    save(network, tmp_path / "net.safetensors")
    assert load(tmp_path / "net.safetensors").cell == cell["cell"]


@every_cell
def test_the_loss_comes_down(cell):
    """An HMM of one state that emits symbol 0 in nine of ten steps: only the readout has to learn."""
    target = HMM(A=[[1.0]], B=[[0.9, 0.1]])
    settings = {"n_neurons": 6, "n_inputs": 3, "batch": 32, "length": 8, "threads": 1, "carry": False}
    slow = TrainingConfig.for_hmm(target, steps=40, learning_rate=0.05, pair_weight=1.0, **settings, **cell)
    losses = fit(slow).losses
    assert losses[-10:].mean() < losses[:5].mean()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_training_goes_on_bit_for_bit_from_where_it_stopped(cell, tmp_path):
    whole = fit(config(cell=cell, steps=4)).network
    steps = iter([False, False, True])
    fit(config(cell=cell, steps=4), should_stop=lambda: next(steps), state_file=tmp_path / "state.pt")
    again = fit(config(cell=cell, steps=4), state_file=tmp_path / "state.pt").network
    np.testing.assert_array_equal(again.W_hh, whole.W_hh)
    np.testing.assert_array_equal(again.gates[next(iter(again.gates))].W_hh, whole.gates[next(iter(whole.gates))].W_hh)


def test_low_rank_weights_are_trained_as_factors():
    one = _Run(config(rank=2))
    before = one.network().W_hh
    for _ in range(3):
        one.step()
    after = one.network().W_hh
    assert np.linalg.matrix_rank(before) == np.linalg.matrix_rank(after) == 2
    assert not np.allclose(before, after)
    assert set(dict(one.rnn.named_parameters())) == {"weight_ih_l0", "m", "n"}
    plain = config()
    assert "rank" not in plain.to_dict()
    assert TrainingConfig.from_dict(config(rank=2).to_dict()).rank == 2
    assert config(rank=2).departures["rank"] == "2 (paper: 0)"


def test_the_cell_is_a_departure_from_the_paper_and_no_part_of_older_settings():
    assert "cell" not in config().to_dict()
    assert "cell" not in config().departures
    plain = config(cell="gru")
    assert plain.departures["cell"] == "gru (paper: relu)"
    assert TrainingConfig.from_dict(plain.to_dict()).cell == "gru"


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"cell": "elu"}, "cell must be one of relu, tanh, linear, gru, lstm; got 'elu'"),
    ({"cell": "lstm", "alpha": 0.5}, "alpha must be 1 with a lstm, which has gates instead of a leak; got 0.5"),
    ({"alpha": 1.5}, "alpha must be <= 1; got 1.5"),
    ({"cell": "gru", "rank": 2}, "rank must be 0 with a gru, which has gates; got 2"),
    ({"rank": 9}, "rank must be at most N = 8; got 9"),
])  # fmt: skip
def test_what_no_cell_has_is_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        config(**changes)
