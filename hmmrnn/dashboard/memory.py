"""How much memory do processes hold? As the system tells it; nothing is known where there is no /proc."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import ProcessCollector

RESIDENT, BEGUN = "process_resident_memory_bytes", "process_start_time_seconds"


def process(number: int) -> dict[str, float]:
    """What the system says of a process (`RESIDENT` in bytes, `BEGUN` in seconds since 1970); nothing if it ended."""
    families = ProcessCollector(pid=lambda: number, registry=None).collect()
    return {family.name: family.samples[0].value for family in families}


def family(number: int) -> float:
    """Bytes that a process and all processes that it has started, and they in turn, hold in memory together."""
    numbers = [number]
    for each in numbers:
        numbers += _children(each)
    return sum(process(each).get(RESIDENT, 0.0) for each in numbers)


def _children(number: int) -> list[int]:
    try:
        of_threads = [(thread / "children").read_text() for thread in Path(f"/proc/{number}/task").iterdir()]
    except OSError:
        return []
    return [int(child) for text in of_threads for child in text.split()]
