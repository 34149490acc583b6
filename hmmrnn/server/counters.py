"""Counters that all processes of a server share: in Redis, or in a SQLite file of the data folder.

Failed sign-ins and uploads are counted so, each for a fixed time. The package limits asks for the counters by an
address; those that have ended are removed when another one is raised, so that the file stays small.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from limits.storage import Storage, storage_from_string

from hmmrnn.storage.redis import ANSWER_SECONDS, CONNECT_SECONDS

SCHEME = "hmmrnn-sqlite"
# Another process holds the file for milliseconds.
WAIT_SECONDS = 2.0
_TABLE = "CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, count INTEGER NOT NULL, ends REAL NOT NULL)"


def storage_uri(file: Path) -> str:
    """The address by which the counters of a file are found."""
    return f"{SCHEME}:{file.absolute().as_uri().removeprefix('file:')}"


def shared_counters(file: Path, redis_url: str | None) -> Storage:
    """The counters in Redis, or in a file if there is none."""
    if redis_url is None:
        return Counters(storage_uri(file))
    timeouts = {"socket_connect_timeout": int(CONNECT_SECONDS), "socket_timeout": int(ANSWER_SECONDS)}
    found = storage_from_string(redis_url, **timeouts)
    assert isinstance(found, Storage)
    return found


class Counters(Storage):
    """Counters in the file that the address names."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012

    def __init__(self, uri: str, wrap_exceptions: bool = False, **_options: Any) -> None:
        self.file = Path(unquote(urlsplit(uri).path))
        super().__init__(uri, wrap_exceptions=wrap_exceptions)

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """What a file that cannot be used raises."""
        return sqlite3.Error, OSError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Raise a counter, which ends so many seconds after it was begun; returns its value."""
        now = time.time()
        with self._opened() as database:
            database.execute("DELETE FROM counters WHERE ends <= ?", (now,))
            (count,) = database.execute(
                "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET count = count + excluded.count "
                "RETURNING count",
                (key, amount, now + expiry),
            ).fetchone()
        return int(count)

    def get(self, key: str) -> int:
        """The value of a counter; 0 for one that has ended."""
        return int(self._look_up("count", key, 0))

    def get_expiry(self, key: str) -> float:
        """When a counter ends, in seconds since 1970."""
        return float(self._look_up("ends", key, time.time()))

    def check(self) -> bool:
        """Whether the file can be used."""
        try:
            self.get("")
        except self.base_exceptions:
            return False
        return True

    def reset(self) -> int:
        """Remove all counters; returns how many there were."""
        with self._opened() as database:
            return database.execute("DELETE FROM counters").rowcount

    def clear(self, key: str) -> None:
        """Remove a counter."""
        with self._opened() as database:
            database.execute("DELETE FROM counters WHERE key = ?", (key,))

    def _look_up(self, column: str, key: str, otherwise: float) -> float:
        with self._opened() as database:
            found = database.execute(
                f"SELECT {column} FROM counters WHERE key = ? AND ends > ?",
                (key, time.time()),
            ).fetchone()
        return otherwise if found is None else found[0]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that no other process writes in."""
        with closing(sqlite3.connect(self.file, timeout=WAIT_SECONDS, isolation_level=None)) as database:
            database.execute(_TABLE)
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")
