"""What is no work of ours in a queue is never unpickled, and a damaged file of queues is said and mended."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from hmmrnn.dashboard.app import create_app
from hmmrnn.server.services import services
from hmmrnn.storage.cache import PREFIX
from hmmrnn.tasks.queue import TRAIN, TRAININGS, QueueGoneError
from hmmrnn.tasks.store import EXPERIMENT, RESULT, key_of
from tests.services import rebuild_services

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]


class Harm:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


@pytest.fixture
def harm(tmp_path) -> Path:
    return tmp_path / "harmed"


@pytest.fixture
def in_redis(empty_world, redis_url, monkeypatch):
    monkeypatch.setenv("HMMRNN_REDIS_URL", redis_url)
    rebuild_services()
    redis = services().redis
    assert redis is not None
    redis.client().flushall()
    return redis.client()


class TestRedis:
    def test_foreign_work_is_passed_over(self, in_redis, harm) -> None:
        queue = services().queues.queue(TRAININGS)
        in_redis.lpush(queue.storage.queue_key, pickle.dumps(Harm(harm)))
        services().queues.send(TRAIN, "0123456789ab")
        assert services().queues.waiting(TRAIN) == [("0123456789ab",)]
        assert queue.dequeue().args == ("0123456789ab",)
        assert queue.dequeue() is None
        assert not harm.exists()

    def test_foreign_work_on_the_schedule_is_taken_out(self, in_redis, harm) -> None:
        queue = services().queues.queue(TRAININGS)
        in_redis.zadd(queue.storage.schedule_key, {pickle.dumps(Harm(harm)): 0})
        assert queue.read_schedule() == []
        assert not harm.exists()

    def test_work_signed_by_another_server_is_foreign(self, in_redis) -> None:
        services().queues.send(TRAIN, "0123456789ab")
        services().data.secret.unlink()
        rebuild_services()
        assert services().queues.waiting(TRAIN) == []

    def test_a_foreign_result_is_left_aside(self, in_redis, harm) -> None:
        task = services().store.entry(EXPERIMENT, "0" * 24)
        storage = services().queues.queue(TRAININGS).storage
        storage.put_data(key_of(EXPERIMENT, task.id, RESULT), pickle.dumps(Harm(harm)))
        assert task.take_result() is None
        # That of another experiment is foreign too.
        services().store.entry(EXPERIMENT, "1" * 24).put_result(1)
        moved = storage.pop_data(key_of(EXPERIMENT, "1" * 24, RESULT))
        storage.put_data(key_of(EXPERIMENT, task.id, RESULT), moved)
        assert task.take_result() is None
        assert not harm.exists()

    def test_a_foreign_answer_is_none(self, in_redis, harm) -> None:
        in_redis.set(f"{PREFIX}key", b"!" + pickle.dumps(Harm(harm)))
        assert services().answers.look_up("key") is None
        services().answers.keep("key", 5)
        assert services().answers.look_up("key") == (5,)
        assert not harm.exists()


class TestDamagedFile:
    @pytest.fixture
    def damaged(self, empty_world) -> Path:
        services().queues.send(TRAIN, "0123456789ab")
        file = services().data.queue
        rebuild_services()
        for suffix in ("-wal", "-shm"):
            file.with_name(f"{file.name}{suffix}").unlink(missing_ok=True)
        file.write_bytes(b"no database" * 1000)
        return file

    def test_it_is_said_and_the_rest_goes_on(self, damaged) -> None:
        with pytest.raises(QueueGoneError, match="is damaged"):
            services().queues.waiting(TRAIN)
        client = create_app().server.test_client()
        answer = client.get("/readyz")
        assert answer.status_code == 503
        said = answer.get_json()["parts"]["queue"]
        assert not said["well"]
        assert "damaged" in said["says"]
        assert client.get("/healthz").status_code == 200
        assert client.get("/").status_code == 200

    def test_a_start_puts_it_aside(self, damaged, caplog) -> None:
        services().queues.mend()
        services().queues.send(TRAIN, "0123456789ab")
        assert services().queues.waiting(TRAIN) == [("0123456789ab",)]
        (aside,) = damaged.parent.glob("queue.db.damaged-*")
        assert aside.read_bytes().startswith(b"no database")
        assert "trainings can be resumed" in caplog.text

    def test_a_good_one_stays(self, empty_world) -> None:
        services().queues.send(TRAIN, "0123456789ab")
        services().queues.mend()
        rebuild_services()
        assert services().queues.waiting(TRAIN) == [("0123456789ab",)]
