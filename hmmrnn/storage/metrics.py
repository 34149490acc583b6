"""Numbers that a process counts and measures for Prometheus: requests, cache look-ups, memory.

Labels are names of this package, such as those of functions and addresses, and never text that a user typed: their
number is bounded.
"""

from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram, ProcessCollector

# Seconds, from an answer out of memory to one of a slow analysis.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
HIT, MISS = "hit", "miss"
RESIDENT, STARTED = "process_resident_memory_bytes", "process_start_time_seconds"

REQUESTS = Counter("hmmrnn_requests", "Requests that were answered", ["endpoint", "status"])
SECONDS = Histogram("hmmrnn_query_seconds", "Time to answer a request of the page", ["query"], buckets=BOUNDS)
CACHE = Counter("hmmrnn_cache_lookups", "Look-ups in the cache, by function", ["function", "result"])
UP = Gauge("hmmrnn_up", "Web processes that run", multiprocess_mode="livesum")


def count_lookup(function: str, found: bool) -> None:
    """Count a look-up of the answer of a function in the cache."""
    CACHE.labels(function, HIT if found else MISS).inc()


def count_request(endpoint: str, status: int, query: str, seconds: float) -> None:
    """Count a request."""
    REQUESTS.labels(endpoint, str(status)).inc()
    if query:
        SECONDS.labels(query).observe(seconds)


def process(pid: int) -> dict[str, float]:
    """What the system knows of a process: `RESIDENT` in bytes, `STARTED` in seconds since 1970; empty if it ended."""
    families = ProcessCollector(pid=lambda: pid, registry=None).collect()
    return {family.name: family.samples[0].value for family in families}


def memory_of_family(pid: int) -> float:
    """Bytes that a process and all its descendants hold in memory; 0 on a system without /proc."""
    pids = [pid]
    for each in pids:
        pids += _children(each)
    return sum(process(each).get(RESIDENT, 0.0) for each in pids)


def _children(pid: int) -> list[int]:
    try:
        of_threads = [(thread / "children").read_text() for thread in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    return [int(child) for text in of_threads for child in text.split()]
