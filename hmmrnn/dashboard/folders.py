"""Where is what was made or opened here kept? In one folder that all processes share.

networks/    what was trained, opened or taken as a snapshot: offered in the picker beside the shipped networks
trainings/   one folder for each training: its settings, the state it is resumed from, its latest snapshot
sweeps/      one file for each sweep: what its trainings are
incoming/    files that were handed in and are not checked yet
queue.db     the queues, unless they are in Redis
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile


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
