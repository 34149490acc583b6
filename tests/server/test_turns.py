"""Slow answers take turns, whatever their address."""

from __future__ import annotations

import threading

import pytest
from flask import Flask

from hmmrnn.server import turns
from tests.programs import PATIENCE_SECONDS, eventually

pytest_plugins = ["tests.fixtures_dashboard"]


@pytest.mark.parametrize("path", ["/live/backdrop", "/live/page", "/run.npz"])
def test_an_address_without_its_turn_is_told_to_ask_again(client, monkeypatch, path) -> None:
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.0)
    with turns.turn(0.0) as taken:
        assert taken
        answer = client.get(f"{path}?model=linear-2")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert answer.text == turns.BUSY
    answer = client.get(f"{path}?model=linear-2")
    assert answer.status_code == 200
    answer.close()


def test_one_waits_and_the_others_are_told_at_once() -> None:
    answered = turns.in_turn(lambda: "done")
    found: list[object] = []
    with turns.turn(0.0), Flask("tests").app_context():
        waiting = threading.Thread(target=lambda: found.append(answered()))
        waiting.start()
        eventually(lambda: turns._room._value == 0)
        assert answered().status_code == 429
    waiting.join(PATIENCE_SECONDS)
    assert found == ["done"]


def test_an_answer_for_which_no_thread_can_be_started_gives_its_turn_back(monkeypatch) -> None:
    def refuse(_work: object) -> None:
        raise RuntimeError("can't start new thread")

    answers: turns.SlowAnswers[str] = turns.SlowAnswers()
    with monkeypatch.context() as patch:
        patch.setattr(answers._thread, "submit", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            answers.fetch("key", lambda: "done", 0.0, PATIENCE_SECONDS)
    assert answers.fetch("key", lambda: "done", 0.0, PATIENCE_SECONDS) == "done"


def test_an_answer_that_finds_no_memory_is_a_sentence_and_gives_its_turn_back() -> None:
    def answer() -> str:
        raise MemoryError

    with Flask("tests").app_context():
        for _ in range(2):
            refused = turns.in_turn(answer)()
            assert (refused.status_code, refused.get_data(as_text=True)) == (503, turns.TOO_LARGE)
