"""Layers of Keras step as its documentation says, from each of its files; those that are none of torch's are named."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load
from hmmrnn.model.simulation import run
from tests.model.opening.opened import M, N, O, X, proposed


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


GATED = [("gru", 3, (2, 3 * N)), ("lstm", 4, (4 * N,))]


def configured(path: Path, kind: str, weights: dict[str, np.ndarray], **said: Any) -> Path:
    """A whole model as .h5 or .keras, whose configuration says something of its recurrent layer."""
    name = {"simple_rnn": "SimpleRNN", "gru": "GRU", "lstm": "LSTM"}[kind]
    config = {"class_name": "Sequential", "config": {"layers": [{"class_name": name, "config": said}]}}
    if path.suffix == ".h5":
        keras_file(path, kind, weights, None)
        with h5py.File(path, "a") as file:
            file.attrs["model_config"] = json.dumps(config)
        return path
    inner = keras_file(path.with_suffix(".weights.h5"), kind, weights, None)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "model.weights.h5")
        archive.writestr("config.json", json.dumps(config))
    return path


@pytest.mark.parametrize("ending", ["h5", "keras"])
@pytest.mark.parametrize(("kind", "blocks", "bias"), GATED)
def test_activations_that_gates_of_torch_do_not_have_are_named(kind, blocks, bias, ending, tmp_path):
    path, weights = tmp_path / f"net.{ending}", keras_weights(blocks, bias)
    for said in ({"activation": "relu"}, {"recurrent_activation": "hard_sigmoid"}):
        with pytest.raises(
            CheckpointError, match=f"{kind.upper()} of Keras with activation=.*train it with 'tanh' and 'sig"
        ):
            load(configured(path, kind, weights, **said))
    assert load(configured(path, kind, weights, activation="tanh", recurrent_activation="sigmoid")).cell == kind


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_gru_without_bias_that_resets_before_is_named_by_its_configuration(ending, tmp_path):
    weights = keras_weights(3, (2, 3 * N))
    with pytest.raises(CheckpointError, match="a GRU of Keras with reset_after=False"):
        load(configured(tmp_path / f"net.{ending}", "gru", weights, reset_after=False))


@pytest.mark.parametrize(("kind", "blocks", "bias"), GATED)
def test_weights_alone_are_taken_with_the_defaults_which_is_said(kind, blocks, bias, tmp_path):
    network = load(keras_file(tmp_path / "net.weights.h5", kind, keras_weights(blocks, bias), None))
    assert "taken as the defaults of Keras, which weights do not say" in network.metadata["read_as"]


@pytest.mark.parametrize("names", [
    ("layers/bidirectional/forward_layer/cell/vars/0", "layers/bidirectional/backward_layer/cell/vars/0"),
    ("model_weights/b/b/forward_lstm/lstm_cell/kernel:0", "model_weights/b/b/backward_lstm/lstm_cell/kernel:0"),
    ("layers/b/backward_layer/cell/vars/1", "layers/dense/vars/0"),
])  # fmt: skip
def test_a_layer_in_both_directions_is_named(names, tmp_path):
    with h5py.File(tmp_path / "net.h5", "w") as file:
        for name in names:
            file[name] = np.ones((M, 4 * N))
    with pytest.raises(CheckpointError, match=r"is a network of Keras in both directions \(Bidirectional\)"):
        load(tmp_path / "net.h5")


@pytest.mark.parametrize("names", [["gamma:0", "beta:0", "moving_mean:0", "moving_variance:0"], ["0", "1", "2", "3"]])
def test_a_normalisation_of_keras_is_one_of_torch(names, tmp_path):
    weights = keras_weights(3, (2, 3 * N))
    newer = names[0] == "0"
    path = keras_file(tmp_path / ("net.weights.h5" if newer else "net.h5"), "gru", weights, None)
    gain, shift, mean, variance = values = np.random.default_rng(1).random((4, N))
    folder = "layers/batch_normalization/vars" if newer else "model_weights/batch_normalization/batch_normalization"
    plain = run(load(path), X)
    with h5py.File(path, "a") as file:
        for name, value in zip(names, values, strict=True):
            file[f"{folder}/{name}"] = value
    with pytest.raises(MappingNeededError, match="it has a batch normalisation batch_normalization") as caught:
        load(path)
    after = (plain.h - mean) / np.sqrt(variance + 1e-3) * gain + shift
    right = after @ weights["dense"] + weights["dense_bias"]
    np.testing.assert_allclose(run(load(path, mapping=proposed(caught.value)), X).logits, right, atol=1e-6)


def test_a_layer_that_sees_its_inputs_backwards_says_so(tmp_path):
    network = load(configured(tmp_path / "net.h5", "gru", keras_weights(3, (2, 3 * N)), go_backwards=True))
    assert "sees its inputs backwards (go_backwards)" in network.metadata["read_as"]
