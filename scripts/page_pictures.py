"""Take a picture of every page, at three sizes in both colours, to be looked at (`make screenshots`).

python -m scripts.page_pictures        writes .cache/pages/PAGE-WIDTH-COLOURS.png

A page that is wider than its window, or an error in the browser's console, is said and makes the exit status 1.
"""

from __future__ import annotations

import itertools
import logging
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, sync_playwright

from hmmrnn.dashboard.chapters import CHAPTERS
from tests.browser.conftest import CHROMIUM_FLAGS, Server, chromium_path
from tests.browser.pages import READY_MS, clear_pointer, settle_known, wait_until

logger = logging.getLogger(__name__)

PICTURES = Path(__file__).resolve().parents[1] / ".cache" / "pages"
SIZES = ((1024, 768), (1440, 900), (1920, 1080))
COLOURS: tuple[Literal["light", "dark"], ...] = ("light", "dark")
OTHER_PAGES = ("/train", "/data", "/compare")
# Each view that a worker computes shows something, and be it how far it is.
BEGUN = """() => !document.querySelector(
    ".card:not([hidden]) .card-title:has(.caption:empty) ~ .task-line[hidden] ~ .card-body:empty")"""
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"


def main() -> int:
    """Take every picture."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as cache, sync_playwright() as playwright:
        server = Server(Path(cache), Path(cache) / "data")
        try:
            server.start()
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
            faults = [
                fault
                for (width, height), colours in itertools.product(SIZES, COLOURS)
                for fault in _take_all(browser, server.url, (width, height), colours)
            ]
            browser.close()
        finally:
            server.stop()
    for fault in faults:
        logger.error("%s", fault)
    return 1 if faults else 0


def _take_all(browser: Browser, url: str, size: tuple[int, int], colours: Literal["light", "dark"]) -> list[str]:
    """Take a picture of every page at a size in some colours; the faults that were seen, in words."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=colours)
    context.set_default_timeout(READY_MS)
    page = context.new_page()
    faults: list[str] = []
    at = ""
    page.on("console", lambda message: faults.append(f"{at}: {message.text}") if message.type == "error" else None)
    for path in (*(chapter.path for chapter in CHAPTERS), *OTHER_PAGES):
        at = f"{path.strip('/') or 'start'}-{width}-{colours}"
        page.goto(url + path)
        if path in OTHER_PAGES:
            page.wait_for_load_state("networkidle")
        else:
            settle_known(page)
            wait_until(page, BEGUN)
        if (over := page.evaluate(OVERFLOW)) > 0:
            faults.append(f"{at}: {over} pixels wider than the window")
        clear_pointer(page)
        page.screenshot(path=PICTURES / f"{at}.png", animations="disabled")
        logger.info("%s", at)
    context.close()
    return faults


if __name__ == "__main__":
    sys.exit(main())
