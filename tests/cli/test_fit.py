"""The fit command: a table of symbols becomes an HMM and a network, and what cannot be read is said."""

from __future__ import annotations

import json

import numpy as np

from hmmrnn import HMM, cli
from hmmrnn.model.checkpoint import load
from hmmrnn.model.metadata import target
from tests.cli.shell import refusal

KNOWN = HMM([[0.9, 0.1], [0.2, 0.8]], [[0.95, 0.05], [0.1, 0.9]])


def table(folder):
    rows = [f"{id},{'AB'[o]}" for id, one in enumerate(KNOWN.sample(24, 60, 0)[0]) for o in one]
    path = folder / "data.csv"
    path.write_text("\n".join(["sequence,symbol", *rows]))
    return path


def test_a_table_becomes_an_hmm_and_a_network(capsys, tmp_path):
    path = table(tmp_path)
    options = ["--most-states", "2", "--starts", "1", "--neurons", "8", "--steps", "2", "--progress", "none"]
    assert cli.main(["fit", str(path), *options]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["alphabet"], told["sequences"], told["symbols"], told["chosen"]) == (["A", "B"], 24, 1440, 2)
    network = load(tmp_path / "data.safetensors")
    assert told["network"] == str(tmp_path / "data.safetensors")
    assert target(network.metadata, 2).equals(HMM.from_dict(told["hmm"]))
    np.testing.assert_allclose(told["hmm"]["A"], KNOWN.A, atol=4 * np.max(told["A_se"]))
    assert set(told["statistics"]) == {"data", "hmm", "network", "null"}
    assert told["statistics"]["network"]["symbols"] > 0


def test_it_stops_at_the_hmm(capsys, tmp_path):
    path = table(tmp_path)
    options = ["--no-train", "--states", "1", "--most-states", "1", "--starts", "1", "--progress", "none"]
    assert cli.main(["fit", str(path), *options, "--json", str(tmp_path / "fit.json")]) == 0
    told = json.loads((tmp_path / "fit.json").read_text())
    assert (told["network"], told["statistics"]["network"], len(told["hmm"]["A"])) == (None, None, 1)
    assert not (tmp_path / "data.safetensors").exists()


def test_what_cannot_be_read_is_said(capsys, tmp_path):
    (tmp_path / "bad.csv").write_text("0\n0\n")
    assert "at least 2 different symbols" in refusal(capsys, "fit", tmp_path / "bad.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    assert "is not text; expected a table of symbols" in refusal(capsys, "fit", tmp_path / "bytes.csv")
    assert f"{tmp_path / 'none.csv'}: No such file" in refusal(capsys, "fit", tmp_path / "none.csv")
    assert f"{tmp_path}: Is a directory" in refusal(capsys, "fit", tmp_path)
