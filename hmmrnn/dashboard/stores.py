"""Where do answers lie, and who may compute one? In a private folder with file locks, or in Redis with its locks.

Both keep a bounded number of bytes; the oldest answers go first. While a Redis that should be there does not answer,
each machine uses its own folder.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from cachelib.serializers import FileSystemSerializer, RedisSerializer
from filelock import FileLock
from filelock import Timeout as HeldByAnother
from flask_caching.backends.filesystemcache import FileSystemCache
from flask_caching.backends.rediscache import RedisCache
from redis.exceptions import LockError

from hmmrnn.dashboard import redis_server

logger = logging.getLogger(__name__)

MIB = 2**20
DEFAULT_MIB = 1024
# In Redis, what nobody has made anew for so long goes; having an end at all lets Redis drop it when its memory is full.
KEPT_SECONDS = 30 * 24 * 3600
PREFIX = "hmmrnn:answer:"
LOOK_EVERY_SECONDS = 0.5
# A lock whose holder is gone is free again after so long; whoever computes renews it meanwhile.
LOCK_SECONDS, RENEW_SECONDS = 10.0, 3.0
# A Redis that did not answer is left alone for so long, so that not everybody waits for it.
AWAY_SECONDS = 2.0
# A file that is still being written when it is this old was left by a process that is gone.
LEFT_AFTER_SECONDS = 60.0
# What unpickling was seen to raise on foreign or damaged bytes, besides the PickleError that the stores catch.
_PICKLE_FAULTS = (AttributeError, EOFError, ImportError, LookupError, MemoryError, TypeError, ValueError)

Tell = Callable[[float], None]


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


@cache
def most_bytes() -> int:
    """How much the folder may hold: HMMRNN_CACHE_MB.

    Raises:
        ValueError: it is no whole number of at least 1.
    """
    text = os.environ.get("HMMRNN_CACHE_MB", str(DEFAULT_MIB))
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ValueError(f"HMMRNN_CACHE_MB must be a whole number of megabytes from 1; got {text!r}")
    return int(text) * MIB


# ---- answers ----


def look_up(key: str) -> tuple[Any] | None:
    """The answer that is kept under a key, in a tuple of its own; None if there is none."""
    found = _anywhere(lambda store: store.get(key))
    # Redis holds bytes of anybody's; a file is told to be one of ours by its header.
    return found if isinstance(found, tuple) and len(found) == 1 else None


def keep(key: str, answer: Any) -> None:
    """Keep an answer under a key, if there is room for it."""
    _anywhere(lambda store: store.set(key, (answer,)))


def _anywhere(act: Callable[[FileSystemCache | RedisCache], Any]) -> Any:
    """What an act on the store gives: on that in Redis, or on the folder if there is none or it does not answer."""
    if _in_use():
        try:
            return act(_shared())
        except redis_server.AWAY as error:
            _left_alone(error)
    return act(_own())


def _dumped_faults_aside(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except _PICKLE_FAULTS as error:
        # Written by another NumPy or Python, or damaged: computing anew costs a moment, stopping costs the page.
        logger.warning("an answer in the cache cannot be read and is computed anew: %s", error)
        return None


class _FilePickles(FileSystemSerializer):
    def load(self, f: BinaryIO) -> Any:
        return _dumped_faults_aside(lambda: super(_FilePickles, self).load(f))


class _RedisPickles(RedisSerializer):
    def loads(self, value: bytes | None) -> Any:
        return _dumped_faults_aside(lambda: super(_RedisPickles, self).loads(value))


class Folder(FileSystemCache):
    """Answers as files, which together have at most so many bytes."""

    serializer = _FilePickles()

    def __init__(self, path: Path, most: int) -> None:
        # Of bytes, not of files: the store itself would count only these.
        super().__init__(str(path), threshold=0, default_timeout=0, mode=0o600)
        self.most, self.unseen = most, most

    def set(self, key: str, value: Any, timeout: Any = None, mgmt_element: bool = False) -> bool:
        """Keep a value; on a full disk, after giving back half of what is kept here."""
        if super().set(key, value, timeout, mgmt_element):
            self._count(key)
            return True
        try:
            os.makedirs(self._path, exist_ok=True)
            self.drop(self.held() // 2)
        except OSError as error:
            logger.warning("there is no room for an answer, and none could be made: %s", error)
            return False
        return bool(super().set(key, value, timeout, mgmt_element))

    def _count(self, key: str) -> None:
        # Looking at every file each time would cost more than it saves; other processes write here as well.
        try:
            self.unseen += os.stat(self._get_filename(key)).st_size
        except FileNotFoundError:
            return
        if self.unseen > self.most // 20:
            self.unseen = 0
            self.drop(self.most)

    def held(self) -> int:
        """How many bytes are kept."""
        return sum(size for _, size, path in self._files() if not self._unfinished(path))

    def drop(self, most: int) -> None:
        """Remove the oldest answers until at most so many bytes are left, and what was never finished."""
        held = self.held()
        for made_at, size, path in sorted(self._files()):
            if self._unfinished(path):
                if time.time() - made_at > LEFT_AFTER_SECONDS:
                    Path(path).unlink(missing_ok=True)
            elif held > most:
                Path(path).unlink(missing_ok=True)
                held -= size

    def _unfinished(self, path: str) -> bool:
        return path.endswith(self._fs_transaction_suffix)

    def _files(self) -> Iterator[tuple[float, int, str]]:
        """When each file was made, how large it is, and where."""
        with os.scandir(self._path) as entries:
            for entry in entries:
                try:
                    found = entry.stat()
                except FileNotFoundError:
                    # Another process has just removed it.
                    continue
                yield found.st_mtime, found.st_size, entry.path


class _Shared(RedisCache):
    serializer = _RedisPickles()


@cache
def _own() -> Folder:
    return Folder(folder() / "answers", most_bytes())


@cache
def _shared() -> RedisCache:
    return _Shared(redis_server.client(), default_timeout=KEPT_SECONDS, key_prefix=PREFIX)


# ---- a Redis that is away ----

_left_at = -AWAY_SECONDS


def _in_use() -> bool:
    return bool(redis_server.url()) and time.monotonic() - _left_at >= AWAY_SECONDS


def _left_alone(error: Exception) -> None:
    global _left_at
    _left_at = time.monotonic()
    logger.warning("Redis at %s does not answer, so this machine's own cache is used: %s", redis_server.place(), error)


# ---- locks ----


@contextmanager
def held(name: str, tell: Tell | None = None) -> Iterator[None]:
    """Hold a lock that nobody else has meanwhile; who waits for it tells so, and can be stopped by that."""
    with _redis_lock(name, tell) if _in_use() else _file_lock(name, tell):
        yield


@contextmanager
def _file_lock(name: str, tell: Tell | None) -> Iterator[None]:
    lock = FileLock(folder() / "locks" / f"{name}.lock")
    while not _acquired(lock):
        if tell is not None:
            tell(0.0)
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=LOOK_EVERY_SECONDS)
    except HeldByAnother:
        return False
    except OSError as error:
        # A full disk, say. To compute twice is better than not at all.
        logger.warning("%s cannot be locked: %s", lock.lock_file, error)
    return True


@contextmanager
def _redis_lock(name: str, tell: Tell | None) -> Iterator[None]:
    lock = redis_server.client().lock(
        f"hmmrnn:lock:{name}", timeout=LOCK_SECONDS, sleep=0.05, blocking_timeout=LOOK_EVERY_SECONDS, thread_local=False
    )
    try:
        while not lock.acquire():
            if tell is not None:
                tell(0.0)
    except redis_server.AWAY as error:
        _left_alone(error)
        with _file_lock(name, tell):
            yield
        return
    done = threading.Event()
    renewing = threading.Thread(target=_renew, args=(lock, done), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        done.set()
        renewing.join()
        _let_go(lock)


def _renew(lock: Any, done: threading.Event) -> None:
    while not done.wait(RENEW_SECONDS):
        try:
            lock.reacquire()
        except (LockError, *redis_server.AWAY) as error:
            # Another one may compute the same meanwhile: the answer is the same, and it is only the time that is lost.
            logger.info("the lock %s could not be renewed: %s", lock.name, error)


def _let_go(lock: Any) -> None:
    try:
        lock.release()
    except (LockError, *redis_server.AWAY) as error:
        logger.info("the lock %s was lost meanwhile: %s", lock.name, error)
