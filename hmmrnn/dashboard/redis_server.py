"""Is there a Redis, and does it answer? If so, queues, answers and locks are there for all machines."""

from __future__ import annotations

import os
from functools import cache
from urllib.parse import urlsplit

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as NotInTime
from redis.retry import Retry

# Whoever looks at a page waits for this; a Redis in the same house answers in a thousandth of it.
CONNECT_SECONDS, ANSWER_SECONDS = 1.0, 5.0
# What a Redis raises that is gone, still loading, full, or not allowed to write.
AWAY = (NotConnected, NotInTime, OutOfMemoryError, ReadOnlyError)


def url() -> str:
    """Where Redis is; empty if there is none and everything is embedded."""
    return os.environ.get("HMMRNN_REDIS_URL", "")


def place() -> str:
    """Where Redis is, in words that hold no password."""
    split = urlsplit(url())
    return f"{split.hostname}:{split.port or 6379}" if split.hostname else "the socket named by HMMRNN_REDIS_URL"


@cache
def pool() -> ConnectionPool:
    """The connections of this process.

    Raises:
        ValueError: HMMRNN_REDIS_URL is no address of a Redis.
    """
    try:
        return ConnectionPool.from_url(
            url(),
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            # A connection from before Redis was started anew fails once; waiting before the second would not help.
            retry=Retry(NoBackoff(), retries=1),
            retry_on_error=[NotConnected],
        )
    except ValueError as error:
        raise ValueError(f"HMMRNN_REDIS_URL must be like redis://host:6379/0; got another form ({error})") from error


def client() -> Redis:
    """Redis, which may or may not answer."""
    return Redis(connection_pool=pool())
