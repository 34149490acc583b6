"""Time from a click to its effect in the live view."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Page

from benchmarks.dashboard import running_browser, running_server
from benchmarks.figures import Measurement
from benchmarks.live_view import open_live
from tests.browser.pages import changing, group_buttons

# To the live view's frame; to the next frame of the page.
Lap = tuple[float, float]


def live_click_figures(clicks: int) -> list[Measurement]:
    """Measure so many clicks on the button of a kick group, in turn silencing it and bringing it back."""
    with running_browser() as browser, running_server() as server:
        page = open_live(browser, server.url)
        page.evaluate("() => liveStopwatch.watch()")
        return [frame_figure([_click(page) for _ in range(clicks)])]


def frame_figure(laps: Sequence[Lap]) -> Measurement:
    """From the click to the live view's first frame with it."""
    return Measurement(
        "live_click_to_frame_ms",
        tuple(shown for shown, _ in laps),
        "from the same click to the next frame of the page, which gets the click first",
        tuple(empty for _, empty in laps),
    )


def _click(page: Page) -> Lap:
    with changing(page):
        group_buttons(page, "kick").first.click()
        shown, empty = page.evaluate("() => liveStopwatch.lap()")
    return shown, empty
