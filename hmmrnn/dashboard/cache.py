"""How is nothing computed twice? A shared cache, and one computation at a time for each key.

The cache is a folder that all web processes share. When two of them are asked the same thing at once, the
second waits for the first and takes its answer: look, lock, look again, compute, store.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from cachelib.serializers import FileSystemSerializer
from filelock import BaseFileLock, FileLock, Timeout
from flask_caching.backends.filesystemcache import FileSystemCache

import hmmrnn

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

MAX_ENTRIES = 2000
LOOK_EVERY_SECONDS = 0.5
# What unpickling was seen to raise on foreign or damaged bytes, besides the PickleError that the store catches.
_PICKLE_FAULTS = (AttributeError, ImportError, LookupError, MemoryError, TypeError, ValueError)


def cached(function: Callable[P, R]) -> Callable[P, R]:
    """Keep the answers of a pure function whose arguments have a `repr` that says all about them.

    A keyword argument `tell`, which hears how far the answer is, is no part of the question. A function may call other
    cached functions, as long as no chain of calls comes back to the first.
    """

    @wraps(function)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        key = key_of(function.__qualname__, args, {name: kwargs[name] for name in kwargs if name != "tell"})
        found = look_up(key)
        if found is not None:
            return found[0]
        # Locks are told apart by function and the first digits of the key: a bounded number of lock files, and
        # no process can wait for itself, since calls among cached functions run one way.
        lock = FileLock(folder() / "locks" / f"{function.__qualname__}-{key[:2]}.lock")
        with _acquired(lock, kwargs.get("tell")):
            found = look_up(key)
            if found is None:
                found = (function(*args, **kwargs),)
                keep(key, found[0])
            return found[0]

    return answer


@contextmanager
def _acquired(lock: BaseFileLock, tell: Any) -> Iterator[None]:
    """Hold a lock; who waits for it tells so meanwhile, and can be stopped by that."""
    while True:
        try:
            lock.acquire(timeout=-1 if tell is None else LOOK_EVERY_SECONDS)
            break
        except Timeout:
            tell(0.0)
    try:
        yield
    finally:
        lock.release()


@cache
def folder() -> Path:
    """The cache folder, made private to its owner: its entries are pickles, and only the owner may write them."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hmmrnn"
    given = os.environ.get("HMMRNN_CACHE")
    # A folder of our own inside the given one, whose other contents are none of our business.
    path = (Path(given) / "hmmrnn" if given else default).resolve()
    (path / "locks").mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def key_of(*asked: Any) -> str:
    """The key of the answer to a question, which must have a `repr` that says all about it; other code has others."""
    return hashlib.sha256(f"{_code_fingerprint()} {' '.join(map(repr, asked))}".encode()).hexdigest()


def known(function: Callable[..., R], *args: Any) -> R | None:
    """What a `cached` function has answered to these arguments; None if it has not, and then nothing is computed."""
    found = look_up(key_of(function.__qualname__, args, {}))
    return None if found is None else found[0]


def look_up(key: str) -> tuple[Any] | None:
    """The answer that is kept under a key, in a tuple of its own; None if there is none."""
    found: tuple[Any] | None = _store().get(key)
    return found


def keep(key: str, answer: Any) -> None:
    """Keep an answer under a key."""
    _store().set(key, (answer,))


class _Answers(FileSystemSerializer):
    """Pickles, of which one that cannot be read counts as one that is not there."""

    def load(self, f: BinaryIO) -> Any:
        try:
            return super().load(f)
        except _PICKLE_FAULTS as error:
            # Written by another NumPy or Python, or damaged: computing anew costs a moment, stopping costs the page.
            logger.warning("an answer in the cache cannot be read and is computed anew: %s", error)
            return None


class _Store(FileSystemCache):
    serializer = _Answers()


@cache
def _store() -> FileSystemCache:
    return _Store(str(folder() / "answers"), threshold=MAX_ENTRIES, default_timeout=0, mode=0o600)


@cache
def _code_fingerprint() -> str:
    """Hash of the package's own source: an answer of other code is never taken for one of this."""
    digest = hashlib.sha256()
    for path in sorted(Path(hmmrnn.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
