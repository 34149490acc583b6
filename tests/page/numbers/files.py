"""The JSON file of numbers for each file of Node tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from hmmrnn.dashboard.app import create_app
from hmmrnn.dashboard.configuration import configuration
from tests.page.numbers.counts import counts
from tests.page.numbers.engine import engine
from tests.page.numbers.given import Numbers
from tests.page.numbers.moments import moments
from tests.page.numbers.runs import runs
from tests.page.numbers.scenario import scenarios, tour
from tests.page.numbers.summary import summaries
from tests.page.numbers.training import training

FILES: dict[str, Callable[[], Numbers]] = {
    "engine": engine,
    "counts": counts,
    "runs": runs,
    "moments": moments,
    "summary": summaries,
    "scenario": scenarios,
    "configuration": lambda: configuration(create_app()),
    "tour": tour,
    "training": training,
}


def write(name: str, folder: Path) -> None:
    """Write a file of numbers into a folder, unless it is there."""
    path = folder / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps(FILES[name](), allow_nan=False), encoding="utf-8")
