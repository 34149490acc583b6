"""Files of other programs: small ones as people have them in tests/files/foreign, and more of each kind, made here.

What fits in one way opens and says how it was read; what could be read in several ways is refused with a mapping that
works when it is copied; what cannot be shown is named for what it is.
"""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn.utils import parametrizations, parametrize, prune

from hmmrnn.analysis.stability import fixed_points
from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load, read_metadata, save
from hmmrnn.model.network import Network
from hmmrnn.model.simulation import run
from tests.model.opening.opened import M, Model, N, O, X, assert_right, proposed, relu

FOREIGN = Path(__file__).parents[2] / "files" / "foreign"


def kept(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def assert_as_in(network: Network, folder: str) -> None:
    right = np.load(FOREIGN / folder / "right.npz")
    found = run(network, right["x"])
    np.testing.assert_allclose(found.h, right["h"], atol=1e-6)
    np.testing.assert_allclose(found.logits, right["logits"], atol=1e-6)


# ---- the files as people have them ----


@pytest.mark.parametrize("name", [
    "nested-under-model/network.pth", "nested-under-model_state/network.pth", "one-more-tensor/averaged-model.pth",
    "one-more-tensor/learned-h0.pth", "one-more-tensor/mask.pth", "readout-called-linear/network.pth",
    "readout-called-readout/network.pth", "rnn-called-otherwise/compiled-submodule.pth",
    "rnn-called-otherwise/rnncell.pth", "rnn-called-otherwise/sequential.pth", "rnn-called-otherwise/vanilla.pth",
])  # fmt: skip
def test_what_fits_in_one_way_opens_and_says_how(name):
    network = load(FOREIGN / name)
    assert_as_in(network, name.partition("/")[0])
    assert "W_hh = " in network.metadata["read_as"]
    assert "ReLU is assumed" in network.metadata["read_as"]


def test_what_is_left_out_is_said():
    for name, words in (
        ("averaged-model", "n_averaged: a counter"),
        ("mask", "mask_hh"),
    ):
        assert f"without {words}" in load(FOREIGN / f"one-more-tensor/{name}.pth").metadata["read_as"]


@pytest.mark.parametrize(("name", "shape"), [("h_0", (1, 1, N)), ("init_hidden", (N,)), ("rnn.h0", (1, N))])
def test_a_learned_start_is_kept_with_the_network(name, shape, tmp_path):
    start = torch.randn(N)
    network = load(kept(relu().state_dict() | {name: start.reshape(shape)}, tmp_path / "net.pth"))
    np.testing.assert_array_equal(network.h0, start.double().numpy())
    assert f"h0 = {name}" in network.metadata["read_as"]
    save(network, tmp_path / "net.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "net.safetensors").h0, network.h0)


def test_an_activation_that_is_not_said_is_never_assumed_in_silence(caplog):
    path = FOREIGN / "tanh-opened-as-relu/tanh.pth"
    with caplog.at_level(logging.WARNING):
        assert "if it is tanh" in load(path).metadata["read_as"]
    assert "tanh.pth was read as ReLU, as it does not say its activation" in caplog.text
    caplog.clear()
    network = load(path, mapping={"cell": "tanh"})
    assert_as_in(network, "tanh-opened-as-relu")
    assert network.cell == "tanh"
    assert not caplog.text


def test_pruned_and_normalised_weights_are_put_together():
    right = np.load(FOREIGN / "pruned-or-parametrized/right-pruned.npz")["W_hh"]
    np.testing.assert_array_equal(load(FOREIGN / "pruned-or-parametrized/pruned.pth").W_hh, right)
    path = FOREIGN / "pruned-or-parametrized/weight-norm.pth"
    stored = torch.load(path, weights_only=True)
    g, v = (stored[f"rnn.parametrizations.weight_hh_l0.original{i}"].double().numpy() for i in (0, 1))
    np.testing.assert_allclose(load(path).W_hh, g * v / np.linalg.norm(v, axis=1, keepdims=True), atol=1e-12)


def test_a_sparse_tensor_is_that_tensor():
    right = np.load(FOREIGN / "sparse-wrong-advice/dense.npz")["W_hh"]
    np.testing.assert_array_equal(load(FOREIGN / "sparse-wrong-advice/sparse.pth").W_hh, right)


def test_arrays_of_numpy_open_by_either_names():
    for name, key in (("W.npz", "W_hh"), ("names.npz", "rnn.weight_hh_l0")):
        path = FOREIGN / "npz-of-weights" / name
        np.testing.assert_array_equal(load(path).W_hh, np.load(path)[key])


@pytest.mark.parametrize("name", ["plain.pt", "lightning.ckpt"])
def test_files_by_other_endings_open(name):
    assert load(FOREIGN / "models-folder-ignores-pt" / name).n_neurons == N


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_gated_layer_opens_as_what_it_is(cell):
    network = load(FOREIGN / f"advice-goes-in-a-circle/{cell}.pt")
    assert network.cell == cell
    assert "assumed" not in network.metadata["read_as"]


@pytest.mark.parametrize(("name", "words"), [
    ("full-rank.pt", "a leaky network"), ("low-rank.pt", "a network of low rank 2"),
    ("input2h-h2h.pt", "alpha = dt / tau"),
])  # fmt: skip
def test_what_could_be_read_in_several_ways_asks_and_its_proposal_works(name, words):
    path = FOREIGN / "advice-goes-in-a-circle" / name
    with pytest.raises(MappingNeededError, match=words) as caught:
        load(path)
    tensors = torch.load(path, weights_only=True)
    assert all(f"{key} {tuple(tensor.shape)}" in str(caught.value) for key, tensor in tensors.items())
    mapping = proposed(caught.value)
    assert mapping == caught.value.proposal
    network = load(path, mapping=mapping)
    assert (network.cell, network.alpha) == ("tanh", 0.1)
    again = load(path, mapping={**mapping, "cell": "relu", "alpha": 0.5})
    assert (again.cell, again.alpha) == ("relu", 0.5)


def test_leaky_and_low_rank_networks_step_as_their_scripts_do():
    """h + alpha (-h + r W' + x wi), r = tanh(h + b), read out by r wo; of low rank both products are over N."""
    for name in ("full-rank", "low-rank"):
        path = FOREIGN / f"advice-goes-in-a-circle/{name}.pt"
        p = {key: tensor.double().numpy() for key, tensor in torch.load(path, weights_only=True).items()}
        with pytest.raises(MappingNeededError) as caught:
            load(path)
        network = load(path, mapping={**caught.value.proposal, "alpha": 0.2})
        low = "m" in p
        W, size, b = (p["m"] @ p["n"].T / N, N, p["b"]) if low else (p["wrec"], 1, np.zeros(N))
        h, logits = np.zeros(N) - 0.0, []
        for x in X[0]:
            h = h + 0.2 * (-h + W @ np.tanh(h + b) + (p["wi"].T * p["si"]) @ x)
            logits.append(np.tanh(h + b) @ (p["wo"] * p["so"]) / size)
        # The state here is h + b, which begins at b.
        np.testing.assert_allclose(run(network, X[:1], h0=b).logits[0], logits, atol=1e-6)


def test_a_layer_on_input_and_state_together_is_named():
    with pytest.raises(
        CheckpointError, match=r"is one linear layer i2h on the input and the state together, \(6, 2 \+ 6\)"
    ):
        load(FOREIGN / "advice-goes-in-a-circle/i2h-i2o.pt")


def test_no_advice_goes_in_a_circle():
    for name in ("full-rank", "low-rank", "input2h-h2h", "i2h-i2o"):
        with pytest.raises(CheckpointError) as caught:
            load(FOREIGN / f"advice-goes-in-a-circle/{name}.pt")
        assert "torch.save" not in str(caught.value)


def test_the_saddle_of_two_inhibiting_neurons_is_found():
    found = fixed_points(load(FOREIGN / "saddle-not-found/bistable.safetensors"))
    assert sorted(map(tuple, np.round(found.points, 6))) == [(0, 2), (0.666667, 0.666667), (2, 0)]
    assert found.saddles.sum() == 1


# ---- more of each kind ----


@pytest.mark.parametrize("nest", [
    lambda s: {"net": s, "optimizer": {"state": {0: {"exp_avg": torch.ones(N, N)}}, "lr": 0.1}},
    lambda s: {"checkpoint": {"state": s}, "args": {"lr": 1e-3}},
    lambda s: {"model": {"state_dict": s}, "step": torch.tensor(7)},
    lambda s: {"model": s, "ema": {name: tensor + 1 for name, tensor in s.items()}, "epoch": 2},
    lambda s: {"loss": np.float64(0.25), "acc": np.arange(3), "model_state_dict": s},
])  # fmt: skip
def test_weights_are_found_wherever_they_are_nested(nest, tmp_path):
    model = relu()
    assert_right(load(kept(nest(model.state_dict()), tmp_path / "net.pth")), model)


def test_modules_beside_each_other(tmp_path):
    model = relu()
    apart = {"rnn": model.rnn.state_dict(), "head": model.fc.state_dict()}
    assert_right(load(kept(apart, tmp_path / "net.pth")), model)


@pytest.mark.parametrize(
    ("layer", "readout"), [("core", "head"), ("encoder", "decoder"), ("model", "out"), ("net", "l")]
)
def test_layers_and_readouts_by_any_name(layer, readout, tmp_path):
    model = relu(layer=layer, readout=readout)
    assert_right(load(kept(model.state_dict(), tmp_path / "net.pth")), model)


@pytest.mark.parametrize("wrap", ["module.", "_orig_mod.", "module._orig_mod.", "model.module.", "net.model."])
def test_wrappers_are_taken_off(wrap, tmp_path):
    model = relu()
    wrapped = {f"{wrap}{name}": tensor for name, tensor in model.state_dict().items()}
    assert_right(load(kept(wrapped, tmp_path / "net.pth")), model)
    save_file(wrapped, tmp_path / "net.safetensors")
    assert_right(load(tmp_path / "net.safetensors"), model)


@pytest.mark.parametrize("extra", [
    {"c_0": torch.zeros(1, 1, N)}, {"h0": torch.zeros(2 * N)}, {"mask_in": torch.ones(N, M)},
    {"num_updates": torch.tensor(3)}, {"bn.num_batches_tracked": torch.tensor(3)},
])  # fmt: skip
def test_starts_masks_of_ones_and_counters_are_left_out(extra, tmp_path):
    model = relu()
    network = load(kept(model.state_dict() | extra, tmp_path / "net.pth"))
    assert_right(network, model)
    assert f"without {next(iter(extra))}: " in network.metadata["read_as"]


def test_a_mask_that_counts_is_folded_in_as_the_sentence_says(tmp_path):
    model, mask = relu(), torch.rand(N, N)
    path = kept(model.state_dict() | {"mask": mask}, tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match="not all its values are 1; fold it in with") as caught:
        load(path)
    mapping = ast.literal_eval(re.search(r"mapping=(\{.*?\})", str(caught.value))[1])
    right = (model.rnn.weight_hh_l0.detach().double() * mask).numpy()
    np.testing.assert_array_equal(load(path, mapping={**mapping, "cell": "relu"}).W_hh, right)


@pytest.mark.parametrize("how", ["prune all", "weight_norm of both", "old weight_norm"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weights_that_are_made_of_others(how, tmp_path):
    model = relu()
    if how == "prune all":
        for name in ("weight_hh_l0", "weight_ih_l0", "bias_hh_l0"):
            prune.random_unstructured(model.rnn, name, amount=0.4)
        prune.random_unstructured(model.fc, "weight", amount=0.4)
        right = {name: getattr(model.rnn, name) for name in ("weight_hh_l0", "weight_ih_l0")}
    elif how == "weight_norm of both":
        parametrizations.weight_norm(model.rnn, "weight_hh_l0")
        parametrizations.weight_norm(model.fc, "weight")
        right = {"weight_hh_l0": model.rnn.weight_hh_l0}
    else:
        torch.nn.utils.weight_norm(model.rnn, "weight_ih_l0")
        right = {"weight_ih_l0": model.rnn.weight_ih_l0}
    network = load(kept(model.state_dict(), tmp_path / "net.pth"))
    for name, tensor in right.items():
        ours = network.W_hh if name == "weight_hh_l0" else network.W_ih
        np.testing.assert_allclose(ours, tensor.detach().numpy(), atol=1e-6)


def test_a_parametrization_that_numbers_do_not_tell_says_how_to_remove_it_and_that_works(tmp_path):
    model = relu()
    parametrizations.orthogonal(model.rnn, "weight_hh_l0")
    match = r"remove_parametrizations\(module, 'weight_hh_l0'\) first"
    with pytest.raises(CheckpointError, match=match):
        load(kept(model.state_dict(), tmp_path / "net.pth"))
    parametrize.remove_parametrizations(model.rnn, "weight_hh_l0")
    assert_right(load(kept(model.state_dict(), tmp_path / "net.pth")), model)


@pytest.mark.parametrize("turn", [lambda t: t.to_sparse(), lambda t: t.to_sparse_csr(), lambda t: t.T.contiguous().T])
@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_matrices_in_other_layouts(turn, tmp_path):
    model = relu()
    tensors = {name: turn(t) if name == "rnn.weight_hh_l0" else t for name, t in model.state_dict().items()}
    assert_right(load(kept(tensors, tmp_path / "net.pth")), model)


@pytest.mark.parametrize("say", [
    {"nonlinearity": "tanh"}, {"hyper_parameters": {"activation": "tanh"}},
    {"config": {"rnn": {"nonlinearity": "RNN_TANH"}}}, {"args": {"act": "torch.tanh"}},
])  # fmt: skip
def test_an_activation_that_is_said_is_honoured(say, tmp_path):
    model = Model()
    network = load(kept({"state_dict": model.state_dict(), **say}, tmp_path / "net.pth"))
    assert network.cell == "tanh"
    assert_right(network, model)
    assert "assumed" not in network.metadata["read_as"]


@pytest.mark.parametrize(("kind", "cell"), [(torch.nn.GRU, "gru"), (torch.nn.LSTM, "lstm")])
@pytest.mark.parametrize("bias", [True, False])
def test_gated_layers_are_those_of_torch(kind, cell, bias, tmp_path):
    model = Model(kind, layer="core", readout="head", bias=bias)
    network = load(kept({"model": model.state_dict()}, tmp_path / "net.pth"))
    assert network.cell == cell
    assert_right(network, model)


@pytest.mark.parametrize(("model", "sentence"), [
    (Model(torch.nn.LSTM, num_layers=2), "is an LSTM of two layers, and cannot be shown"),
    (Model(torch.nn.GRU, num_layers=3), "is a GRU of three layers, and cannot be shown"),
    (Model(num_layers=2), "is an RNN of two layers, and cannot be shown"),
    (Model(torch.nn.RNN, bidirectional=True), "is an RNN in both directions, and cannot be shown"),
    (Model(torch.nn.LSTM, proj_size=3), r"is an LSTM with a projection \(rnn.weight_hr_l0\)"),
])  # fmt: skip
def test_what_cannot_be_shown_is_named_for_what_it_is(model, sentence, tmp_path):
    with pytest.raises(CheckpointError, match=sentence):
        load(kept(model.state_dict(), tmp_path / "net.pth"))


def test_two_layers_of_their_own_are_named(tmp_path):
    two = {**Model(layer="a").state_dict(), **Model(layer="b").state_dict()}
    with pytest.raises(CheckpointError, match=r"has 2 recurrent layers \(a.weight_hh_l0, b.weight_hh_l0\)"):
        load(kept(two, tmp_path / "net.pth"))


def test_two_readouts_ask_for_one(tmp_path):
    state = relu(readout="policy").state_dict() | {"value.weight": torch.ones(1, N), "value.bias": torch.ones(1)}
    path = kept(state, tmp_path / "net.pth")
    with pytest.raises(MappingNeededError, match=r"its readout may be policy.weight or value.weight") as caught:
        load(path)
    assert load(path, mapping=proposed(caught.value)).n_outputs == O
    mapping = {**caught.value.proposal, "W_out": "value.weight", "b_out": "value.bias"}
    assert load(path, mapping=mapping).n_outputs == 1


def test_a_readout_that_sees_the_input(tmp_path):
    state = {**relu().state_dict(), "fc.weight": torch.rand(O, N + M)}
    path = kept(state, tmp_path / "net.pth")
    with pytest.raises(MappingNeededError, match=r"its readout fc.weight sees the input as well") as caught:
        load(path)
    network = load(path, mapping={**proposed(caught.value), "cell": "relu"})
    whole = np.concatenate([network.W_out, network.W_skip], axis=1)
    np.testing.assert_array_equal(whole, state["fc.weight"].double().numpy())


# ---- other programs ----


# ---- mappings ----


@pytest.mark.parametrize(("mapping", "sentence"), [
    ({"W_in": "a"}, "a mapping may have W_hh, W_ih, .*; got 'W_in'"),
    ({"W_hh": "nothing"}, "W_hh: there is no tensor 'nothing'; it has rnn.weight_ih_l0"),
    ({"cell": "elu"}, "cell must be one of relu, tanh, linear, gru, lstm; got 'elu'"),
    ({"alpha": 2}, r"alpha = dt / tau must be above 0 and at most 1; got 2"),
    ({"leak": "slow"}, "leak must be one of rate, total, current; got 'slow'"),
    ({"W_hh": "fc.weight"}, r"fc.weight has shape \(3, 6\); expected two equal sizes"),
    ({"W_hh": "rnn.weight_hh_l0 @ fc.weight"}, "cannot be multiplied"),
])  # fmt: skip
def test_a_mapping_that_does_not_fit_is_refused_in_a_sentence(mapping, sentence, tmp_path):
    with pytest.raises(CheckpointError, match=sentence):
        load(kept(relu().state_dict(), tmp_path / "net.pth"), mapping=mapping)


def test_a_mapping_is_kept_with_the_network(tmp_path):
    network = load(kept(Model().state_dict(), tmp_path / "net.pth"), mapping={"cell": "tanh", "alpha": 0.5})
    save(network, tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors")
    assert (again.cell, again.alpha, again.metadata["read_as"]) == ("tanh", 0.5, network.metadata["read_as"])
    assert read_metadata(tmp_path / "net.safetensors").cell == "tanh"


@pytest.mark.parametrize(("kind", "own", "said"), [
    (torch.nn.LSTM, "lstm", "tanh"), (torch.nn.LSTM, "lstm", "gru"), (torch.nn.GRU, "gru", "relu"),
    (torch.nn.GRU, "gru", "lstm"),
])  # fmt: skip
def test_a_cell_that_gates_do_not_have_is_refused_and_its_own_is_taken(kind, own, said, tmp_path):
    model = Model(kind)
    path = kept(model.state_dict(), tmp_path / "net.pth")
    blocks = "the [34] blocks of rows of an? (LSTM|GRU)"
    with pytest.raises(CheckpointError, match=f"the mapping says cell = '{said}', .* {blocks}; .* or say '{own}'"):
        load(path, mapping={"cell": said})
    whole = {"W_hh": "rnn.weight_hh_l0", "W_ih": "rnn.weight_ih_l0", "W_out": "fc.weight"}
    with pytest.raises(CheckpointError, match=blocks):
        load(path, mapping={**whole, "cell": said})
    assert_right(load(path, mapping={"cell": own}), model)


@pytest.mark.parametrize("said", ["gru", "lstm"])
def test_gates_that_a_layer_does_not_have_are_refused(said, tmp_path):
    path = kept(Model().state_dict(), tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=r"blocks of N rows, and rnn.weight_hh_l0 is square; say relu, tanh"):
        load(path, mapping={"cell": said})
