"""The data folder and its parts."""

import errno
import os
import stat
from pathlib import Path

import pytest

from hmmrnn.storage.paths import DataFolder, NotWrittenError, writing


def test_its_parts_are_made_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "a" / "data")
    assert stat.S_IMODE(data.path.stat().st_mode) == 0o700
    parts = {"networks", "trainings", "sweeps", "incoming", "tables", "inputs"}
    assert {path.name for path in data.path.iterdir()} == parts
    DataFolder(data.path)


def test_a_place_where_no_file_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot be written to \(File exists\); name another with HMMRNN_DATA"):
        DataFolder(tmp_path / "file")


@pytest.mark.parametrize(("number", "reason"), [
    (errno.ENOSPC, "its disk is full"), (errno.EIO, "Input/output error"),
], ids=["full", "broken"])  # fmt: skip
def test_a_failed_write_says_why_and_what_to_do(number: int, reason: str) -> None:
    with pytest.raises(NotWrittenError, match="ask its administrator") as found, writing():
        raise OSError(number, "Input/output error")
    assert f"({reason})" in str(found.value)


class TestPrivate:
    def test_others_lose_the_right_to_write(self, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        (folder / "networks").mkdir(parents=True)
        for path in (folder, folder / "networks"):
            path.chmod(0o777)
        DataFolder(folder)
        assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "networks")} == {0o755}

    def test_a_folder_for_everybody_is_refused_and_left_as_it_is(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o1777)
        with pytest.raises(ValueError, match=r"others may write to .* name a new folder with HMMRNN_DATA"):
            DataFolder(tmp_path)
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another account")
    def test_that_of_another_account_is_refused(self, tmp_path: Path) -> None:
        os.chown(tmp_path, 12345, 12345)
        with pytest.raises(ValueError, match="another account owns"):
            DataFolder(tmp_path)
