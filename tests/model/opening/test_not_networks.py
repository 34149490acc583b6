"""Files that hold no network are named for what they are, and the advice works."""

import json
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from hmmrnn.model.checkpoint import CheckpointError, load, save
from hmmrnn.model.hmm import HMM
from hmmrnn.model.hmm_text import read_hmm
from hmmrnn.model.inputs import read_inputs
from hmmrnn.model.sequences import read_sequences
from tests.networks import random_network

CYCLIC = HMM.preset("cyclic")
FITTED = {"transmat_": CYCLIC.A.tolist(), "emissionprob_": CYCLIC.B.tolist(), "startprob_": CYCLIC.start.tolist()}
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": ["1"]}]}
SYMBOLS = "".join(f"{i // 10},{'abc'[i % 3]}\n" for i in range(30))
KINDS = [
    ("hmm.json", json.dumps(CYCLIC.to_dict()), "is an HMM of 4 states and 3 symbols"),
    ("fitted.json", json.dumps(FITTED), "is an HMM of 4 states and 3 symbols"),
    (
        "broken.json",
        json.dumps({"A": [[0.5, 0.2], [0, 1]], "B": [[1], [1]]}),
        "is meant to be an HMM, not a network",
    ),
    (
        "noted.json",
        json.dumps({"note": "dice", "A": [[0.5, 0.5], [0, 1]], "B": [[1], [1]]}),
        "is meant to be an HMM, not a network, and is none: note is not known",
    ),
    (
        "named.json",
        json.dumps({"name": "dice", "A": [[0.5, 0.5], [0, 1]], "B": [[1], [1]]}),
        "is an HMM of 2 states and 1 symbol, not a network",
    ),
    ("run.ipynb", json.dumps(NOTEBOOK), "is a Jupyter notebook, not a network"),
    ("mine.json", json.dumps({"format": "hmmrnn-session", "version": 1}), "is a saved session of this page"),
    ("bouts.csv", f"sequence,symbol\n{SYMBOLS}", "is a table of 3 sequences of 3 symbols, not a network"),
    ("rows.csv", "a,b,a,c,a\nb,b,c,a,a\n", "is a table of 2 sequences of 3 symbols"),
    (
        "pulses.csv",
        "".join(f"{i / 7},{i / 3},0.25\n" for i in range(90)),
        "is a table of 90 x 3 numbers",
    ),
    ("net.pth", "<!DOCTYPE html>\n<html><body>GitHub</body></html>", "is a web page, not the file that it shows"),
    ("model.py", "import torch\n\nclass Net(torch.nn.Module):\n    pass\n", "is a Python program, not a network"),
    ("notes.txt", "dear diary", "is a text file, not a network"),
    ("list.json", "[1, 2]", "is JSON text, not a network"),
]


