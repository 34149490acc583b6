"""The cache: one computation for each question, across threads and processes, in a folder that nobody else reads."""

import multiprocessing
import os
import pickle
import shutil
import stat
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.dashboard import cache, stores
from hmmrnn.dashboard.cache import cached

pytest_plugins = ["tests.fixtures_dashboard"]

COUNTER = "HMMRNN_TEST_COUNTER"
# If two computations of one answer run at once, they meet here well before this; if only one runs, it gives up.
MEETING_SECONDS = 1.0
meeting: threading.Barrier | None = None


@pytest.fixture
def counter(empty_world, tmp_path, monkeypatch) -> Path:
    """A file with one character for each computation, whichever process does it."""
    path = tmp_path / "counter"
    path.touch()
    monkeypatch.setenv(COUNTER, str(path))
    return path


def count() -> None:
    with open(os.environ[COUNTER], "a") as file:
        file.write("x")


def computed(counter: Path) -> int:
    return len(counter.read_text())


def answers(world) -> list[Path]:
    return sorted(path for path in (world.cache / "hmmrnn" / "answers").iterdir() if path.is_file())


@dataclass(frozen=True)
class Asked:
    """An argument whose repr says all about it."""

    name: str
    value: float


@cached
def doubled(asked: Asked, content: str = "") -> np.ndarray:
    """Twice a value, beside one that is not a number."""
    count()
    return 2 * np.array([asked.value, np.nan])


@cached
def halved(asked: Asked, content: str = "") -> np.ndarray:
    """Half a value: another function of the same arguments."""
    count()
    return np.array([asked.value, np.nan]) / 2


@cached
def nothing(x: int) -> None:
    """An answer that is None."""
    count()


@cached
def refused(x: int) -> None:
    """No answer at all."""
    count()
    raise ValueError(f"x must be positive; got {x}")


@cached
def asks_another(x: float) -> np.ndarray:
    """A cached function that calls a cached function."""
    count()
    return doubled(Asked("inner", x)) + doubled(Asked("inner", x))


@cached
def meets_its_twin(x: float) -> np.ndarray:
    """An answer during which a second computation of it would be met."""
    count()
    try:
        meeting.wait(MEETING_SECONDS)
    except threading.BrokenBarrierError:
        return np.array([x, 1.0])
    return np.array([x, 2.0])


def ask_in_a_process(start, inside, replies) -> None:
    global meeting
    meeting = inside
    start.wait()
    replies.put(meets_its_twin(4.0).tolist())


class TestOnce:
    def test_the_same_question_is_computed_once(self, counter):
        first, second = doubled(Asked("a", 3.0)), doubled(Asked("a", 3.0))
        np.testing.assert_array_equal(first, [6.0, np.nan])
        np.testing.assert_array_equal(second, first)
        assert computed(counter) == 1

    @pytest.mark.parametrize("other", [Asked("b", 3.0), Asked("a", 3.5)])
    def test_other_arguments_are_another_question(self, counter, other):
        doubled(Asked("a", 3.0))
        np.testing.assert_array_equal(doubled(other), [2 * other.value, np.nan])
        assert computed(counter) == 2

    def test_other_content_of_a_network_is_another_question(self, counter):
        doubled(Asked("a", 3.0), "one hash")
        doubled(Asked("a", 3.0), "another hash")
        assert computed(counter) == 2

    def test_another_function_is_another_question(self, counter):
        assert doubled(Asked("a", 3.0))[0] == 6.0
        assert halved(Asked("a", 3.0))[0] == 1.5

    def test_other_code_is_another_question(self, counter, monkeypatch):
        doubled(Asked("a", 3.0))
        monkeypatch.setattr(cache, "_code_fingerprint", lambda: "other code")
        doubled(Asked("a", 3.0))
        assert computed(counter) == 2

    def test_none_is_an_answer_like_any_other(self, counter):
        assert nothing(1) is None
        assert nothing(1) is None
        assert computed(counter) == 1

    def test_a_refusal_is_not_kept_and_keeps_nobody_waiting(self, counter):
        for _ in range(2):
            with pytest.raises(ValueError, match="x must be positive; got -1"):
                refused(-1)
        assert computed(counter) == 2

    def test_a_cached_function_may_call_another(self, counter):
        np.testing.assert_array_equal(asks_another(2.0), [8.0, np.nan])
        assert computed(counter) == 2

    def test_an_answer_outlives_the_process_that_gave_it(self, counter):
        doubled(Asked("a", 3.0))
        stores._own.cache_clear()
        stores.folder.cache_clear()
        doubled(Asked("a", 3.0))
        assert computed(counter) == 1

    def test_what_one_caller_does_to_an_answer_no_other_sees(self, counter):
        doubled(Asked("a", 3.0))[0] = -1
        assert doubled(Asked("a", 3.0))[0] == 6.0

    def test_the_name_and_the_description_stay(self):
        assert doubled.__name__ == "doubled"
        assert doubled.__doc__.startswith("Twice a value")


