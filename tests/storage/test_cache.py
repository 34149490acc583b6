"""Cached answers: one computation per question, in a bounded private folder or in a Redis that may go away."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import stat
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.storage import cache
from hmmrnn.storage.cache import AnswerCache, AnswerFiles, code_fingerprint
from hmmrnn.storage.redis import RedisServer
from tests import programs
from tests.programs import at_once

pytest_plugins = ["tests.fixtures_redis"]

KIB, MIB = 2**10, 2**20


@dataclass
class Question:
    """A cached function that counts how often it is computed."""

    computed: list[float] = field(default_factory=list)
    meeting: threading.Barrier | None = None
    # Two computations that run at the same time meet well within this; a single one waits so long in vain.
    meeting_seconds: float = 0.3

    def doubled(self, answers: AnswerCache, x: float, name: str = "doubled", on_wait=None) -> np.ndarray:
        def compute() -> np.ndarray:
            self.computed.append(x)
            if self.meeting is not None:
                try:
                    self.meeting.wait(self.meeting_seconds)
                except threading.BrokenBarrierError:
                    self.meeting.reset()
            return 2 * np.array([x, np.nan])

        return answers.answer(name, answers.key(name, x), compute, on_wait)


@pytest.fixture
def question() -> Question:
    return Question()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "hmmrnn"


@pytest.fixture
def answers(folder: Path) -> AnswerCache:
    return AnswerCache(folder, 10 * MIB)


def files(folder: Path) -> list[Path]:
    kept = folder / "answers"
    return sorted(path for path in kept.iterdir() if path.is_file()) if kept.exists() else []


class TestOnce:
    def test_an_answer_is_computed_once(self, answers, question):
        first, second = question.doubled(answers, 3.0), question.doubled(answers, 3.0)
        np.testing.assert_array_equal(first, [6.0, np.nan])
        np.testing.assert_array_equal(second, first)
        assert len(question.computed) == 1

    def test_other_arguments_functions_and_code_are_other_questions(self, answers, folder, question):
        question.doubled(answers, 3.0)
        question.doubled(answers, 3.5)
        question.doubled(answers, 3.0, name="another")
        question.doubled(AnswerCache(folder, MIB, code="other code"), 3.0)
        assert len(question.computed) == 4

    def test_none_is_an_answer_like_any_other(self, answers):
        computed = []
        for _ in range(2):
            assert answers.answer("nothing", answers.key("nothing"), lambda: computed.append(1)) is None
        assert computed == [1]

    def test_an_error_is_not_kept_and_releases_the_lock(self, answers):
        def fail() -> None:
            raise ValueError("x must be positive; got -1")

        for _ in range(2):
            with pytest.raises(ValueError, match="x must be positive; got -1"):
                answers.answer("failing", answers.key("failing"), fail)

    def test_an_answer_may_need_another(self, answers, question):
        def compute() -> np.ndarray:
            return question.doubled(answers, 2.0) + question.doubled(answers, 2.0)

        np.testing.assert_array_equal(answers.answer("outer", answers.key("outer"), compute), [8.0, np.nan])
        assert len(question.computed) == 1

    def test_an_answer_outlives_the_cache_that_gave_it(self, answers, folder, question):
        question.doubled(answers, 3.0)
        question.doubled(AnswerCache(folder, MIB), 3.0)
        assert len(question.computed) == 1

    def test_a_caller_that_changes_an_answer_changes_its_own_copy(self, answers, question):
        question.doubled(answers, 3.0)[0] = -1
        assert question.doubled(answers, 3.0)[0] == 6.0

    def test_threads_and_processes_that_ask_at_once_compute_once(self, folder, question):
        question.meeting = threading.Barrier(2)
        # A cache each, as processes have; file locks hold between them.
        caches = [AnswerCache(folder, MIB) for _ in range(4)]
        assert at_once(*(lambda one=one: question.doubled(one, 5.0)[0] for one in caches)) == [10.0] * 4
        assert len(question.computed) == 1

    @pytest.mark.parametrize("by", ["another process", "another machine"])
    def test_a_wait_for_a_lock_can_be_stopped(self, folder, request, by):
        redis = RedisServer(request.getfixturevalue("redis_url")) if by == "another machine" else None
        holder, waiter = (AnswerCache(folder, MIB, redis) for _ in range(2))

        def stop(_share: float) -> None:
            raise InterruptedError("enough")

        with holder.lock("name"), pytest.raises(InterruptedError, match="enough"), waiter.lock("name", stop):
            pytest.fail("two hold the lock")
        if redis is not None:
            redis.pool.disconnect()


class TestFolder:
    def test_only_its_owner_can_read_it(self, tmp_path, question):
        folder = tmp_path / "open"
        folder.mkdir(mode=0o755)
        question.doubled(AnswerCache(folder, MIB), 3.0)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [stat.S_IMODE(path.stat().st_mode) for path in files(folder)] == [0o600]

    def test_the_number_of_lock_files_is_bounded(self, answers, folder, question):
        for x in range(20):
            question.doubled(answers, float(x))
        names = {path.name for path in (folder / "locks").iterdir()}
        assert all(len(name.removeprefix("doubled-")) == len("00.lock") for name in names)

    def test_the_code_fingerprint_is_of_all_code_of_the_package(self, tmp_path, monkeypatch):
        package = tmp_path / "hmmrnn"
        (package / "figures").mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "figures" / "theme.py").write_text("COLOUR = 1\n")
        monkeypatch.setattr(cache.hmmrnn, "__file__", str(package / "__init__.py"))
        before = code_fingerprint.__wrapped__()
        assert code_fingerprint.__wrapped__() == before
        (package / "figures" / "theme.py").write_text("COLOUR = 2\n")
        assert code_fingerprint.__wrapped__() != before


class TestAnswerFiles:
    @pytest.fixture
    def store(self, tmp_path) -> AnswerFiles:
        return AnswerFiles(tmp_path / "answers", 1000 * KIB)

    def test_they_stay_within_their_bytes_and_the_oldest_go_first(self, store):
        for i in range(60):
            assert store.set(f"key {i}", bytes(50 * KIB))
            # Files of the same instant are equally old.
            os.utime(store._get_filename(f"key {i}"), (i, i))
        assert store.size() <= 1000 * KIB + 1000 * KIB // 20
        left = [i for i in range(60) if store.get(f"key {i}") is not None]
        assert left == list(range(left[0], 60))
        assert 15 <= len(left) <= 21

    def test_answers_of_other_processes_count_too(self, store, tmp_path):
        other = AnswerFiles(tmp_path / "answers", 1000 * KIB)
        for i in range(40):
            (store if i % 2 else other).set(f"key {i}", bytes(50 * KIB))
        assert store.size() <= 1000 * KIB + 2 * 1000 * KIB // 20

    def test_a_file_that_was_never_finished_is_removed(self, store, tmp_path):
        old, new = (tmp_path / "answers" / f"{name}.__wz_cache" for name in ("old", "new"))
        for path in (old, new):
            path.write_bytes(bytes(10))
        os.utime(old, (0, 0))
        store.set("key", 1)
        assert not old.exists()
        assert new.exists(), "it may still be written"

    def test_on_a_full_disk_older_answers_make_room(self, store, monkeypatch):
        for i in range(10):
            store.set(f"key {i}", bytes(50 * KIB))
            os.utime(store._get_filename(f"key {i}"), (i, i))
        room = iter([False, True])
        write = cache._FilePickles.dump

        def dump(self, value, f) -> None:
            if not next(room):
                raise OSError(errno.ENOSPC, "No space left on device")
            write(self, value, f)

        monkeypatch.setattr(cache._FilePickles, "dump", dump)
        assert store.set("newest", "answer")
        assert store.get("newest") == "answer"
        assert [i for i in range(10) if store.get(f"key {i}") is not None] == list(range(5, 10))

    def test_a_disk_without_any_room_costs_no_answer(self, answers, question, monkeypatch, caplog):
        def full(self, value, f) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(cache._FilePickles, "dump", full)
        np.testing.assert_array_equal(question.doubled(answers, 3.0), [6.0, np.nan])
        assert caplog.records


def endless(content: bytes) -> bytes:
    """A file of the cache: its header, which says that it never ends, and a pickle."""
    return struct.pack("I", 0) + content


DAMAGED = {
    "empty": b"",
    "header cut": b"\0\0",
    "header alone": endless(b""),
    "pickle cut": endless(pickle.dumps((np.arange(1000.0),))[:-200]),
    "text": endless(b"not a pickle"),
    "bytes": endless(bytes(range(256))),
    "length beyond memory": endless(b"\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\x7f"),
    # What another NumPy or Python leaves behind.
    "module gone": endless(b"cno.such.module\nThing\n."),
    "name gone": endless(b"cnumpy\nno_such_thing\n."),
    "protocol of the future": endless(b"\x80\xff."),
}


class TestDamage:
    @pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
    def test_a_damaged_answer_is_computed_anew_and_kept(self, answers, folder, question, content, caplog):
        question.doubled(answers, 3.0)
        for path in files(folder):
            path.write_bytes(content)
        np.testing.assert_array_equal(question.doubled(answers, 3.0), [6.0, np.nan])
        assert caplog.records
        question.doubled(answers, 3.0)
        assert len(question.computed) == 2

    def test_a_folder_that_is_deleted_meanwhile_costs_no_answer(self, answers, folder, question):
        question.doubled(answers, 3.0)
        shutil.rmtree(folder)
        np.testing.assert_array_equal(question.doubled(answers, 3.0), [6.0, np.nan])
        assert len(question.computed) == 2


class TestRedis:
    @pytest.fixture
    def redis(self, redis_url) -> Iterator[RedisServer]:
        server = RedisServer(redis_url)
        server.client().flushdb()
        yield server
        server.pool.disconnect()

    @pytest.fixture
    def shared(self, redis, folder) -> AnswerCache:
        return AnswerCache(folder, MIB, redis)

    def test_an_answer_is_kept_there_and_not_in_the_folder(self, shared, redis, folder, question):
        for _ in range(2):
            np.testing.assert_array_equal(question.doubled(shared, 3.0), [6.0, np.nan])
        assert len(question.computed) == 1
        assert files(folder) == []
        (key,) = redis.client().keys("hmmrnn:answer:*")
        # With an end, so that a Redis whose memory is full may remove it.
        assert 0 < redis.client().ttl(key) <= cache.KEPT_SECONDS

    @pytest.mark.parametrize("content", [b"", b"not a pickle", b"!\x80\x05\x95\xff\xff", b"!cno.such.module\nThing\n."])
    def test_a_damaged_answer_is_computed_anew_and_kept(self, shared, redis, question, content):
        question.doubled(shared, 3.0)
        (key,) = redis.client().keys("hmmrnn:answer:*")
        redis.client().set(key, content)
        for _ in range(2):
            np.testing.assert_array_equal(question.doubled(shared, 3.0), [6.0, np.nan])
        assert len(question.computed) == 2

    def test_two_machines_compute_once_even_if_it_takes_longer_than_a_lock(self, redis, tmp_path, question):
        machines = [AnswerCache(tmp_path / name, MIB, redis, lock_seconds=1.0) for name in ("one", "two")]
        # A second computation would meet the first, which waits longer than a lock is held without being renewed.
        question.meeting, question.meeting_seconds = threading.Barrier(2), 1.5
        assert at_once(*(lambda m=machine: question.doubled(m, 3.0)[0] for machine in machines)) == [6.0, 6.0]
        assert len(question.computed) == 1

    def test_the_lock_of_a_holder_that_was_killed_is_free_again(self, shared, redis):
        assert redis.client().lock("hmmrnn:lock:name", timeout=0.7).acquire()
        waits: list[float] = []
        with shared.lock("name", waits.append):
            pass
        assert waits, "it was held"


class TestRedisAway:
    @pytest.fixture
    def server(self, redis_server_of_own) -> programs.RedisServer:
        return redis_server_of_own

    @pytest.fixture
    def shared(self, server, folder) -> Iterator[AnswerCache]:
        redis = RedisServer(server.url, avoided_seconds=0.1)
        yield AnswerCache(folder, MIB, redis)
        redis.pool.disconnect()

    def test_answers_go_to_the_folder_meanwhile_and_to_redis_again(self, server, shared, folder, question, caplog):
        question.doubled(shared, 1.0)
        server.stop()
        for _ in range(2):
            np.testing.assert_array_equal(question.doubled(shared, 2.0), [4.0, np.nan])
        assert len(question.computed) == 2, "the folder keeps it meanwhile"
        assert len(files(folder)) == 1
        assert f"Redis at 127.0.0.1:{server.port} does not answer" in caplog.text
        server.start()
        programs.eventually(lambda: shared.redis.usable)
        question.doubled(shared, 1.0)
        assert len(question.computed) == 2, "Redis has kept it"
        question.doubled(shared, 3.0)
        assert len(files(folder)) == 1

    def test_it_may_go_while_an_answer_is_computed(self, server, shared):
        def compute() -> float:
            server.stop()
            return 4.0

        assert shared.answer("stops", shared.key("stops"), compute) == 4.0
