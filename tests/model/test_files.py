"""Files that are replaced as a whole."""

import stat
from pathlib import Path

import pytest

from hmmrnn.model.files import replace_file


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        replace_file(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_keeps_the_old_content_and_leaves_nothing_behind(tmp_path: Path, monkeypatch) -> None:
    replace_file(tmp_path / "file", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hmmrnn.model.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_private_file_is_the_owners_alone(tmp_path: Path) -> None:
    replace_file(tmp_path / "file", b"secret", private=True)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
