"""Time from a click on a neuron to the drawn figures, and memory of a web process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from playwright.sync_api import Page

from benchmarks.dashboard import BENCH, WEB_IMPORTS, new_page, running_browser, running_server
from benchmarks.figures import Measurement, median
from benchmarks.machine import Memory, children, memory, parse_memory
from hmmrnn.dashboard import ids
from hmmrnn.model.network import Floats
from tests.browser.pages import Cell, cells, changing, open_page

FAST_VIEWS = [ids.STATE_SPACE, ids.ORBIT]
IMPORTS_ALONE = f"a Python process after `{WEB_IMPORTS}`"


def click_figures(clicks: int) -> list[Measurement]:
    """Measure so many clicks, each followed by the same redraw in bare graphs beside the page's own."""
    with running_browser() as browser, running_server() as server:
        page = new_page(browser)
        open_page(page, server.url + BENCH)
        page.evaluate("views => stopwatch.watch(views)", FAST_VIEWS)
        drawn, redrawn = np.transpose([_click(page, cell) for cell in _chosen(page, clicks)])
        # The server watches over its programs; the first one is the web server, whose children answer the pages.
        web_server = min(children(server.process.pid))
        largest = max((memory(worker) for worker in children(web_server)), key=lambda found: found.rss)
    return [
        Measurement(
            "click_to_drawn_ms",
            tuple(drawn),
            "the same change of the same two figures, drawn by Plotly.react in bare graphs of the same size and page",
            tuple(redrawn),
            _in_turn(drawn),
        ),
        _memory_figure(largest, _memory_of_imports()),
    ]


def _chosen(page: Page, clicks: int) -> list[Cell]:
    """Cells to click on one after the other: each neuron twice, so that the second click brings it back."""
    there = cells(page)
    rows = np.linspace(0, len(there) - 1, num=(clicks + 1) // 2).astype(int)
    return [there[row] for row in np.repeat(rows, 2)[:clicks]]


def _click(page: Page, cell: Cell) -> tuple[float, float]:
    """Milliseconds of one click until it is drawn, and of the redraw alone."""
    with changing(page):
        cell.click(page)
        drawn = float(page.evaluate("() => stopwatch.lap()"))
    return drawn, float(page.evaluate("() => stopwatch.redraw()"))


def _in_turn(samples: Floats) -> str:
    parts = {"silencing": median(samples[::2].tolist()), "bringing back": median(samples[1::2].tolist())}
    return "medians: " + ", ".join(f"{name} {value:.0f}" for name, value in parts.items() if value is not None)


def _memory_of_imports() -> Memory:
    code = f"{WEB_IMPORTS}; from pathlib import Path; print(Path('/proc/self/smaps_rollup').read_text())"
    return parse_memory(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def _memory_figure(worker: Memory, imports: Memory) -> Measurement:
    note = f"not shared with any other process (USS): {worker.uss:.0f} MB, and {imports.uss:.0f} MB after the imports"
    return Measurement("web_memory_mb", (worker.rss,), IMPORTS_ALONE, (imports.rss,), note)
