"""Answers sent compressed; scripts of packages, which are large and never change, are compressed once by each process.

Answers that are mostly numbers hardly shrink: compressing them would take longer than it saves.
"""

from __future__ import annotations

import threading

from flask import Flask, Request
from flask_compress import Compress

TYPES = ["text/html", "text/css", "text/javascript", "application/javascript"]
SCRIPTS = "/_dash-component-suites/"
# All scripts of packages that pages load have 2 MB together when they are compressed.
MAX_BYTES = 20_000_000


def register(server: Flask) -> None:
    """Have a server compress its answers."""
    server.config["COMPRESS_MIMETYPES"] = TYPES
    server.config["COMPRESS_CACHE_KEY"] = script_of
    server.config["COMPRESS_CACHE_BACKEND"] = _Scripts
    Compress(server)


def script_of(asked: Request) -> str:
    """The address of the script of a package that is asked for whole; empty for anything else, which is not kept."""
    whole = asked.path.startswith(SCRIPTS) and "Range" not in asked.headers
    return asked.full_path if whole else ""


class _Scripts:
    """Compressed scripts by their addresses, as long as there is room."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The script of an algorithm and an address; None if it is not kept."""
        return self._kept.get(key)

    def set(self, key: str, value: bytes) -> None:
        """Keep a script."""
        with self._lock:
            if not key.endswith(";") and sum(map(len, self._kept.values())) + len(value) <= MAX_BYTES:
                self._kept[key] = value
