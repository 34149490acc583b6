"""A server that is killed, cut off or filled up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.conftest import Server
from tests.faults.words import ROUNDS


@pytest.fixture(params=range(ROUNDS))
def server(request, dashboard) -> Iterator[Server]:
    """A server with two web processes and three workers, on the shelf of small networks."""
    running = Server(dashboard.cache, dashboard.data)
    running.start()
    yield running
    if running.process.poll() is None:
        running.stop()
