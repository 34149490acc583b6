"""Layers of Keras under the names and in the order of torch's: its kernels are (from, to), and its GRU has z before r.

The configuration of a model says what weights do not: the activations, where the reset gate acts, in which direction a
layer runs. A file of weights alone is taken with the defaults, which is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from hmmrnn.model.opening.contents import Array, Found, UnreadableError

_LAYERS = {"SimpleRNN": "SimpleRNN", "GRU": "GRU", "LSTM": "LSTM", "CuDNNGRU": "GRU", "CuDNNLSTM": "LSTM"}
_LAYERS |= {f"{name}Cell": name for name in ("SimpleRNN", "GRU", "LSTM")}
_RESETS_BEFORE = (
    "holds a GRU of Keras with reset_after=False, whose reset gate acts before the recurrent weights: such a "
    "cell cannot be stepped here; train it with reset_after=True, the default"
)
# Names of the variables of a normalisation, by how many there are.
_NORMALISED = {4: ("weight", "bias", "running_mean", "running_var"), 2: ("weight", "bias"), 1: ("weight",)}
_PLAIN = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


def from_keras(arrays: Mapping[str, Array], config: Any) -> Found:
    """Keras layers as torch has them.

    Args:
        arrays: variables by their paths.
        config: the configuration of the model; None in a file of weights alone.

    Raises:
        UnreadableError: a layer is none of torch's.
    """
    layers: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        if re.search(r"(^|/)(backward_\w+)", name):
            raise UnreadableError(
                "is a network of Keras in both directions (Bidirectional), and cannot be shown: here a network has one "
                "recurrent layer in one direction and one linear readout"
            )
        if re.match(r"(optimizer|top_level|_?metrics)", name) or array.ndim == 0:
            continue
        layer, part = _name_of(name)
        layers.setdefault(layer, {})[part] = array
    settings, notes = _said(config)
    gated = any(_blocks(parts) in (3, 4) for parts in layers.values())
    if config is None and gated:
        notes = ["its activations and its reset gate are taken as the defaults of Keras, which weights do not say"]
    found: dict[str, Array] = {}
    for layer, parts in layers.items():
        found |= {f"{layer}.{name}": array for name, array in _as_torch(parts).items()}
    return Found(found, settings, ["a file of Keras, its kernels transposed", *notes])


def _name_of(name: str) -> tuple[str, str]:
    """Layer and part of a variable: `model_weights/rnn/rnn/simple_rnn_cell/kernel:0`, `layers/rnn/cell/vars/0`."""
    parts = [
        part for part in name.split("/") if part not in ("model_weights", "layers", "_layer_checkpoint_dependencies")
    ]
    if len(parts) > 2 and parts[-2] == "vars":
        recurrent = len(parts) > 3 and parts[-3] == "cell"
        names = ("kernel", "recurrent_kernel", "bias") if recurrent else ("kernel", "bias")
        place = int(parts[-1]) if parts[-1].isdigit() else len(names)
        return parts[0], names[place] if place < len(names) else parts[-1]
    return parts[0], parts[-1].removesuffix(":0")


def _blocks(parts: Mapping[str, Array]) -> int:
    back = parts.get("recurrent_kernel")
    return back.shape[1] // back.shape[0] if back is not None and back.ndim == 2 and back.shape[0] else 0


def _as_torch(parts: Mapping[str, Array]) -> dict[str, Array]:
    """The variables of one layer as torch has them."""
    if all(array.ndim == 1 for array in parts.values()) and len(parts) in _NORMALISED:
        named = {_PLAIN.get(name, name): array for name, array in parts.items()}
        return (
            named
            if named.keys() <= {*_NORMALISED[4]}
            else dict(zip(_NORMALISED[len(parts)], parts.values(), strict=True))
        )
    if "kernel" not in parts or parts["kernel"].ndim != 2:
        return dict(parts)
    if "recurrent_kernel" not in parts:
        beside = {"bias": parts["bias"]} if "bias" in parts else {}
        return {"weight": parts["kernel"].T, **beside}
    back, kernel = parts["recurrent_kernel"].T, parts["kernel"].T
    n = back.shape[1]
    order = [1, 0, 2] if len(back) == 3 * n else list(range(len(back) // n))
    rows: Callable[[Array], Array] = lambda array: array.reshape(len(order), n, -1)[order].reshape(array.shape)  # noqa: E731
    found = {"weight_ih_l0": rows(kernel), "weight_hh_l0": rows(back)}
    if "bias" not in parts:
        return found
    bias = parts["bias"]
    if len(order) == 3 and bias.ndim == 1:
        raise UnreadableError(_RESETS_BEFORE)
    entering, recurrent = (bias[0], bias[1]) if bias.ndim == 2 else (bias, np.zeros_like(bias))
    return {**found, "bias_ih_l0": rows(entering), "bias_hh_l0": rows(recurrent)}


# ---- the configuration ----


def _layers_of(tree: Any, depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The recurrent layers of a configuration, also as cells of a wrapper."""
    if depth > 12:
        return
    if isinstance(tree, Mapping):
        config = tree.get("config")
        if tree.get("class_name") in _LAYERS and isinstance(config, Mapping):
            yield _LAYERS[tree["class_name"]], config
            return
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _layers_of(part, depth + 1)


def _said(config: Any) -> tuple[dict[str, Any], list[str]]:
    """The activation of the recurrent layer, and what is to be noted of it.

    Raises:
        UnreadableError: its gates are none of torch's.
    """
    for kind, layer in _layers_of(config):
        activation = _function(layer.get("activation", "tanh"))
        gates = _function(layer.get("recurrent_activation", "sigmoid"))
        if kind != "SimpleRNN" and (activation, gates) != ("tanh", "sigmoid"):
            raise UnreadableError(
                f"holds {'an' if kind == 'LSTM' else 'a'} {kind} of Keras with activation={activation!r} and "
                f"recurrent_activation={gates!r}, and cannot be stepped here; train it with 'tanh' and 'sigmoid', the "
                "defaults"
            )
        if kind == "GRU" and layer.get("reset_after") is False:
            raise UnreadableError(_RESETS_BEFORE)
        backwards = ["its layer sees its inputs backwards (go_backwards)"] if layer.get("go_backwards") else []
        return ({"activation": activation} if kind == "SimpleRNN" else {}), backwards
    return {}, []


def _function(said: Any) -> str:
    if isinstance(said, Mapping):
        said = said.get("class_name") or said.get("config")
    return str(said)
