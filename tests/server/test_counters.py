"""Counters: shared by processes, ended in time, and never more than are of use."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from hmmrnn.server import counters as module
from hmmrnn.server.counters import Counters, storage_uri
from tests.programs import at_once


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time, which stands still until a test sets it."""
    found = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module.time, "time", lambda: found.now)
    return found


def counters(tmp_path: Path) -> Counters:
    return Counters(storage_uri(tmp_path / "a folder" / "counters.db"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()


def test_all_that_raise_one_at_once_are_counted(tmp_path: Path) -> None:
    found = at_once(*[partial(counters(tmp_path).incr, "ada", 60) for _ in range(12)])
    assert sorted(found) == list(range(1, 13))
    assert counters(tmp_path).get("ada") == 12
    assert counters(tmp_path).get("bob") == 0


def test_a_window_begins_with_the_first_and_ends_in_time(tmp_path: Path, clock: SimpleNamespace) -> None:
    store = counters(tmp_path)
    store.incr("ada", 60)
    clock.now += 59
    assert store.incr("ada", 60) == 2
    assert store.get_expiry("ada") == 1060
    clock.now += 2
    assert store.get("ada") == 0
    assert store.incr("ada", 60) == 1


def test_what_has_ended_is_removed(tmp_path: Path, clock: SimpleNamespace) -> None:
    store = counters(tmp_path)
    for i in range(100):
        store.incr(f"name {i}", 60)
    clock.now += 61
    store.incr("ada", 60)
    with sqlite3.connect(store.file) as database:
        assert database.execute("SELECT key FROM counters").fetchall() == [("ada",)]
    store.clear("ada")
    assert store.get("ada") == 0
    assert store.reset() == 0
    assert store.check()
    store.file.write_bytes(b"no database" * 1000)
    assert not store.check()
