"""Cached answers that all processes of a server share, each computed by one of them at a time.

Answers are pickles in a private folder with file locks, or in Redis with its locks. Both hold a bounded number of bytes
and remove the oldest answers first. While Redis does not answer, each machine uses its own folder.

To answer a question: look it up, among the kept answers and then among those that come with the package; take its lock,
look it up again, compute, keep.
"""

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from pickle import HIGHEST_PROTOCOL
from typing import Any, BinaryIO, TypeVar

from cachelib.serializers import FileSystemSerializer, RedisSerializer
from filelock import FileLock
from filelock import Timeout as HeldByAnother
from flask_caching.backends.filesystemcache import FileSystemCache
from flask_caching.backends.rediscache import RedisCache
from redis.exceptions import LockError

import hmmrnn
from hmmrnn.storage import metrics
from hmmrnn.storage.paths import make_private
from hmmrnn.storage.processes import repeated
from hmmrnn.storage.redis import UNAVAILABLE, RedisServer
from hmmrnn.storage.shipped_answers import Question, ShippedAnswers
from hmmrnn.storage.signing import Signer

logger = logging.getLogger(__name__)

R = TypeVar("R")
OnWait = Callable[[float], None]

# In Redis an answer ends after so long. Only keys with an end are removed when the memory of Redis is full.
KEPT_SECONDS = 30 * 24 * 3600
PREFIX = "hmmrnn:answer:"
POLL_SECONDS = 0.5
# A lock in Redis is free again after so long without renewal; its holder renews it three times as often.
LOCK_SECONDS = 10.0
# A file that is still being written when it is this old was left by a process that has ended.
ABANDONED_SECONDS = 60.0
# What unpickling was seen to raise on foreign or damaged bytes, besides the PickleError that the stores catch.
_PICKLE_FAULTS = (AttributeError, EOFError, ImportError, LookupError, MemoryError, TypeError, ValueError)


class AnswerCache:
    """Answers of pure functions, kept under a hash of the function, its arguments and the code of this package."""

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        redis: RedisServer | None = None,
        code: str | None = None,
        lock_seconds: float = LOCK_SECONDS,
        shipped: ShippedAnswers | None = None,
    ) -> None:
        try:
            (folder / "locks").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"the cache folder {folder} cannot be made ({error.strerror}); name another with HMMRNN_CACHE"
            ) from error
        # Its entries are unpickled: only the owner may write them.
        with suppress(PermissionError):
            folder.chmod(0o700)
        make_private(folder, "HMMRNN_CACHE")
        self.folder, self.redis, self.shipped = folder, redis, shipped
        self._code = code_fingerprint() if code is None else code
        self._lock_seconds = lock_seconds
        self._files = AnswerFiles(folder / "answers", max_bytes)
        self._in_redis = RedisCache(redis.client(), default_timeout=KEPT_SECONDS, key_prefix=PREFIX) if redis else None
        if self._in_redis is not None and redis is not None:
            self._in_redis.serializer = _RedisPickles(redis.signer)

    def key(self, *question: Any) -> str:
        """The key of the answer to a question whose parts have a `repr` that identifies them."""
        return hashlib.sha256(f"{self._code} {' '.join(map(repr, question))}".encode()).hexdigest()

    def look_up(self, key: str, question: Question | None = None) -> tuple[Any] | None:
        """The answer that is kept under a key, in a tuple; None if there is none.

        Args:
            key: of the question.
            question: the same as shipped answers know it; None if none is shipped. What is found there is kept.
        """
        found = self._of_store(lambda store: store.get(key))
        # A file is known to be ours by its header; Redis may hold foreign bytes under any key.
        if isinstance(found, tuple) and len(found) == 1:
            return found
        shipped = self.look_up_shipped(question)
        if shipped is not None:
            self.keep(key, shipped[0])
        return shipped

    def look_up_shipped(self, question: Question | None) -> tuple[Any] | None:
        """The answer that comes with the package, in a tuple; None if there is none."""
        return None if question is None or self.shipped is None else self.shipped.find(question)

    def keep(self, key: str, answer: Any) -> None:
        """Keep an answer under a key, if there is room for it."""
        self._of_store(lambda store: store.set(key, (answer,)))

    def answer(
        self,
        name: str,
        key: str,
        compute: Callable[[], R],
        on_wait: OnWait | None = None,
        question: Question | None = None,
    ) -> R:
        """The answer under a key, computed if there is none; other processes that need it wait for it.

        Args:
            name: of the function. Locks are named after it and the first digits of the key, so their number is
                bounded. No process waits for itself, since calls among cached functions never form a circle.
            on_wait: called while another process computes; what it raises ends the wait.
            question: the same as shipped answers know it; None if none is shipped.
        """
        found = self.look_up(key, question)
        metrics.count_lookup(name, found is not None)
        if found is None:
            with self.lock(f"{name}-{key[:2]}", on_wait):
                found = self.look_up(key)
                if found is None:
                    found = (compute(),)
                    self.keep(key, found[0])
        answer: R = found[0]
        return answer

    @contextmanager
    def lock(self, name: str, on_wait: OnWait | None = None) -> Iterator[None]:
        """Hold a lock that no other process holds; `on_wait` is called with 0 while one does."""
        redis = self.redis
        with self._redis_lock(redis, name, on_wait) if redis and redis.usable else self._file_lock(name, on_wait):
            yield

    def _of_store(self, act: Callable[[FileSystemCache | RedisCache], R]) -> R:
        """The result of an act on the answers in Redis, or on the files if Redis is absent or does not answer."""
        if self.redis is not None and self._in_redis is not None and self.redis.usable:
            try:
                return act(self._in_redis)
            except UNAVAILABLE as error:
                self.redis.avoid(error)
        return act(self._files)

    @contextmanager
    def _file_lock(self, name: str, on_wait: OnWait | None) -> Iterator[None]:
        lock = FileLock(self.folder / "locks" / f"{name}.lock")
        while not _acquired(lock):
            if on_wait is not None:
                on_wait(0.0)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _redis_lock(self, redis: RedisServer, name: str, on_wait: OnWait | None) -> Iterator[None]:
        times: dict[str, Any] = {"timeout": self._lock_seconds, "sleep": 0.05, "blocking_timeout": POLL_SECONDS}
        lock = redis.client().lock(f"hmmrnn:lock:{name}", thread_local=False, **times)
        try:
            while not lock.acquire():
                if on_wait is not None:
                    on_wait(0.0)
        except UNAVAILABLE as error:
            redis.avoid(error)
            with self._file_lock(name, on_wait):
                yield
            return
        with _renewed(lock, self._lock_seconds / 3):
            yield


