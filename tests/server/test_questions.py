"""What is too large for any question of a page is refused before it is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from hmmrnn.server import questions
from hmmrnn.server.questions import MAX_DEPTH, MAX_DIGITS, MAX_VALUES, QuestionError, check_size
from hmmrnn.server.sentence import MAX_LENGTH, sentence


def nested(levels: int) -> list:
    value: list = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize("value", [nested(MAX_DEPTH), [0] * (MAX_VALUES - 1), {"a": -(10**MAX_DIGITS) + 1}, None, True])
def test_the_largest_that_may_be_are_taken(value: object) -> None:
    check_size(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (nested(MAX_DEPTH + 1), "at most 16 levels"),
        ([0] * MAX_VALUES, "at most 25,000 values"),
        ({"a": dict.fromkeys(map(str, range(MAX_VALUES)))}, "at most 25,000 values"),
        ([{"a": [10**MAX_DIGITS]}], "at most 20 digits"),
    ],
)
def test_one_more_is_refused_in_words(value: object, words: str) -> None:
    with pytest.raises(QuestionError, match=words):
        check_size(value)


def test_a_sentence_repeats_no_more_than_a_part_of_what_was_sent() -> None:
    assert sentence("x" * 10**6) == f"X{'x' * (MAX_LENGTH - 1)}…."


def test_a_question_that_finds_no_memory_is_answered_in_a_sentence() -> None:
    server = Flask("tests")

    def answer(_asked: Any) -> Any:
        raise MemoryError

    questions.answer_at(server, "/ask", "ask", dict[str, int], answer)
    refused = server.test_client().post("/ask", json={})
    assert refused.status_code == 200
    assert refused.json["refused"].startswith("This needs more memory than the server has for it now; choose fewer")
