"""What is counted? Requests, how long each kind of question takes, and how often the cache knows the answer.

Whoever does something counts it here in one line. Labels are names of ours, such as those of functions and addresses,
and never anything that a viewer has typed: there is a bounded number of them.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

# From what is answered from memory to what takes a worker's patience.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
HIT, MISS = "hit", "miss"

REQUESTS = Counter("hmmrnn_requests", "Requests that were answered", ["endpoint", "status"])
SECONDS = Histogram("hmmrnn_query_seconds", "Time to answer a question of the page", ["query"], buckets=BOUNDS)
CACHE = Counter("hmmrnn_cache_lookups", "Looks into the cache, by what was asked", ["function", "result"])
UP = Gauge("hmmrnn_up", "1 for each web process that runs", multiprocess_mode="liveall")


def looked_up(function: str, known: bool) -> None:
    """Count a look into the cache for the answer of a function."""
    CACHE.labels(function, HIT if known else MISS).inc()


def answered(endpoint: str, status: int, query: str, seconds: float) -> None:
    """Count a request.

    Args:
        endpoint: which of our addresses was asked.
        status: of the answer.
        query: the name of the question; empty if the request was none.
        seconds: until the answer was there.
    """
    REQUESTS.labels(endpoint, str(status)).inc()
    if query:
        SECONDS.labels(query).observe(seconds)
