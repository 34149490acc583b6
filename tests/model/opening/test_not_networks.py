"""Files that hold no network are named for what they are, and the advice works."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

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
