"""Experiments: computed once for all requests, with their progress, given up, lost, retried and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from hmmrnn.dashboard.work import can_repeat
from hmmrnn.dashboard.work import place as work_place
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.services import services
from hmmrnn.tasks import experiments, queue, store
from hmmrnn.tasks.experiments import Experiment
from hmmrnn.tasks.store import HEARTBEAT, Entry, Part, TaskState
from hmmrnn.tasks.task import Task
from tests.dashboard.page import work_off as work
from tests.programs import at_once

pytest_plugins = ["tests.fixtures_dashboard"]

SUBJECT = Scenario("net")
WAITING, RUNNING, DONE, FAILED = TaskState.WAITING, TaskState.RUNNING, TaskState.DONE, TaskState.FAILED


@pytest.fixture(autouse=True)
def world(empty_world, monkeypatch):
    """Queue and cache of the test's own; the only worker is the test, and every report is noted."""
    monkeypatch.setattr(experiments, "REPORT_EVERY_SECONDS", 0.0)
    return empty_world


@pytest.fixture
def answering() -> Callable[[Callable[..., Any]], list[Scenario]]:
    """Have the worker compute with a function of subject and report; returns the subjects that it was called with."""
    called: list[Scenario] = []

    def use(function: Callable[..., Any]) -> list[Scenario]:
        def compute(_name: str, subject: Scenario, report: Callable[[float], None]) -> Any:
            called.append(subject)
            return function(subject, report)

        services().queues.perform({queue.EXPERIMENT: partial(experiments.run_experiment, services().store, compute)})
        return called

    return use


def ask(subject: Scenario = SUBJECT, anew: bool = False) -> Experiment:
    return services().experiments.ask("gain-sweep", subject, "content", anew)


def ask_and_work() -> None:
    ask()
    work()


def queued() -> int:
    return len(services().queues.waiting(queue.EXPERIMENT))


def kept() -> set[str]:
    """Parts that are kept of experiments, beside the list of the recent ones."""
    keys = map(str, services().queues.queue(queue.TRAININGS).storage.result_items())
    return {key.split(":")[1] for key in keys if key.startswith(store.EXPERIMENT)} - {"recent"}


def worker_is_there() -> None:
    services().store.entry(store.WORKER, queue.EXPERIMENTS).beat()


class TestAnswer:
    def test_it_is_computed_once_and_then_kept(self, answering):
        asked = answering(lambda subject, report: {"value": np.arange(3)})
        first = ask()
        assert (first.state, first.result) == (WAITING, None)
        assert ask().id == first.id
        assert queued() == 1
        work()
        for _ in range(2):
            done = ask()
            assert (done.state, done.share, done.id) == (DONE, 1.0, first.id)
            np.testing.assert_array_equal(done.result["value"], [0, 1, 2])
        assert asked == [SUBJECT]
        assert queued() == 0
        assert kept() == set()

    def test_none_is_an_answer_too(self, answering):
        answering(lambda subject, report: None)
        ask_and_work()
        assert (ask().state, ask().result) == (DONE, None)

    def test_many_requests_at_once_put_one_into_the_queue(self):
        found = at_once(*[partial(services().experiments.ask, "gain-sweep", SUBJECT, "content")] * 12)
        assert {(experiment.id, experiment.state) for experiment in found} == {(found[0].id, WAITING)}
        assert queued() == 1

    def test_question_subject_and_content_distinguish_experiments(self):
        keys = [
            ask().id,
            ask(replace(SUBJECT, seed=1)).id,
            services().experiments.ask("noise", SUBJECT, "content").id,
            services().experiments.ask("gain-sweep", SUBJECT, "other content").id,
        ]
        assert len(set(keys)) == queued() == 4

    def test_what_would_take_too_long_is_refused_before_it_waits_and_shown_if_it_is_known(self, answering):
        too_long = partial(
            services().experiments.ask, "gain-sweep", SUBJECT, "content", estimate=experiments.MOST_SECONDS + 60
        )
        with pytest.raises(ValueError, match=r"would take about 16 minutes .* one computation may take 15 here"):
            too_long()
        assert queued() == 0
        answering(lambda subject, report: 7)
        ask_and_work()
        ask()
        assert too_long().result == 7

    def test_what_is_quick_waits_in_a_lane_of_its_own(self):
        for seed, estimate in enumerate((None, experiments.QUICK_SECONDS, experiments.QUICK_SECONDS + 1)):
            services().experiments.ask(
                "gain-sweep", replace(SUBJECT, seed=seed), "content", requester=str(seed), estimate=estimate
            )
        quick, others = services().queues.lanes(queue.EXPERIMENTS)
        assert [item.args[3].seed for item in quick.pending()] == [1]
        assert [item.args[3].seed for item in others.pending()] == [0, 2]

    def test_an_answer_that_another_machine_took_into_its_own_cache_is_computed_anew(self, answering):
        answering(lambda subject, report: 7)
        key = ask().id
        work()
        assert Task(services().store, store.EXPERIMENT, key).take_result() == (7,)
        assert ask().state == WAITING
        assert ask().state == WAITING
        work()
        assert ask().result == 7


