"""Files of other programs and formats open as what they are: npz, MATLAB, JSON, HDF5 and those of Keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load
from hmmrnn.model.simulation import run
from tests.model.opening.opened import M, N, O, X, assert_right, proposed, relu


def plain_weights() -> dict[str, np.ndarray]:
    model = relu()
    return {
        "W_hh": model.rnn.weight_hh_l0.detach().double().numpy(),
        "W_ih": model.rnn.weight_ih_l0.detach().double().numpy(),
        "W_out": model.fc.weight.detach().double().numpy(),
        "b_h": (model.rnn.bias_ih_l0 + model.rnn.bias_hh_l0).detach().double().numpy(),
        "b_out": model.fc.bias.detach().double().numpy(),
    }


def written(kind: str, arrays: dict[str, Any], folder: Path) -> Path:
    path = folder / f"net.{kind}"
    if kind == "npz":
        np.savez(path, **arrays)
    elif kind == "mat":
        savemat(path, arrays)
    elif kind == "json":
        path.write_text(
            json.dumps({key: getattr(item, "tolist", lambda item=item: item)() for key, item in arrays.items()})
        )
    else:
        torch.save({key: torch.tensor(item) for key, item in arrays.items()}, path)
    return path


@pytest.mark.parametrize("kind", ["npz", "mat", "json", "pt"])
def test_the_names_of_this_project_in_any_format(kind, tmp_path):
    network = load(written(kind, plain_weights(), tmp_path))
    assert_right(network, relu())
    assert "ReLU is assumed" in network.metadata["read_as"]


@pytest.mark.parametrize("kind", ["npz", "mat", "json"])
def test_a_cell_that_stands_beside_the_arrays(kind, tmp_path):
    network = load(written(kind, {**plain_weights(), "cell": "tanh", "alpha": 0.25}, tmp_path))
    assert (network.cell, network.alpha) == ("tanh", 0.25)


@pytest.mark.parametrize("names", [
    {"W_hh": "Wrec", "W_ih": "Win", "W_out": "Wout"},
    {"W_hh": "W_rec", "W_ih": "W_in", "W_out": "W_out", "b_h": "b_rec"},
    {"W_hh": "h2h.weight", "W_ih": "x2h.weight", "W_out": "readout.weight"},
    {"W_hh": "recurrent_kernel", "W_ih": "input_weights", "W_out": "output"},
])  # fmt: skip
@pytest.mark.parametrize("turned", [False, True])
def test_own_names_ask_for_the_activation_and_agree_on_rows_and_columns(names, turned, tmp_path):
    weights = plain_weights()
    arrays = {name: weights[role].T if turned else weights[role] for role, name in names.items()}
    with pytest.raises(MappingNeededError, match="its tensors do not say") as caught:
        load(written("npz", arrays, tmp_path))
    network = load(tmp_path / "net.npz", mapping={**proposed(caught.value), "cell": "relu"})
    np.testing.assert_array_equal(network.W_hh, weights["W_hh"])
    np.testing.assert_array_equal(network.W_out, weights["W_out"])


def test_matrices_that_names_do_not_tell_are_listed(tmp_path):
    arrays = {"a": np.eye(4), "b": np.ones((4, 4)), "c": np.ones((2, 4))}
    with pytest.raises(
        MappingNeededError, match=r"several of its matrices are square \(a, b\).*a \(4, 4\), b"
    ) as caught:
        load(written("npz", arrays, tmp_path))
    load(tmp_path / "net.npz", mapping=proposed(caught.value))


def test_objects_of_numpy_are_not_opened(tmp_path):
    np.savez(tmp_path / "net.npz", W_hh=np.array([object()], dtype=object))
    with pytest.raises(CheckpointError, match="it holds Python objects, which can be code and were not opened"):
        load(tmp_path / "net.npz")


def keras_file(path: Path, kind: str, weights: dict[str, np.ndarray], activation: str | None) -> Path:
    """A file as Keras writes it: .h5 of a whole model, or .weights.h5 of version 3."""
    with h5py.File(path, "w") as file:
        if path.name.endswith(".weights.h5"):
            for place, name in enumerate(("kernel", "recurrent", "bias")):
                file[f"layers/{kind}/cell/vars/{place}"] = weights[name]
            file["layers/dense/vars/0"], file["layers/dense/vars/1"] = weights["dense"], weights["dense_bias"]
            file["optimizer/vars/0"] = np.float32(1)
        else:
            inner = f"model_weights/{kind}/{kind}/{kind}_cell"
            file[f"{inner}/kernel:0"], file[f"{inner}/recurrent_kernel:0"] = weights["kernel"], weights["recurrent"]
            file[f"{inner}/bias:0"] = weights["bias"]
            file["model_weights/dense/dense/kernel:0"] = weights["dense"]
            file["model_weights/dense/dense/bias:0"] = weights["dense_bias"]
        if activation:
            name = {"simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}[kind]
            layer = {"class_name": name, "config": {"activation": activation}}
            file.attrs["model_config"] = json.dumps({"config": {"layers": [layer]}})
    return path


def keras_weights(blocks: int, bias: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {
        "kernel": (M, blocks * N),
        "recurrent": (N, blocks * N),
        "bias": bias,
        "dense": (N, O),
        "dense_bias": (O,),
    }
    return {name: 0.4 * rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("ending", ["h5", "weights.h5"])
@pytest.mark.parametrize("kind", ["simple_rnn", "gru", "lstm"])
def test_layers_of_keras_step_as_its_documentation_says(kind, ending, tmp_path):
    blocks = {"simple_rnn": 1, "gru": 3, "lstm": 4}[kind]
    w = keras_weights(blocks, (2, 3 * N) if kind == "gru" else (blocks * N,))
    network = load(
        keras_file(tmp_path / f"net.{ending}", kind, w, None), mapping={"cell": "tanh"} if blocks == 1 else None
    )
    h, c, expected = np.zeros(N), np.zeros(N), []
    for x in X[0]:
        if kind == "simple_rnn":
            h = np.tanh(x @ w["kernel"] + h @ w["recurrent"] + w["bias"])
        elif kind == "lstm":
            i, f, g, o = np.split(x @ w["kernel"] + h @ w["recurrent"] + w["bias"], 4)
            c = logistic(f) * c + logistic(i) * np.tanh(g)
            h = logistic(o) * np.tanh(c)
        else:
            xz, xr, xh = np.split(x @ w["kernel"] + w["bias"][0], 3)
            hz, hr, hh = np.split(h @ w["recurrent"] + w["bias"][1], 3)
            z, r = logistic(xz + hz), logistic(xr + hr)
            h = z * h + (1 - z) * np.tanh(xh + r * hh)
        expected.append(h @ w["dense"] + w["dense_bias"])
    np.testing.assert_allclose(run(network, X[:1]).logits[0], expected, atol=1e-6)


def test_the_activation_of_a_keras_layer_is_read_or_asked_for(tmp_path):
    w = keras_weights(1, (N,))
    assert load(keras_file(tmp_path / "said.h5", "simple_rnn", w, "relu")).cell == "relu"
    with pytest.raises(MappingNeededError, match="its tensors do not say its activation") as caught:
        load(keras_file(tmp_path / "bare.h5", "simple_rnn", w, None))
    assert load(tmp_path / "bare.h5", mapping=proposed(caught.value)).cell == "tanh"


def test_a_gru_of_keras_that_resets_before_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="a GRU of Keras with reset_after=False"):
        load(keras_file(tmp_path / "net.h5", "gru", keras_weights(3, (3 * N,)), None))
