"""Some viewers at once on a real server: no request fails, and each gets its own answers. `make load` has fifty."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.load import EMBEDDED, REDIS, ROOT, grown, load_section, measured, percentile, soak_section, with_section
from tests.programs import PATIENCE_SECONDS

# What the viewers check, tried on answers that are right and on ones that are another viewer's. In a process of its
# own: locust replaces threads and sockets by its own.
CHECKS = """
from benchmarks.viewers import fault_of_figure

def shown(view, seed):
    return {view: {"figure": {"data": [{"x": [seed]}]}}}

for _ in range(2):
    assert fault_of_figure(1, shown("orbit", 1), "orbit") == ""
    assert fault_of_figure(2, shown("region-map", 2), "region-map") == ""
assert fault_of_figure(2, shown("orbit", 1), "orbit") == "the orbit of seed 1 came to seed 2"
assert fault_of_figure(1, shown("region-map", 2), "region-map") == "the region-map of seed 2 came to seed 1"
"""


@pytest.mark.slow
@pytest.mark.parametrize("store", [EMBEDDED, REDIS])
def test_some_viewers_at_once_each_see_their_own(store: str) -> None:
    record = measured(store, viewers=3, minutes=PATIENCE_SECONDS / 60, clicks=1)
    by_name = {line["name"]: line for line in record["requests"]}
    assert {line["name"]: line["failed"] for line in record["requests"] if line["failed"]} == {}
    clicks = by_name["click, late by"]
    assert [clicks["count"], *(by_name[name]["count"] for name in ("page", "region map", "orbit"))] == [3, 3, 3, 3]
    assert clicks["p50"] <= clicks["p95"] <= clicks["p99"]
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
        "requests": [
            {"name": "click, late by", "count": 6000, "failed": 0, "p50": 0.0, "p95": 1.0, "p99": 3.0},
            {"name": "orbit", "count": 1234, "failed": 0, "p50": 160.0, "p95": 770.0, "p99": 900.0},
        ],
        "memory_mb": [{"web": float(mb), "workers": 600.0} for mb in range(300, 320)],
        "machine": {"cpu": "a processor", "cores": 2, "platform": "Linux", "python": "3.11.7"},
        "load": {"before": 0.12, "after": 2.0},
        "date": "2026-01-01T00:00:00+00:00",
    }

    def test_a_row_says_what_was_measured(self) -> None:
        text = load_section([self.RECORD])
        assert "| embedded | orbit | 1,234 | 0 | 160 ms | 770 ms | 900 ms |" in text
        assert "50 viewers for 3 minutes" in text
        assert "were: embedded: 1.5 s." in text
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
