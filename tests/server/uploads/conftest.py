"""A server that receives files, and a browser on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hmmrnn import load, save
from hmmrnn.server import uploads
from hmmrnn.server.auth import requester
from hmmrnn.server.services import services
from hmmrnn.storage.sandboxed_import import Limits, convert

KEY = b"signs the names of browsers"


def read_here(source: Path, destination: Path, _: Limits) -> None:
    """Read a file in this process, which is quicker, where a process of its own is not what is tested."""
    save(load(source), destination)


@pytest.fixture(autouse=True)
def shelf(empty_world, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of opened networks, empty at first, as all others are."""
    monkeypatch.setattr(services().uploads, "_convert", read_here)
    return services().data.networks


@pytest.fixture
def own_process(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in a process of its own, as a worker does it."""
    monkeypatch.setattr(services().uploads, "_convert", convert)


@pytest.fixture
def client(shelf: Path) -> FlaskClient:
    """A browser on a server that receives files."""
    server, built = Flask("test"), services()
    shown = lambda _opened: [{"value": item.name, "label": item.name.upper()} for item in built.models.entries()]  # noqa: E731
    requester.register(server, KEY)
    uploads.register(server, built.uploads, shown)
    return server.test_client()
