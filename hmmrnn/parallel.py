"""How do independent pieces of one analysis run at once? On threads: NumPy's products leave the interpreter free."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# One thread more than cores gains nothing, and each holds arrays of its own.
THREADS = min(4, os.cpu_count() or 1)


def on_all_cores(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results of a function for each item, in their order.

    What one of the calls raises is raised here, once the others under way have ended.
    """
    waiting = list(items)
    if len(waiting) < 2 or THREADS < 2:
        return [work(item) for item in waiting]
    with ThreadPoolExecutor(min(THREADS, len(waiting))) as threads:
        return list(threads.map(work, waiting))