@pytest.mark.parametrize(("name", "text", "words"), KINDS, ids=lambda value: value if len(str(value)) < 20 else "")
def test_text_is_named(name, text, words, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(CheckpointError, match=re.escape(f"{name} {words}")):
        load(tmp_path / name)


def test_the_advice_on_an_hmm_and_on_tables_works():
    texts = {name: text for name, text, _ in KINDS}
    for name in ("hmm.json", "fitted.json"):
        np.testing.assert_allclose(HMM.from_dict(read_hmm(texts[name])).A, CYCLIC.A)
    assert read_sequences(texts["bouts.csv"]).n_outputs == 3
    assert read_inputs(texts["pulses.csv"]).shape == (90, 3)


def test_an_archive_of_networks_names_them(tmp_path: Path):
    save(random_network(), tmp_path / "a.safetensors")
    for names, words in (
        (
            ["a.safetensors", "b.pth"],
            "is a zip archive of 2 networks (a.safetensors, b.pth); unpack it",
        ),
        (["runs/a.safetensors"], "is a zip archive with the file runs/a.safetensors; unpack it, and open that file"),
        (["notes.txt"], "is a zip archive of another kind"),
    ):
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for name in names:
                archive.write(tmp_path / "a.safetensors", name)
        with pytest.raises(CheckpointError, match=re.escape(words)):
            load(tmp_path / "all.zip")


def test_a_network_in_json_still_opens(tmp_path):
    network = random_network(5, 2)
    text = {name: getattr(network, name).tolist() for name in ("W_hh", "W_ih", "W_out")}
    (tmp_path / "net.json").write_text(json.dumps({**text, "cell": "relu"}))
    np.testing.assert_array_equal(load(tmp_path / "net.json").W_hh, network.W_hh)


class Module(torch.nn.Module):
    """A network whose class a file of torch names."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.GRU(2, 4, batch_first=True)
        self.fc = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        return self.fc(self.rnn(x)[0])


def programs(folder: Path) -> dict[str, tuple[str, dict[str, torch.Tensor]]]:
    """Files that hold a program: the words on each, and the state dict that the advice gives."""
    module = Module().eval()
    torch.save(module, folder / "module.pt")
    torch.save({"net": module, "epoch": 3}, folder / "module-in-dict.pt")
    torch.jit.save(torch.jit.script(module), str(folder / "script.pt"))
    (folder / "module.pkl").write_bytes(pickle.dumps(module.state_dict()))
    (folder / "protocol-0.pkl").write_bytes(pickle.dumps({"W": 1}, protocol=0))
    loaded = torch.load(folder / "module.pt", weights_only=False).state_dict()
    scripted = torch.jit.load(str(folder / "script.pt")).state_dict()
    return {
        "module.pt": (
            r"code of .*Module, .* load it where its class is defined, with torch.load\(path, weights_",
            loaded,
        ),
        "module-in-dict.pt": ("asks for the code of .*Module", loaded),
        "script.pt": (r"is a TorchScript program; .*model = torch.jit.load\(path\)", scripted),
        "module.pkl": (r"torch.save\(pickle.load\(open\('module.pkl', 'rb'\)\), 'net.pth'\)", module.state_dict()),
        "protocol-0.pkl": ("is a Python pickle, which can hold code and was not opened", module.state_dict()),
    }


@pytest.mark.filterwarnings("ignore")
def test_programs_are_named_and_the_advice_gives_a_network(tmp_path):
    for name, (words, state) in programs(tmp_path).items():
        with pytest.raises(CheckpointError, match=words):
            load(tmp_path / name)
        torch.save(state, tmp_path / "net.pth")
        assert load(tmp_path / "net.pth").cell == "gru"


@pytest.mark.parametrize(("name", "data", "words"), [
    ("net.onnx", b"\x08\x08\x12\x07pytorch", "is an ONNX file"),
    ("export", b"\x08\x08\x12\x07pytorch", "is an ONNX file"),
    ("tf2.onnx", b"\x08\x09", "is an ONNX file"), ("saved_model.pb", b"\x08\x01\x12\xb5", "a TensorFlow SavedModel"),
    ("a.ckpt.index", b"\0\0\1", "a TensorFlow checkpoint"),
    ("a.data-00000-of-00001", b"\1\2", "a TensorFlow checkpoint"),
    ("net.msgpack", b"\x81\xa6params\x81", "is a msgpack file of Flax"), ("net", b"\x82\xa6params\x81", "msgpack file"),
    ("net.pt.gz", b"\x1f\x8b\x08", "is a compressed file"), ("net.rds", b"\x1f\x8b\x08", "jsonlite::write_json"),
    ("net.tar", b"net.pt".ljust(257, b"\0") + b"ustar", "is a tar archive"), ("a.7z", b"7z\xbc\xaf", "a 7z archive"),
    ("a.rar", b"Rar!\x1a\x07", "a RAR archive"), ("a.xz", b"\xfd7zXZ\0", "an xz archive"),
    ("a.zst", b"\x28\xb5\x2f\xfd", "Zst"),
    ("a.gif", b"GIF89a", "is a GIF picture"), ("a.parquet", b"PAR1", "is a Parquet table"), ("a.gguf", b"GGUF", "GGUF"),
])  # fmt: skip
def test_files_of_other_programs_are_named_by_their_bytes_and_names(name, data, words, tmp_path):
    (tmp_path / name).write_bytes(data.ljust(300, b"\xff"))
    with pytest.raises(CheckpointError, match=f"{re.escape(name)} .*{re.escape(words)}"):
        load(tmp_path / name)


@pytest.mark.parametrize(("members", "words"), [
    (["xl/workbook.xml"], "is an Excel workbook"), (["word/document.xml"], "is a Word document"),
    (["net/archive_format", "net/data/weights/weight_0"], "is a program of torch.export"),
    (["net/saved_model.pb", "net/variables/variables.index"], "an archive of a TensorFlow SavedModel"),
])  # fmt: skip
def test_archives_of_other_programs_are_named(members, words, tmp_path):
    with zipfile.ZipFile(tmp_path / "net.zip", "w") as archive:
        for name in members:
            archive.writestr(name, "x")
    with pytest.raises(CheckpointError, match=words):
        load(tmp_path / "net.zip")


def test_folders_are_named_with_what_is_in_them(tmp_path):
    with pytest.raises(CheckpointError, match=r"is a folder; .* name a file in it$"):
        load(tmp_path)
    (tmp_path / "net.pth").touch()
    with pytest.raises(CheckpointError, match=r"name a file in it, such as net.pth"):
        load(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(CheckpointError, match="is a folder of a TensorFlow SavedModel"):
        load(tmp_path)


def test_a_dict_in_a_file_of_numpy_opens_as_the_sentence_says(tmp_path):
    arrays = {"W_hh": np.eye(2), "W_ih": np.ones((2, 1)), "W_out": np.ones((1, 2))}
    np.save(tmp_path / "net.npy", arrays)
    with pytest.raises(CheckpointError, match=r"allow_pickle=True\).item\(\)"):
        load(tmp_path / "net.npy")
    np.savez(tmp_path / "net.npz", **np.load(tmp_path / "net.npy", allow_pickle=True).item())
    assert load(tmp_path / "net.npz").n_neurons == 2


def test_what_lies_in_lists_and_beside_networks_is_named(tmp_path):
    state = Module().state_dict()
    torch.save({"models": [state, state]}, tmp_path / "several.pt")
    with pytest.raises(CheckpointError, match=r"models.0.rnn.weight_hh_l0, .*say which tensors are those of one"):
        load(tmp_path / "several.pt")
    parts = {role: f"models.1.{name}" for role, name in {
        "W_hh": "rnn.weight_hh_l0", "W_ih": "rnn.weight_ih_l0", "W_out": "fc.weight"}.items()}  # fmt: skip
    assert load(tmp_path / "several.pt", mapping=parts).cell == "gru"
    torch.save({"models": [state]}, tmp_path / "one.pt")
    assert load(tmp_path / "one.pt").cell == "gru"
    torch.save(torch.optim.Adam(Module().parameters()).state_dict(), tmp_path / "optimizer.pt")
    with pytest.raises(CheckpointError, match="holds the state of an optimizer, not its network"):
        load(tmp_path / "optimizer.pt")


@pytest.mark.parametrize("rows", ["[[1, 2], [3]]", '[[1, "a"], [2, 3]]', "[[1], [2, 3]]"])
def test_rows_of_json_that_are_no_matrix_are_named(rows, tmp_path):
    (tmp_path / "net.json").write_text(f'{{"W_hh": {rows}, "W_ih": [[1], [1]], "W_out": [[1, 1]]}}')
    with pytest.raises(CheckpointError, match="is JSON with rows of different lengths, or with words among numbers"):
        load(tmp_path / "net.json")
