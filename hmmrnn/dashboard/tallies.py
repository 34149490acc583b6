"""Where do the web processes of one server put their numbers together? In a folder, one file a process and kind.

The library that counts looks for the folder when it is imported, so nothing here imports it.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
from pathlib import Path

# Its name is the library's.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# So are those of its files, which begin with 64 kB, and grow when all labels that there are do not fit.
KINDS = ("counter", "gauge_liveall", "histogram")
RESERVED_BYTES = 2**18

logger = logging.getLogger(__name__)


def begin(parent: Path, address: object) -> Path:
    """Make the folder, empty, and have the processes that this one starts use it.

    Args:
        parent: folder that may hold those of several servers, on several machines too.
        address: where the server listens, which no other one on this machine does.
    """
    path = parent / "metrics" / re.sub(r"[^A-Za-z0-9.]+", "-", f"{socket.gethostname()} {address}")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    os.environ[VARIABLE] = str(path)
    return path


def reserve(pid: int) -> None:
    """Take the room on the disk that a process will count in, before it does.

    Its files are mapped into memory: where such a page finds no room on a full disk, the system ends the process.
    Without room a process counts by itself.
    """
    path = folder()
    if path is None:
        return
    files = [path / f"{kind}_{pid}.db" for kind in KINDS]
    try:
        for file in files:
            file.write_bytes(bytes(RESERVED_BYTES))
    except OSError as error:
        logger.warning("process %d counts by itself, because its numbers cannot be kept: %s", pid, error)
        for file in files:
            file.unlink(missing_ok=True)
        del os.environ[VARIABLE]


def folder() -> Path | None:
    """The folder; None if this process counts by itself."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None
