"""Questions that take long: asked once whoever asks, told how far they are, given up, lost, and answered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hmmrnn.dashboard import inquiries, questions, queue
from hmmrnn.dashboard.inquiries import DONE, FAILED, RUNNING, WAITING, Inquiry
from hmmrnn.dashboard.scenario import Scenario

pytest_plugins = ["tests.fixtures_dashboard"]

SUBJECT = Scenario("net")


@pytest.fixture(autouse=True)
def world(empty_world, monkeypatch):
    """Queue and cache of the test's own; nobody works unless the test does, and every share is told."""
    monkeypatch.setattr(inquiries, "TELL_EVERY_SECONDS", 0.0)
    return empty_world


@pytest.fixture
def answering(monkeypatch) -> Callable[[Callable[..., Any]], list[Scenario]]:
    """Have the worker answer with a function of subject and `tell`; returns what it was asked about."""
    asked: list[Scenario] = []

    def use(function: Callable[..., Any]) -> list[Scenario]:
        def answer(question: str, subject: Scenario, tell: Callable[[float], None]) -> Any:
            asked.append(subject)
            return function(subject, tell)

        monkeypatch.setattr(questions, "answer", answer)
        return asked

    return use


def ask(subject: Scenario = SUBJECT, anew: bool = False) -> Inquiry:
    return inquiries.ask("gain-sweep", subject, "content", anew)


def work() -> None:
    """What a worker does with the next inquiry, in this process."""
    huey = queue.queue(queue.INQUIRIES)
    huey.execute(huey.dequeue())


def queued() -> int:
    return len(queue.waiting("inquire"))


def kept() -> set[str]:
    """Kinds of all that is kept of inquiries, beside the list of their keys."""
    keys = queue.queue(queue.TRAININGS).storage.result_items()
    return {str(key).partition(":")[0] for key in keys} - {"inquiries"}


class TestAnswer:
    def test_it_is_computed_once_and_then_kept(self, answering):
        asked = answering(lambda subject, tell: {"value": np.arange(3)})
        first = ask()
        assert (first.state, first.answer) == (WAITING, None)
        assert ask().key == first.key
        assert queued() == 1
        work()
        for _ in range(2):
            done = ask()
            assert (done.state, done.share, done.key) == (DONE, 1.0, first.key)
            np.testing.assert_array_equal(done.answer["value"], [0, 1, 2])
        assert asked == [SUBJECT]
        assert queued() == 0
        assert kept() == set()

    def test_none_is_an_answer_too(self, answering):
        answering(lambda subject, tell: None)
        ask()
        work()
        assert (ask().state, ask().answer) == (DONE, None)

    def test_of_many_who_ask_at_once_one_is_put_into_the_queue(self):
        start, found = threading.Barrier(12), []

        def viewer() -> None:
            start.wait(timeout=30)
            found.append(ask())

        viewers = [threading.Thread(target=viewer) for _ in range(12)]
        for thread in viewers:
            thread.start()
        for thread in viewers:
            thread.join(timeout=60)
        assert {(inquiry.key, inquiry.state) for inquiry in found} == {(found[0].key, WAITING)}
        assert (len(found), queued()) == (12, 1)

    def test_question_subject_and_content_tell_inquiries_apart(self):
        keys = [
            ask().key,
            ask(replace(SUBJECT, seed=1)).key,
            inquiries.ask("noise", SUBJECT, "content").key,
            inquiries.ask("gain-sweep", SUBJECT, "other content").key,
        ]
        assert len(set(keys)) == queued() == 4

    def test_an_answer_that_another_machine_took_into_its_own_cache_is_computed_anew(self, answering):
        answering(lambda subject, tell: 7)
        key = ask().key
        work()
        assert queue.receive(f"answer:{key}") == (7,)
        assert ask().state == WAITING
        assert ask().state == WAITING
        work()
        assert ask().answer == 7


class TestProgress:
    def test_the_share_is_told_to_whoever_asks(self, answering):
        seen = []

        def slowly(subject: Scenario, tell: Callable[[float], None]) -> int:
            for share in (0.0, 0.25, 1.5):
                tell(share)
                seen.append(ask())
            return 1

        answering(slowly)
        ask()
        work()
        assert [(inquiry.state, inquiry.share) for inquiry in seen] == [(RUNNING, 0.0), (RUNNING, 0.25), (RUNNING, 1.0)]

    def test_it_is_told_no_more_often_than_somebody_could_look(self, answering, monkeypatch):
        monkeypatch.setattr(inquiries, "TELL_EVERY_SECONDS", 1000.0)
        told = []
        monkeypatch.setattr(queue, "put", lambda key, value, put=queue.put: (told.append(key), put(key, value)))
        answering(lambda subject, tell: [tell(share) for share in np.linspace(0, 1, 50)])
        key = ask().key
        work()
        assert told.count(f"share:{key}") <= 1

    def test_who_waits_learns_how_many_are_before(self):
        queue.beat(f"worker:{queue.INQUIRIES}")
        assert [ask(replace(SUBJECT, seed=seed)).before for seed in range(3)] == [0, 1, 2]
        assert ask(replace(SUBJECT, seed=2)).before == 2

    def test_without_a_worker_it_says_what_to_do(self):
        assert ask().reason == "no worker is running; start one with python -m hmmrnn worker"
        queue.beat(f"worker:{queue.INQUIRIES}")
        assert ask().reason == ""


