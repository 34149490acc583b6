"""Tables of inputs that were brought to a server, kept under the digest of their text."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from hmmrnn.model.files import replace_file
from hmmrnn.model.inputs import MOST_BYTES, read_inputs
from hmmrnn.model.network import Floats
from hmmrnn.storage.paths import DataFolder, writing

# The oldest tables make room for new ones.
MOST_TABLES = 200
DIGITS = 31
# The last letter of a name, by which a scenario knows a constant; see explorer/scenario.py.
CONSTANT, SEQUENCE = "c", "s"


class InputTables:
    """The tables of inputs of a server."""

    def __init__(self, data: DataFolder) -> None:
        self.folder = data.inputs
        self._read = lru_cache(maxsize=4)(_read)

    def read(self, text: str) -> Floats:
        """The rows (T, M) of a table that is brought.

        Raises:
            ValueError: it is too large, or cannot be read.
        """
        size = len(text.encode())
        if size > MOST_BYTES:
            raise ValueError(
                f"a table of inputs may have {MOST_BYTES:,} bytes; got {size:,}; write fewer digits or steps"
            )
        return read_inputs(text)

    def keep(self, text: str) -> tuple[str, Floats]:
        """Keep a table that can be read; returns its name, of a digest and what it is, and its rows (T, M).

        Raises:
            ValueError: as `read`, or it cannot be kept.
        """
        rows, content = self.read(text), text.encode()
        name = hashlib.sha256(content).hexdigest()[:DIGITS] + (CONSTANT if len(rows) == 1 else SEQUENCE)
        with writing():
            kept = sorted(self.folder.glob("*.csv"), key=lambda path: path.stat().st_mtime)
            for old in kept[: max(0, len(kept) - MOST_TABLES + 1)]:
                old.unlink(missing_ok=True)
            replace_file(self.folder / f"{name}.csv", content)
        return name, rows

    def find(self, name: str) -> Floats:
        """The rows (T, M) of the table of that name.

        Raises:
            ValueError: there is none.
        """
        path = self.folder / f"{name}.csv"
        if not path.exists():
            raise ValueError(f"there is no table of inputs {name} here any more; open its file again")
        return self._read(path)


def _read(path: Path) -> Floats:
    rows = read_inputs(path.read_text(encoding="utf-8"))
    rows.setflags(write=False)
    return rows
