"""Where answers lie: a folder that is bounded in bytes, or a Redis that machines share and that may go away."""

from __future__ import annotations

import errno
import multiprocessing
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.dashboard import queue, redis_server, stores
from hmmrnn.dashboard.cache import cached
from tests.programs import RedisServer, eventually

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]

COUNTER = "HMMRNN_TEST_COUNTER"
KIB = 1024


@pytest.fixture
def counter(empty_world, tmp_path, monkeypatch) -> Path:
    """A file with one character for each computation, whichever process does it."""
    path = tmp_path / "counter"
    path.touch()
    monkeypatch.setenv(COUNTER, str(path))
    return path


@pytest.fixture
def in_redis(counter, redis_url, monkeypatch) -> Path:
    """The counter, with the answers in a Redis that is empty at first."""
    monkeypatch.setenv("HMMRNN_REDIS_URL", redis_url)
    redis_server.client().flushdb()
    return counter


@cached
def doubled(x: float) -> np.ndarray:
    """Twice a value."""
    with open(os.environ[COUNTER], "a") as file:
        file.write("x")
    return 2 * np.array([x, np.nan])


@cached
def slowly(x: float) -> float:
    """An answer that takes longer than a lock is held without being renewed."""
    with open(os.environ[COUNTER], "a") as file:
        file.write("x")
    time.sleep(2 * stores.LOCK_SECONDS)
    return x


def computed(counter: Path) -> int:
    return len(counter.read_text())


def answers(world) -> list[Path]:
    folder = world.cache / "hmmrnn" / "answers"
    return sorted(folder.iterdir()) if folder.exists() else []


def on_a_machine(cache: Path, start, replies) -> None:
    """Ask, as a machine with a cache folder of its own does."""
    os.environ["HMMRNN_CACHE"] = str(cache)
    stores.LOCK_SECONDS, stores.RENEW_SECONDS = 1.0, 0.3
    start.wait()
    replies.put(slowly(3.0))


def hold_for_good(held) -> None:
    stores.LOCK_SECONDS = 1.0
    with stores.held("door"):
        held.set()
        # Killed here.
        threading.Event().wait()


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path) -> stores.Folder:
        return stores.Folder(tmp_path / "answers", 1000 * KIB)

    def test_it_stays_within_its_bytes_and_the_oldest_go_first(self, folder) -> None:
        for i in range(60):
            assert folder.set(f"key {i}", bytes(50 * KIB))
            # Files of the same instant are equally old.
            os.utime(folder._get_filename(f"key {i}"), (i, i))
        assert folder.held() <= 1000 * KIB + 1000 * KIB // 20
        there = [i for i in range(60) if folder.get(f"key {i}") is not None]
        assert there == list(range(there[0], 60))
        assert 15 <= len(there) <= 21

    def test_what_others_have_written_counts_too(self, folder, tmp_path) -> None:
        other = stores.Folder(tmp_path / "answers", 1000 * KIB)
        for i in range(40):
            (folder if i % 2 else other).set(f"key {i}", bytes(50 * KIB))
        assert folder.held() <= 1000 * KIB + 2 * 1000 * KIB // 20

    def test_a_file_that_nobody_finishes_goes(self, folder, tmp_path) -> None:
        old, new = (tmp_path / "answers" / f"{name}.__wz_cache" for name in ("old", "new"))
        for path in (old, new):
            path.write_bytes(bytes(10))
        os.utime(old, (0, 0))
        folder.set("key", 1)
        assert not old.exists()
        assert new.exists(), "it may still be written"

    def test_on_a_full_disk_older_answers_make_room(self, folder, monkeypatch) -> None:
        for i in range(10):
            folder.set(f"key {i}", bytes(50 * KIB))
            os.utime(folder._get_filename(f"key {i}"), (i, i))
        room = iter([False, True])
        write = stores._FilePickles.dump

        def dump(self, value, f) -> None:
            if not next(room):
                raise OSError(errno.ENOSPC, "No space left on device")
            write(self, value, f)

        monkeypatch.setattr(stores._FilePickles, "dump", dump)
        assert folder.set("newest", "answer")
        assert folder.get("newest") == "answer"
        assert [i for i in range(10) if folder.get(f"key {i}") is not None] == list(range(5, 10))

    def test_a_disk_without_any_room_costs_no_answer(self, counter, monkeypatch, caplog) -> None:
        def full(self, value, f) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(stores._FilePickles, "dump", full)
        np.testing.assert_array_equal(doubled(3.0), [6.0, np.nan])
        assert computed(counter) == 1
        assert caplog.records

    @pytest.mark.parametrize("text", ["", "0", "-5", "1e3", "lots", "١٢"])
    def test_a_bound_that_is_none_is_said(self, counter, monkeypatch, text) -> None:
        monkeypatch.setenv("HMMRNN_CACHE_MB", text)
        with pytest.raises(ValueError, match="HMMRNN_CACHE_MB must be a whole number of megabytes from 1; got"):
            stores.most_bytes()

    def test_the_bound_is_what_was_asked_for(self, counter, monkeypatch) -> None:
        monkeypatch.setenv("HMMRNN_CACHE_MB", "3")
        assert stores._own().most == 3 * KIB * KIB


