"""What becomes of a question that takes long? It waits, is worked on, and is answered; whoever asks the same joins in.

    waiting -> running -> done | failed         without a beat for some seconds: asked again, at most twice

An inquiry's key is the hash of the question, of what it is about, and of the code: equal questions are the same
inquiry, and it is worked on once. Its answer goes from the worker by way of the queue into the cache, where it stays.
Who polls shows that it is wanted; once it has been left by a page and nobody has polled it since, the worker stops.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hmmrnn.dashboard import cache, queue, stores
from hmmrnn.dashboard.scenario import Scenario

WAITING, RUNNING, FAILED, DONE = "waiting", "running", "failed", "done"
UNFINISHED = (WAITING, RUNNING)
# A worker may die of what has nothing to do with the question; one that dies of it three times will do so again.
ATTEMPTS = 3
# An inquiry that was left is given up unless somebody has asked for it within so long.
GIVEN_UP_AFTER_SECONDS = 3.0
TELL_EVERY_SECONDS = 0.4
# What nobody has fetched is forgotten when so many others have been asked after it.
KEPT = 200
MAX_WAITING, MAX_WAITING_EACH = 100, 8


@dataclass(frozen=True, eq=False)
class Inquiry:
    """A question as whoever asks it may see it.

    Attributes:
        key: what it is known by.
        state: waiting, running, failed or done.
        share: how much of it is done, 0 to 1.
        before: number of inquiries that wait before it; 0 unless it waits.
        reason: why it failed, or why it waits although nothing is before it; empty otherwise.
        answer: once it is done; None before.
    """

    key: str
    state: str
    share: float = 0.0
    before: int = 0
    reason: str = ""
    answer: Any = None


class UnwantedError(Exception):
    """Nobody waits for the answer any more."""


def ask(question: str, subject: Scenario, content: str, anew: bool = False, asker: str = "") -> Inquiry:
    """Ask a question, join those who have asked it, or take its answer from the cache.

    Args:
        question: its name, which the worker knows.
        subject: what it is about: a scenario without anything that the answer does not depend on.
        content: hash of the files that the answer depends on.
        anew: whether to try again what has failed.
        asker: who asks, if that is a viewer; only so many inquiries of each may wait.

    Raises:
        ValueError: too many inquiries are waiting.
    """
    key = _key(question, subject, content)
    known = stores.look_up(key)
    if known is not None:
        return Inquiry(key, DONE, 1.0, answer=known[0])
    queue.put(f"wanted:{key}", queue.now())
    if anew and (queue.look_up(f"inquiry:{key}") or {}).get("state") == FAILED:
        queue.discard(f"inquiry:{key}")
    if queue.look_up(f"inquiry:{key}") is None:
        _check_room(asker)
    # Of two equal questions at once, one is put into the queue.
    if queue.claim(f"inquiry:{key}", _record(WAITING, 1)):
        _remember(key)
        queue.send("inquire", key, 1, question, subject, asker)
    return _look(key, question, subject)


def _check_room(asker: str) -> None:
    askers = [args[-1] for args in queue.waiting("inquire")]
    if len(askers) >= MAX_WAITING:
        raise ValueError(f"at most {MAX_WAITING} experiments may wait, and {len(askers)} do; try again in a minute")
    own = askers.count(asker)
    if asker and own >= MAX_WAITING_EACH:
        raise ValueError(
            f"at most {MAX_WAITING_EACH} of your experiments may wait, so that others get their turn, and {own} do; "
            f"cancel one, or try again when one is done"
        )


def answered(question: str, subject: Scenario, content: str) -> Any:
    """The answer to a question, if it is in the cache; None otherwise."""
    known = stores.look_up(_key(question, subject, content))
    return None if known is None else known[0]


def leave(key: str) -> None:
    """Say that a page no longer waits for an inquiry: it is given up, unless somebody else does."""
    if queue.look_up(f"inquiry:{key}") is not None:
        queue.put(f"left:{key}", queue.now())


def _key(question: str, subject: Scenario, content: str) -> str:
    return cache.key_of("inquiry", question, subject, content)[:24]


def _look(key: str, question: str, subject: Scenario) -> Inquiry:
    record = queue.look_up(f"inquiry:{key}")
    if record is None:
        # It was given up in this very moment; who asks again starts it anew.
        return Inquiry(key, WAITING)
    if record["state"] == DONE:
        return _received(key)
    if record["state"] == FAILED:
        return Inquiry(key, FAILED, reason=record["reason"])
    places = [args[0] for args in queue.waiting("inquire")]
    if _lost(key, record, places):
        return _ask_again(key, record["attempt"] + 1, question, subject)
    if record["state"] == RUNNING:
        return Inquiry(key, RUNNING, queue.look_up(f"share:{key}") or 0.0)
    if not queue.present(queue.INQUIRIES):
        return Inquiry(key, WAITING, reason="no worker is running; start one with python -m hmmrnn worker")
    return Inquiry(key, WAITING, before=places.index(key) if key in places else 0)


def _received(key: str) -> Inquiry:
    """An answer that has come, taken into the cache; it waits again if another machine has taken it into its own."""
    with stores.held(f"inquiry-{key[:2]}"):
        found = stores.look_up(key) or queue.receive(f"answer:{key}")
        if found is not None:
            stores.keep(key, found[0])
    forget(key)
    return Inquiry(key, WAITING) if found is None else Inquiry(key, DONE, 1.0, answer=found[0])


def _lost(key: str, record: dict[str, Any], places: list[str]) -> bool:
    if record["state"] == RUNNING:
        return not queue.beating(f"inquiry:{key}")
    # A worker can be killed after it has taken an inquiry out of the queue and before it has said so.
    return queue.now() - record["since"] > queue.LOST_AFTER_SECONDS and key not in places


def _ask_again(key: str, attempt: int, question: str, subject: Scenario) -> Inquiry:
    if attempt > ATTEMPTS:
        reason = f"the worker ended {ATTEMPTS} times while it computed this; its log may say why"
        queue.put(f"inquiry:{key}", _record(FAILED, attempt, reason))
        return Inquiry(key, FAILED, reason=reason)
    # Two pages may notice at once; the second task finds the inquiry taken.
    queue.put(f"inquiry:{key}", _record(WAITING, attempt))
    queue.discard(f"share:{key}")
    # Who looks on need not be who has asked.
    queue.send("inquire", key, attempt, question, subject, "")
    return Inquiry(key, WAITING, reason="the worker ended in the middle of it; it is asked again")


def _record(state: str, attempt: int, reason: str = "") -> dict[str, Any]:
    return {"state": state, "since": queue.now(), "attempt": attempt, "reason": reason}


def _remember(key: str) -> None:
    """Forget what nobody has fetched, so that it does not pile up."""
    asked = [key, *(item for item in queue.look_up("inquiries") or [] if item != key)]
    for old in asked[KEPT:]:
        forget(old)
    queue.put("inquiries", asked[:KEPT])


# ---- what the worker tells ----


def begin(key: str, attempt: int) -> bool:
    """Take an inquiry; False if it was taken by another worker, given up or answered meanwhile."""
    record = queue.look_up(f"inquiry:{key}")
    if record is None or (record["state"], record["attempt"]) != (WAITING, attempt):
        return False
    if _unwanted(key):
        forget(key)
        return False
    # The beat first: without one, what runs is taken for lost.
    queue.beat(f"inquiry:{key}")
    queue.put(f"inquiry:{key}", _record(RUNNING, attempt))
    return True


def teller(key: str) -> Callable[[float], None]:
    """A function to be told the share that is done, as often as one likes.

    It raises UnwantedError once nobody waits for the answer any more.
    """
    told_at = 0.0

    def tell(share: float) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < TELL_EVERY_SECONDS:
            return
        told_at = time.monotonic()
        if _unwanted(key):
            raise UnwantedError(key)
        queue.put(f"share:{key}", min(1.0, max(0.0, float(share))))

    return tell


def finish(key: str, answer: Any) -> None:
    """Hand over the answer."""
    queue.hand_over(f"answer:{key}", answer)
    queue.put(f"inquiry:{key}", _record(DONE, 0))


def fail(key: str, reason: str) -> None:
    """Say in a sentence why there is no answer."""
    queue.put(f"inquiry:{key}", _record(FAILED, 0, reason))


def forget(key: str) -> None:
    """Leave nothing of an inquiry in the queue, as if it had never been asked."""
    for kind in ("inquiry", "share", "wanted", "left", "answer", "beat:inquiry"):
        queue.discard(f"{kind}:{key}")


def _unwanted(key: str) -> bool:
    left, wanted = queue.look_up(f"left:{key}"), queue.look_up(f"wanted:{key}")
    if left is None:
        return False
    return (wanted is None or wanted <= left) and queue.now() - left > GIVEN_UP_AFTER_SECONDS
