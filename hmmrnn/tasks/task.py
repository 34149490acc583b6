"""The state machine that trainings and experiments share.

    waiting -> running -> done | failed | cancelled
    waiting or running, but neither in the queue nor with a heartbeat for some seconds: lost

A task is known by its kind and an id that is a hash of what is asked for, so equal requests are one task. Its record is
kept by the store, its work by the queue. It waits again when it is resumed, retried, or put back by a worker that ends.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from hmmrnn.tasks.queue import EXPERIMENT as EXPERIMENT_WORK
from hmmrnn.tasks.queue import TRAIN
from hmmrnn.tasks.store import EXPERIMENT, LOST_AFTER_SECONDS, RECORD, TRAINING, Entry, Record, Store, TaskState

UNFINISHED = (TaskState.WAITING, TaskState.RUNNING)
RESUMABLE = (TaskState.LOST, TaskState.CANCELLED, TaskState.FAILED)


@dataclass(frozen=True)
class Kind:
    """A kind of task: the work of its queue, and how many may wait, of all, of each requester and of each address."""

    work: str
    most_waiting: int
    most_waiting_each: int
    most_waiting_address: int


KINDS = {TRAINING: Kind(TRAIN, 50, 5, 15), EXPERIMENT: Kind(EXPERIMENT_WORK, 100, 8, 24)}


@dataclass(frozen=True)
class Task(Entry):
    """A training or an experiment, by its id."""

    @property
    def record(self) -> Record | None:
        """Where it stands, as last written; None if it is not known."""
        return self.get(RECORD)

    def state(self, record: Record, in_queue: Container[str]) -> TaskState:
        """Where it stands now: as written, unless the worker that has it is gone."""
        if record.state is TaskState.RUNNING:
            return TaskState.RUNNING if self.alive() else TaskState.LOST
        if record.state is TaskState.WAITING and self.id not in in_queue:
            # A worker may have just taken it, or be slow to end after it has put it back.
            overdue = self.store.now() - record.asked_at > LOST_AFTER_SECONDS
            return TaskState.LOST if overdue and not self.alive() else TaskState.WAITING
        return record.state

    def enqueue(self, *arguments: Any, requester: str = "", attempt: int = 1, quick: bool = False) -> None:
        """Let it wait, as the last one of its queue, or of the quick lane of it."""
        self.put(RECORD, self.waiting(requester, attempt))
        self.send(*arguments, quick=quick)

    def waiting(self, requester: str, attempt: int = 1) -> Record:
        """Its record when it is asked for now."""
        return Record(state=TaskState.WAITING, asked_at=self.store.now(), requester=requester, attempt=attempt)

    def send(self, *arguments: Any, quick: bool = False) -> None:
        """Put its work into the queue, or into the quick lane of it."""
        self.store.queues.send(KINDS[self.kind].work, self.id, *arguments, quick=quick)

    def start(self) -> None:
        """Note that a worker has begun it."""
        # The heartbeat first: a task that runs without one counts as lost.
        self.beat()
        self.move(TaskState.RUNNING)

    def move(self, state: TaskState, reason: str = "", model: str = "", is_final: bool = False) -> None:
        """Note where it stands; when and by whom it was asked for stays."""
        record = self.record or Record(state=state)
        changes = {"state": state, "reason": reason, "model": model, "is_final": is_final}
        self.put(RECORD, record.model_copy(update=changes))


def name_and_address(requester: str) -> tuple[str, str]:
    """The name and the address of a requester: a user has no address, and a browser without a name is its address."""
    if requester.startswith("user "):
        return requester, ""
    name, _, address = requester.partition("at ")
    return name.strip() or requester, address


def same_requester(one: str, another: str) -> bool:
    """Whether two requesters are one, from whatever address."""
    return name_and_address(one)[0] == name_and_address(another)[0]


def waiting_ids(store: Store, kind: str) -> list[str]:
    """Ids of the tasks of a kind that are in the queue, the next one first."""
    return [args[0] for args in store.queues.waiting(KINDS[kind].work)]


def check_room(store: Store, kind: str, requester: str) -> None:
    """Check that one more task of a kind may wait.

    Raises:
        ValueError: as many wait as may.
    """
    limits = KINDS[kind]
    records = (Task(store, kind, id).record for id in dict.fromkeys(waiting_ids(store, kind)))
    requesters = [record.requester for record in records if record is not None and record.state is TaskState.WAITING]
    if len(requesters) >= limits.most_waiting:
        raise ValueError(
            f"at most {limits.most_waiting} {kind}s may wait, and {len(requesters)} do; try again when some are done"
        )
    name, address = name_and_address(requester)
    names, addresses = zip(*map(name_and_address, requesters), strict=True) if requesters else ((), ())
    if address and (there := addresses.count(address)) >= limits.most_waiting_address:
        raise ValueError(
            f"at most {limits.most_waiting_address} {kind}s of one address may wait, so that others get their turn, "
            f"and {there} do; try again when one of them runs"
        )
    own = names.count(name)
    if requester and own >= limits.most_waiting_each:
        raise ValueError(
            f"at most {limits.most_waiting_each} of your {kind}s may wait, so that others get their turn, and {own} "
            f"do; cancel one, or try again when one of them runs"
        )
