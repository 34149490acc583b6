"""How soon does a click show before the server has answered? In the live view, and laid over the other views."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Page

from benchmarks.clicks import FAST_VIEWS
from benchmarks.dashboard import running_browser, running_server
from benchmarks.figures import Measurement
from benchmarks.live_view import open_live
from tests.browser.pages import changing, group_buttons

# To the live view's frame; to a frame of an empty loop; to what is foreseen, if anything was; to the server's answer.
Lap = tuple[float, float, float | None, float]


def live_click_figures(clicks: int) -> list[Measurement]:
    """Measure so many clicks on the button of a kick group, in turn silencing it and bringing it back."""
    with running_browser() as browser, running_server() as server:
        page = open_live(browser, server.url)
        page.evaluate("views => { stopwatch.watch(views); liveStopwatch.watch(views); }", FAST_VIEWS)
        laps = [_click(page) for _ in range(clicks)]
    return [frame_figure(laps), foreseen_figure(laps)]


def frame_figure(laps: Sequence[Lap]) -> Measurement:
    """From the click to the live view's first frame with it."""
    return Measurement(
        "live_click_to_frame_ms",
        tuple(shown for shown, *_ in laps),
        "from the same click to the next frame of an empty requestAnimationFrame loop with an OffscreenCanvas in a "
        "worker of the same page, which is told of the click first",
        tuple(empty for _, empty, *_ in laps),
    )


def foreseen_figure(laps: Sequence[Lap]) -> Measurement:
    """From the click to the first view laid over, for those clicks where one was."""
    pairs = [(foreseen, drawn) for _, _, foreseen, drawn in laps if foreseen is not None]
    missing = len(laps) - len(pairs)
    return Measurement(
        "live_foreseen_ms",
        tuple(foreseen for foreseen, _ in pairs),
        "from the same click to the last of the two fast views, state space and orbit, being drawn by the server's "
        "answer",
        tuple(drawn for _, drawn in pairs),
        f"without {missing} of {len(laps)} clicks, where nothing was laid over before the server's answer"
        if missing
        else None,
    )


def _click(page: Page) -> Lap:
    with changing(page):
        group_buttons(page, "kick").first.click()
        # Until the views are drawn nothing else is asked of the page, so that nothing else costs it time.
        drawn = float(page.evaluate("() => stopwatch.lap()"))
    shown, empty, foreseen = page.evaluate("() => liveStopwatch.lap()")
    return shown, empty, foreseen, drawn
