"""The file of users: one line per user, with their name and the hash of their password.

The setting HMMRNN_USERS names the file, and `python -m hmmrnn user NAME` writes it. Without one no sign-in is needed.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock
from werkzeug.security import check_password_hash, generate_password_hash

from hmmrnn.model.files import replace_file

MIN_LENGTH = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"scrypt:[0-9]{1,7}:[0-9]{1,3}:[0-9]{1,3}\$[A-Za-z0-9]+\$[0-9a-f]{128}")
_REMEDY = "write its lines with python -m hmmrnn user NAME"


def read(path: Path) -> Mapping[str, str]:
    """The password hash of each user.

    Raises:
        ValueError: the file cannot be read, lists no user, or has a line of another form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"the file of users {path} cannot be read ({error.strerror}); {_REMEDY}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the file of users {path} is not text; {_REMEDY}") from error
    found = dict(_user(line, f"line {i} of {path}") for i, line in enumerate(lines, 1) if line.strip())
    if not found:
        raise ValueError(f"the file of users {path} lists no user; {_REMEDY}")
    return found


def check_name(name: str) -> None:
    """Raise ValueError if no user can have this name."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"a name must be 1 to 64 letters, digits or . _ @ -, the first a letter or a digit; got {name!r}"
        )


def matches(known: Mapping[str, str], name: str, password: str) -> bool:
    """Whether this is the password of that user. An unknown name takes as long, so that it cannot be told by time."""
    if not known:
        return False
    right = check_password_hash(known.get(name, next(iter(known.values()))), password)
    return right and name in known


def add(path: Path, name: str, password: str) -> bool:
    """Add a user, or change the password of one; returns whether the user was listed before.

    Raises:
        ValueError: the name or the password has another form, or the file cannot be used.
        OSError: the file cannot be written.
    """
    check_name(name)
    if len(password) < MIN_LENGTH:
        raise ValueError(f"a password must have at least {MIN_LENGTH} characters; got {len(password)}")
    with FileLock(f"{path}.lock"):
        known = dict(read(path)) if path.exists() else {}
        was_known = name in known
        known[name] = generate_password_hash(password, method="scrypt")
        lines = "".join(f"{user}:{hashed}\n" for user, hashed in known.items())
        replace_file(path, lines.encode(), private=True)
    return was_known


def _user(line: str, where: str) -> tuple[str, str]:
    name, _, hashed = line.strip().partition(":")
    if not _NAME.fullmatch(name) or not _HASH.fullmatch(hashed):
        # Without the line itself, which may hold a password by mistake.
        raise ValueError(f"{where} is not of the form name:hash; {_REMEDY}")
    return name, hashed
