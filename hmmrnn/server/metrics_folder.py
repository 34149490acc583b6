"""The folder in which the web processes of one server put their metrics together: one file per process and kind.

prometheus_client looks for the folder when it is imported, and keeps to what it found. So it is imported after `begin`.
"""

import logging
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path

# The library's name of the variable.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# The library's names of its files, which begin with 64 kB and grow when the labels do not fit.
KINDS = ("counter", "gauge_livesum", "histogram")
RESERVED_BYTES = 2**18
# A file system in memory, on Linux.
MEMORY = Path("/dev/shm")

logger = logging.getLogger(__name__)


def begin(parent: Path, address: object) -> Path:
    """Make the folder of the server at an address, empty, and have the processes that this one starts use it."""
    path = parent / "metrics" / re.sub(r"[^A-Za-z0-9.]+", "-", f"{socket.gethostname()} {address}")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    os.environ[VARIABLE] = str(path)
    return path


def reserve(pid: int) -> None:
    """Take the room on the disk that a process will count in, before it counts.

    The files are mapped into memory: where a page of one finds no room on a full disk, the system ends the process. A
    process that gets no room counts in a folder in memory, where there is one.
    """
    path = folder()
    if path is None:
        return
    files = [path / f"{kind}_{pid}.db" for kind in KINDS]
    try:
        for file in files:
            file.write_bytes(bytes(RESERVED_BYTES))
    except OSError as error:
        logger.warning("process %d counts by itself, because its metrics cannot be kept: %s", pid, error)
        for file in files:
            file.unlink(missing_ok=True)
        alone = _alone(pid)
        alone.mkdir(exist_ok=True)
        os.environ[VARIABLE] = str(alone)


def leave(pid: int) -> None:
    """Take a process out of the metrics of those that run."""
    if folder() is None:
        return
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)
    shutil.rmtree(_alone(pid), ignore_errors=True)


def _alone(pid: int) -> Path:
    """The folder of a process that finds no room beside the others."""
    return (MEMORY if MEMORY.is_dir() else Path(tempfile.gettempdir())) / f"hmmrnn-metrics-{pid}"


def folder() -> Path | None:
    """The folder; None if this process is the only one, and counts in its own memory."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None
