"""Where do the web processes of one server put their numbers together? In a folder, one file a process and kind.

The library that counts looks for the folder when it is imported, so nothing here imports it.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from pathlib import Path

# Its name is the library's.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


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


def folder() -> Path | None:
    """The folder; None if this process counts by itself."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None
