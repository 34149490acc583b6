"""How is a file from elsewhere read safely? By a process of its own, within bounds, into safetensors.

Torch lives in that process and not in this one; a file that asks for endless memory or time ends that process and not
this one; and what comes back, safetensors, holds numbers and strings, never code.
"""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hmmrnn.checkpoint import CheckpointError, load, save

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
MIB = 2**20
REFUSED = 2
_LOGGED_CHARACTERS = 2000


@dataclass(frozen=True)
class Limits:
    """What reading a file may take.

    Attributes:
        seconds: time.
        memory: bytes that the process may hold at once; importing torch alone takes about 180 MiB of them.
        stored: bytes that it may write.
    """

    seconds: int
    memory: int
    stored: int


def convert(source: Path, destination: Path, limits: Limits) -> None:
    """Read a network from any supported file and write it as safetensors, all of it or nothing.

    Args:
        source: the file, whatever is in it.
        destination: the .safetensors file, replaced if it exists.
        limits: what it may take.

    Raises:
        CheckpointError: the file is not a network, in the reader's own sentence, or it takes more than it may.
    """
    bounds = [str(bound) for bound in (limits.seconds, limits.memory, limits.stored)]
    command = [sys.executable, "-m", __name__, str(source), str(destination), *bounds]
    # One thread: each further one sets memory aside, and gains nothing here.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=limits.seconds, cwd=ROOT, env=environment
        )
    except subprocess.TimeoutExpired:
        raise CheckpointError(f"{source.name} took more than {limits.seconds} seconds to read; try again") from None
    if done.returncode == REFUSED:
        raise CheckpointError(done.stdout)
    if done.returncode:
        said = done.stderr[-_LOGGED_CHARACTERS:]
        logger.error("reading %s ended with status %d: %s", source.name, done.returncode, said)
        raise CheckpointError(
            f"{source.name} could not be read within {limits.memory // MIB:,} MiB of memory and stored within "
            f"{limits.stored // MIB:,} MiB of disk; save the state dict of the network alone"
        )


def _convert_here(source: str, destination: str, *bounds: str) -> int:
    """Convert in this process, which must be one of its own; what is wrong with the file goes to stdout."""
    _keep_within(Limits(*map(int, bounds)))
    try:
        network = load(source)
    except CheckpointError as error:
        sys.stdout.write(str(error))
        return REFUSED
    try:
        save(network, destination)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.stdout.write(f"{Path(source).name} cannot be kept, because the disk of the server is full; try again later")
        return REFUSED
    return 0


def _keep_within(limits: Limits) -> None:
    """Have the system hold this process to its limits, even if nobody is left to watch it."""
    if sys.platform == "win32":
        return
    import resource

    # Data and not address space, of which a build of torch for a GPU takes many GB by its mere size.
    bounds = {
        resource.RLIMIT_CPU: limits.seconds,
        resource.RLIMIT_DATA: limits.memory,
        resource.RLIMIT_FSIZE: limits.stored,
    }
    for kind, bound in bounds.items():
        resource.setrlimit(kind, (bound, bound))


if __name__ == "__main__":
    sys.exit(_convert_here(*sys.argv[1:]))