class TestProgress:
    def test_the_share_is_in_every_answer(self, answering):
        seen = []

        def slowly(subject: Scenario, report: Callable[[float], None]) -> int:
            for share in (0.0, 0.25, 1.5):
                report(share)
                seen.append(ask())
            return 1

        answering(slowly)
        ask_and_work()
        assert [(one.state, one.share) for one in seen] == [(RUNNING, 0.0), (RUNNING, 0.25), (RUNNING, 1.0)]

    def test_it_is_kept_no_more_often_than_a_page_looks(self, answering, monkeypatch):
        monkeypatch.setattr(experiments, "REPORT_EVERY_SECONDS", 1000.0)
        put, parts = Entry.put, []

        def noted(entry: Entry, part: Part[Any], value: Any) -> None:
            parts.append(part)
            put(entry, part, value)

        monkeypatch.setattr(Entry, "put", noted)
        answering(lambda subject, report: [report(share) for share in np.linspace(0, 1, 50)])
        ask_and_work()
        assert parts.count(store.SHARE) <= 1

    def test_who_waits_learns_how_many_are_before(self):
        worker_is_there()
        assert [ask(replace(SUBJECT, seed=seed)).before for seed in range(3)] == [0, 1, 2]
        assert ask(replace(SUBJECT, seed=2)).before == 2

    def test_who_waits_learns_of_what_runs_and_not_of_what_was_cancelled(self):
        worker_is_there()
        tasks = [ask(replace(SUBJECT, seed=seed)) for seed in range(4)]
        assert tasks[3].running == 0
        _, attempt, *_ = services().queues.queue(queue.EXPERIMENTS).dequeue().args
        begun = Task(services().store, store.EXPERIMENT, tasks[0].id)
        assert experiments.begin(begun, attempt)
        found = ask(replace(SUBJECT, seed=3))
        assert (found.before, found.running, work_place(found)) == (
            2, 1, "third in the queue, another one is being computed",
        )  # fmt: skip
        services().experiments.leave(tasks[1].id)
        assert ask(replace(SUBJECT, seed=3)).before == 1
        services().experiments.leave(tasks[2].id)
        two = replace(ask(replace(SUBJECT, seed=3)), running=2)
        assert work_place(two) == "next in the queue, 2 others are being computed"
        assert work_place(ask(replace(SUBJECT, seed=3))) == "next in the queue, another one is being computed"
        # A worker that is gone computes nothing.
        begun.discard(HEARTBEAT)
        assert work_place(ask(replace(SUBJECT, seed=3))) == "waiting for the worker"
        assert ask(replace(SUBJECT, seed=2)).before == 0, "it is wanted again"
        assert ask(replace(SUBJECT, seed=3)).before == 1

    def test_each_that_waits_can_be_cancelled(self, monkeypatch, answering):
        worker_is_there()
        monkeypatch.setattr(experiments, "GIVEN_UP_AFTER_SECONDS", 0.0)
        called = answering(lambda subject, report: subject.seed)
        tasks = [ask(replace(SUBJECT, seed=seed)) for seed in range(3)]
        for one in (tasks[0], tasks[2]):
            services().experiments.leave(one.id)
        for _ in tasks:
            work()
        assert [subject.seed for subject in called] == [1]
        assert services().experiments.known_result("gain-sweep", replace(SUBJECT, seed=0), "content") is None

    def test_without_a_worker_it_says_what_to_do(self):
        assert ask().reason == "no worker is running; start one with python -m hmmrnn worker"
        worker_is_there()
        assert ask().reason == ""


