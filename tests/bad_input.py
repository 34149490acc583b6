"""What holds of every answer to bad input: words, soon, and no file touched that is not the server's own."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

CASES = int(os.environ.get("HMMRNN_CASES", "1500"))
SEED = int(os.environ.get("HMMRNN_SEED", "0"))
MOST_SECONDS = 5.0
# Part of every path that leads astray: no file with this in its name may ever be opened.
ASTRAY = "led-astray"
TRACES = ("Traceback (most recent call last)", 'File "/')
OPENED_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
CHANGING = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")


@dataclass
class Files:
    """What this process opens and changes while it is watched.

    Attributes:
        own: folders that it may write to.
        faults: what it did that it must not.
    """

    own: tuple[Path, ...]
    faults: list[str] = field(default_factory=list)
    watching: bool = False

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit hook, which can never be taken away again."""
        if not self.watching or event not in ("open", "sqlite3.connect", "os.listdir", "os.scandir", *CHANGING):
            return
        # A file that is open already has a number and no path.
        named = args[:2] if event in CHANGING else args[:1]
        paths = [str(os.fsdecode(arg)) for arg in named if isinstance(arg, str | bytes | os.PathLike)]
        writes = event in CHANGING or (event == "open" and bool(args[2] & OPENED_TO_WRITE))
        for path in paths:
            inside = any(Path(os.path.abspath(path)).is_relative_to(folder) for folder in self.own)
            if ASTRAY in path or (writes and not inside and not path.endswith((".pyc", os.devnull))):
                self.faults.append(f"{event} {path}")

    @contextmanager
    def watched(self) -> Iterator[None]:
        self.watching = True
        try:
            yield
        finally:
            self.watching = False
        assert self.faults == [], self.faults


def answered(client: FlaskClient, touched: Files, caplog: pytest.LogCaptureFixture, **asked: Any) -> TestResponse:
    """Ask, and check that the answer costs little, in words and without a trace."""
    caplog.clear()
    began = time.process_time()
    with touched.watched():
        answer = client.open(**asked)
    text = answer.get_data().decode("utf-8", "replace")
    seconds = time.process_time() - began
    answer.close()
    told = f"{asked.get('method')} {asked.get('path')} {str(asked.get('data'))[:2000]}: {answer.status} {text[:300]}"
    assert answer.status_code < 500 or answer.status_code == 503, told
    assert seconds < MOST_SECONDS, f"{seconds:.1f} s of computing: {told}"
    assert not any(trace in text for trace in TRACES), told
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not faults, f"{told}\n{faults[0].getMessage()}: {faults[0].exc_info and faults[0].exc_info[1]!r}"
    return answer
