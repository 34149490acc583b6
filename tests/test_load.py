"""Some viewers at once on a real server: no request fails, and each gets its own answers. `make load` has fifty."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.load import EMBEDDED, REDIS, ROOT, grown, load_section, measured, percentile, soak_section, with_section

# What the viewers check, tried on answers that are right and on ones that are another viewer's. In a process of its
# own: locust replaces threads and sockets by its own.
CHECKS = """
from types import SimpleNamespace
from benchmarks.viewers import Viewer
from hmmrnn.explorer.scenario import Scenario

own, other = Scenario("linear-2", seed=1), Scenario("linear-2", seed=2)
viewer, neighbour = SimpleNamespace(scenario=own), SimpleNamespace(scenario=other)

def figure(of):
    return {"figure": {"data": [{"x": [of.seed]}]}}

def fast(space, orbit, numbers):
    table = {"values": {"of": numbers.drawn.to_query()}}
    return {"state-space": figure(space), "orbit": figure(orbit), "numbers": table}

assert Viewer._fault_of_fast(viewer, fast(own, own, own)) == ""
assert Viewer._fault_of_fast(neighbour, fast(other, other, other)) == ""
assert Viewer._fault_of_fast(viewer, fast(own, own, own)) == ""
assert "seed=2" in Viewer._fault_of_fast(viewer, fast(own, own, other))
assert Viewer._fault_of_fast(viewer, fast(other, own, own)) == "the state-space of seed 2 came to seed 1"
assert Viewer._fault_of_fast(viewer, fast(own, other, own)) == "the orbit of seed 2 came to seed 1"
assert Viewer._fault_of_slow(viewer, {"region-map": figure(own)}) == ""
assert Viewer._fault_of_slow(viewer, {"region-map": figure(other)})
"""


@pytest.mark.slow
@pytest.mark.parametrize("store", [EMBEDDED, REDIS])
def test_some_viewers_at_once_each_see_their_own(store: str) -> None:
    record = measured(store, viewers=4, minutes=0.2)
    by_name = {line["name"]: line for line in record["requests"]}
    assert {line["name"]: line["failed"] for line in record["requests"] if line["failed"]} == {}
    assert by_name["page"]["count"] == 4
    assert by_name["fast views"]["count"] >= 4
    assert by_name["fast views"]["p50"] <= by_name["fast views"]["p95"] <= by_name["fast views"]["p99"]
    assert by_name["moments"]["count"] > 0
    assert record["memory_mb"]
    assert all(reading["web"] > 50 and reading["workers"] > 50 for reading in record["memory_mb"])


def test_the_viewers_notice_what_is_not_their_own() -> None:
    found = subprocess.run([sys.executable, "-c", CHECKS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_a_percentile_is_the_time_within_which_that_share_was_answered() -> None:
    times = {10.0: 90, 200.0: 9, 3000.0: 1}
    assert [percentile(times, share) for share in (0.5, 0.9, 0.95, 0.99, 1.0)] == [10, 10, 200, 200, 3000]


def test_what_has_grown_is_counted_from_when_it_is_warm() -> None:
    readings = [{"web": float(mb)} for mb in (100, 400, 300, 301, 302, 303, 304, 310, 500, 311, 312, 313)]
    assert grown(readings, "web") == (303.0, 312.0)


class TestPage:
    RECORD = {  # noqa: RUF012
        "store": "embedded",
        "viewers": 50,
        "minutes": 3.0,
        "requests": [{"name": "fast views", "count": 1234, "failed": 0, "p50": 160.0, "p95": 770.0, "p99": 900.0}],
        "memory_mb": [{"web": float(mb), "workers": 600.0} for mb in range(300, 320)],
        "machine": {"cpu": "a processor", "cores": 2, "platform": "Linux", "python": "3.11.7"},
        "load": {"before": 0.12, "after": 2.0},
        "date": "2026-01-01T00:00:00+00:00",
    }

    def test_a_row_says_what_was_measured(self) -> None:
        text = load_section([self.RECORD])
        assert "| embedded | fast views | 1,234 | 0 | 160 ms | 770 ms | 900 ms |" in text
        assert "50 viewers for 3 minutes" in text
        assert "a processor, 2 cores" in text
        assert "Load before: 0.12" in text

    def test_memory_is_that_after_a_quarter_and_at_the_end(self) -> None:
        assert "| embedded | web | 307 MB | 317 MB | +10 MB |" in soak_section([self.RECORD])
        assert "| embedded | workers | 600 MB | 600 MB | +0 MB |" in soak_section([self.RECORD])

    def test_a_section_is_replaced_and_the_others_stay(self) -> None:
        page = "# Page\n\nWords.\n\n## Load\n\nold\n\n## Faults\n\nkept\n"
        assert with_section(page, "Load", "new") == "# Page\n\nWords.\n\n## Load\n\nnew\n\n## Faults\n\nkept\n"
        assert with_section(page, "Soak", "new") == page + "\n## Soak\n\nnew\n"
        assert with_section(with_section(page, "Soak", "old"), "Soak", "new") == with_section(page, "Soak", "new")
