"""The data folder, in which all processes of a server keep what users make.

networks/    trained and opened networks and snapshots, offered in the picker beside the shipped ones
trainings/   one folder per training: its settings, the state from which it is resumed, its latest snapshot
sweeps/      one file per sweep: the settings of its trainings
tables/      tables of symbol sequences that were opened
inputs/      tables of inputs that were opened
incoming/    uploaded files that are not checked yet
queue.db     the queues, unless they are in Redis
counters.db  failed sign-ins of the last minute and uploads of the last day, unless they are in Redis
signed-out/  the numbers of sessions that were ended, where there are users
secret.key   the key with which sessions are signed, and what is kept in Redis
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

COUNTERS = "counters.db"
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_FULL = (errno.ENOSPC, errno.EDQUOT)


class NotWrittenError(ValueError):
    """A file cannot be kept in the data folder; the message says why."""


class DataFolder:
    """The data folder and its parts, made if they are not there, and private to the owner of the process.

    Raises:
        ValueError: the folder cannot be made, or no file can be written in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        parts = [self.path / name for name in ("networks", "trainings", "sweeps", "incoming", "tables", "inputs")]
        self.networks, self.trainings, self.sweeps, self.incoming, self.tables, self.inputs = parts
        self.queue, self.secret = self.path / "queue.db", self.path / "secret.key"
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for part in parts:
                part.mkdir(exist_ok=True, mode=0o700)
            with TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise ValueError(
                f"the data folder {self.path} cannot be written to ({error.strerror}); name another with HMMRNN_DATA"
            ) from error
        for folder in (self.path, *parts):
            make_private(folder, "HMMRNN_DATA")


def make_private(folder: Path, named_by: str) -> None:
    """Take from all others the right to write to a folder: what lies in it is run, or trusted.

    Args:
        folder: it is there.
        named_by: the variable that names it.

    Raises:
        ValueError: it belongs to another account, is one in which everybody may write, or the right cannot be taken.
    """
    found = folder.stat()
    mine = found.st_uid in (os.geteuid(), 0)
    # A folder for everybody, such as /tmp, stays what it is.
    shared = bool(found.st_mode & stat.S_ISVTX)
    if mine and not shared and found.st_mode & OTHERS_WRITE:
        with suppress(OSError):
            folder.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS_WRITE)
        found = folder.stat()
    if not mine or found.st_mode & OTHERS_WRITE:
        why = "others may write to" if mine else "another account owns"
        raise ValueError(
            f"{why} the folder {folder}, and what lies in it is trusted; name a new folder with {named_by}, which is "
            f"then made for this account alone"
        )


@contextmanager
def writing() -> Iterator[None]:
    """Turn the error of a full or broken disk into a sentence.

    Raises:
        NotWrittenError: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = "its disk is full" if error.errno in _FULL else error.strerror
        raise NotWrittenError(
            f"the server cannot write to its data folder ({reason}); ask its administrator to free space or repair "
            f"it, then try again; everything that needs no new file still works"
        ) from error