class TestRedis:
    def test_an_answer_is_kept_there_and_not_in_the_folder(self, in_redis, empty_world) -> None:
        for _ in range(2):
            np.testing.assert_array_equal(doubled(3.0), [6.0, np.nan])
        assert computed(in_redis) == 1
        assert answers(empty_world) == []
        keys = redis_server.client().keys("hmmrnn:answer:*")
        assert len(keys) == 1
        # With an end, so that a Redis whose memory is full may drop it.
        assert 0 < redis_server.client().ttl(keys[0]) <= stores.KEPT_SECONDS

    @pytest.mark.parametrize("content", [b"", b"not a pickle", b"!\x80\x05\x95\xff\xff", b"!cno.such.module\nThing\n."])
    def test_a_damaged_answer_is_computed_anew(self, in_redis, content) -> None:
        doubled(3.0)
        (key,) = redis_server.client().keys("hmmrnn:answer:*")
        redis_server.client().set(key, content)
        np.testing.assert_array_equal(doubled(3.0), [6.0, np.nan])
        assert computed(in_redis) == 2
        doubled(3.0)
        assert computed(in_redis) == 2

    def test_two_machines_compute_once_however_long_it_takes(self, in_redis, tmp_path) -> None:
        context = multiprocessing.get_context("spawn")
        start, replies = context.Barrier(2), context.Queue()
        machines = [
            context.Process(target=on_a_machine, args=(tmp_path / name, start, replies)) for name in ("one", "two")
        ]
        for machine in machines:
            machine.start()
        assert [replies.get(timeout=60) for _ in machines] == [3.0, 3.0]
        for machine in machines:
            machine.join(timeout=60)
        assert computed(in_redis) == 1

    def test_a_lock_whose_holder_was_killed_is_free_again(self, in_redis) -> None:
        context = multiprocessing.get_context("spawn")
        held = context.Event()
        holder = context.Process(target=hold_for_good, args=(held,))
        holder.start()
        assert held.wait(60)
        holder.kill()
        holder.join()
        waited: list[float] = []
        with stores.held("door", waited.append):
            pass
        assert waited, "it was held"

    def test_who_waits_can_be_stopped(self, in_redis, empty_world, monkeypatch) -> None:
        class Stopped(Exception):
            pass

        def stop(_share: float) -> None:
            raise Stopped

        with stores.held("door"), pytest.raises(Stopped), stores.held("door", stop):
            pytest.fail("two held it at once")


class TestRedisAway:
    @pytest.fixture
    def world(self, counter, redis_server_of_own: RedisServer, monkeypatch):
        monkeypatch.setenv("HMMRNN_REDIS_URL", redis_server_of_own.url)
        monkeypatch.setattr(stores, "AWAY_SECONDS", 0.1)
        monkeypatch.setattr(stores, "_left_at", -1.0)
        return redis_server_of_own

    def test_answers_go_on_from_the_folder_and_come_back_to_redis(self, world, counter, empty_world, caplog) -> None:
        doubled(1.0)
        world.stop()
        np.testing.assert_array_equal(doubled(2.0), [4.0, np.nan])
        doubled(2.0)
        assert computed(counter) == 2, "the folder keeps it meanwhile"
        assert len(answers(empty_world)) == 1
        assert f"Redis at 127.0.0.1:{world.port} does not answer" in caplog.text
        world.start()
        eventually(stores._in_use)
        doubled(1.0)
        assert computed(counter) == 2, "Redis has kept it"
        doubled(3.0)
        assert len(answers(empty_world)) == 1

    def test_it_may_go_while_an_answer_is_computed(self, world, counter) -> None:
        @cached
        def stops_redis(x: float) -> float:
            world.stop()
            return x

        assert stops_redis(4.0) == 4.0

    def test_the_queue_says_so(self, world) -> None:
        queue.put("key", 1)
        world.stop()
        sentence = rf"Redis at 127\.0\.0\.1:{world.port} does not answer; trainings, experiments and files wait"
        for act in (
            lambda: queue.put("key", 2),
            lambda: queue.look_up("key"),
            lambda: queue.waiting("train"),
            lambda: queue.send("train", "0123456789ab"),
            lambda: queue.beat("key"),
            lambda: queue.errand("analyse", "matching", None),
        ):
            with pytest.raises(queue.QueueGoneError, match=sentence):
                act()
        world.start()
        assert queue.look_up("key") == 1

    def test_no_password_is_told(self, world, monkeypatch) -> None:
        monkeypatch.setenv("HMMRNN_REDIS_URL", f"redis://:secret@127.0.0.1:{world.port}/0")
        redis_server.pool().disconnect()
        redis_server.pool.cache_clear()
        queue._make.cache_clear()
        world.stop()
        with pytest.raises(queue.QueueGoneError) as found:
            queue.look_up("key")
        assert "secret" not in str(found.value)

    @pytest.mark.parametrize("url", ["localhost", "http://localhost", "redis://localhost:port"])
    def test_an_address_that_is_none_is_said(self, counter, monkeypatch, url) -> None:
        monkeypatch.setenv("HMMRNN_REDIS_URL", url)
        with pytest.raises(ValueError, match="HMMRNN_REDIS_URL must be like redis://host:6379/0; got another form"):
            redis_server.pool()
