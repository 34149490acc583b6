"""Turns: a web process computes one slow answer at a time, whatever address asks for it.

A slow answer takes a core for a second or more. The other threads of the process are for fast ones.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

from flask import Response
from flask.typing import ResponseReturnValue

logger = logging.getLogger(__name__)

AT_ONCE = 1
# Of the requests that cannot be told to ask again by their page so many may wait, each for so long.
MOST_WAITING, WAIT_SECONDS = 1, 10.0
TOO_LARGE = "This needs more memory than the server has for it; choose fewer trajectories or a shorter window."
BUSY = "The server is computing other slow answers; try again in a moment."
_turn, _room = threading.BoundedSemaphore(AT_ONCE), threading.BoundedSemaphore(MOST_WAITING)


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