class TestGivingUp:
    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch):
        monkeypatch.setattr(inquiries, "GIVEN_UP_AFTER_SECONDS", 0.0)

    def test_the_worker_stops_when_nobody_waits_any_more(self, answering):
        reached = []

        def slowly(subject: Scenario, tell: Callable[[float], None]) -> None:
            inquiries.leave(key)
            tell(0.5)
            reached.append(subject)

        answering(slowly)
        key = ask().key
        work()
        assert reached == []
        assert kept() == set()
        # Whoever wants it after all begins anew.
        assert ask().state == WAITING
        assert queued() == 1

    def test_it_goes_on_for_those_who_still_ask(self, answering):
        def slowly(subject: Scenario, tell: Callable[[float], None]) -> int:
            inquiries.leave(key)
            ask()
            tell(0.5)
            return 3

        answering(slowly)
        key = ask().key
        work()
        assert ask().answer == 3

    def test_a_moment_passes_in_which_others_can_ask(self, answering, monkeypatch):
        monkeypatch.setattr(inquiries, "GIVEN_UP_AFTER_SECONDS", 1000.0)
        answering(lambda subject, tell: (inquiries.leave(key), tell(0.5)) and 3)
        key = ask().key
        work()
        assert ask().answer == 3

    def test_what_still_waits_is_not_begun(self, answering):
        asked = answering(lambda subject, tell: 3)
        inquiries.leave(ask().key)
        work()
        assert asked == []
        assert kept() == set()

    def test_leaving_what_is_done_or_unknown_leaves_nothing_behind(self, answering):
        answering(lambda subject, tell: 3)
        key = ask().key
        work()
        assert ask().state == DONE
        inquiries.leave(key)
        inquiries.leave("unknown")
        assert kept() == set()
        assert ask().state == DONE


class TestFailure:
    def test_a_refusal_is_its_own_sentence(self, answering):
        def refuse(subject: Scenario, tell: Callable[[float], None]) -> None:
            raise ValueError("this network has no kick neurons")

        asked = answering(refuse)
        ask()
        work()
        for _ in range(2):
            assert (ask().state, ask().reason) == (FAILED, "this network has no kick neurons")
        assert queued() == 0
        assert len(asked) == 1

    def test_a_fault_is_in_the_log_and_not_on_the_page(self, answering, caplog):
        def break_down(subject: Scenario, tell: Callable[[float], None]) -> None:
            raise RuntimeError("the reason, with /private/paths")

        answering(break_down)
        ask()
        work()
        assert ask().reason == "the worker could not compute this; its log says why"
        assert "/private/paths" in caplog.text

    def test_it_can_be_tried_anew(self, answering):
        outcomes = iter([ValueError("no luck"), 5])

        def sometimes(subject: Scenario, tell: Callable[[float], None]) -> Any:
            outcome = next(outcomes)
            if isinstance(outcome, ValueError):
                raise outcome
            return outcome

        answering(sometimes)
        ask()
        work()
        assert ask().state == FAILED
        assert ask(anew=True).state == WAITING
        # Whoever clicks again while it waits or is done joins in.
        assert ask(anew=True).state == WAITING
        assert queued() == 1
        work()
        assert ask(anew=True).answer == 5


class TestLoss:
    def lose(self) -> None:
        """A worker takes the next inquiry, begins, and is gone."""
        key, attempt, *_ = queue.queue(queue.INQUIRIES).dequeue().args
        assert inquiries.begin(key, attempt)
        queue.discard(f"beat:inquiry:{key}")

    def test_it_is_asked_again_by_itself_at_most_twice(self, answering):
        key = ask().key
        for _ in range(inquiries.ATTEMPTS - 1):
            self.lose()
            again = ask()
            assert (again.state, again.key) == (WAITING, key)
            assert "it is asked again" in again.reason
            assert queued() == 1
        self.lose()
        failed = ask()
        assert (failed.state, queued()) == (FAILED, 0)
        assert failed.reason == "the worker ended 3 times while it computed this; its log may say why"
        answering(lambda subject, tell: 4)
        assert ask(anew=True).state == WAITING
        work()
        assert ask().answer == 4

    def test_as_long_as_it_beats_it_is_not_lost(self):
        ask()
        key, attempt, *_ = queue.queue(queue.INQUIRIES).dequeue().args
        assert inquiries.begin(key, attempt)
        assert ask().state == RUNNING
        assert queued() == 0

    def test_what_left_the_queue_and_was_never_begun_is_lost_too(self, monkeypatch):
        ask()
        queue.queue(queue.INQUIRIES).dequeue()
        assert ask().state == WAITING
        assert queued() == 0
        monkeypatch.setattr(queue, "LOST_AFTER_SECONDS", 0.0)
        assert "it is asked again" in ask().reason
        assert queued() == 1

    def test_an_inquiry_is_begun_once(self):
        key = ask().key
        assert not inquiries.begin(key, 2)
        assert inquiries.begin(key, 1)
        assert not inquiries.begin(key, 1)
        assert not inquiries.begin("unknown", 1)


def test_what_nobody_fetches_does_not_pile_up(answering, monkeypatch):
    monkeypatch.setattr(inquiries, "KEPT", 3)
    answering(lambda subject, tell: subject.seed)
    for seed in range(6):
        ask(replace(SUBJECT, seed=seed))
        work()
    answers = [key for key in queue.queue(queue.TRAININGS).storage.result_items() if "answer:" in str(key)]
    assert len(answers) == 3
    assert ask(replace(SUBJECT, seed=5)).answer == 5
