"""A world that all tests of a file share, so that one worker process serves them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from hmmrnn.server.services import services
from hmmrnn.tasks import queue, store
from tests.services import rebuild_services


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def shared_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Services with empty folders, and with one of the two kinds of queue."""
    # At the top it would be imported before it is registered as a plugin.
    from tests.fixtures_dashboard import empty_world_in

    with pytest.MonkeyPatch.context() as patch:
        for _ in empty_world_in(tmp_path_factory.mktemp("world"), patch):
            if request.param == "redis":
                patch.setenv("HMMRNN_REDIS_URL", request.getfixturevalue("redis_url"))
                rebuild_services()
                services().queues.queue(queue.TRAININGS).storage.flush_all()
            yield


@pytest.fixture
def later() -> Callable[[], AbstractContextManager[None]]:
    """Let so much time pass, for this process alone, that what leaves no heartbeat counts as lost."""
    now = store.Store.now

    @contextmanager
    def shifted() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store.Store, "now", lambda self: now(self) + store.LOST_AFTER_SECONDS + 1)
            yield

    return shifted
