"""Work that the page leaves to workers: analyses that need heavy libraries, experiments, the search for kick neurons.

The one place from which the views' callbacks reach the queues.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hmmrnn.explorer import queries
from hmmrnn.explorer.cost import estimate_experiment
from hmmrnn.explorer.experiments import identify
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.figures.words import say_ordinal
from hmmrnn.server.auth import requester
from hmmrnn.server.services import services
from hmmrnn.tasks import queue, short_tasks
from hmmrnn.tasks.experiments import Experiment, TooLongError
from hmmrnn.tasks.queue import QueueGoneError
from hmmrnn.tasks.short_tasks import NoWorkerError
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import UNFINISHED

__all__ = [
    "Experiment",
    "NoWorkerError",
    "QueueGoneError",
    "TooLongError",
    "about",
    "analyse",
    "ask",
    "ask_or_say_why",
    "can_repeat",
    "done",
    "failed",
    "leave",
    "place",
    "refused",
    "running",
    "unfinished",
    "worker_present",
]


def analyse(name: str, explored: Explored) -> Any:
    """An analysis of the scenario: from the cache, or from a worker, which is waited for.

    Args:
        name: a key of `queries.ANALYSES`.
        explored: the scenario; without a known HMM the answer is None.

    Raises:
        NoWorkerError: no worker answers.
    """
    if explored.hmm is None:
        return None
    found = queries.ANALYSES[name].known(explored)
    # The worker keeps its answer where the query looks for it.
    return short_tasks.request(services().store, queue.ANALYSE, name, explored.scenario) if found is None else found


def ask(experiment: str, explored: Explored, again: bool = False) -> Experiment:
    """Request an experiment, join a task that computes it, or take its answer from the cache.

    Args:
        experiment: a key of `EXPERIMENTS`.
        explored: the scenario that the page shows.
        again: whether to repeat an experiment that has failed.

    Raises:
        ValueError: files are missing, too many experiments wait, or it would take too long.
    """
    return _ask(experiment, *identify(experiment, explored), again, estimate_experiment(experiment, explored.network))


def _ask(experiment: str, subject: Scenario, files: str, again: bool, estimate: float | None) -> Experiment:
    asker = requester.identify_requester()
    return services().experiments.ask(experiment, subject, files, again, asker, estimate)


def ask_or_say_why(experiment: str, explored: Explored, again: bool = False) -> Experiment:
    """The same; where it is not possible, a task that says why."""
    try:
        subject, files = identify(experiment, explored)
    except ValueError as error:
        return Experiment("", TaskState.FAILED, reason=str(error), is_final=True)
    try:
        return _ask(experiment, subject, files, again, estimate_experiment(experiment, explored.network))
    except QueueGoneError as error:
        # The page asks again, and so goes on by itself.
        return Experiment("", TaskState.WAITING, reason=str(error))
    except TooLongError as error:
        return Experiment("", TaskState.FAILED, reason=str(error), is_final=True)
    except ValueError as error:
        return refused(str(error))


def refused(reason: str) -> Experiment:
    """A task that is not computed."""
    return Experiment("", TaskState.FAILED, reason=reason)


def about(experiment: str, explored: Explored) -> str:
    """About how long an experiment takes a worker, in words: "about 12 s"; empty where that is not known."""
    seconds = estimate_experiment(experiment, explored.network)
    if seconds is None:
        return ""
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:,.0f} minutes"


def place(task: Experiment) -> str:
    """Where a task stands that waits, in words: "third in the queue, another one is being computed"."""
    if not task.before and not task.running:
        return "waiting for the worker"
    queue = f"{say_ordinal(task.before + 1)} in the queue" if task.before else "next in the queue"
    others = "another one is" if task.running == 1 else f"{task.running} others are"
    return f"{queue}, {others} being computed" if task.running else queue


def leave(keys: Iterable[str]) -> None:
    """Say that this page no longer waits for some experiments."""
    for key in keys:
        services().experiments.leave(key)


def worker_present() -> bool:
    """Whether a worker takes experiments."""
    return services().store.worker_present(queue.EXPERIMENTS)


def done(task: Experiment) -> bool:
    """Whether a task has its answer."""
    return task.state is TaskState.DONE


def failed(task: Experiment) -> bool:
    """Whether a task has ended without an answer."""
    return task.state is TaskState.FAILED


def can_repeat(task: Experiment) -> bool:
    """Whether a task has ended without an answer, and could get one another time."""
    return failed(task) and not task.is_final


def running(task: Experiment) -> bool:
    """Whether a worker computes a task."""
    return task.state is TaskState.RUNNING


def unfinished(task: Experiment) -> bool:
    """Whether a task may still get an answer."""
    return task.state in UNFINISHED
