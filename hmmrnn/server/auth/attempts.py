"""Failed sign-ins: who they are counted for, and counters in a SQLite file that all web processes of a server share.

They are counted for an address, and for a name at an address. A browser in which a user has signed in before has a
signed cookie, and its tries for that name are counted for it alone: others at its address cannot slow it down.

The counters of a fixed window, as the package limits asks for them: each has a value and an end. Those that have ended
are removed when another one is raised, so that the file stays small.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Response, current_app, request
from itsdangerous import BadSignature, Signer
from limits.storage import Storage

SCHEME = "hmmrnn-sqlite"
# Another process holds the file for milliseconds; where it cannot be used, each process counts by itself.
WAIT_SECONDS = 2.0
COOKIE, KEPT_SECONDS = "hmmrnn-known", 180 * 24 * 3600
_TABLE = "CREATE TABLE IF NOT EXISTS attempts (key TEXT PRIMARY KEY, count INTEGER NOT NULL, ends REAL NOT NULL)"


# ---- who tries ----


def address() -> str:
    """What tries are counted for first: the browser where it is known, otherwise its address."""
    return _known_browser() or request.remote_addr or "unknown"


def address_and_name() -> str:
    """The same, and the name that is tried."""
    return f"{_known_browser() or request.remote_addr} {_digest(_name())}"


def remember_browser(response: Response, name: str) -> None:
    """Note in a response that a user has signed in with this browser."""
    text = f"{_digest(name)}.{secrets.token_hex(8)}"
    secure = current_app.session_interface.get_cookie_secure(current_app)
    safe: dict[str, Any] = {"httponly": True, "samesite": "Lax", "secure": secure, "path": "/sign-in"}
    response.set_cookie(COOKIE, _signer().sign(text).decode("ascii"), max_age=KEPT_SECONDS, **safe)


def _known_browser() -> str:
    """The number of the browser if the user whose name is tried has signed in with it; empty otherwise."""
    try:
        user, _, number = _signer().unsign(request.cookies.get(COOKIE, "")).decode("ascii").partition(".")
    except BadSignature:
        return ""
    return f"known {number}" if user == _digest(_name()) else ""


def _signer() -> Signer:
    key = current_app.secret_key
    assert key is not None
    return Signer(key, salt="has signed in before")


def _name() -> str:
    return request.form.get("name", "").strip()


def _digest(name: str) -> str:
    # Without the name itself, which may be a password in the wrong field.
    return sha256(name.encode()).hexdigest()


# ---- counters ----


def storage_uri(file: Path) -> str:
    """The address by which a limiter keeps its counters in a file."""
    return f"{SCHEME}:{file.absolute().as_uri().removeprefix('file:')}"


class AttemptCounters(Storage):  # type: ignore[misc]
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
            database.execute("DELETE FROM attempts WHERE ends <= ?", (now,))
            (count,) = database.execute(
                "INSERT INTO attempts VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET count = count + excluded.count "
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
            return database.execute("DELETE FROM attempts").rowcount

    def clear(self, key: str) -> None:
        """Remove a counter."""
        with self._opened() as database:
            database.execute("DELETE FROM attempts WHERE key = ?", (key,))

    def _look_up(self, column: str, key: str, otherwise: float) -> float:
        with self._opened() as database:
            found = database.execute(
                f"SELECT {column} FROM attempts WHERE key = ? AND ends > ?",
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