class TestGivingUp:
    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch):
        monkeypatch.setattr(experiments, "GIVEN_UP_AFTER_SECONDS", 0.0)

    def test_the_worker_stops_when_no_page_waits_any_more(self, answering):
        reached = []

        def slowly(subject: Scenario, report: Callable[[float], None]) -> None:
            services().experiments.leave(key)
            report(0.5)
            reached.append(subject)

        answering(slowly)
        key = ask().id
        work()
        assert reached == []
        assert kept() == set()
        # A later request begins anew.
        assert ask().state == WAITING
        assert queued() == 1

    @pytest.mark.parametrize(("still_asked", "after_seconds"), [(True, 0.0), (False, 1000.0)])
    def test_it_goes_on_for_those_who_still_ask_and_for_a_moment(
        self, answering, monkeypatch, still_asked, after_seconds
    ):
        def slowly(subject: Scenario, report: Callable[[float], None]) -> int:
            services().experiments.leave(key)
            if still_asked:
                ask()
            report(0.5)
            return 3

        monkeypatch.setattr(experiments, "GIVEN_UP_AFTER_SECONDS", after_seconds)
        answering(slowly)
        key = ask().id
        work()
        assert ask().result == 3

    def test_what_still_waits_is_not_begun(self, answering):
        asked = answering(lambda subject, report: 3)
        services().experiments.leave(ask().id)
        work()
        assert asked == []
        assert kept() == set()

    def test_leaving_what_is_done_or_unknown_leaves_nothing_behind(self, answering):
        answering(lambda subject, report: 3)
        key = ask().id
        work()
        assert ask().state == DONE
        services().experiments.leave(key)
        services().experiments.leave("unknown")
        assert kept() == set()
        assert ask().state == DONE


class TestFailure:
    def test_a_refusal_is_its_own_sentence(self, answering):
        def refuse(subject: Scenario, report: Callable[[float], None]) -> None:
            raise ValueError("this network has no kick neurons")

        asked = answering(refuse)
        ask_and_work()
        for _ in range(2):
            assert (ask().state, ask().reason) == (FAILED, "this network has no kick neurons")
        assert not can_repeat(ask()), "the page does not offer what would be refused again"
        assert queued() == 0
        assert len(asked) == 1

    def test_a_fault_is_in_the_log_and_not_on_the_page(self, answering, caplog):
        def break_down(subject: Scenario, report: Callable[[float], None]) -> None:
            raise RuntimeError("the reason, with /private/paths")

        answering(break_down)
        ask_and_work()
        assert ask().reason == "the worker could not compute this; its log says why"
        assert "/private/paths" in caplog.text
        assert can_repeat(ask())

    def test_it_can_be_tried_anew(self, answering):
        outcomes = iter([ValueError("no luck"), 5])

        def sometimes(subject: Scenario, report: Callable[[float], None]) -> Any:
            outcome = next(outcomes)
            if isinstance(outcome, ValueError):
                raise outcome
            return outcome

        answering(sometimes)
        ask_and_work()
        assert ask().state == FAILED
        assert ask(anew=True).state == WAITING
        # A click while it waits or is done joins in.
        assert ask(anew=True).state == WAITING
        assert queued() == 1
        work()
        assert ask(anew=True).result == 5


