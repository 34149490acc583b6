"""Tensors in files of NumPy, MATLAB, JSON and Keras, by their names, as float64; nothing of a file is run.

    .npz   arrays of NumPy; objects, which could hold code, are refused
    .mat   MATLAB 5 to 7.2 by SciPy, 7.3 (HDF5) by h5py; fields of structures are joined by dots
    .json  nested lists by nested names
    .h5, .weights.h5, .keras  weights of Keras by h5py, put into torch's order: its kernels are (from, to)

Numbers and words beside the tensors (`alpha`, `activation`, ...) are kept as settings.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.model.opening.contents import flatten
from hmmrnn.model.opening.not_networks import name_json

Array = NDArray[Any]

MAX_VALUES = 64 * 2**20
# What a file of Keras calls its activation stands in its configuration.
KERAS_UNKNOWN = "Keras file without its configuration"


class Found(NamedTuple):
    """What lies in a file."""

    arrays: dict[str, Array]  # by name
    settings: dict[str, Any]  # numbers and words beside them
    notes: list[str]  # how it was read


class UnreadableError(ValueError):
    """The predicate of a sentence: what is wrong with a file."""


# ---- NumPy ----


def read_npz(path: Path) -> Found:
    """Arrays of an .npz file; those of a single word or number are settings."""
    arrays: dict[str, Array] = {}
    settings: dict[str, Any] = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                _keep(name, file[name], arrays, settings)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        code = "Object arrays" in str(error)
        why = "it holds Python objects, which can be code and were not opened" if code else "NumPy cannot read it"
        raise UnreadableError(f"is a NumPy .npz file that cannot be opened: {why}; save plain arrays") from error
    return Found(arrays, settings, ["an .npz file of NumPy"])


def _keep(name: str, array: Array, arrays: dict[str, Array], settings: dict[str, Any]) -> None:
    if array.dtype.kind in "US" and array.size == 1:
        settings[name] = str(array.reshape(-1)[0])
    elif array.ndim == 0 and array.dtype.kind in "fiu":
        settings[name] = float(array)
    elif array.dtype.kind in "fiub":
        arrays[name] = array


# ---- JSON ----


def read_json(path: Path) -> Found:
    """Nested lists of numbers as arrays, by nested names."""
    settings: dict[str, Any] = {}
    try:
        tree = json.loads(path.read_bytes())
        if named := name_json(tree, path.name):
            raise UnreadableError(named)
        arrays = dict(flatten(_arrays(tree), settings))
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"is no JSON of tensors ({str(error)[:120]}); write names and nested lists") from error
    if not any(array.ndim == 2 for array in arrays.values()):
        raise UnreadableError(
            'is JSON text, not a network; expected tensors by name, such as {"W_hh": [[..]], "W_ih": [[..]], '
            '"W_out": [[..]], "cell": "relu"}; choose another file'
        )
    return Found(arrays, settings, ["JSON"])


def _arrays(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: _arrays(item) for name, item in tree.items()}
    if isinstance(tree, list) and tree and isinstance(tree[0], (list, int, float)):
        return np.array(tree, dtype=np.float64)
    return tree


# ---- MATLAB ----


def read_mat(path: Path) -> Found:
    """Arrays of a MATLAB file, fields of structures joined by dots."""
    from scipy.io import loadmat

    try:
        tree = loadmat(path, simplify_cells=True)
    except (ValueError, OSError, TypeError, NotImplementedError, KeyError) as error:
        raise UnreadableError(f"is a damaged MATLAB file ({str(error)[:120]}); save it again") from error
    settings: dict[str, Any] = {}
    visible = {name: item for name, item in tree.items() if not name.startswith("__")}
    arrays: dict[str, Array] = {}
    for name, array in flatten(visible, settings):
        _keep(name, np.asarray(array), arrays, settings)
    return Found(arrays, settings, ["a MATLAB file"])


# ---- HDF5: MATLAB 7.3, Keras, and plain arrays ----


def read_hdf5(source: Path | bytes) -> Found:
    """Arrays of an HDF5 file: of Keras in torch's order, of MATLAB as it shows them, others as they are."""
    h5py = _h5py()
    try:
        with h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r") as file:
            arrays: dict[str, Array] = {}

            def keep(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu" and item.size <= MAX_VALUES:
                    arrays[name] = item[()]

            file.visititems(keep)
            config = file.attrs.get("model_config")
            said = {name: item for name, item in file.attrs.items() if isinstance(item, str) and name != "model_config"}
            is_matlab = "MATLAB_class" in next(iter(file.values())).attrs if len(file) else False
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UnreadableError(f"is an HDF5 file that cannot be read ({str(error)[:120]}); save it again") from error
    if is_matlab:
        shown = {name.replace("/", "."): array.T for name, array in arrays.items() if not name.startswith("#")}
        return Found(shown, {}, ["a MATLAB 7.3 file"])
    if not any(re.search(r"(kernel(:0)?|/vars/\d+)$", name) for name in arrays):
        plain: dict[str, Array] = {}
        for name, array in arrays.items():
            _keep(name.replace("/", "."), array, plain, said)
        return Found(plain, said, ["an HDF5 file"])
    return _from_keras(arrays, json.loads(config) if config else None)


def read_keras_archive(path: Path) -> Found:
    """A .keras file: a zip archive of the configuration and of the weights."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        weights = archive.read("model.weights.h5")
    found = read_hdf5(weights)
    return found._replace(settings=_keras_settings(config))


def _h5py() -> Any:
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise UnreadableError("is an HDF5 file, which takes h5py to read: pip install 'hmmrnn[files]'") from error
    return h5py


def _from_keras(arrays: Mapping[str, Array], config: Any) -> Found:
    """Keras layers under the names and in the order of torch's."""
    layers: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        if re.match(r"(optimizer|top_level|_?metrics)", name) or array.ndim == 0:
            continue
        layer, part = _keras_name(name)
        layers.setdefault(layer, {})[part] = array
    found: dict[str, Array] = {}
    for layer, parts in layers.items():
        found |= {f"{layer}.{name}": array for name, array in _as_torch(parts).items()}
    return Found(found, _keras_settings(config) if config else {}, ["a file of Keras, its kernels transposed"])


def _keras_name(name: str) -> tuple[str, str]:
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


def _as_torch(parts: Mapping[str, Array]) -> dict[str, Array]:
    """The variables of one layer as torch has them."""
    if "kernel" not in parts or parts["kernel"].ndim != 2:
        return dict(parts)
    if "recurrent_kernel" not in parts:
        beside = {"bias": parts["bias"]} if "bias" in parts else {}
        return {"weight": parts["kernel"].T, **beside}
    back, kernel = parts["recurrent_kernel"].T, parts["kernel"].T
    n = back.shape[1]
    # Keras has the update gate of a GRU before its reset gate.
    order = [1, 0, 2] if len(back) == 3 * n else list(range(len(back) // n))
    rows: Callable[[Array], Array] = lambda array: array.reshape(len(order), n, -1)[order].reshape(array.shape)  # noqa: E731
    found = {"weight_ih_l0": rows(kernel), "weight_hh_l0": rows(back)}
    if "bias" not in parts:
        return found
    bias = parts["bias"]
    if len(order) == 3 and bias.ndim == 1:
        raise UnreadableError(
            "holds a GRU of Keras with reset_after=False, whose reset gate acts before the recurrent weights: such a "
            "cell cannot be stepped here; train it with reset_after=True, the default"
        )
    entering, recurrent = (bias[0], bias[1]) if bias.ndim == 2 else (bias, np.zeros_like(bias))
    return {**found, "bias_ih_l0": rows(entering), "bias_hh_l0": rows(recurrent)}


def _keras_settings(config: Any) -> dict[str, Any]:
    """The activation of the recurrent layer, as the configuration of a model says it."""
    layers = config.get("config", {}).get("layers", []) if isinstance(config, dict) else []
    for layer in layers:
        if layer.get("class_name") in ("SimpleRNN", "GRU", "LSTM"):
            return {"activation": str(layer.get("config", {}).get("activation", "tanh"))}
    return {}
