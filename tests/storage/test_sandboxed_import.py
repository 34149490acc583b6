"""Foreign files are read by a process of its own, within bounds."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from hmmrnn.model.checkpoint import CheckpointError, load, save
from hmmrnn.storage.sandboxed_import import MIB, Limits, convert
from tests.networks import random_network

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 119000\n"
ROOMY = Limits(seconds=60, memory=2048 * MIB, stored=64 * MIB)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save(random_network(n=40), path)
    return path


def test_it_copies_what_it_reads(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "copy.safetensors", ROOMY)
    assert (tmp_path / "copy.safetensors").read_bytes() == source.read_bytes()


def test_what_is_wrong_is_said_in_the_words_of_the_reader(tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(LFS_POINTER)
    with pytest.raises(CheckpointError) as refused:
        convert(tmp_path / "net.pth", tmp_path / "copy.safetensors", ROOMY)
    with pytest.raises(CheckpointError) as expected:
        load(tmp_path / "net.pth")
    assert str(refused.value) == str(expected.value)


def test_time_is_limited(source: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"net\.safetensors took more than 0 seconds to read"):
        convert(source, tmp_path / "copy.safetensors", replace(ROOMY, seconds=0))


def test_what_it_writes_is_limited(source: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"net\.safetensors could not be .* stored within 0 MiB of disk"):
        convert(source, tmp_path / "copy.safetensors", replace(ROOMY, stored=1000))
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".safetensors"] == ["net.safetensors"]


def test_a_file_that_unpacks_without_end_ends_its_own_process_only(tmp_path: Path) -> None:
    # Each byte of this pickle is an empty dict of 64 bytes; packed, 30 million of them are a file of 30 kB.
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"}" * 30_000_000 + b".")
        archive.writestr("archive/version", b"3\n")
    with pytest.raises(CheckpointError, match=r"bomb\.pth (could not be read within|is truncated or damaged)"):
        convert(tmp_path / "bomb.pth", tmp_path / "copy.safetensors", replace(ROOMY, memory=300 * MIB))
