"""Files of networks, read in a separate process with limits on time and memory, and written as safetensors.

Only that process imports torch. A file that takes endless memory or time ends that process and no other one. The result
holds numbers and strings, never code.
"""

import errno
import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hmmrnn.model.checkpoint import CheckpointError, MappingNeededError, load, save
from hmmrnn.shipped import PACKAGE
from hmmrnn.storage.processes import end_with_parent

logger = logging.getLogger(__name__)

MIB = 2**20
REFUSED, ASKED = 2, 3
_LOGGED_CHARACTERS = 2000


@dataclass(frozen=True)
class Limits:
    """Bounds on reading a file."""

    seconds: int  # time
    memory: int  # bytes that the process may hold at once; importing torch alone takes about 180 MiB of them
    stored: int  # bytes that it may write


def convert(source: Path, destination: Path, limits: Limits, mapping: str = "") -> None:
    """Read a network from any supported file and write it as safetensors.

    Args:
        mapping: JSON of what cannot be read from its tensors (see `load`); empty for none.

    Raises:
        MappingNeededError: it could be read in several ways.
        CheckpointError: the file is not a network, which the message of the reader says, or the bounds do not suffice.
    """
    bounds = [str(bound) for bound in (limits.seconds, limits.memory, limits.stored)]
    command = [sys.executable, "-m", __name__, str(source), str(destination), *bounds, mapping]
    # One thread: each further one sets memory aside, and gains nothing here.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", timeout=limits.seconds, cwd=PACKAGE.parent, env=environment
        )
    except subprocess.TimeoutExpired:
        raise CheckpointError(f"{source.name} took more than {limits.seconds} seconds to read; try again") from None
    if done.returncode == REFUSED:
        raise CheckpointError(done.stdout)
    if done.returncode == ASKED:
        asked = json.loads(done.stdout)
        shapes = {name: tuple(shape) for name, shape in asked["shapes"].items()}
        raise MappingNeededError(asked["sentence"], asked["asked"], shapes, asked["proposal"])
    if done.returncode:
        said = done.stderr[-_LOGGED_CHARACTERS:]
        logger.error("reading %s ended with status %d: %s", source.name, done.returncode, said)
        raise CheckpointError(
            f"{source.name} could not be read within {limits.memory // MIB:,} MiB of memory and stored within "
            f"{limits.stored // MIB:,} MiB of disk; save the state dict of the network alone"
        )


def _convert_here(source: str, destination: str, *more: str) -> int:
    """Convert in this process, which is ended by its bounds; the reason for a refusal goes to stdout."""
    end_with_parent(signal.SIGKILL)
    *bounds, mapping = more
    _keep_within(Limits(*map(int, bounds)))
    try:
        network = load(source, json.loads(mapping) if mapping else None)
    except MappingNeededError as error:
        asked = {"sentence": str(error), "asked": error.asked, "shapes": error.shapes, "proposal": error.proposal}
        sys.stdout.write(json.dumps(asked))
        return ASKED
    except CheckpointError as error:
        sys.stdout.write(str(error))
        return REFUSED
    try:
        save(network, destination)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.stdout.write(f"{Path(source).name} cannot be kept: the disk of the server is full")
        return REFUSED
    return 0


def _keep_within(limits: Limits) -> None:
    """Let the system bound this process, even if its parent has ended."""
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
