"""A server under the load of many viewers (Locust), embedded or with Redis, and its memory over time.

python -m benchmarks.load [--viewers 50] [--minutes 3] [--stores embedded redis] [--write docs/pages/reliability.md]

One JSON line for each way of keeping answers. With --soak the section of the page is the one on memory.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from benchmarks.machine import children, load, machine, memory
from tests.browser.conftest import ROOT, Server
from tests.programs import RedisServer

logger = logging.getLogger(__name__)

EMBEDDED, REDIS = "embedded", "redis"
READ_EVERY_SECONDS = 10.0
# Of the time after which memory is compared: what is read once and kept is there by then.
WARM_SHARE = 0.25
VIEWERS_PER_SECOND = 10
LOAD_WORDS = (
    "Written by `make load`. Each viewer sends the requests of the chapter Bench for a small network: none at a click, "
    "which the page answers by itself; the region map a quarter of a second later, then what it adds to the orbit. "
    "`turned away`: the web process was computing a slow answer for another viewer; the page asks again. `being "
    "computed`: it is computing this one, and the page asks again at once; the region map is there with the last of "
    "these answers."
)
SOAK_WORDS = "Written by `make soak`: the same viewers, and what the processes of the server hold meanwhile."
SOAK_HEAD = (
    "| answers kept | processes | after a quarter of the time | at the end | grown |\n| --- | --- | --- | --- | --- |"
)
TABLE_HEAD = (
    "| answers kept | asked | requests | failed | median | 95th percentile | 99th percentile |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print one JSON line for each store, and write the section of the page if it is asked for."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    records = []
    for store in args.stores:
        logger.info("%d viewers for %g minutes, %s", args.viewers, args.minutes, store)
        records.append(measured(store, args.viewers, args.minutes))
        sys.stdout.write(json.dumps(records[-1]) + "\n")
        sys.stdout.flush()
    if args.write:
        title, text = ("Soak", soak_section(records)) if args.soak else ("Load", load_section(records))
        args.write.write_text(with_section(args.write.read_text(encoding="utf-8"), title, text), encoding="utf-8")
    return int(any(line["failed"] for record in records for line in record["requests"]))


def measured(store: str, viewers: int, minutes: float, clicks: int = 0) -> dict[str, Any]:
    """What so many viewers get from a server of their own in so many minutes, or until each has made so many clicks."""
    before = load()
    # What locust says of twenty minutes is more than a pipe holds.
    with (
        TemporaryFile("w+") as said,
        served(store) as server,
        locust(server.url, viewers, minutes, said, clicks) as process,
    ):
        readings = list(_memory_of(server, process))
        said.seek(0)
        output = said.read()
    return {
        "store": store,
        "viewers": viewers,
        "minutes": minutes,
        "requests": [_line(entry) for entry in json.loads(output)],
        "memory_mb": readings,
        "machine": machine(),
        "load": {"before": before, "after": load()},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@contextmanager
def served(store: str) -> Iterator[Server]:
    """A server with two web processes and its workers, on empty folders; with Redis, on an empty one of its own."""
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as folder:
        server = Server(Path(folder), Path(folder) / "data")
        redis = RedisServer(Path(folder)) if store == REDIS else None
        try:
            if redis:
                redis.start()
                os.environ["HMMRNN_REDIS_URL"] = redis.url
            server.start()
            yield server
        finally:
            os.environ.pop("HMMRNN_REDIS_URL", None)
            server.stop()
            if redis:
                redis.stop()


@contextmanager
def locust(url: str, viewers: int, minutes: float, said: IO[str], clicks: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Viewers of a server, in a process of their own, which writes what they got as JSON when it ends."""
    options = {
        "--locustfile": Path(__file__).with_name("viewers.py"),
        "--host": url,
        "--users": viewers,
        "--spawn-rate": VIEWERS_PER_SECOND,
        "--run-time": f"{round(60 * minutes)}s",
        "--stop-timeout": 90,
        "--loglevel": "WARNING",
    }
    flags = [str(part) for option in options.items() for part in option]
    command = [sys.executable, "-m", "locust", *flags, "--headless", "--only-summary", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VIEWER_CLICKS": str(clicks)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _memory_of(server: Server, viewers: subprocess.Popen[str]) -> Iterator[dict[str, float]]:
    """Resident memory of all web processes together, and of all workers, in MB, as long as the viewers are there."""
    began = time.monotonic()
    while viewers.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            viewers.wait(READ_EVERY_SECONDS)
        web, *workers = children(server.process.pid)
        yield {
            "seconds": round(time.monotonic() - began, 1),
            "web": round(sum(memory(pid).rss for pid in (web, *children(web))), 1),
            "workers": round(sum(memory(pid).rss for worker in workers for pid in (worker, *children(worker))), 1),
        }


def _line(entry: dict[str, Any]) -> dict[str, Any]:
    """What locust says of one kind of request; it counts times rounded to two digits above 100 ms."""
    times = {float(ms): int(count) for ms, count in entry["response_times"].items()}
    return {
        "name": entry["name"],
        "count": entry["num_requests"],
        "failed": entry["num_failures"],
        **{f"p{share}": percentile(times, share / 100) for share in (50, 95, 99)},
    }


def percentile(times: dict[float, int], share: float) -> float:
    """The least time within which that share of all were answered; times are given with how often they occurred."""
    wanted = share * sum(times.values())
    seen = 0
    for ms in sorted(times):
        seen += times[ms]
        if seen >= wanted:
            return ms
    raise ValueError("there are no times")


def grown(readings: Sequence[dict[str, float]], part: str) -> tuple[float, float]:
    """MB held by a part after the first quarter of the time, and at the end: each the median of five readings."""
    values = [reading[part] for reading in readings]
    warm = int(WARM_SHARE * len(values))
    first, last = sorted(values[warm : warm + 5]), sorted(values[-5:])
    return first[len(first) // 2], last[len(last) // 2]


def load_section(records: Sequence[dict[str, Any]]) -> str:
    """The section of the page on many viewers."""
    rows = [
        f"| {record['store']} | {line['name']} | {line['count']:,} | {line['failed']:,} | {line['p50']:,.0f} ms | "
        f"{line['p95']:,.0f} ms | {line['p99']:,.0f} ms |"
        for record in records
        for line in record["requests"]
    ]
    pace = "; ".join(f"{record['store']}: {_seconds_between(record):.1f} s" for record in records)
    maps = sum(line["count"] for record in records for line in record["requests"] if line["name"] == "region map")
    words = (
        f"{LOAD_WORDS} Between two clicks of a viewer, who would click once a second, were: {pace}. "
        f"{maps:,} region maps were complete before the next click of their viewer; those who stop clicking get theirs."
    )
    return "\n".join([words, "", _circumstances(records), "", TABLE_HEAD, *rows])


def _seconds_between(record: dict[str, Any]) -> float:
    clicks = sum(line["count"] for line in record["requests"] if line["name"].startswith("click"))
    return float(60 * record["minutes"] * record["viewers"] / clicks)


def soak_section(records: Sequence[dict[str, Any]]) -> str:
    """The section of the page on memory over time."""
    rows = []
    for record in records:
        for part in ("web", "workers"):
            first, last = grown(record["memory_mb"], part)
            rows.append(f"| {record['store']} | {part} | {first:,.0f} MB | {last:,.0f} MB | {last - first:+,.0f} MB |")
    return "\n".join([SOAK_WORDS, "", _circumstances(records), "", SOAK_HEAD, *rows])


def _circumstances(records: Sequence[dict[str, Any]]) -> str:
    first = records[0]
    on, loads = first["machine"], [record["load"]["before"] for record in records]
    return (
        f"{first['viewers']} viewers for {first['minutes']:g} minutes, each silencing another neuron about once a "
        f"second, on the same machine as the server: {on['cpu']}, {on['cores']} cores, {on['platform']}, "
        f"Python {on['python']}; two web processes. "
        f"Load before: {', '.join(f'{load:.2f}' for load in loads)}. {first['date']}."
    )


def with_section(page: str, title: str, text: str) -> str:
    """A page with the section of that title replaced, or added at its end."""
    section = f"## {title}\n\n{text}\n"
    found = re.search(rf"^## {title}\n.*?(?=^## |\Z)", page, flags=re.MULTILINE | re.DOTALL)
    if not found:
        return f"{page.rstrip()}\n\n{section}"
    after = page[found.end() :]
    return page[: found.start()] + section + (f"\n{after}" if after else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load",
        description="Let many viewers use a server at once. The status is 1 if any of their requests failed.",
        allow_abbrev=False,
    )
    parser.add_argument("--viewers", type=int, default=50, metavar="INT", help="at once (%(default)s)")
    parser.add_argument("--minutes", type=float, default=3.0, metavar="FLOAT", help="for how long (%(default)s)")
    parser.add_argument("--stores", nargs="+", choices=(EMBEDDED, REDIS), default=(EMBEDDED, REDIS))
    parser.add_argument("--soak", action="store_true", help="write about memory rather than about times")
    parser.add_argument("--write", type=Path, metavar="FILE", help="page whose section is replaced")
    return parser


if __name__ == "__main__":
    sys.exit(main())
