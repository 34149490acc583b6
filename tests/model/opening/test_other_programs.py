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
from scipy.sparse import csc_matrix

from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load
from tests.model.opening.opened import assert_right, proposed, relu


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


# ---- MATLAB ----


def matlab_73(path: Path, write: Any) -> Path:
    """A file as MATLAB 7.3 writes it: HDF5 behind a header of 512 bytes, matrices turned, with their class."""
    with h5py.File(path, "w", userblock_size=512) as file:
        write(file)
    data = bytearray(path.read_bytes())
    data[:128] = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(data)
    return path


def put(group: Any, name: str, value: Any) -> None:
    kind = b"char" if isinstance(value, str) else b"double"
    values = np.array([[ord(sign)] for sign in value], "u2") if isinstance(value, str) else np.atleast_2d(value).T
    group.create_dataset(name, data=values).attrs["MATLAB_class"] = np.bytes_(kind)


WEIGHTS = {"W_hh": np.arange(4.0).reshape(2, 2) / 9, "W_ih": np.ones((2, 1)), "W_out": np.array([[0.5, -1.0]])}
BIASES = {"b_h": np.array([[0.1], [0.2]]), "b_out": 0.3}
SAID = {"cell": "tanh", "alpha": 0.25}


def assert_is_that(network: Any) -> None:
    for name, value in WEIGHTS.items():
        np.testing.assert_array_equal(getattr(network, name), value)
    assert (network.b_h.tolist(), network.b_out.tolist()) == ([0.1, 0.2], [0.3])
    assert (network.cell, network.alpha) == ("tanh", 0.25)


@pytest.mark.parametrize("turn", ["plain", "structure", "sparse", "rows"])
def test_matlab_5_keeps_vectors_numbers_and_words_as_matrices(turn, tmp_path):
    arrays: dict[str, Any] = {**WEIGHTS, **BIASES, **SAID}
    if turn == "sparse":
        arrays["W_hh"] = csc_matrix(arrays["W_hh"])
    if turn == "rows":
        arrays["b_h"] = arrays["b_h"].T
    savemat(tmp_path / "net.mat", {"net": arrays} if turn == "structure" else arrays)
    assert_is_that(load(tmp_path / "net.mat", mapping=SAID if turn == "structure" else None))


@pytest.mark.parametrize("turn", ["plain", "structure", "sparse"])
def test_matlab_73_keeps_numbers_words_and_sparse_matrices(turn, tmp_path):
    def write(file: Any) -> None:
        group = file.create_group("net") if turn == "structure" else file
        if turn == "structure":
            group.attrs["MATLAB_class"] = np.bytes_(b"struct")
        arrays: dict[str, Any] = {**WEIGHTS, **BIASES, **SAID}
        if turn == "sparse":
            whole, part = csc_matrix(arrays.pop("W_hh")), group.create_group("W_hh")
            part.attrs["MATLAB_class"], part.attrs["MATLAB_sparse"] = np.bytes_(b"double"), np.uint64(2)
            part["data"], part["ir"], part["jc"] = whole.data, whole.indices.astype("u8"), whole.indptr.astype("u8")
        for name, value in arrays.items():
            put(group, name, value)

    assert_is_that(load(matlab_73(tmp_path / "net.mat", write), mapping=SAID if turn == "structure" else None))


def test_matlab_4_and_cell_arrays(tmp_path):
    savemat(tmp_path / "old.mat", {**WEIGHTS, **BIASES, **SAID}, format="4")
    assert_is_that(load(tmp_path / "old.mat"))
    savemat(tmp_path / "cells.mat", {"layers": np.array([*WEIGHTS.values()], dtype=object)})
    with pytest.raises(MappingNeededError, match=r"Its tensors are layers.0 \(2, 2\), layers.1 \(2, 1\)"):
        load(tmp_path / "cells.mat")


@pytest.mark.parametrize("length", [20, 125, 126, 200])
def test_a_matlab_file_that_is_cut_is_named(length, tmp_path):
    savemat(tmp_path / "net.mat", WEIGHTS)
    (tmp_path / "cut.mat").write_bytes((tmp_path / "net.mat").read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"cut.mat is (damaged|a damaged MATLAB file)"):
        load(tmp_path / "cut.mat")
