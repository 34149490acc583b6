"""What does the dashboard look like? Pictures for the README, taken anew from the dashboard itself.

python -m docs.screenshots        writes docs/images/*.png, replacing those that are there
"""

from __future__ import annotations

import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from docs.png import repacked
from tests.browser.conftest import CHROMIUM_FLAGS, Server, chromium_path
from tests.browser.pages import READY_MS, changing, group_buttons, open_page

logger = logging.getLogger(__name__)

IMAGES = Path(__file__).with_name("images")
SIZES = ((1440, 900), (1024, 768))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# The evidence follows the button, and ends in its verdict.
PROVEN = 'following-sibling::small[1][contains(., "; proven")]'
# The README opens with this one, so it has a name of its own.
MAIN_PICTURE = ("silenced", (1440, 900), "light")
# States of one cluster of the first network, in its plane.
SELECTED = "?model=linear-2&area=-14,1,-3,1,-3,9,-14,9"
# Tabs that are shown as well, in the size and scheme of the main picture.
EXPERIMENTS = {"kick-proof": "Kick neurons", "gain-sweep": "Gain sweep", "emergence": "Emergence"}
DRAWN = """(id) => document.querySelector(`#${id} .js-plotly-plot`).data.length > 0
    && document.getElementById(`${id}-inquiry`).hidden"""
WORKER_MS = 240_000


@dataclass(frozen=True)
class Camera:
    """A browser window that pictures are taken of.

    Attributes:
        size: width and height in pixels.
        scheme: "light" or "dark".
    """

    size: tuple[int, int]
    scheme: Literal["light", "dark"]

    def take(self, browser: Browser, url: str) -> list[Path]:
        """Take the intact network, then the one without a kick group."""
        width, height = self.size
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=self.scheme, device_scale_factor=1
        )
        context.set_default_timeout(READY_MS)
        page = context.new_page()
        open_page(page, url)
        pictures = [self._picture(page, "intact")]
        with changing(page):
            _kick_button(page).click()
        pictures.append(self._picture(page, "silenced"))
        if (self.size, self.scheme) == MAIN_PICTURE[1:]:
            pictures.append(self._selection(page, url))
            pictures += self._experiments(page, url)
        context.close()
        return pictures

    def _selection(self, page: Page, url: str) -> Path:
        """Take what a selection does to the views and to the table, at a moment of a run."""
        open_page(page, f"{url}/{SELECTED}")
        expect(page.locator("#neuron-table .ag-header-cell", has_text="Inside |d|")).to_be_visible()
        page.get_by_role("button", name="Next switch").click()
        return self._picture(page, "selection")

    def _experiments(self, page: Page, url: str) -> list[Path]:
        """Take what a worker has computed of the intact network, each with the room of the four views."""
        open_page(page, url)
        page.get_by_role("button", name="Enlarge").click()
        pictures = []
        for view, title in EXPERIMENTS.items():
            page.get_by_role("tab", name=title, exact=True).click()
            page.wait_for_function(DRAWN, arg=view, timeout=WORKER_MS)
            pictures.append(self._picture(page, view))
        return pictures

    def _picture(self, page: Page, what: str) -> Path:
        _put_the_hand_away(page)
        path = IMAGES / self._name(what)
        path.write_bytes(repacked(page.screenshot(animations="disabled")))
        return path

    def _name(self, what: str) -> str:
        if (what, self.size, self.scheme) == MAIN_PICTURE:
            return "overview.png"
        return f"{what}-{self.size[0]}x{self.size[1]}-{self.scheme}.png"


def main() -> int:
    """Take every picture."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hmmrnn-") as cache, sync_playwright() as playwright:
        server = Server(Path(cache), Path(cache) / "data")
        try:
            server.start()
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
            for camera in (Camera(size, scheme) for size in SIZES for scheme in SCHEMES):
                for path in camera.take(browser, server.url):
                    logger.info("%s: %.0f kB", path.relative_to(IMAGES.parents[1]), path.stat().st_size / 1000)
            browser.close()
        finally:
            server.stop()
    return 0


def _kick_button(page: Page) -> Locator:
    """The button of the first kick group that is proven; of the first one if none is."""
    buttons = group_buttons(page, "kick")
    proven = buttons.and_(page.locator(f"xpath=//button[{PROVEN}]"))
    return (proven if proven.count() else buttons).first


def _put_the_hand_away(page: Page) -> None:
    """Leave neither mouse nor focus on anything, so that no hint or ring is in the picture, and scroll to the top."""
    page.mouse.move(0, 0)
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    expect(page.locator("[role=tooltip]:visible")).to_have_count(0)


if __name__ == "__main__":
    sys.exit(main())
