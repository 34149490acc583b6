"""How do several programs live and end as one? One of them leads; the others are started again when they end.

When the leading program ends, or this process is told to end, all are told to, and after a moment those that still run
are killed with everything that they started. Should this process itself be killed, the kernel ends them (on Linux).
"""

from __future__ import annotations

import ctypes
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 0.1
# A program that ends as soon as it is started is not started again at once.
SHORT_LIFE_SECONDS, PAUSE_SECONDS = 5.0, 5.0
GRACE_SECONDS = 4.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """What to run.

    Attributes:
        name: for the log.
        command: with its arguments.
        environment: of the process.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


def supervise(programs: Sequence[Program], leading: bool) -> int:
    """Run programs until this process is told to end by SIGTERM or SIGINT.

    Args:
        programs: what to run.
        leading: whether the first one leads: all end with it.

    Returns:
        the exit status: that of the leading program if it ended by itself, otherwise 0.
    """
    told = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        told.set()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    children = [_Child(program) for program in programs]
    try:
        while not told.wait(LOOK_EVERY_SECONDS):
            if leading and children[0].ended is not None:
                return children[0].ended
            for child in children[leading:]:
                child.keep_up()
        return 0
    finally:
        _end(children)
        for number, handler in previous.items():
            signal.signal(number, handler)


def end_with_parent(with_signal: signal.Signals) -> None:
    """Have this process ended when its parent dies, however that dies: nothing may run on when all has stopped.

    The kernel does it on Linux. Elsewhere it is left to a parent that ends in order.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(with_signal))


class _Child:
    """A program that runs, and is started again when it has ended."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.start()

    def start(self) -> None:
        self.started_at, self.ended_at = time.monotonic(), math.inf
        self.process = subprocess.Popen(
            list(self.program.command),
            env=dict(self.program.environment),
            stdin=subprocess.DEVNULL,
            # A session of its own: Ctrl-C reaches this process alone, which then ends the others in order.
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )

    @property
    def ended(self) -> int | None:
        """The exit status; None while it runs."""
        status = self.process.poll()
        if status is not None and self.ended_at == math.inf:
            self.ended_at = time.monotonic()
        return status

    def keep_up(self) -> None:
        """Start it again if it has ended; one that had hardly begun, after a pause."""
        if self.ended is None:
            return
        short = self.ended_at - self.started_at < SHORT_LIFE_SECONDS
        if not short or time.monotonic() - self.ended_at > PAUSE_SECONDS:
            logger.warning("%s ended with status %s and is started again", self.program.name, self.ended)
            self.kill()
            self.start()

    def kill(self) -> None:
        """End whatever is left of it, and of what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


def _die_with_parent() -> None:
    end_with_parent(signal.SIGTERM)


def _end(children: Sequence[_Child]) -> None:
    for child in children:
        if child.ended is None:
            child.process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, deadline - time.monotonic()))
    for child in children:
        child.kill()
        child.process.wait()
