"""Tensors in files of NumPy, MATLAB, JSON and HDF5, by their names, as float64; nothing of a file is run.

    .npz   arrays of NumPy; objects, which could hold code, are refused
    .mat   MATLAB 5 to 7.2 by SciPy, 7.3 (HDF5) by h5py; fields of structures are joined by dots
    .json  nested lists by nested names
    .h5, .weights.h5, .keras  plain arrays, and weights of Keras (keras_layers.py), by h5py

Numbers and words beside the tensors (`alpha`, `activation`, ...) are kept as settings.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from hmmrnn.model.opening.contents import MAX_DEPTH, Array, Found, UnreadableError, flatten
from hmmrnn.model.opening.keras_layers import from_keras
from hmmrnn.model.opening.not_networks import name_json

MAX_VALUES = 64 * 2**20
# In MATLAB a number is a matrix of one: one with such a name is a weight or a bias.
_WEIGHTS = re.compile(r"[bBwW]([^a-z]|$|in|out|rec|ias)")


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
        try:
            return np.array(tree, dtype=np.float64)
        except ValueError as error:
            raise UnreadableError(
                f"is JSON with rows of different lengths, or with words among numbers ({str(tree)[:60]}); write every "
                "matrix as a list of rows of equally many numbers"
            ) from error
    return tree


# ---- MATLAB ----


def read_mat(path: Path) -> Found:
    """Arrays of a MATLAB file, fields of structures and places of cell arrays joined by dots."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        tree = loadmat(path)
    except (MatReadError, ValueError, OSError, TypeError, NotImplementedError, LookupError, EOFError) as error:
        raise UnreadableError(f"is a damaged MATLAB file ({str(error)[:120]}); save it again") from error
    found = Found({}, {}, ["a MATLAB file"])
    for name, item in tree.items():
        if not name.startswith("__"):
            _keep_matlab(name, item, found)
    return found


def _keep_matlab(name: str, item: Any, found: Found, depth: int = 0) -> None:
    """Keep a matrix, with what MATLAB has in place of numbers, words and vectors."""
    if hasattr(item, "toarray"):
        item = item.toarray()
    if depth > MAX_DEPTH or not isinstance(item, np.ndarray):
        return
    if item.dtype.names:
        for field in item.dtype.names:
            for place, part in enumerate(item[field].reshape(-1)):
                _keep_matlab(f"{name}.{place}.{field}" if item.size > 1 else f"{name}.{field}", part, found, depth + 1)
    elif item.dtype.kind == "O":
        for place, part in enumerate(item.reshape(-1)):
            _keep_matlab(f"{name}.{place}" if item.size > 1 else name, part, found, depth + 1)
    elif item.dtype.kind in "US":
        found.settings[name] = "".join(map(str, item.reshape(-1)))
    elif item.size == 1 and item.dtype.kind in "fiu" and not _WEIGHTS.match(name.rpartition(".")[2]):
        found.settings[name] = float(item.reshape(-1)[0])
    elif item.dtype.kind in "fiub":
        # Every vector is a matrix of one row or column.
        is_bias = name.rpartition(".")[2].lower().startswith("b") and 1 in item.shape
        found.arrays[name] = item.reshape(-1) if is_bias else item


# ---- HDF5: MATLAB 7.3, Keras, and plain arrays ----


def read_hdf5(source: Path | bytes, config: Any = None) -> Found:
    """Arrays of an HDF5 file: of Keras as torch has them, of MATLAB as it shows them, others as they are."""
    h5py = _h5py()
    try:
        with h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r") as file:
            if any("MATLAB_class" in item.attrs for item in file.values()):
                return _matlab_in_hdf5(file)
            arrays: dict[str, Array] = {}

            def keep(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiu" and item.size <= MAX_VALUES:
                    arrays[name] = item[()]

            file.visititems(keep)
            config = config or json.loads(file.attrs.get("model_config", "null"))
            said = {name: item for name, item in file.attrs.items() if isinstance(item, str) and name != "model_config"}
    except UnreadableError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UnreadableError(f"is an HDF5 file that cannot be read ({str(error)[:120]}); save it again") from error
    if not any(re.search(r"(kernel(:0)?|/vars/\d+)$", name) for name in arrays):
        plain: dict[str, Array] = {}
        for name, array in arrays.items():
            _keep(name.replace("/", "."), array, plain, said)
        return Found(plain, said, ["an HDF5 file"])
    return from_keras(arrays, config)


def _matlab_in_hdf5(file: Any) -> Found:
    """What MATLAB 7.3 writes: matrices turned, words as numbers, sparse matrices in three parts."""
    found = Found({}, {}, ["a MATLAB 7.3 file"])

    def keep(name: str, item: Any) -> None:
        plain = name.replace("/", ".")
        if name.startswith("#") or not item.attrs.get("MATLAB_class"):
            return
        if "MATLAB_sparse" in item.attrs and "data" in item:
            whole = np.zeros((int(item.attrs["MATLAB_sparse"]), len(item["jc"]) - 1))
            columns = np.repeat(np.arange(whole.shape[1]), np.diff(item["jc"][()].astype(np.int64)))
            whole[item["ir"][()].astype(np.int64), columns] = item["data"][()]
            _keep_matlab(plain, whole, found)
        elif hasattr(item, "shape") and item.dtype.kind in "fiu" and item.size <= MAX_VALUES:
            values = item[()]
            if item.attrs["MATLAB_class"] == b"char":
                found.settings[plain] = "".join(map(chr, values.reshape(-1)))
            else:
                _keep_matlab(plain, values.T, found)

    file.visititems(keep)
    return found


def read_keras_archive(path: Path) -> Found:
    """A .keras file: a zip archive of the configuration and of the weights."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        weights = archive.read("model.weights.h5")
    return read_hdf5(weights, config)


def _h5py() -> Any:
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise UnreadableError("is an HDF5 file, which takes h5py to read: pip install 'hmmrnn[files]'") from error
    return h5py
