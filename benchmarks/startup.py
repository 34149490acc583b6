"""Time to the first figure: from the start of the server, and from a request to a warm one.

Beside each, the same of a program of Dash with the same figure in it and nothing else (`bare_page.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from benchmarks.dashboard import new_page, running_browser, running_server
from benchmarks.figures import Measurement
from hmmrnn.dashboard import ids
from tests.programs import PATIENCE_SECONDS, answers, eventually, free_port, start_program

BARE = "a program of Dash with the same figure in it and nothing else"
# What Plotly was given, as plain values.
FIGURE = "view => { const { data, layout } = stopwatch.graphOf(view); return { data, layout }; }"

# Gives the address of a server that has just been started.
Running = Callable[[], AbstractContextManager[str]]


def startup_figures(starts: int) -> list[Measurement]:
    """Measure so many starts, each before one of a bare program."""
    with running_browser() as browser, _bare_page(browser) as bare:
        pairs = [(_first_figure(browser, _dashboard), _first_figure(browser, bare)) for _ in range(starts)]
    ours, theirs = zip(*pairs, strict=True)
    return [Measurement("cold_start_to_first_figure_s", ours, f"{BARE}, started and opened in the same way", theirs)]


def opening_figures(visits: int) -> list[Measurement]:
    """Measure so many first visits to a warm server, each before one to a bare page."""
    with running_browser() as browser, _bare_page(browser) as bare, bare() as their_url, _dashboard() as our_url:
        pairs = [(_visit(browser, our_url)[0], _visit(browser, their_url)[0]) for _ in range(visits)]
    ours, theirs = zip(*pairs, strict=True)
    return [Measurement("first_figure_s", ours, BARE, theirs)]


@contextmanager
def _dashboard() -> Iterator[str]:
    with running_server() as server:
        yield server.url


@contextmanager
def _bare_page(browser: Browser) -> Iterator[Running]:
    """A way to start a program that shows the first figure of the dashboard and nothing else."""
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as folder:
        file = Path(folder) / "figure.json"
        with _dashboard() as url:
            file.write_text(json.dumps({"id": ids.STATE_SPACE, "figure": _visit(browser, url, FIGURE)[1]}))

        @contextmanager
        def running() -> Iterator[str]:
            port = free_port()
            command = [sys.executable, "-m", "benchmarks.bare_page", str(file), str(port)]
            process = start_program(command, stdout=subprocess.DEVNULL)
            try:
                eventually(lambda: answers(port))
                yield f"http://127.0.0.1:{port}/"
            finally:
                process.terminate()
                process.wait(PATIENCE_SECONDS)

        yield running


def _first_figure(browser: Browser, running: Running) -> float:
    """Seconds from the start of a server until the state space is drawn."""
    began = time.perf_counter()
    with running() as url:
        started = time.perf_counter() - began
        return started + _visit(browser, url)[0]


def _visit(browser: Browser, url: str, ask: str = "() => null") -> tuple[float, Any]:
    """Seconds from a new viewer's request until the state space is drawn, and the answer to what is asked then."""
    page = new_page(browser)
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.evaluate("view => stopwatch.firstDrawing(view)", ids.STATE_SPACE)
    seconds = time.perf_counter() - began
    answer = page.evaluate(ask, ids.STATE_SPACE)
    page.context.close()
    return seconds, answer
