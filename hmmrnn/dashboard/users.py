"""Who may sign in? Whoever stands in the file that HMMRNN_USERS names, a name and a hashed password in each line.

Without it nobody signs in, and whoever reaches the server may use it. `python -m hmmrnn user NAME` writes the lines.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from filelock import FileLock
from werkzeug.security import check_password_hash, generate_password_hash

VARIABLE = "HMMRNN_USERS"
LEAST_LENGTH = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"scrypt:[0-9]{1,7}:[0-9]{1,3}:[0-9]{1,3}\$[A-Za-z0-9]+\$[0-9a-f]{128}")


def file() -> Path | None:
    """The file; None if everybody may use the dashboard."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def read(path: Path) -> Mapping[str, str]:
    """The hash of the password of each user.

    Raises:
        ValueError: it is not there, cannot be read, holds nobody, or a line of it is no name and hash.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"the file of users {path} cannot be read ({error.strerror}); {_remedy()}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the file of users {path} is no text; {_remedy()}") from error
    found = dict(_user(line, f"line {i} of {path}") for i, line in enumerate(lines, 1) if line.strip())
    if not found:
        raise ValueError(f"the file of users {path} holds nobody; {_remedy()}")
    return found


def check_name(name: str) -> None:
    """Raise ValueError if nobody can be called so."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"a name must be 1 to 64 letters, digits or . _ @ -, the first a letter or a digit; got {name!r}"
        )


def matches(known: Mapping[str, str], name: str, password: str) -> bool:
    """Whether this is the password of that user. It takes as long for a name that is not known."""
    if not known:
        return False
    right = check_password_hash(known.get(name, next(iter(known.values()))), password)
    return right and name in known


def add(path: Path, name: str, password: str) -> bool:
    """Add a user, or give one that is known another password; returns whether it was known.

    Raises:
        ValueError: the name or the password is not fit, or the file is not as it should be.
        OSError: the file cannot be written.
    """
    check_name(name)
    if len(password) < LEAST_LENGTH:
        raise ValueError(f"a password must have at least {LEAST_LENGTH} characters; got {len(password)}")
    with FileLock(f"{path}.lock"):
        known = dict(read(path)) if path.exists() else {}
        was_known = name in known
        known[name] = generate_password_hash(password, method="scrypt")
        _write(path, "".join(f"{user}:{hashed}\n" for user, hashed in known.items()))
    return was_known


def _write(path: Path, text: str) -> None:
    # Whoever reads it meanwhile finds all of the old file or all of the new; only the owner finds anything.
    with NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    os.replace(file.name, path)


def _user(line: str, where: str) -> tuple[str, str]:
    name, _, hashed = line.strip().partition(":")
    if not _NAME.fullmatch(name) or not _HASH.fullmatch(hashed):
        # Without the line itself, which may hold a password that somebody wrote there.
        raise ValueError(f"{where} is no name:hash; {_remedy()}")
    return name, hashed


def _remedy() -> str:
    return "write its lines with python -m hmmrnn user NAME"
