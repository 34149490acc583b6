"""Short tasks: work of seconds that a web process requests of a worker, whose response it waits for."""

from typing import Any

from huey.exceptions import ResultTimeout, TaskException

from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explorer
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.storage import logs
from hmmrnn.tasks.queue import SHORT_TASKS
from hmmrnn.tasks.store import Store

RESPONSE, REFUSED = "response", "refused"
RESPONSE_WITHIN_SECONDS = 60.0


class NoWorkerError(ValueError):
    """No worker is running, or none has responded in time; the message says what to do."""


def request(store: Store, work: str, *args: Any) -> Any:
    """Have a worker do a short task, and wait for its response.

    Raises:
        NoWorkerError: there is no worker, or it has not responded in time.
        ValueError: the worker refuses, in the sentence that it gives.
        QueueGoneError: the queue cannot be reached.
    """
    if not store.worker_present(SHORT_TASKS):
        raise NoWorkerError("no worker is running; start one with python -m hmmrnn worker")
    outcome, response = _response(store, work, args)
    if outcome == REFUSED:
        raise ValueError(response)
    return response


def _response(store: Store, work: str, args: tuple[Any, ...]) -> Any:
    try:
        with store.queues.reached():
            sent = store.queues.send(work, *args, quick=True)
            return sent.get(blocking=True, timeout=RESPONSE_WITHIN_SECONDS, max_delay=0.2)
    except ResultTimeout:
        raise NoWorkerError(
            f"the worker did not respond within {RESPONSE_WITHIN_SECONDS:g} seconds; try again"
        ) from None
    except TaskException as error:
        raise RuntimeError(f"the worker failed at {work}: {error}") from error


def analyse(explorer: Explorer, name: str, scenario: Scenario) -> tuple[str, Any]:
    """Compute an analysis in a worker: whether it could, and its result or the sentence why not."""
    logs.about(analysis=name)
    try:
        return RESPONSE, queries.ANALYSES[name](explorer.resolve(scenario))
    except ValueError as error:
        return REFUSED, str(error)
