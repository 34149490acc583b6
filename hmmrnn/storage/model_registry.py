"""The networks that can be opened, by name: the shipped ones, and those that were trained or opened on this server.

A request names a network, never a path: only files of that name in the folders of networks are read.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from hmmrnn.model.checkpoint import CheckpointError, Header, fingerprint, is_own_file, load, read_metadata
from hmmrnn.model.metadata import MODEL_NAME
from hmmrnn.model.network import Network
from hmmrnn.storage.paths import writing
from hmmrnn.storage.sandboxed_import import MIB, Limits, convert

logger = logging.getLogger(__name__)

# What is offered of a folder; the content of a file decides how it is read.
SUFFIXES = (".ckpt", ".h5", ".keras", ".mat", ".npz", ".pt", ".pth", ".safetensors")
# A file in the models folder may have 256 MiB, and one of its values of two bytes becomes one of eight.
LIMITS = Limits(seconds=120, memory=6144 * MIB, stored=1024 * MIB)
# With less room than there are networks, every list of them would read all of their files anew.
_REMEMBERED = 20_000
# A list is good as long as no file has come into a folder or gone, but at most for so long: a file may be changed where
# it lies. A folder that has changed just now may change again within the same tick of the clock of its file system.
_LISTED_SECONDS, _TICK_SECONDS = 5.0, 0.1
# Within the folder of models: further networks, which are opened by their names and listed on request.
MORE = "more"


class UnknownNetworkError(ValueError):
    """There is no network of a name: `name` says which."""

    def __init__(self, name: str, is_alone: bool) -> None:
        rest = "nor any other; train one, or put a file into the folder of networks"
        super().__init__(
            f"there is no network {name!r} here{f', {rest}' if is_alone else '; it may have been renamed or removed'}"
        )
        self.name = name


@dataclass(frozen=True)
class Entry:
    """One network that can be opened."""

    name: str  # its name in links: that of the file without its suffix
    path: Path  # the safetensors file; for a file of another kind, the one it was converted to
    fingerprint: str  # hash of the content, which stands for the network in cache keys
    header: Header  # sizes and metadata
    size: int  # bytes of that file


class ModelRegistry:
    """The networks in two folders whose files may change at any time.

    Those in `models` are offered to begin with, those in `opened` were trained or opened on this server. Of two with
    the same name, the one in `models` counts. Those in `models/more` are opened by their names, but offered only where
    all are listed.
    """

    def __init__(self, models: Path, opened: Path, converted: Path, limits: Limits = LIMITS) -> None:
        self.models, self.opened, self._converted, self._limits = models, opened, converted, limits
        self._offered, self._all = (models, opened), (models, opened, models / MORE)
        # Keyed by the time and size of each file as well, so that a changed file is read anew.
        self._read = lru_cache(maxsize=_REMEMBERED)(self._read_entry)
        self._digest = lru_cache(maxsize=_REMEMBERED)(lambda path, _mtime_ns, _size: fingerprint(path))
        self._load = lru_cache(maxsize=8)(lambda path, _fingerprint: load(path))
        self._listed: dict[tuple[Path, ...], _Listed] = {}

    def entries(self, more: bool = False) -> tuple[Entry, ...]:
        """The offered networks that can be read, and all others if `more`; why a file cannot be is logged once."""
        return tuple(self._by_name(self._all if more else self._offered).values())

    def _by_name(self, folders: tuple[Path, ...]) -> Mapping[str, Entry]:
        """Networks by their names; the folders are read only if a file has come or gone, or after some seconds."""
        listed, now = self._listed.get(folders, _Listed()), time.time()
        changed = tuple(_changed_at(folder) for folder in folders)
        if changed != listed.changed or not 0 <= now - listed.at < _LISTED_SECONDS:
            listed = _Listed(changed if max(changed) < now - _TICK_SECONDS else None, now, self._read_folders(folders))
            self._listed[folders] = listed
        return listed.entries

    def _read_folders(self, folders: tuple[Path, ...]) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for folder in folders:
            for path in sorted(folder.glob("*"), key=lambda path: (path.stem, path.suffix)):
                if path.suffix in SUFFIXES and not path.name.startswith("."):
                    item = self._entry(path)
                    if item is not None:
                        found.setdefault(item.name, item)
        return found

    def entry(self, name: str) -> Entry:
        """The network of that name.

        Raises:
            UnknownNetworkError: there is none.
        """
        found = self.find(name)
        if found is None:
            raise UnknownNetworkError(name, not self._by_name(self._offered))
        return found

    def find(self, name: str) -> Entry | None:
        """The network of that name; None if there is none."""
        return next(self._named(name), None)

    def network(self, name: str) -> Network:
        """The network of that name, read once per process and content.

        Raises:
            ValueError: there is none (UnknownNetworkError), or its file holds values that no network has.
        """
        return self.read(self.entry(name))

    def read(self, item: Entry) -> Network:
        """The network of an entry, read once per process and content."""
        loaded: Network = self._load(item.path, item.fingerprint)
        return loaded

    def remove(self, name: str) -> None:
        """Remove a network that was trained or opened on this server.

        Raises:
            ValueError: there is none of that name, or it is a shipped one.
        """
        with writing():
            self._own_file(name).unlink(missing_ok=True)

    def rename(self, name: str, new: str) -> None:
        """Give a network that was trained or opened on this server another name.

        Raises:
            ValueError: there is none of that name, it is a shipped one, or no network can have the new name.
        """
        path = self._own_file(name)
        if not MODEL_NAME.fullmatch(new):
            raise ValueError(f"a network is called by at most 100 letters, digits, dots and dashes; got {new[:100]!r}")
        if self.find(new) is not None:
            raise ValueError(f"there is a network {new} already; choose another name")
        with writing():
            try:
                # Unlike a renaming, a link is never made over another file.
                os.link(path, path.with_name(f"{new}.safetensors"))
            except FileExistsError:
                raise ValueError(f"there is a network {new} already; choose another name") from None
            path.unlink(missing_ok=True)

    def is_own(self, item: Entry) -> bool:
        """Whether a network was trained or opened on this server."""
        return item.path.parent == self.opened

    def _own_file(self, name: str) -> Path:
        item = self.entry(name)
        if not self.is_own(item):
            raise ValueError(f"{name} lies in the folder of networks that this server begins with, and stays there")
        return item.path

    def digest(self, path: Path) -> str:
        """Hash of the content of a file, computed anew only if the file has changed."""
        found = path.stat()
        return str(self._digest(path, found.st_mtime_ns, found.st_size))

    def _named(self, name: str) -> Iterator[Entry]:
        if MODEL_NAME.fullmatch(name):
            for folder in self._all:
                for suffix in SUFFIXES:
                    item = self._entry(folder / f"{name}{suffix}")
                    if item is not None:
                        yield item

    def _entry(self, path: Path) -> Entry | None:
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return self._read(path, found.st_mtime_ns, found.st_size) if path.is_file() else None

    def _read_entry(self, path: Path, _mtime_ns: int, _size: int) -> Entry | None:
        """The entry of a file; None if it is not a network that can be offered."""
        try:
            if not MODEL_NAME.fullmatch(path.stem):
                raise CheckpointError("no link can hold its name; use only letters, digits, dots and dashes")
            readable = path if is_own_file(path) else self._copy(path)
            return Entry(path.stem, readable, fingerprint(readable), read_metadata(readable), readable.stat().st_size)
        except (CheckpointError, OSError) as error:
            logger.warning("%s is not offered: %s", path.name, error)
            return None

    def _copy(self, path: Path) -> Path:
        """A safetensors copy of a file of another kind, made by another process, since this one does without torch.

        Raises:
            CheckpointError: the file is not a network.
        """
        copy = self._converted / f"{fingerprint(path)}.safetensors"
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            convert(path, copy, self._limits)
        return copy


@dataclass(frozen=True)
class _Listed:
    """What was found in the folders: when they had last changed, if that is certain, and when they were read."""

    changed: tuple[float, ...] | None = None
    at: float = 0.0
    entries: Mapping[str, Entry] = field(default_factory=dict)


def _changed_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0
