"""What is no network's file, is damaged or asks for code is refused in a sentence, and nothing of it is run."""

from __future__ import annotations

import os
import pickle
import random
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from hmmrnn.model.checkpoint import CheckpointError, load, read_metadata, save
from hmmrnn.model.opening import contents, torch_files
from tests.model.opening.paper_files import N, PaperRNN, network, state


class TestNotANetworkFile:
    def test_too_large_is_not_read(self, tmp_path) -> None:
        path = tmp_path / "net.safetensors"
        with open(path, "wb") as file:
            file.truncate(contents.MAX_BYTES + 1)
            file.write(b"x")
        with pytest.raises(CheckpointError, match="has 256 MiB; expected at most 256 MiB"):
            load(path)

    @pytest.mark.parametrize(("name", "sentence"), [
        ("nowhere.pth", r"nowhere\.pth does not exist; expected .*; check its name"),
        (".", "is a folder; expected the file of a network"), ("a\0b", "cannot be read"),
    ])  # fmt: skip
    def test_what_is_no_file(self, tmp_path, name, sentence) -> None:
        with pytest.raises(CheckpointError, match=sentence):
            load(tmp_path / name)

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", r"empty \(0 bytes\)"),
            (
                f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 152347\n".encode(),
                "a Git LFS pointer .* file of 152,347 bytes, .*`git lfs pull`",
            ),
            (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG picture, not a network; .*choose another file"),
            (b'{"weights": [1, 2, 3]}', "JSON text, not a network; .*choose another file"),
            ("Gewichte für später\n".encode() * 200, "a text file, not a network"),
            (b"\x93NUMPY\x01\x00" + bytes(40), r"a NumPy \.npy file, not a network"),
            (bytes(range(200, 255)), "of an unknown format, not a network|corrupt safetensors header"),
        ],
        ids=["empty", "pointer", "picture", "JSON", "text", "NumPy", "unknown"],
    )
    @pytest.mark.parametrize("name", ["net.pth", "net.bin", "net.safetensors"])
    def test_what_is_no_network(self, tmp_path, name, content, sentence) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=rf"{name} (is|has) (a )?({sentence})"):
            load(tmp_path / name)

    def test_another_zip_archive(self, tmp_path) -> None:
        np.savez(tmp_path / "net.npz", W_hh=np.eye(3))
        with pytest.raises(
            CheckpointError, match=r"has recurrent weights W_hh \(3, 3\), and beside them no other matrix"
        ):
            load(tmp_path / "net.npz")

    def test_torchscript(self, tmp_path) -> None:
        with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
            archive.writestr("net/data.pkl", b"")
            archive.writestr("net/constants.pkl", b"")
        with pytest.raises(CheckpointError, match=r"is a TorchScript program; .*torch\.save\(model\.state_dict\(\)"):
            load(tmp_path / "net.pt")

    def test_zip_bomb_is_not_unpacked(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(torch_files, "MAX_BYTES", 2**20)
        with zipfile.ZipFile(tmp_path / "net.pth", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("net/data.pkl", bytes(5 * 2**20))
        with pytest.raises(CheckpointError, match="unpacks to 5 MiB; expected at most 1 MiB"):
            load(tmp_path / "net.pth")

    def test_header_of_a_torch_file(self, tmp_path) -> None:
        torch.save(state(), tmp_path / "net.pth")
        with pytest.raises(CheckpointError, match=r"has no safetensors header; .*python -m hmmrnn convert"):
            read_metadata(tmp_path / "net.pth")


class Bomb:
    """An object whose pickle creates a file when it is opened."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self.trace}",)


class TestCodeIsNeverRun:
    @pytest.mark.parametrize("legacy", [False, True])
    @pytest.mark.parametrize("wrap", [lambda bomb: bomb, lambda bomb: {**state(), "epoch": bomb}])
    def test_in_a_torch_file(self, tmp_path, legacy, wrap) -> None:
        path, trace = tmp_path / "net.pth", tmp_path / "trace"
        torch.save(wrap(Bomb(trace)), path, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(CheckpointError, match=r"the code of (posix|nt)\.system, which was refused and not run"):
            load(path)
        assert not trace.exists()

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_in_a_plain_pickle(self, tmp_path, protocol) -> None:
        path, trace = tmp_path / "net.pth", tmp_path / "trace"
        path.write_bytes(pickle.dumps(Bomb(trace), protocol))
        with pytest.raises(CheckpointError, match=r"net\.pth is (a Python pickle|a text file|of an unknown format)"):
            load(path)
        assert not trace.exists()

    def test_a_whole_module(self, tmp_path) -> None:
        torch.save(PaperRNN(), tmp_path / "net.pth")
        with pytest.raises(CheckpointError, match=r"the code of .*PaperRNN, .*save its state dict with torch\.save"):
            load(tmp_path / "net.pth")


def written(path: Path, kind: str) -> bytes:
    """A file of a network, `safetensors` or one of torch's two kinds, `zip` and `legacy`."""
    if kind == "safetensors":
        save(network(bias=True, family="linear-2"), path)
    else:
        torch.save(state(bias=True), path, _use_new_zipfile_serialization=kind == "zip")
    return path.read_bytes()


class TestDamaged:
    @pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
    def test_cut_anywhere(self, tmp_path, kind) -> None:
        path = tmp_path / ("net.safetensors" if kind == "safetensors" else "net.pth")
        whole = written(path, kind)
        cuts = {1, 3, 8, 9, 15, *np.linspace(16, len(whole) - 1, 25).astype(int).tolist()}
        for cut in sorted(cuts):
            path.write_bytes(whole[:cut])
            with pytest.raises(CheckpointError, match=r"truncated|not a network"):
                load(path)

    def test_length_is_compared_with_the_header(self, tmp_path) -> None:
        path = tmp_path / "net.safetensors"
        save(network(), path)
        whole = path.read_bytes()
        for content, found in ((whole[:-10], "truncated"), (whole + b"x", "too long")):
            path.write_bytes(content)
            sentence = f"is {found}: it has {len(content):,} bytes; expected {len(whole):,};"
            for read in (load, read_metadata):
                with pytest.raises(CheckpointError, match=sentence):
                    read(path)

    @pytest.mark.parametrize("header", [
        b'{"a": 5}',
        b'{"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}',
        b"{\xff}", b'{"fc.weight": ', None,
    ])  # fmt: skip
    def test_corrupt_header(self, tmp_path, header) -> None:
        path = tmp_path / "net.safetensors"
        if header is None:
            save(network(), path)
            path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])
        else:
            path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
        for read in (load, read_metadata):
            with pytest.raises(CheckpointError, match=r"corrupt safetensors header \(.*\); expected JSON"):
                read(path)

    @pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
    def test_random_damage_gives_a_network_or_a_sentence(self, tmp_path, kind) -> None:
        path = tmp_path / "net.bin"
        whole, rng = written(path, kind), random.Random(0)
        refused = []
        for _ in range(200):
            damaged = bytearray(whole)
            for _ in range(rng.randint(1, 4)):
                damaged[rng.randrange(min(len(damaged), 1500))] = rng.randrange(256)
            path.write_bytes(damaged)
            try:
                assert load(path).n_neurons == N
            except CheckpointError as error:
                refused.append(str(error))
        assert refused
        assert [sentence for sentence in refused if not re.fullmatch(r"net\.bin.*", sentence)] == []
