"""Signatures of what is kept outside of the private folders, in Redis: what others wrote there is never unpickled.

signed = HMAC-SHA256(key, where it is kept, 0, data), data
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from hmmrnn.model.files import replace_file

SECRET_BYTES = 32
_SIZE = sha256().digest_size


class ForeignError(ValueError):
    """Data that was not signed with this key, or for another place."""


class Signer:
    """Signs data with a key, and refuses data that are not signed with it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, data: bytes, place: str = "") -> bytes:
        """The data with their signature, good for the place where they are kept."""
        return self._signature(data, place) + data

    def check(self, signed: bytes, place: str = "") -> bytes:
        """The data that were signed.

        Raises:
            ForeignError: they were not, or not with this key or for this place.
        """
        signature, data = signed[:_SIZE], signed[_SIZE:]
        if not hmac.compare_digest(signature, self._signature(data, place)):
            raise ForeignError("it is not signed by this server")
        return data

    def _signature(self, data: bytes, place: str) -> bytes:
        return hmac.digest(self._key, place.encode() + b"\0" + data, sha256)


def read_secret(path: Path) -> bytes:
    """The random key that signs the sessions of all web processes; made if it is not there.

    Raises:
        ValueError: the file cannot be written or read, or is damaged.
    """
    try:
        with FileLock(f"{path}.lock"):
            if not path.exists():
                replace_file(path, secrets.token_bytes(SECRET_BYTES), private=True)
        key = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the key that signs sessions cannot be kept in {path} ({error.strerror})") from error
    if len(key) != SECRET_BYTES:
        raise ValueError(f"{path} must hold {SECRET_BYTES} bytes; got {len(key)}: delete it; all users sign in again")
    return key


def derived(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose, from which neither the secret nor the key of another purpose can be found."""
    return hmac.digest(secret, purpose.encode(), sha256)
