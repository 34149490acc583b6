"""An application that watches which files it opens while bad input is sent to it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from hmmrnn.server.services import services
from hmmrnn.tasks import short_tasks
from tests.bad_input import Files


@pytest.fixture(scope="module")
def hearing() -> list[Files]:
    """What hears of files now; the hook itself stays for good."""
    heard: list[Files] = []
    sys.addaudithook(lambda event, args: heard[0].hear(event, args) if heard else None)
    return heard


@pytest.fixture
def touched(app, tmp_path, monkeypatch, hearing: list[Files]) -> Iterator[Files]:
    """The files that the application opens, watched."""
    monkeypatch.setattr(short_tasks, "request", _no_worker)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    watch = Files((services().answers.folder, services().data.path, temporary))
    hearing.append(watch)
    yield watch
    hearing.clear()


def _no_worker(*_: Any) -> None:
    raise short_tasks.NoWorkerError("no worker is running; start one with python -m hmmrnn worker")
