"""Layers beside a recurrent layer and its readout: folded in as torch computes them, or named for what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load
from hmmrnn.model.simulation import run
from tests.model.opening.opened import M, N, O, proposed

KINDS = {"tanh": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def model(before=(), behind=(), cell="tanh", inputs=M) -> nn.ModuleDict:
    """Layers before, a recurrent one, layers behind; a trained batch normalisation has seen something."""
    torch.manual_seed(0)
    layers = nn.ModuleDict({**dict(before), "rnn": KINDS[cell](inputs, N, batch_first=True), **dict(behind)}).double()
    for layer in layers.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer(2 + 3 * torch.randn(50, layer.num_features).double())
            for parameter in layer.parameters():
                nn.init.normal_(parameter)
    return layers.eval()


def right(layers: nn.ModuleDict, x: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        for layer in layers.values():
            if isinstance(layer, nn.BatchNorm1d):
                x = layer(x.transpose(1, 2)).transpose(1, 2)
            else:
                x = layer(x)[0] if isinstance(layer, tuple(KINDS.values())) else layer(x)
    return x.numpy()


def assert_folded(layers: nn.ModuleDict, folder: Path, words: str, cell: str, given: int = M, symbols: bool = False):
    torch.save(layers.state_dict(), folder / "net.pth")
    with pytest.raises(MappingNeededError, match=words) as caught:
        load(folder / "net.pth")
    network = load(folder / "net.pth", mapping=proposed(caught.value))
    assert network.cell == cell
    x = torch.randint(given, (2, 20)) if symbols else torch.randn(2, 20, given).double()
    seen = np.eye(given)[x.numpy()] if symbols else x.numpy()
    np.testing.assert_allclose(run(network, seen).logits, right(layers, x), atol=1e-10)


FC = ("fc", nn.Linear(N, O))


@pytest.mark.parametrize("cell", KINDS)
@pytest.mark.parametrize("encoder", [nn.Linear(5, M), nn.Linear(5, M, bias=False), nn.Linear(M, M), nn.Linear(5, N)])
def test_a_linear_layer_before_is_folded_in(encoder, cell, tmp_path):
    layers = model([("encoder", encoder)], [FC], cell, inputs=encoder.out_features)
    assert_folded(layers, tmp_path, "it has a layer encoder .* before its recurrent", cell, encoder.in_features)


@pytest.mark.parametrize("name", ["embedding", "token_embed", "lookup"])
@pytest.mark.parametrize("cell", KINDS)
def test_an_embedding_is_folded_in(name, cell, tmp_path):
    layers = model([(name, nn.Embedding(9, M))], [FC], cell)
    assert_folded(layers, tmp_path, "an embedding of its 9 symbols", cell, 9, symbols=True)


@pytest.mark.parametrize("cell", KINDS)
@pytest.mark.parametrize("second", [nn.Linear(O, 2), nn.Linear(O, 4, bias=False), nn.Linear(O, 1)])
def test_a_second_readout_is_folded_in(second, cell, tmp_path):
    assert_folded(model(behind=[FC, ("fc2", second)], cell=cell), tmp_path, "it has a second readout layer fc2", cell)


@pytest.mark.parametrize("cell", KINDS)
@pytest.mark.parametrize("affine", [True, False])
def test_a_trained_batch_normalisation_is_folded_in(cell, affine, tmp_path):
    words = "it has a batch normalisation bn .* between"
    layers = model([("bn", nn.BatchNorm1d(M, affine=affine))], [FC], cell)
    assert_folded(layers, tmp_path, f"{words} its inputs", cell)
    layers = model((), [("bn", nn.BatchNorm1d(N, affine=affine)), FC], cell)
    assert_folded(layers, tmp_path, f"{words} its activity", cell)


def test_something_without_weights_between_layers_is_seen_by_their_numbers(tmp_path):
    deep = nn.Sequential(nn.Linear(N, 8), nn.ReLU(), nn.Linear(8, O))
    torch.save(model(behind=[("readout", deep)]).state_dict(), tmp_path / "net.pth")
    with pytest.raises(
        MappingNeededError, match=r"a second layer readout.2 \(3, 8\), and between them something"
    ) as no:
        load(tmp_path / "net.pth")
    assert load(tmp_path / "net.pth", mapping=proposed(no.value)).n_outputs == 8
    before = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, M))
    torch.save(model([("enc", before)], [FC]).state_dict(), tmp_path / "net.pth")
    with pytest.raises(MappingNeededError, match=r"before its recurrent layer lies enc.0 \(8, 5\)") as no:
        load(tmp_path / "net.pth")
    assert load(tmp_path / "net.pth", mapping=proposed(no.value)).n_inputs == 8


@pytest.mark.parametrize(("layers", "words"), [
    (model(behind=[("norm", nn.LayerNorm(N)), FC]), r"has a layer normalisation norm \(6,\), which depends on"),
    (model(behind=[("ln_1", nn.LayerNorm(N)), FC]), r"has a layer normalisation ln_1 \(6,\)"),
    (model(behind=[("post", nn.GroupNorm(2, N)), FC]), r"has a layer normalisation post \(6,\)"),
    (model([("conv", nn.Conv1d(3, M, 5))], [FC]), r"has a convolution .* \(conv.weight \(2, 3, 5\)\)"),
    (nn.ModuleDict({"a": nn.Conv2d(3, 8, 3), "b": nn.Linear(8, 2)}), r"is a convolutional network \(a.weight"),
    (nn.ModuleDict({"a": nn.Linear(4, 9), "b": nn.Linear(9, 2)}), "is a feed-forward network"),
    (nn.ModuleDict({"a": nn.Linear(4, 9), "b": nn.Linear(9, 9), "c": nn.Linear(9, 2)}), "in a feed-forward network"),
    (model(behind=[("fc1", nn.Linear(N, N)), ("fc2", nn.Linear(N, O))]), "or both, fc2.weight behind fc1.weight"),
])  # fmt: skip
def test_what_cannot_be_folded_in_is_named(layers, words, tmp_path):
    torch.save(layers.state_dict(), tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=words) as caught:
        load(tmp_path / "net.pth")
    assert "torch.save" not in str(caught.value)


def test_a_layer_normalisation_of_the_inputs_is_left_to_them(tmp_path):
    layers = model([("norm", nn.LayerNorm(M))], [FC])
    nn.init.normal_(layers["norm"].weight)
    torch.save(layers.state_dict(), tmp_path / "net.pth")
    with pytest.raises(MappingNeededError, match="its inputs pass through a layer normalisation norm") as caught:
        load(tmp_path / "net.pth")
    network, x = load(tmp_path / "net.pth", mapping=proposed(caught.value)), torch.randn(2, 20, M).double()
    after = nn.functional.layer_norm(x, (M,)).numpy()
    np.testing.assert_allclose(run(network, after).logits, right(layers, x), atol=1e-10)


def test_a_time_constant_of_each_neuron_is_named(tmp_path):
    weights = {"W_rec": torch.eye(N), "W_in": torch.ones(N, M), "W_out": torch.ones(O, N), "tau": torch.rand(N)}
    torch.save(weights, tmp_path / "net.pth")
    with pytest.raises(CheckpointError, match=r"has a time constant for each neuron \(tau \(6,\)\)"):
        load(tmp_path / "net.pth")