class TestLoss:
    def begin(self) -> Task:
        """A worker takes the next experiment, and begins."""
        id, attempt, *_ = services().queues.queue(queue.EXPERIMENTS).dequeue().args
        assert experiments.begin(Task(services().store, store.EXPERIMENT, id), attempt)
        return Task(services().store, store.EXPERIMENT, id)

    def lose(self) -> None:
        """A worker takes the next experiment, begins, and is gone."""
        self.begin().discard(HEARTBEAT)

    def test_it_is_asked_again_by_itself_at_most_twice(self, answering):
        key = ask().id
        for _ in range(experiments.ATTEMPTS - 1):
            self.lose()
            again = ask()
            assert (again.state, again.id) == (WAITING, key)
            assert "it is started again" in again.reason
            assert queued() == 1
        self.lose()
        failed = ask()
        assert (failed.state, queued()) == (FAILED, 0)
        assert failed.reason == "the worker ended 3 times while it computed this; its log may say why"
        answering(lambda subject, report: 4)
        assert ask(anew=True).state == WAITING
        work()
        assert ask().result == 4

    def test_as_long_as_it_beats_it_is_not_lost(self):
        ask()
        self.begin()
        assert ask().state == RUNNING
        assert queued() == 0

    def test_what_left_the_queue_and_was_never_begun_is_lost_too(self, monkeypatch):
        ask()
        services().queues.queue(queue.EXPERIMENTS).dequeue()
        assert ask().state == WAITING
        assert queued() == 0
        monkeypatch.setattr(store, "LOST_AFTER_SECONDS", 0.0)
        monkeypatch.setattr("hmmrnn.tasks.task.LOST_AFTER_SECONDS", 0.0)
        assert "it is started again" in ask().reason
        assert queued() == 1

    def test_an_experiment_is_begun_once(self):
        task = Task(services().store, store.EXPERIMENT, ask().id)
        assert not experiments.begin(task, 2)
        assert experiments.begin(task, 1)
        assert not experiments.begin(task, 1)
        assert not experiments.begin(Task(services().store, store.EXPERIMENT, "unknown"), 1)


def test_results_that_are_not_fetched_do_not_pile_up(answering, monkeypatch):
    monkeypatch.setattr(experiments, "KEPT", 3)
    answering(lambda subject, report: subject.seed)
    for seed in range(6):
        ask(replace(SUBJECT, seed=seed))
        work()
    answers = [key for key in services().queues.queue(queue.TRAININGS).storage.result_items() if ":result:" in str(key)]
    assert len(answers) == 3
    assert ask(replace(SUBJECT, seed=5)).result == 5


def test_one_that_takes_too_long_is_ended_in_a_sentence(answering, monkeypatch) -> None:
    monkeypatch.setattr(experiments, "MOST_SECONDS", 0.0)

    def without_end(_subject, report):
        while True:
            report(0.5)

    answering(without_end)
    services().experiments.ask("noise", SUBJECT, "content")
    work()
    found = services().experiments.ask("noise", SUBJECT, "content")
    assert found.state == FAILED
    assert "the most that one computation may take" in found.reason


def test_it_says_how_long_it_has_run(answering, monkeypatch) -> None:
    seen: list[Experiment] = []

    def slow(_subject, report):
        now = services().store.now()
        monkeypatch.setattr(store.Store, "now", lambda _store: now + 5.0)
        report(0.25)
        seen.append(services().experiments.ask("noise", SUBJECT, "content"))
        return 1

    answering(slow)
    services().experiments.ask("noise", SUBJECT, "content")
    work()
    assert [(found.state, found.share) for found in seen] == [(RUNNING, 0.25)]
    assert seen[0].seconds >= 5.0