class TestAtOnce:
    def test_two_processes_compute_once(self, counter):
        context = multiprocessing.get_context("spawn")
        start, inside, replies = context.Barrier(2), context.Barrier(2), context.Queue()
        asking = [context.Process(target=ask_in_a_process, args=(start, inside, replies)) for _ in range(2)]
        for process in asking:
            process.start()
        got = [replies.get(timeout=60) for _ in asking]
        for process in asking:
            process.join(timeout=60)
        assert [process.exitcode for process in asking] == [0, 0]
        # The 1.0 says that nobody else was computing it.
        assert got == [[4.0, 1.0], [4.0, 1.0]]
        assert computed(counter) == 1

    def test_many_threads_compute_once(self, counter, monkeypatch):
        monkeypatch.setattr(f"{__name__}.meeting", threading.Barrier(2))
        start, got = threading.Barrier(6), []

        def ask() -> None:
            start.wait()
            got.append(meets_its_twin(5.0).tolist())

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert got == [[5.0, 1.0]] * 6
        assert computed(counter) == 1


class TestFolder:
    def test_nobody_else_may_look_into_it(self, counter, empty_world):
        doubled(Asked("a", 3.0))
        assert stores.folder() == empty_world.cache / "hmmrnn"
        assert stat.S_IMODE((empty_world.cache / "hmmrnn").stat().st_mode) == 0o700
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in answers(empty_world))

    def test_it_is_made_private_if_it_was_not(self, empty_world):
        empty_world.cache.mkdir(mode=0o755)
        stores.folder()
        assert stat.S_IMODE((empty_world.cache / "hmmrnn").stat().st_mode) == 0o700

    @pytest.mark.parametrize("base", ["XDG_CACHE_HOME", "HOME"])
    def test_without_a_choice_it_is_where_caches_belong(self, empty_world, tmp_path, monkeypatch, base):
        monkeypatch.delenv("HMMRNN_CACHE")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setenv(base, str(tmp_path / "own"))
        stores.folder.cache_clear()
        expected = tmp_path / "own" if base == "XDG_CACHE_HOME" else tmp_path / "own" / ".cache"
        assert stores.folder() == expected / "hmmrnn"

    def test_the_number_of_lock_files_is_bounded(self, counter, empty_world):
        for x in range(40):
            doubled(Asked("a", float(x)))
        names = {path.name for path in (empty_world.cache / "hmmrnn" / "locks").iterdir()}
        assert all(len(name.removeprefix("doubled-")) == len("00.lock") for name in names)

    def test_the_fingerprint_is_of_all_code_of_the_package(self, tmp_path, monkeypatch):
        before = cache._code_fingerprint.__wrapped__()
        copy = tmp_path / "hmmrnn"
        for path in Path(cache.hmmrnn.__file__).parent.rglob("*.py"):
            target = copy / path.relative_to(Path(cache.hmmrnn.__file__).parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        monkeypatch.setattr(cache.hmmrnn, "__file__", str(copy / "__init__.py"))
        assert cache._code_fingerprint.__wrapped__() == before
        with open(copy / "figures" / "theme.py", "a") as file:
            file.write("# changed\n")
        assert cache._code_fingerprint.__wrapped__() != before


def never_expires(content: bytes) -> bytes:
    """What stands in a file of the cache before the pickle."""
    return struct.pack("I", 0) + content


class TestDamage:
    """A damaged file costs a computation, not the answer; a disk that filled up or a crash leaves such files."""

    @pytest.mark.parametrize(
        "content",
        {
            "empty": b"",
            "header cut": b"\0\0",
            "header alone": never_expires(b""),
            "pickle cut": never_expires(pickle.dumps((np.arange(1000.0),))[:-200]),
            "text": never_expires(b"not a pickle"),
            "bytes": never_expires(bytes(range(256))),
            "length beyond memory": never_expires(b"\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\x7f"),
            # What is left of an answer when another NumPy is installed, or another Python.
            "module gone": never_expires(b"cno.such.module\nThing\n."),
            "name gone": never_expires(b"cnumpy\nno_such_thing\n."),
            "protocol of the future": never_expires(b"\x80\xff."),
        }.items(),
        ids=lambda item: item[0],
    )
    def test_a_damaged_answer_is_computed_anew(self, counter, empty_world, content, caplog):
        doubled(Asked("a", 3.0))
        for path in answers(empty_world):
            path.write_bytes(content[1])
        np.testing.assert_array_equal(doubled(Asked("a", 3.0)), [6.0, np.nan])
        assert computed(counter) == 2
        assert caplog.records
        # And from then on it is known again.
        doubled(Asked("a", 3.0))
        assert computed(counter) == 2

    def test_a_folder_that_is_deleted_under_way_costs_no_answer(self, counter, empty_world):
        doubled(Asked("a", 3.0))
        shutil.rmtree(empty_world.cache)
        np.testing.assert_array_equal(doubled(Asked("a", 3.0)), [6.0, np.nan])
        assert computed(counter) == 2
