"""Several programs run as one: those that end are started again, and all end together.

A program is a command, or a function that runs in a process forked from this one, with all that is imported here.

When the leading program ends, or this process gets SIGTERM or SIGINT, all programs get SIGTERM, and after some seconds
those that still run are killed with everything that they have started. If this process itself is killed, the kernel
ends them (on Linux).
"""

import logging
import math
import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from hmmrnn.storage.processes import end_with_parent, noted_signals

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 0.1
# A program that ends as soon as it is started is not started again at once.
SHORT_LIFE_SECONDS, PAUSE_SECONDS = 5.0, 5.0
GRACE_SECONDS = 4.0


@dataclass(frozen=True)
class Program:
    """What to run."""

    name: str  # for the log
    command: Sequence[str] | Callable[[], None]  # with its arguments; or a function
    environment: Mapping[str, str]  # of the process of a command


def supervise(programs: Sequence[Program], leading: bool, head_start: float = 0.0) -> int:
    """Run programs until this process gets SIGTERM or SIGINT, or the first one has ended and is `leading`.

    The others begin `head_start` seconds after the first one. Returns the exit status: that of the leading program if
    it ended by itself, otherwise 0.
    """
    with noted_signals() as signalled:
        children = [_Child(programs[0])]
        begin_at = time.monotonic() + head_start
        try:
            while not signalled.wait(LOOK_EVERY_SECONDS):
                if len(children) == 1 and time.monotonic() >= begin_at:
                    children += [_Child(program) for program in programs[1:]]
                if leading and children[0].ended is not None:
                    return children[0].ended
                for child in children[leading:]:
                    child.keep_up()
            return 0
        finally:
            _end(children)


class Forked(multiprocessing.get_context("fork").Process):  # type: ignore[misc]
    """A process that runs a function, asked as a `Popen` is."""

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit status.

        Raises:
            subprocess.TimeoutExpired: it runs for longer.
        """
        self.join(timeout)
        if self.exitcode is None:
            raise subprocess.TimeoutExpired(self.name, timeout or 0.0)
        return int(self.exitcode)


class _Child:
    """A program that runs, and is started again when it has ended."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.start()

    def start(self) -> None:
        self.started_at, self.ended_at = time.monotonic(), math.inf
        self.process = self._fork() if callable(self.program.command) else self._execute(self.program.command)

    def _fork(self) -> Forked:
        process = Forked(target=self._act, name=self.program.name)
        process.start()
        return process

    def _act(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        end_with_parent(signal.SIGTERM, os.getppid())
        assert callable(self.program.command)
        self.program.command()

    def _execute(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(command),
            env=dict(self.program.environment),
            stdin=subprocess.DEVNULL,
            # A session of its own: Ctrl-C reaches this process alone, which then ends the others in order.
            start_new_session=True,
            preexec_fn=partial(end_with_parent, signal.SIGTERM, os.getpid()),
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
        """Kill what is left of it, and of what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


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
