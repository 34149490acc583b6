"""Where is what was made or opened here kept? In one folder that all processes share.

networks/    what was trained, opened or taken as a snapshot: offered in the picker beside the shipped networks
trainings/   one folder for each training: its settings, the state it is resumed from, its latest snapshot
sweeps/      one file for each sweep: what its trainings are
incoming/    files that were handed in and are not checked yet
queue.db     the queues, unless they are in Redis
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

# A disk that is full, or as full as this user may make it.
_FULL = (errno.ENOSPC, errno.EDQUOT)


class NotWrittenError(ValueError):
    """Something cannot be kept in the data folder; the message says why."""


@contextmanager
def writing() -> Iterator[None]:
    """Turn what a full or broken disk raises into a sentence."""
    try:
        yield
    except OSError as error:
        why = "there is no room left in it" if error.errno in _FULL else error.strerror
        raise NotWrittenError(
            f"the data folder of the server cannot be written to ({why}); try again when whoever runs it has seen to "
            f"that; what needs no new file goes on"
        ) from error


@cache
def data() -> Path:
    """The folder, made private to its owner: HMMRNN_DATA, or a place of the user's own.

    Raises:
        ValueError: it cannot be made, or not be written to.
    """
    default = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hmmrnn"
    path = Path(os.environ.get("HMMRNN_DATA") or default).resolve()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise ValueError(
            f"the data folder {path} cannot be written to ({error.strerror}); name another with HMMRNN_DATA"
        ) from error


def networks() -> Path:
    """The folder of networks that were trained, opened or taken as a snapshot."""
    return _part("networks")


def trainings() -> Path:
    """The folder of trainings."""
    return _part("trainings")


def sweeps() -> Path:
    """The folder of sweeps."""
    return _part("sweeps")


def incoming() -> Path:
    """The folder of files that are not checked yet."""
    return _part("incoming")


def _part(name: str) -> Path:
    path = data() / name
    path.mkdir(exist_ok=True)
    return path