@cache
def code_fingerprint() -> str:
    """Hash of the source of this package: an answer of other code is never taken for one of this."""
    digest = hashlib.sha256()
    for path in sorted(Path(hmmrnn.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


# ---- the two stores ----


def _damaged_is_none(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except _PICKLE_FAULTS as error:
        # Written by another NumPy or Python, or damaged: computing anew costs a moment, failing costs the page.
        logger.warning("an answer in the cache cannot be read and is computed anew: %s", error)
        return None


class _FilePickles(FileSystemSerializer):
    def load(self, f: BinaryIO) -> Any:
        return _damaged_is_none(lambda: super(_FilePickles, self).load(f))


class _RedisPickles(RedisSerializer):
    """Signed pickles: whatever else is in Redis is not unpickled, and counts as no answer."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def dumps(self, value: Any, protocol: int = HIGHEST_PROTOCOL) -> bytes:
        return self._signer.sign(super().dumps(value, protocol))

    def loads(self, value: bytes | None) -> Any:
        if value is None:
            return None
        return _damaged_is_none(lambda: super(_RedisPickles, self).loads(self._signer.check(value)))


class AnswerFiles(FileSystemCache):
    """Answers as files that together hold at most so many bytes, which is checked after each twentieth of them."""

    serializer = _FilePickles()

    def __init__(self, path: Path, max_bytes: int) -> None:
        # The bound is on bytes; the store itself could bound only the number of files.
        super().__init__(str(path), threshold=0, default_timeout=0, mode=0o600)
        self.max_bytes, self._unchecked = max_bytes, max_bytes

    def set(self, key: str, value: Any, timeout: Any = None, mgmt_element: bool = False) -> bool:
        """Keep a value; on a full disk, after removing the older half of the answers."""
        if super().set(key, value, timeout, mgmt_element):
            self._count(key)
            return True
        try:
            os.makedirs(self._path, exist_ok=True)
            self.shrink(self.size() // 2)
        except OSError as error:
            logger.warning("there is no room for an answer, and none could be made: %s", error)
            return False
        return bool(super().set(key, value, timeout, mgmt_element))

    def _count(self, key: str) -> None:
        # To look at every file at each write would cost more than it saves; other processes write here as well.
        try:
            self._unchecked += os.stat(self._get_filename(key)).st_size
        except FileNotFoundError:
            return
        if self._unchecked > self.max_bytes // 20:
            self._unchecked = 0
            self.shrink(self.max_bytes)

    def size(self) -> int:
        """Bytes of all answers."""
        return sum(size for _, size, path in self._entries() if not self._unfinished(path))

    def shrink(self, max_bytes: int) -> None:
        """Remove the oldest answers until at most so many bytes are left, and files that were never finished."""
        size = self.size()
        for written_at, bytes_, path in sorted(self._entries()):
            if self._unfinished(path):
                if time.time() - written_at > ABANDONED_SECONDS:
                    Path(path).unlink(missing_ok=True)
            elif size > max_bytes:
                Path(path).unlink(missing_ok=True)
                size -= bytes_

    def _unfinished(self, path: str) -> bool:
        return path.endswith(self._fs_transaction_suffix)

    def _entries(self) -> Iterator[tuple[float, int, str]]:
        """When each file was written, its size, and its path."""
        with os.scandir(self._path) as entries:
            for entry in entries:
                try:
                    found = entry.stat()
                except FileNotFoundError:
                    # Another process has just removed it.
                    continue
                yield found.st_mtime, found.st_size, entry.path


# ---- locks ----


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=POLL_SECONDS)
    except HeldByAnother:
        return False
    except OSError as error:
        # A full disk, for example. Computing twice is better than not at all.
        logger.warning("%s cannot be locked: %s", lock.lock_file, error)
    return True


@contextmanager
def _renewed(lock: Any, every: float) -> Iterator[None]:
    """Renew a lock of Redis from a thread, and release it at the end."""

    def renew() -> None:
        try:
            lock.reacquire()
        except (LockError, *UNAVAILABLE) as error:
            # Another process may compute the same meanwhile: the answer is the same, only time is lost.
            logger.info("the lock %s could not be renewed: %s", lock.name, error)

    try:
        with repeated(renew, every):
            yield
    finally:
        try:
            lock.release()
        except (LockError, *UNAVAILABLE) as error:
            logger.info("the lock %s was lost meanwhile: %s", lock.name, error)
