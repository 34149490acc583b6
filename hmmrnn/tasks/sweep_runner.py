"""Running a sweep: its trainings are asked for, few at a time, and resumed when they are lost."""

import math
import time
from collections import Counter

from filelock import FileLock, Timeout

from hmmrnn.tasks import store
from hmmrnn.tasks.store import CANCEL, Entry
from hmmrnn.tasks.sweeps import CANCELLED, FAILED, LOST, PLANNED, WAITING, Row, Sweep, Sweeps
from hmmrnn.tasks.task import UNFINISHED

# Few wait at a time, so that a user's training goes before the next one of the sweep.
WAITING_AT_ONCE = 2
# A training can be lost for reasons of its worker; one that is lost so often ends its worker by itself.
ATTEMPTS = 3
# A training that has just left the queue looks lost until its worker has noted it; one that stays so is lost.
LOST_FOR_SECONDS = 3.0
# How long a command that runs a sweep may take to notice that the sweep is cancelled.
NOTICED_WITHIN_SECONDS = 15.0


class SweepRunner:
    """Asks for the trainings of a sweep, few at a time, until all have ended or the sweep is cancelled.

    What was cancelled before is resumed once, and so is what has failed with `retry`. What is lost meanwhile is resumed
    a few times. What is cancelled meanwhile stays cancelled.
    """

    def __init__(self, sweeps: Sweeps, sweep: Sweep, retry: bool) -> None:
        self.sweep, self._sweeps, self._trainings = sweep, sweeps, sweeps.trainings
        # How all trainings stood at the last look; empty before the first.
        self.rows: tuple[Row, ...] = ()
        self._entry = _entry(sweeps, sweep.name)
        self._begun = False
        self._resumes = (CANCELLED, FAILED) if retry else (CANCELLED,)
        self._to_resume: set[str] = set()
        self._attempts: Counter[str] = Counter()
        self._lost_since: dict[str, float] = {}

    def advance(self) -> bool:
        """See how all stand, and ask for the next ones if there is room; returns whether anything is left to do.

        Raises:
            ValueError: the queue cannot be reached or is full.
            OSError: a request cannot be written.
        """
        self._entry.beat()
        everything = self._trainings.listing()
        self.rows = self._sweeps.table(self.sweep, everything)
        self._note_the_lost()
        if not self._begun:
            self._begin()
        if self._entry.get(CANCEL):
            return False
        now = time.monotonic()
        wanted = [row for row in self.rows if self._wants(row)]
        due = [row for row in wanted if now - self._lost_since.get(row.id, -math.inf) > LOST_FOR_SECONDS]
        room = WAITING_AT_ONCE - sum(training.state is WAITING for training in everything)
        for row in due[: max(0, room)]:
            self._request(row)
        return bool(wanted) or any(row.state in UNFINISHED for row in self.rows)

    def _begin(self) -> None:
        self._entry.discard(CANCEL)
        self._to_resume = {row.id for row in self.rows if row.state in self._resumes}
        self._begun = True

    def _note_the_lost(self) -> None:
        lost = {row.id for row in self.rows if row.state == LOST}
        now = time.monotonic()
        self._lost_since = {id: self._lost_since.get(id, now) for id in lost}

    def _wants(self, row: Row) -> bool:
        lost = row.state == LOST and self._attempts[row.id] < ATTEMPTS
        return row.state == PLANNED or lost or (row.id in self._to_resume and row.state in (CANCELLED, FAILED))

    def _request(self, row: Row) -> None:
        if row.state == PLANNED:
            self._trainings.submit(row.training.config)
        else:
            self._trainings.resume(row.id)
        if row.state == LOST:
            self._attempts[row.id] += 1
        self._to_resume.discard(row.id)


def hold(sweeps: Sweeps, sweep: Sweep) -> FileLock:
    """The right to run a sweep, which ends with the process that has it.

    Raises:
        ValueError: another process has it.
    """
    lock = FileLock(sweeps.file_of(sweep.name).with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"the sweep {sweep.name} is being run by another command; leave it to that, or add workers with "
            f"python -m hmmrnn worker"
        ) from None
    return lock


def is_run(sweeps: Sweeps, name: str) -> bool:
    """Whether a command asks for the trainings of a sweep."""
    return _entry(sweeps, name).alive()


def cancel(sweeps: Sweeps, sweep: Sweep) -> int:
    """Stop the command that runs a sweep, and cancel its trainings that wait; returns how many those were.

    Raises:
        ValueError: the command does not stop.
    """
    _entry(sweeps, sweep.name).put(CANCEL, True)
    try:
        with FileLock(sweeps.file_of(sweep.name).with_suffix(".lock"), timeout=NOTICED_WITHIN_SECONDS):
            waiting = [row for row in sweeps.table_now(sweep) if row.state == WAITING]
            for row in waiting:
                sweeps.trainings.cancel(row.id)
    except Timeout:
        raise ValueError(
            f"the command that runs the sweep {sweep.name} has not stopped within {NOTICED_WITHIN_SECONDS:g} seconds; "
            f"end it with Ctrl-C and try again"
        ) from None
    return len(waiting)


def _entry(sweeps: Sweeps, name: str) -> Entry:
    return sweeps.trainings.store.entry(store.SWEEP, name)
