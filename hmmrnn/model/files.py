"""Files that are replaced as a whole."""

import os
import secrets
import stat
from pathlib import Path


def replace_file(path: Path, data: bytes, private: bool = False) -> None:
    """Write a file so that a reader finds either its old content or its new one, and never a part.

    A private file that is new can be read by the owner of the process alone; one that is there keeps its owner and who
    may read it.

    Raises:
        OSError: the file cannot be written, or its owner cannot be kept.
    """
    # os.replace is atomic within one file system only, so the new content is completed beside its destination.
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        with open(descriptor, "wb") as file:
            if private and path.exists():
                _take_over(descriptor, path.stat())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _take_over(descriptor: int, old: os.stat_result) -> None:
    """Give a file the owner and the rights of another."""
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
