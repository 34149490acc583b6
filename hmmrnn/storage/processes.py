"""Processes that end with their parent or at a signal, limits on their memory, and functions that a thread repeats."""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PR_SET_PDEATHSIG = 1


class Signalled:
    """Whether a signal has come.

    No `threading.Event`: a handler runs between any two steps of the main thread, and would wait for ever for the lock
    of an event that this thread holds while it waits for the event.
    """

    def __init__(self) -> None:
        self._has_come = False

    def set(self) -> None:
        """Note one; safe in a handler."""
        self._has_come = True

    def is_set(self) -> bool:
        """Whether one has come so far."""
        return self._has_come

    def wait(self, seconds: float) -> bool:
        """Let so much time pass, unless a signal has come already; gives whether one has."""
        if not self._has_come:
            time.sleep(seconds)
        return self._has_come


@contextmanager
def noted_signals() -> Iterator[Signalled]:
    """Have SIGTERM and SIGINT noted instead of ending the process."""
    signalled = Signalled()
    numbers = (signal.SIGTERM, signal.SIGINT)
    previous = {number: signal.signal(number, lambda _number, _frame: signalled.set()) for number in numbers}
    try:
        yield signalled
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def repeated(act: Callable[[], None], every: float) -> Iterator[None]:
    """Act from another thread every so many seconds, the first time after one of these."""
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(every):
            act()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def end_with_parent(with_signal: signal.Signals, parent: int | None = None) -> None:
    """Have the kernel send this process a signal when its parent ends, even if the parent is killed.

    Elsewhere than on Linux this does nothing: there a process outlives a parent that is killed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(with_signal))
        if parent is not None and os.getppid() != parent:
            os.kill(os.getpid(), with_signal)


def bound_memory(megabytes: int) -> None:
    """Let this process have no more data in memory: what asks for more raises MemoryError. Not on Windows."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = megabytes * 2**20
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
