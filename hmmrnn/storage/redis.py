"""A Redis that the processes and machines of one server share for queues, answers and locks."""

import logging
import time
from urllib.parse import urlsplit

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionFailed
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from hmmrnn.storage.signing import Signer

logger = logging.getLogger(__name__)

# A page waits for these; a Redis on the same network answers in a thousandth of the time.
CONNECT_SECONDS, ANSWER_SECONDS = 1.0, 5.0
# After a failure no request tries it again for so long, so that not every one of them waits.
AVOIDED_SECONDS = 2.0
# What a Redis raises that is unreachable, still loading, full, or not allowed to write.
UNAVAILABLE = (ConnectionFailed, TimedOut, OutOfMemoryError, ReadOnlyError)


class RedisServer:
    """The connection of this process to a Redis, which may or may not answer.

    Attributes:
        url: its address.
        place: its address in words that hold no password.
        signer: signs what is kept there and unpickled later.
        pool: connections to it.

    Raises:
        ValueError: the address has no form that a Redis has.
    """

    def __init__(self, url: str, key: bytes = b"", avoided_seconds: float = AVOIDED_SECONDS) -> None:
        split = urlsplit(url)
        self.url, self.signer = url, Signer(key)
        self.pool = ConnectionPool.from_url(
            url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            # A connection from before a restart of Redis fails once; waiting before the second try would not help.
            retry=Retry(NoBackoff(), retries=1),
            retry_on_error=[ConnectionFailed],
        )
        self.place = f"{split.hostname}:{split.port or 6379}" if split.hostname else f"the socket {split.path}"
        self._avoided_seconds, self._avoided_until = avoided_seconds, -1.0

    def client(self) -> Redis:
        """A client that shares the connections of this process."""
        return Redis(connection_pool=self.pool)

    @property
    def usable(self) -> bool:
        """Whether it has not failed within the last seconds."""
        return time.monotonic() >= self._avoided_until

    def avoid(self, error: Exception) -> None:
        """Note that it did not answer: it is not used for some seconds."""
        self._avoided_until = time.monotonic() + self._avoided_seconds
        logger.warning(
            "Redis at %s does not answer, so the cache folder of this machine is used: %s", self.place, error
        )


def check_url(url: str) -> None:
    """Raise ValueError if the address has no form that a Redis has."""
    RedisServer(url)
