"""A running dashboard to measure: a server with an empty cache, and a real browser."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM_FLAGS, Server, chromium_path
from tests.browser.pages import READY_MS

# The chapter with the linked views beside each other.
BENCH = "/bench"
STOPWATCHES = [Path(__file__).with_name(name) for name in ("stopwatch.js", "live_stopwatch.js")]
# What any web process of this kind has to import before it can do anything.
WEB_IMPORTS = "import dash, dash_mantine_components, plotly.graph_objects"


@contextmanager
def running_server() -> Iterator[Server]:
    """A server with two web processes that answers, on a free port and with an empty cache."""
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as cache:
        server = Server(Path(cache), Path(cache) / "data")
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def running_browser(*flags: str) -> Iterator[Browser]:
    """A headless chromium, with further flags."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*CHROMIUM_FLAGS, *flags])
        yield browser
        browser.close()


def new_page(browser: Browser) -> Page:
    """An empty page of a viewer who was never here before, with `stopwatch` and `liveStopwatch` in it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.set_default_timeout(READY_MS)
    for script in STOPWATCHES:
        context.add_init_script(path=script)
    return context.new_page()
