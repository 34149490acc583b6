"""Which networks are there to open? The shipped ones, and those that were trained or opened here, by name.

A request names a network, never a path: the name is looked up among the files that are there.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hmmrnn import provenance
from hmmrnn.checkpoint import CheckpointError, Header, fingerprint, load, read_metadata
from hmmrnn.dashboard import folders
from hmmrnn.dashboard.conversion import MIB, Limits, convert
from hmmrnn.dashboard.scenario import MODEL_NAME
from hmmrnn.dashboard.stores import folder as cache_folder
from hmmrnn.hmm import HMM
from hmmrnn.network import Network

logger = logging.getLogger(__name__)

SHIPPED = Path(__file__).resolve().parents[2] / "models"
# Whoever fills the models folder may have files of 256 MiB in it, of which one value of two bytes becomes one of eight.
LIMITS = Limits(seconds=120, memory=6144 * MIB, stored=1024 * MIB)


@dataclass(frozen=True)
class Entry:
    """One network on the shelf.

    Attributes:
        name: what a link calls it: the file's name without its suffix.
        path: the safetensors file; for a .pth file, the one it was converted to.
        fingerprint: hash of the content: the part of a cache key that stands for the network.
        header: sizes and provenance.
    """

    name: str
    path: Path
    fingerprint: str
    header: Header


def models_folder() -> Path:
    """The folder that networks are read from: HMMRNN_MODELS, or the shipped one."""
    # Resolved, because files are also converted by a process that runs elsewhere.
    return Path(os.environ.get("HMMRNN_MODELS") or SHIPPED).resolve()


def entries() -> tuple[Entry, ...]:
    """All networks that can be read, those of the models folder first; each of the others is logged with its reason."""
    found: dict[str, Entry] = {}
    for path in (*sorted(models_folder().glob("*")), *sorted(folders.networks().glob("*"))):
        if path.suffix in (".safetensors", ".pth") and not path.name.startswith(".") and path.is_file():
            item = _entry(path, path.stat().st_mtime_ns, path.stat().st_size)
            if item is not None:
                found.setdefault(path.stem, item)
    return tuple(found.values())


def entry(name: str) -> Entry:
    """The network of that name.

    Raises:
        ValueError: there is none.
    """
    there = {item.name: item for item in entries()}
    if name not in there:
        raise ValueError(f"there is no network {name!r}; there are {', '.join(there) or 'none'} in the models folder")
    return there[name]


def network(name: str) -> Network:
    """The network of that name, read once per process and content."""
    item = entry(name)
    return _load(item.path, item.fingerprint)


def target(network: Network) -> HMM | None:
    """The HMM that a network was trained to emulate; None if its provenance names no known family of its size."""
    try:
        return provenance.target(network.metadata, network.n_outputs)
    except ValueError:
        # Its file says nothing of use; the page says so where the comparison would be.
        return None


def digest(path: Path) -> str:
    """Hash of the content of a file, computed anew only if it has changed."""
    return _digest(path, path.stat().st_mtime_ns, path.stat().st_size)


@lru_cache(maxsize=4096)
def _digest(path: Path, mtime_ns: int, size: int) -> str:
    return fingerprint(path)


# More than any sweep leaves behind: with less room, every look at the shelf would read all of its files anew.
@lru_cache(maxsize=4096)
def _entry(path: Path, mtime_ns: int, size: int) -> Entry | None:
    """The entry of a file; None, remembered and logged once, if it is not a network that can be offered."""
    try:
        if not MODEL_NAME.fullmatch(path.stem):
            raise CheckpointError("its name must be of letters, digits, dot and dash, or no link can say it; rename it")
        readable = _converted(path) if path.suffix == ".pth" else path
        return Entry(path.stem, readable, fingerprint(readable), read_metadata(readable))
    except (CheckpointError, OSError) as error:
        logger.warning("%s is not offered: %s", path.name, error)
        return None


@lru_cache(maxsize=8)
def _load(path: Path, content: str) -> Network:
    return load(path)


def _converted(path: Path) -> Path:
    """A safetensors copy of a torch checkpoint, made by another process: this one does without torch.

    Raises:
        CheckpointError: the file is not a network; the sentence is the reader's own.
    """
    copy = cache_folder() / "converted" / f"{fingerprint(path)}.safetensors"
    if not copy.exists():
        copy.parent.mkdir(exist_ok=True)
        convert(path, copy, LIMITS)
    return copy
