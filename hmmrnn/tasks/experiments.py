"""Experiments: analyses of up to half a minute, computed once by a worker and kept in the cache.

The id of an experiment is the hash of its name, of what it is about and of the code, so equal requests are one
experiment. About the shipped networks many results come with the package. Another result goes from the worker through
the store into the cache, where it stays. A page that polls shows that the result is wanted; once a page has left it and
none has polled since, the worker stops. An experiment that is lost with its worker is put into the queue again, at most
twice.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hmmrnn.analysis.numerics import ProgressCallback
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.storage import logs
from hmmrnn.storage.cache import AnswerCache
from hmmrnn.tasks.queue import EXPERIMENTS, QueueGoneError
from hmmrnn.tasks.store import (
    BEGAN_AT,
    EXPERIMENT,
    HEARTBEAT,
    LEFT_AT,
    RECENT,
    RECORD,
    RESULT,
    SHARE,
    WANTED_AT,
    Record,
    Store,
    TaskState,
)
from hmmrnn.tasks.task import Task, check_room, waiting_ids

logger = logging.getLogger(__name__)

# A worker may end for reasons of its own; an experiment that ends its worker three times will do so again.
ATTEMPTS = 3
# An experiment that a page has left is given up unless it has been asked for within so long.
GIVEN_UP_AFTER_SECONDS = 3.0
REPORT_EVERY_SECONDS = 0.4
# Half a minute is much; on the largest networks an analysis could take hours. What is estimated to take longer is not
# begun, and what does take longer is ended.
MOST_SECONDS = 900.0
# What is estimated to take no longer goes into the quick lane, such as the search for kick neurons of most networks.
QUICK_SECONDS = 20.0
# A result that no page has fetched is deleted when so many other experiments have been asked for after it.
KEPT = 200
NO_WORKER = "no worker is running; start one with python -m hmmrnn worker"

# The name of an experiment, its subject, and where to report the share done -> its result.
Compute = Callable[[str, Scenario, ProgressCallback], Any]


@dataclass(frozen=True, eq=False)
class Experiment:
    """An experiment as it stands now."""

    id: str  # 24 hexadecimal digits
    state: TaskState  # waiting, running, failed or done
    share: float = 0.0  # how much of it is done, 0 to 1
    seconds: float = 0.0  # since a worker has begun it; 0 unless it runs
    # before, running: how many wait before it, without those that nobody waits for, and how many workers compute now;
    # 0 unless it waits.
    before: int = 0
    running: int = 0
    reason: str = ""  # why it failed, or why it waits although none is before it; empty otherwise
    result: Any = None  # once it is done; None before
    is_final: bool = False  # whether another try would fail for the same reason


class UnwantedError(Exception):
    """No page waits for the result any more."""


class TooLongError(ValueError):
    """It would take longer than it may."""


class OverdueError(ValueError):
    """It has taken longer than it may; on a machine that is less busy it might not."""


class Experiments:
    """All experiments of a server, by their ids."""

    def __init__(self, store: Store, answers: AnswerCache) -> None:
        self.store, self.answers = store, answers

    def ask(
        self,
        name: str,
        subject: Scenario,
        content: str,
        anew: bool = False,
        requester: str = "",
        estimate: float | None = None,
    ) -> Experiment:
        """Ask for an experiment, join an equal one, or take its result from the cache; what has failed is tried `anew`.

        The subject is a scenario without anything that the result does not depend on, `content` the hash of the files
        that it does depend on. Only so many experiments of each requester may wait. `estimate` is about how many
        seconds it takes; None if that is not known.

        Raises:
            ValueError: too many experiments are waiting, or it would take too long.
        """
        task = self._task(name, subject, content)
        known = self._known(task, name, subject, content)
        if known is not None:
            return Experiment(task.id, TaskState.DONE, 1.0, result=known[0])
        _check_duration(estimate)
        task.put(WANTED_AT, self.store.now())
        record = task.record
        if anew and record is not None and record.state is TaskState.FAILED:
            task.discard(RECORD)
            record = None
        if record is None:
            check_room(self.store, EXPERIMENT, requester)
            # Of two equal requests at once, one is put into the queue.
            if task.claim(RECORD, task.waiting(requester)):
                self._remember(task.id)
                task.send(1, name, subject, quick=_is_quick(estimate))
        return self._look_at(task, name, subject, estimate)

    def known_result(self, name: str, subject: Scenario, content: str) -> Any:
        """The result of an experiment, if it is in the cache or comes with the package; None otherwise."""
        known = self._known(self._task(name, subject, content), name, subject, content)
        return None if known is None else known[0]

    def id_of(self, name: str, subject: Scenario, content: str) -> str:
        """The id by which an experiment is left."""
        return self._task(name, subject, content).id

    def leave(self, id: str) -> None:
        """Note that a page no longer waits for an experiment: it is given up unless another page does."""
        task = Task(self.store, EXPERIMENT, id)
        if task.record is not None:
            task.put(LEFT_AT, self.store.now())

    def _task(self, name: str, subject: Scenario, content: str) -> Task:
        return Task(self.store, EXPERIMENT, self.answers.key("experiment", name, subject, content)[:24])

    def _known(self, task: Task, name: str, subject: Scenario, content: str) -> tuple[Any] | None:
        """The result of an experiment that has been computed, in a tuple; None if it has not."""
        # Only processes that ask for experiments need to know them; workers that train load none of the analyses.
        from hmmrnn.explorer.experiments import shipped_question

        return self.answers.look_up(task.id, shipped_question(name, subject, content))

    def _look_at(self, task: Task, name: str, subject: Scenario, estimate: float | None) -> Experiment:
        record = task.record
        if record is None:
            # It was given up in this very moment; the next poll starts it anew.
            return Experiment(task.id, TaskState.WAITING)
        in_queue = waiting_ids(self.store, EXPERIMENT)
        state = task.state(record, in_queue)
        if state is TaskState.DONE:
            return self._received(task)
        if state is TaskState.FAILED:
            return Experiment(task.id, state, reason=record.reason, is_final=record.is_final)
        if state is TaskState.LOST:
            return self._retry(task, record, name, subject, estimate)
        if state is TaskState.RUNNING:
            began_at = task.get(BEGAN_AT)
            seconds = 0.0 if began_at is None else max(0.0, self.store.now() - began_at)
            return Experiment(task.id, state, task.get(SHARE) or 0.0, seconds)
        if not self.store.worker_present(EXPERIMENTS):
            return Experiment(task.id, state, reason=NO_WORKER)
        ahead = in_queue[: in_queue.index(task.id)] if task.id in in_queue else []
        wanted = sum(not _is_left(Task(self.store, EXPERIMENT, other)) for other in ahead)
        return Experiment(task.id, state, before=wanted, running=self._count_running())

    def _count_running(self) -> int:
        """How many experiments workers compute now."""
        known = self.store.entry(EXPERIMENT, "all").get(RECENT) or []
        records = self.store.get_many(EXPERIMENT, known, RECORD)
        running = [id for id, record in records.items() if record.state is TaskState.RUNNING]
        return sum(Task(self.store, EXPERIMENT, id).alive() for id in running)

    def _received(self, task: Task) -> Experiment:
        """A result, moved into the cache; it waits again if another machine has moved it into its own."""
        with self.answers.lock(f"experiment-{task.id[:2]}"):
            found = self.answers.look_up(task.id) or task.take_result()
            if found is not None:
                self.answers.keep(task.id, found[0])
        forget(task)
        if found is None:
            return Experiment(task.id, TaskState.WAITING)
        return Experiment(task.id, TaskState.DONE, 1.0, result=found[0])

    def _retry(self, task: Task, record: Record, name: str, subject: Scenario, estimate: float | None) -> Experiment:
        if record.attempt >= ATTEMPTS:
            reason = f"the worker ended {ATTEMPTS} times while it computed this; its log may say why"
            task.move(TaskState.FAILED, reason)
            return Experiment(task.id, TaskState.FAILED, reason=reason)
        task.discard(SHARE)
        # Two pages may notice at once; the second piece of work finds the experiment taken.
        attempt = record.attempt + 1
        quick = _is_quick(estimate)
        task.enqueue(attempt, name, subject, requester=record.requester, attempt=attempt, quick=quick)
        reason = "the worker ended in the middle of it; it is started again"
        return Experiment(task.id, TaskState.WAITING, reason=reason)

    def _remember(self, id: str) -> None:
        """Forget old experiments whose results were never fetched, so that they do not pile up."""
        known = self.store.entry(EXPERIMENT, "all")
        recent = [id, *(other for other in known.get(RECENT) or [] if other != id)]
        for old in recent[KEPT:]:
            forget(Task(self.store, EXPERIMENT, old))
        known.put(RECENT, recent[:KEPT])


def _is_quick(estimate: float | None) -> bool:
    return estimate is not None and estimate <= QUICK_SECONDS


def _check_duration(estimate: float | None) -> None:
    """Raise TooLongError if what is to be computed would take longer than it may."""
    if estimate is not None and estimate > MOST_SECONDS:
        raise TooLongError(
            f"this would take about {estimate / 60:,.0f} minutes with a network of this size, and one computation may "
            f"take {MOST_SECONDS / 60:.0f} here; choose a smaller network, or compute it on your own machine"
        )


def forget(task: Task) -> None:
    """Delete all that is kept of an experiment, as if it had never been asked for."""
    task.discard(RECORD, SHARE, BEGAN_AT, WANTED_AT, LEFT_AT, RESULT, HEARTBEAT)


# ---- in the worker ----


def run_experiment(store: Store, compute: Compute, id: str, attempt: int, name: str, subject: Scenario) -> None:
    """Compute an experiment until it is done, has failed, or no page waits for it any more."""
    logs.about(experiment=id)
    task = Task(store, EXPERIMENT, id)
    if not begin(task, attempt):
        return
    with task.kept_alive():
        try:
            finish(task, compute(name, subject, reporter(task)))
        except UnwantedError:
            forget(task)
        except QueueGoneError as error:
            # The failure cannot be noted either. Without a heartbeat the experiment counts as lost, and is retried.
            logger.warning("the experiment %s cannot be answered: %s", name, error)
        except OverdueError as error:
            task.move(TaskState.FAILED, str(error))
        except ValueError as error:
            task.move(TaskState.FAILED, str(error), is_final=True)
        except Exception:
            # Unless it is noted here, the experiment would count as lost, and be retried.
            logger.exception("the experiment %s failed", name)
            task.move(TaskState.FAILED, "the worker could not compute this; its log says why")


def begin(task: Task, attempt: int) -> bool:
    """Take an experiment; False if another worker has it, or if it was given up or answered meanwhile."""
    record = task.record
    if record is None or (record.state, record.attempt) != (TaskState.WAITING, attempt):
        return False
    if _unwanted(task):
        forget(task)
        return False
    task.put(BEGAN_AT, task.store.now())
    task.start()
    return True


def reporter(task: Task) -> ProgressCallback:
    """A function that notes the share done.

    It raises UnwantedError once no page waits for the result any more, and OverdueError once it takes too long.
    """
    reported_at, began_at = 0.0, time.monotonic()

    def report(share: float) -> None:
        nonlocal reported_at
        if time.monotonic() - reported_at < REPORT_EVERY_SECONDS:
            return
        reported_at = time.monotonic()
        if _unwanted(task):
            raise UnwantedError(task.id)
        if reported_at - began_at > MOST_SECONDS:
            raise OverdueError(
                f"this takes more than {MOST_SECONDS / 60:.0f} minutes, the most that one computation may take here; "
                f"choose a smaller network or a shorter window, or compute it on your own machine"
            )
        task.put(SHARE, min(1.0, max(0.0, float(share))))

    return report


def finish(task: Task, result: Any) -> None:
    """Keep the result for the web processes."""
    task.put_result(result)
    task.move(TaskState.DONE)


def _unwanted(task: Task) -> bool:
    left = task.get(LEFT_AT)
    return left is not None and _is_left(task) and task.store.now() - left > GIVEN_UP_AFTER_SECONDS


def _is_left(task: Task) -> bool:
    """Whether every page has left an experiment since it was last asked for."""
    left, wanted = task.get(LEFT_AT), task.get(WANTED_AT)
    return left is not None and (wanted is None or wanted <= left)
