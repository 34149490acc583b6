"""Time to the first figure: from the start of the server, and from a request to a warm one."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dash import Dash, dcc
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from benchmarks.dashboard import WEB_IMPORTS, new_page, running_browser, running_server
from benchmarks.figures import Measurement
from hmmrnn.dashboard import ids

# What Plotly was given, as plain values.
FIGURE = "view => { const { data, layout } = stopwatch.graphOf(view); return { data, layout }; }"


def startup_figures(starts: int) -> list[Measurement]:
    """Measure so many starts, each after the imports that a web process cannot do without, on their own."""
    with running_browser() as browser:
        imports, first_figure = zip(*((_imports(), _first_figure(browser)) for _ in range(starts)), strict=True)
    baseline = f"a Python process that does `{WEB_IMPORTS}` and ends"
    return [Measurement("cold_start_to_first_figure_s", first_figure, baseline, imports)]


def opening_figures(visits: int) -> list[Measurement]:
    """Measure so many first visits to a warm server, each before one to a bare page of Dash with the same figure."""
    with running_browser() as browser, running_server() as server:
        figure = _visit(browser, server.url, FIGURE)[1]
        with _bare_page(figure) as bare:
            pairs = [(_visit(browser, server.url)[0], _visit(browser, bare)[0]) for _ in range(visits)]
    ours, theirs = zip(*pairs, strict=True)
    return [Measurement("first_figure_s", ours, "a page of Dash with the same figure in it and nothing else", theirs)]


@contextmanager
def _bare_page(figure: dict[str, Any]) -> Iterator[str]:
    """The address of a page of Dash that holds a figure and nothing else."""
    app = Dash("bare")
    app.layout = dcc.Graph(id=ids.STATE_SPACE, figure=figure)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", 0, app.server, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()


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


def _imports() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", WEB_IMPORTS], check=True)
    return time.perf_counter() - began


def _first_figure(browser: Browser) -> float:
    began = time.perf_counter()
    with running_server() as server:
        started = time.perf_counter() - began
        return started + _visit(browser, server.url)[0]
