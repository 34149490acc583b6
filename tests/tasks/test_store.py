"""What is kept of tasks and workers: its keys, its types, and what is said when the storage is away."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from hmmrnn.server.services import services
from hmmrnn.tasks import queue, short_tasks, store
from hmmrnn.tasks.queue import QueueGoneError
from hmmrnn.tasks.store import CANCEL, EXPERIMENT, LOSSES, PROGRESS, RECORD, TRAINING, Entry, Record, TaskState
from tests.programs import RedisServer, eventually
from tests.services import rebuild_services

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]


def entry() -> Entry:
    """All that is kept of a training."""
    return services().store.entry(TRAINING, "0123456789ab")


@pytest.mark.usefixtures("either_queue")
class TestEntry:
    def test_a_value_is_kept_until_it_is_discarded(self) -> None:
        record = Record(state=TaskState.RUNNING, asked_at=3.5, requester="user ada", attempt=2)
        assert entry().get(RECORD) is None
        entry().put(RECORD, record)
        assert entry().get(RECORD) == record
        assert services().store.entry(TRAINING, "another").get(RECORD) is None
        assert services().store.entry(EXPERIMENT, entry().id).get(RECORD) is None
        entry().discard(RECORD, CANCEL)
        assert entry().get(RECORD) is None

    def test_of_two_claims_the_first_is_kept(self) -> None:
        first, second = Record(state=TaskState.WAITING), Record(state=TaskState.DONE)
        assert [entry().claim(RECORD, record) for record in (first, second)] == [True, False]
        assert entry().get(RECORD) == first

    def test_a_result_of_any_type_is_taken_once(self) -> None:
        assert entry().take_result() is None
        entry().put_result({"value": {1, 2}})
        assert [entry().take_result() for _ in range(2)] == [({"value": {1, 2}},), None]

    def test_what_another_program_has_written_there_is_left_aside(self, caplog: pytest.LogCaptureFixture) -> None:
        with services().store.storage() as storage:
            for text in (b"no JSON", b'{"state": "of another kind"}', b"[1, 2]"):
                storage.put_data(store.key_of(TRAINING, entry().id, RECORD), text)
                assert entry().get(RECORD) is None
                assert services().store.get_many(TRAINING, [entry().id], RECORD) == {}
        assert "state:0123456789ab is left aside" in caplog.text

    def test_many_are_read_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store, "MOST_AT_ONCE", 2)
        ids = [f"{i:012x}" for i in range(5)]
        for i in (0, 2, 4):
            services().store.entry(TRAINING, ids[i]).put(RECORD, Record(state=TaskState.DONE, model=str(i)))
        found = services().store.get_many(TRAINING, ids, RECORD)
        assert {id: record.model for id, record in found.items()} == {ids[i]: str(i) for i in (0, 2, 4)}
        assert services().store.get_many(TRAINING, [], RECORD) == {}

    def test_a_heartbeat_is_good_for_some_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not entry().alive()
        entry().beat()
        assert entry().alive()
        now = services().store.now()
        monkeypatch.setattr(store.Store, "now", lambda _store: now + store.LOST_AFTER_SECONDS + 1)
        assert not entry().alive()

    def test_work_is_kept_alive_while_it_lasts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store, "HEARTBEAT_SECONDS", 0.01)
        with entry().kept_alive():
            entry().discard(store.HEARTBEAT)
            eventually(entry().alive)
        entry().discard(store.HEARTBEAT)
        assert not entry().alive(), "it has ended"

    def test_of_each_worker_its_memory_is_known_as_long_as_it_reports(self, monkeypatch: pytest.MonkeyPatch) -> None:
        services().store.report_memory(queue.TRAININGS, "one", 3e8)
        services().store.report_memory(queue.TRAININGS, "other", 2e8)
        assert services().store.memory_of_workers(queue.TRAININGS) == {"one": 3e8, "other": 2e8}
        assert services().store.memory_of_workers(queue.EXPERIMENTS) == {}
        now = services().store.now()
        monkeypatch.setattr(store.Store, "now", lambda _store: now + store.LOST_AFTER_SECONDS + 1)
        assert services().store.memory_of_workers(queue.TRAININGS) == {}


class TestVersion01:
    """Keys and JSON as commit 817106a wrote them."""

    @pytest.fixture(autouse=True)
    def old(self, empty_world: object) -> Callable[[str, str], None]:
        """Write what that commit has written."""
        storage = services().queues.queue(queue.TRAININGS).storage
        return lambda key, text: storage.put_data(key, text.encode())

    def test_the_record_of_a_training(self, old: Callable[[str, str], None]) -> None:
        old(
            f"state:{entry().id}",
            '{"state": "done", "asked_at": 12.5, "asker": "user ada", "model": "linear-2-012345"}',
        )
        expected = Record(state=TaskState.DONE, asked_at=12.5, requester="user ada", model="linear-2-012345")
        assert entry().get(RECORD) == expected

    def test_its_progress(self, old: Callable[[str, str], None]) -> None:
        old(
            f"progress:{entry().id}",
            '{"step": 4, "steps": 9, "loss": 5.5, "floor": 1.0, "plateau": 9.0, "seconds": 2.5, '
            '"steps_per_second": null, "fidelity": {"step": 1, "diverged": 2, "lag_error": null}}',
        )
        old(f"losses:{entry().id}", "[7.5, 5.5]")
        old(f"cancel:{entry().id}", "true")
        progress = entry().get(PROGRESS)
        assert progress is not None
        assert (progress.step, progress.loss, progress.steps_per_second) == (4, 5.5, None)
        assert progress.fidelity == {"step": 1, "diverged": 2, "lag_error": None}
        assert entry().get(LOSSES) == [7.5, 5.5]
        assert entry().get(CANCEL) is True

    def test_its_work_in_the_queue(self) -> None:
        services().queues.send(queue.TRAIN, entry().id)
        (item,) = services().queues.queue(queue.TRAININGS).storage.enqueued_items()
        assert pickle.loads(item).name == "hmmrnn.dashboard.queue.train"

    def test_what_is_no_record_is_left_aside(self, old: Callable[[str, str], None]) -> None:
        old(f"state:{entry().id}", '{"state": "asleep"}')
        assert entry().get(RECORD) is None


class TestAway:
    @pytest.fixture
    def redis(
        self, empty_world: object, redis_server_of_own: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> RedisServer:
        monkeypatch.setenv("HMMRNN_REDIS_URL", redis_server_of_own.url.replace("//", "//:secret@"))
        rebuild_services()
        return redis_server_of_own

    def test_every_function_says_which_redis_does_not_answer(self, redis: RedisServer) -> None:
        redis.stop()
        for act in (
            lambda: entry().put(CANCEL, True),
            lambda: entry().claim(CANCEL, True),
            lambda: entry().get(CANCEL),
            lambda: entry().discard(CANCEL),
            lambda: entry().put_result(1),
            entry().take_result,
            entry().beat,
            lambda: services().queues.waiting(queue.TRAIN),
            lambda: services().queues.send(queue.TRAIN, entry().id),
            lambda: short_tasks.request(services().store, queue.ANALYSE, "matching", None),
        ):
            with pytest.raises(QueueGoneError) as error:
                act()
            expected = f"Redis at 127.0.0.1:{redis.port} does not answer; trainings, experiments and files wait"
            assert str(error.value).startswith(expected)
            assert "secret" not in str(error.value)

    def test_so_does_a_file_that_cannot_be_written(self, empty_world: object) -> None:
        entry().put(CANCEL, True)
        services().queues.queue(queue.TRAININGS).storage.close()
        database = services().data.path / "queue.db"
        for file in database.parent.glob("queue.db*"):
            file.unlink()
        database.mkdir()
        with pytest.raises(QueueGoneError, match=r"the queue in the data folder cannot be used \(.*\); trainings"):
            entry().put(CANCEL, True)
