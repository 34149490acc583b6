"""The convert command: the same network in another file."""

from __future__ import annotations

import re
import shlex

import numpy as np
import torch

from hmmrnn import cli
from hmmrnn.model.checkpoint import load, save
from tests.cli.shell import contracting, python, refusal


class TestConvert:
    def test_torch_to_safetensors(self, tmp_path, capsys) -> None:
        source, destination = tmp_path / "paper.pth", tmp_path / "net.safetensors"
        torch.manual_seed(0)
        shapes = {"rnn.weight_ih_l0": (6, 4), "rnn.weight_hh_l0": (6, 6), "fc.weight": (3, 6)}
        torch.save({name: torch.randn(shape) for name, shape in shapes.items()}, source)
        assert cli.main(["convert", str(source), str(destination)]) == 0
        before, after = load(source), load(destination)
        assert all(np.array_equal(getattr(before, name), getattr(after, name)) for name in ("W_hh", "W_ih", "W_out"))
        assert after.metadata["source"] == "paper.pth"
        assert capsys.readouterr().out == ""

    def test_what_cannot_be_read_from_the_tensors_is_said_by_options(self, tmp_path, capsys) -> None:
        source, destination = tmp_path / "mine.npz", tmp_path / "net.safetensors"
        np.savez(source, wrec=np.eye(4), win=np.ones((4, 2)), wout=np.ones((3, 4)))
        said = refusal(capsys, "convert", source, destination)
        assert "wrec (4, 4), win (4, 2), wout (3, 4)" in said
        options = shlex.split(re.search(r"hmmrnn convert with (.*) \(see|hmmrnn convert with (.*)", said)[0])[3:]
        assert cli.main(["convert", str(source), str(destination), *options]) == 0
        assert load(destination).cell == "tanh"
        assert "--map must be ROLE=TERM" in refusal(capsys, "convert", source, destination, "--map", "tanh")

    def test_bad_file_leaves_the_destination_alone(self, capsys, tmp_path) -> None:
        source, destination = tmp_path / "empty.pth", tmp_path / "net.safetensors"
        source.touch()
        save(contracting(), destination)
        before = destination.read_bytes()
        assert "convert: empty.pth is empty (0 bytes)" in refusal(capsys, "convert", source, destination)
        assert destination.read_bytes() == before

    def test_the_process_says_one_sentence_without_a_traceback(self, tmp_path) -> None:
        (tmp_path / "net.pth").write_bytes(b"PK\x03\x04 cut off")
        done = python("-m", "hmmrnn", "convert", tmp_path / "net.pth", tmp_path / "net.safetensors")
        assert done.returncode == 2
        assert re.fullmatch(r"python -m hmmrnn convert: net\.pth is truncated or damaged: [^\n]*\n", done.stderr)
