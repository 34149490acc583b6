"""Time from the start of the server to the first figure, with nothing computed before."""

from __future__ import annotations

import subprocess
import sys
import time

from playwright.sync_api import Browser

from benchmarks.dashboard import WEB_IMPORTS, new_page, running_browser, running_server
from benchmarks.figures import Measurement
from hmmrnn.dashboard import ids


def startup_figures(starts: int) -> list[Measurement]:
    """Measure so many starts, each after the imports that a web process cannot do without, on their own."""
    with running_browser() as browser:
        imports, first_figure = zip(*((_imports(), _first_figure(browser)) for _ in range(starts)), strict=True)
    baseline = f"a Python process that does `{WEB_IMPORTS}` and ends"
    return [Measurement("cold_start_to_first_figure_s", first_figure, baseline, imports)]


def _imports() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", WEB_IMPORTS], check=True)
    return time.perf_counter() - began


def _first_figure(browser: Browser) -> float:
    page = new_page(browser)
    began = time.perf_counter()
    with running_server() as server:
        page.goto(server.url, wait_until="commit")
        page.evaluate("view => stopwatch.firstDrawing(view)", ids.STATE_SPACE)
        seconds = time.perf_counter() - began
        page.context.close()
    return seconds
