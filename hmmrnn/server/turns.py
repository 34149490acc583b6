"""Turns: a web process computes one slow answer at a time, whatever address asks for it.

A slow answer takes a core for a second or more. The other threads of the process are for fast ones. What a page asks
for is computed by a thread of its own, so that no request waits for long: the page asks until the answer is there.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import wraps
from typing import Generic, TypeVar

from flask import Response
from flask.typing import ResponseReturnValue

logger = logging.getLogger(__name__)

AT_ONCE = 1
# Of the requests that cannot be told to ask again by their page so many may wait, each for so long.
MOST_WAITING, WAIT_SECONDS = 1, 10.0
TOO_LARGE = "This needs more memory than the server has for it; choose fewer trajectories or a shorter window."
BUSY = "The server is computing other slow answers; try again in a moment."
# Answers that no page has come back for.
MOST_KEPT = 8
_turn, _room = threading.BoundedSemaphore(AT_ONCE), threading.BoundedSemaphore(MOST_WAITING)

Answer = TypeVar("Answer")


class ComputingError(Exception):
    """An answer is not there yet.

    Attributes:
        begun: whether it is being computed; else the process computes another one.
    """

    def __init__(self, begun: bool) -> None:
        super().__init__("it is being computed" if begun else BUSY)
        self.begun = begun


class SlowAnswers(Generic[Answer]):
    """Slow answers, each computed by a thread that has the turn of this process, and kept until it is fetched."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: OrderedDict[str, Future[Answer]] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "slow answer")

    def fetch(self, key: str, compute: Callable[[], Answer], turn_seconds: float, seconds: float) -> Answer:
        """The answer of a key, begun if it is not.

        Args:
            key: equal for equal questions.
            compute: gives the answer; what it raises is raised here.
            turn_seconds: how long to wait for a turn.
            seconds: how long to wait for the answer.

        Raises:
            ComputingError: it is not there within these times.
        """
        with self._lock:
            answer = self._begun.get(key)
        if answer is None:
            if not _turn.acquire(timeout=turn_seconds):
                raise ComputingError(False)
            answer = self._begin(key, compute)
        if not wait([answer], seconds).done:
            raise ComputingError(True)
        with self._lock:
            self._begun.pop(key, None)
        return answer.result()

    def _begin(self, key: str, compute: Callable[[], Answer]) -> Future[Answer]:
        def work() -> Answer:
            try:
                return compute()
            finally:
                _turn.release()

        try:
            answer = self._thread.submit(work)
        except BaseException:
            # No thread could be started: nothing else would give the turn back.
            _turn.release()
            raise
        with self._lock:
            self._begun[key] = answer
            while len(self._begun) > MOST_KEPT:
                self._begun.popitem(last=False)
        return answer


@contextmanager
def turn(wait_seconds: float, most_waiting: threading.Semaphore | None = None) -> Iterator[bool]:
    """Take a turn; gives False if there is none within so many seconds, or at once where too many wait."""
    if most_waiting is None:
        taken = _turn.acquire(timeout=wait_seconds)
    elif most_waiting.acquire(blocking=False):
        try:
            taken = _turn.acquire(timeout=wait_seconds)
        finally:
            most_waiting.release()
    else:
        taken = _turn.acquire(blocking=False)
    try:
        yield taken
    finally:
        if taken:
            _turn.release()


def in_turn(answer: Callable[[], ResponseReturnValue]) -> Callable[[], ResponseReturnValue]:
    """Make a slow answer one that takes its turn; without one, the page and the user are told to try again."""

    @wraps(answer)
    def answered() -> ResponseReturnValue:
        with turn(WAIT_SECONDS, _room) as taken:
            if not taken:
                return Response(BUSY, 429, {"Retry-After": "1"}, mimetype="text/plain")
            try:
                return answer()
            except MemoryError:
                logger.warning("an answer needs more memory than a web process may hold (HMMRNN_WEB_MB)")
                return Response(TOO_LARGE, 503, mimetype="text/plain")

    return answered
