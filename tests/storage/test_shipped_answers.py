"""Shipped answers: found under their own question alone, asked for after the cache and before anything is computed."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hmmrnn.storage.cache import AnswerCache
from hmmrnn.storage.shipped_answers import Question, ShippedAnswers
from tests.networks import kick_group

QUESTION = Question("kick_neurons_of", 1, "a" * 64, "model=any")
GROUP = kick_group(0, (1, 2))


@pytest.fixture
def shipped(tmp_path: Path) -> ShippedAnswers:
    """A folder that holds one answer."""
    shipped = ShippedAnswers(tmp_path / "answers")
    shipped.put(QUESTION, GROUP)
    return shipped


@pytest.fixture
def answers(tmp_path: Path, shipped: ShippedAnswers) -> AnswerCache:
    return AnswerCache(tmp_path / "cache", 2**20, code="code", shipped=shipped)


def never() -> None:
    raise AssertionError("nothing needs to be computed")


class TestFind:
    def test_an_answer_is_found(self, shipped):
        (found,) = shipped.find(QUESTION)
        assert found.neurons == GROUP.neurons
        np.testing.assert_array_equal(found.scores, GROUP.scores)

    @pytest.mark.parametrize(
        "change", [{"name": "survey_of"}, {"version": 2}, {"content": "b" * 64}, {"about": "model=any&seed=1"}]
    )
    def test_and_under_no_other_question(self, shipped, change, caplog):
        assert shipped.find(replace(QUESTION, **change)) is None
        assert caplog.records == []

    def test_a_folder_that_is_not_there_holds_none(self, tmp_path, caplog):
        assert ShippedAnswers(tmp_path / "nowhere").find(QUESTION) is None
        assert caplog.records == []

    def test_a_damaged_file_counts_as_none_and_the_log_says_so(self, shipped, caplog):
        path = shipped.folder / QUESTION.file
        path.write_bytes(path.read_bytes()[:-9])
        with caplog.at_level(logging.WARNING):
            assert shipped.find(QUESTION) is None
        assert f"the shipped answer {path.name} cannot be read and is computed anew" in caplog.text

    def test_so_does_a_file_that_may_not_be_read(self, shipped, caplog):
        path = shipped.folder / QUESTION.file
        path.unlink()
        path.mkdir()
        assert shipped.find(QUESTION) is None
        assert path.name in caplog.text


class TestFolder:
    def test_an_answer_that_is_written_again_replaces_the_first(self, shipped):
        shipped.put(QUESTION, 7)
        assert shipped.find(QUESTION) == (7,)
        assert [path.name for path in shipped.folder.iterdir()] == [QUESTION.file]

    def test_what_is_no_longer_wanted_is_removed(self, shipped):
        newer = replace(QUESTION, version=2)
        shipped.put(newer, 7)
        (shipped.folder / "left.partial").touch()
        assert set(shipped.remove_others([newer])) == {QUESTION.file, "left.partial"}
        assert [path.name for path in shipped.folder.iterdir()] == [newer.file]


class TestInTheCache:
    def test_it_is_taken_before_anything_is_computed_or_waited_for(self, answers):
        key = answers.key("kick")
        with answers.lock(f"kick-{key[:2]}"):
            found = answers.answer("kick", key, never, question=QUESTION)
        assert found.neurons == GROUP.neurons

    def test_it_is_kept_so_that_it_is_read_once(self, answers, shipped):
        assert answers.look_up("key", QUESTION)[0].neurons == GROUP.neurons
        (shipped.folder / QUESTION.file).unlink()
        assert answers.look_up("key")[0].neurons == GROUP.neurons

    def test_what_was_computed_here_comes_first(self, answers):
        answers.keep("key", "of this machine")
        assert answers.answer("kick", "key", never, question=QUESTION) == "of this machine"

    @pytest.mark.parametrize("question", [None, replace(QUESTION, content="b" * 64), replace(QUESTION, version=2)])
    def test_without_one_the_answer_is_computed(self, answers, question):
        assert answers.look_up("key", question) is None
        assert answers.answer("kick", "key", lambda: "computed", question=question) == "computed"
        assert answers.look_up("key", question) == ("computed",)

    def test_where_it_is_damaged_the_answer_is_computed(self, answers, shipped, caplog):
        (shipped.folder / QUESTION.file).write_bytes(b"PK")
        assert answers.answer("kick", "key", lambda: "computed", question=QUESTION) == "computed"
        assert "cannot be read and is computed anew" in caplog.text

    def test_a_cache_without_shipped_answers_computes(self, tmp_path):
        answers = AnswerCache(tmp_path / "other", 2**20, code="code")
        assert answers.answer("kick", "key", lambda: "computed", question=QUESTION) == "computed"
