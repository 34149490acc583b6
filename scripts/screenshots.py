"""Take the pictures of README and documentation anew, from the running dashboard.

python -m scripts.screenshots        writes docs/pages/images/*.png, replacing those that are there
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from hmmrnn.explorer.experiments import KICK_PROOF
from scripts.png import repacked
from tests.browser.conftest import CHROMIUM_FLAGS, Server, chromium_path
from tests.browser.pages import READY_MS, changing, clear_pointer, group_buttons, open_page

logger = logging.getLogger(__name__)

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "pages" / "images"
WIDTH, HEIGHT = 1440, 900
BENCH = "bench"
# What the button of a kick group says that is not proven.
UNPROVEN = "no small group found"
# States of one cluster of the first network, in its plane.
SELECTED = "bench?model=linear-2&area=-14,1,-3,1,-3,9,-14,9"
DRAWN = """(id) => document.querySelector(`#${id} .js-plotly-plot`)?.data.length > 0
    && document.getElementById(`${id}-task`).hidden"""
WORKER_MS = 240_000


def main() -> int:
    """Take every picture."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as cache, sync_playwright() as playwright:
        server = Server(Path(cache), Path(cache) / "data")
        try:
            server.start()
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
            for name, page in pictures(browser, server.url):
                clear_pointer(page)
                path = IMAGES / f"{name}.png"
                path.write_bytes(repacked(page.screenshot(animations="disabled")))
                logger.info("%s: %.0f kB", path.name, path.stat().st_size / 1000)
            browser.close()
        finally:
            server.stop()
    return 0


def pictures(browser: Browser, url: str) -> Iterator[tuple[str, Page]]:
    """Each picture's name, with the page as it is to be taken."""
    dark = _opened(browser, url, "dark")
    with changing(dark):
        _kick_button(dark).click()
    yield "overview-dark", dark
    dark.context.close()

    page = _opened(browser, url, "light")
    with changing(page):
        _kick_button(page).click()
    yield "overview", page

    open_page(page, f"{url}/{SELECTED}")
    expect(page.locator("#neuron-table .ag-header-cell", has_text="Cohen's d")).to_be_visible()
    page.get_by_role("button", name="Next switch").click()
    yield "selection", page

    open_page(page, f"{url}/kick-neurons?large={KICK_PROOF}")
    page.wait_for_function(DRAWN, arg=KICK_PROOF, timeout=WORKER_MS)
    yield "kick-neurons", page


def _opened(browser: Browser, url: str, scheme: Literal["light", "dark"]) -> Page:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, device_scale_factor=1
    )
    context.set_default_timeout(READY_MS)
    page = context.new_page()
    open_page(page, f"{url}/{BENCH}")
    return page


def _kick_button(page: Page) -> Locator:
    """The button of the first kick group that is proven; of the first one if none is."""
    buttons = group_buttons(page, "kick")
    proven = buttons.filter(has_not_text=UNPROVEN)
    return (proven if proven.count() else buttons).first


if __name__ == "__main__":
    sys.exit(main())
