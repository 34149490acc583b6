"""How is nothing computed twice? A shared cache, and one computation at a time for each key.

All web processes and workers share it. When two of them are asked the same thing at once, the second waits for the
first and takes its answer: look, lock, look again, compute, store. Where the answers lie is said in stores.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import hmmrnn
from hmmrnn.dashboard import counters
from hmmrnn.dashboard.stores import held, keep, look_up

P = ParamSpec("P")
R = TypeVar("R")


def cached(function: Callable[P, R]) -> Callable[P, R]:
    """Keep the answers of a pure function whose arguments have a `repr` that says all about them.

    A keyword argument `tell`, which hears how far the answer is, is no part of the question. A function may call other
    cached functions, as long as no chain of calls comes back to the first.
    """

    @wraps(function)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        key = key_of(function.__qualname__, args, {name: kwargs[name] for name in kwargs if name != "tell"})
        found = look_up(key)
        counters.looked_up(function.__qualname__, found is not None)
        if found is not None:
            return found[0]
        # Locks are told apart by function and the first digits of the key: a bounded number of locks, and no process
        # can wait for itself, since calls among cached functions run one way.
        tell: Any = kwargs.get("tell")
        with held(f"{function.__qualname__}-{key[:2]}", tell):
            found = look_up(key)
            if found is None:
                found = (function(*args, **kwargs),)
                keep(key, found[0])
            return found[0]

    return answer


def key_of(*asked: Any) -> str:
    """The key of the answer to a question, which must have a `repr` that says all about it; other code has others."""
    return hashlib.sha256(f"{_code_fingerprint()} {' '.join(map(repr, asked))}".encode()).hexdigest()


def known(function: Callable[..., R], *args: Any) -> R | None:
    """What a `cached` function has answered to these arguments; None if it has not, and then nothing is computed."""
    found = look_up(key_of(function.__qualname__, args, {}))
    return None if found is None else found[0]


@cache
def _code_fingerprint() -> str:
    """Hash of the package's own source: an answer of other code is never taken for one of this."""
    digest = hashlib.sha256()
    for path in sorted(Path(hmmrnn.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
