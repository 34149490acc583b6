"""Frames a second of the live view, and its memory over time, in the dashboard."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page, expect

from benchmarks.dashboard import new_page, running_browser, running_server
from benchmarks.figures import LIVE_RUNS, Measurement
from benchmarks.machine import Memory, memory
from hmmrnn.dashboard.answers import DEFAULT_MODEL
from tests.browser.pages import READY_MS, settle

# Counts of frames between two changes from the running view to the empty loop and back.
COUNTS_PER_TURN = 5
MINUTE_S, READINGS = 60, 10
# Shorter where only the way is tried out.
SECOND_MS = 1000.0
MANY_RUNS = 50
# The search for kick neurons yields to everything else, the live view too: on a busy machine it takes minutes.
SEARCH_MS = 300_000
AS_FAST_AS_IT_GOES = ""
# Lets a script ask for its garbage to be collected.
WITH_GC = "--js-flags=--expose-gc"


def live_frames_figures(counts: int) -> list[Measurement]:
    """Measure so many counts of frames for each number of runs, in turn with counts of an empty loop."""
    with running_browser() as browser, running_server() as server:
        page = open_live(browser, server.url)
        return [_frames_figure(page, runs, counts) for runs in LIVE_RUNS]


def live_memory_figures(minutes: int) -> list[Measurement]:
    """Measure how much memory is taken in so many minutes after the first one, once."""
    with running_browser(WITH_GC) as browser, running_server() as server:
        page = open_live(browser, server.url)
        set_runs(page, MANY_RUNS)
        page.get_by_label("Speed of the live view").select_option(AS_FAST_AS_IT_GOES)
        process = page_process(browser)
        wait(page, MINUTE_S)
        before = held(page, process)
        wait(page, minutes * MINUTE_S - READINGS)
        after = held(page, process)
        expect_state(page, "running")
        steps = int(page.evaluate("hmmrnnLive.status.step"))
    return [growth_figure(before, after, minutes, steps)]


def growth_figure(before: Memory, after: Memory, minutes: int, steps: int) -> Measurement:
    """What has been added to a process in so many minutes after the first one."""
    return Measurement(
        "live_memory_growth_mb",
        (after.rss - before.rss,),
        "all that the same process holds after one minute",
        (before.rss,),
        f"after {minutes + 1} minutes and {steps:,} steps of {MANY_RUNS} runs; "
        f"not shared with any other process (USS): {after.uss - before.uss:.1f} MB more",
    )


def open_live(browser: Browser, url: str) -> Page:
    """The dashboard with every view drawn, the kick neurons found, and the live view running."""
    page = new_page(browser)
    page.goto(f"{url}/?model={DEFAULT_MODEL}")
    expect(page.locator("#connectivity-caption")).to_contain_text("by role", timeout=SEARCH_MS)
    settle(page)
    expect_state(page, "running")
    return page


def expect_state(page: Page, state: str) -> None:
    """Wait until the live view is "running" or "paused"."""
    expect(page.locator("#live")).to_have_attribute("data-state", state, timeout=READY_MS)


def set_runs(page: Page, runs: int) -> None:
    """Wish for so many runs and wait until there are."""
    field = page.get_by_label("Runs", exact=True)
    field.fill(str(runs))
    field.press("Enter")
    page.wait_for_function("runs => hmmrnnLive.status.count === runs", arg=runs)


def page_process(browser: Browser) -> int:
    """Number of the process that the only open page lives in: the largest, as the browser keeps an empty one ready."""
    session = browser.new_browser_cdp_session()
    processes: list[dict[str, Any]] = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    renderers = [int(process["id"]) for process in processes if process["type"] == "renderer"]
    return max(renderers, key=lambda process: memory(process).rss)


def turns(counts: int) -> list[int]:
    """How many counts are taken at a time until there are so many."""
    whole, rest = divmod(counts, COUNTS_PER_TURN)
    return [COUNTS_PER_TURN] * whole + [rest] * (rest > 0)


def _frames_figure(page: Page, runs: int, counts: int) -> Measurement:
    set_runs(page, runs)
    drawn: list[float] = []
    empty: list[float] = []
    for count in turns(counts):
        drawn += page.evaluate("count => liveStopwatch.frames(count)", count)
        page.get_by_role("button", name="Pause", exact=True).click()
        expect_state(page, "paused")
        empty += page.evaluate("count => liveStopwatch.emptyFrames(count)", count)
        page.get_by_role("button", name="Run", exact=True).click()
        expect_state(page, "running")
    baseline = "an empty requestAnimationFrame loop in the same page while the live view is paused"
    return Measurement(f"live_frames_per_s_{runs}", tuple(drawn), baseline, tuple(empty), f"lowest: {min(drawn):.1f}")


def held(page: Page, process: int) -> Memory:
    """What a process holds once its garbage is gone: the middle of some readings, as its workers make more."""
    # What is left behind is more than anything that may grow, and goes at an unknown time.
    page.evaluate("gc()")
    for worker in page.workers:
        worker.evaluate("gc()")
    found = []
    for _ in range(READINGS):
        found.append(memory(process))
        wait(page, 1)
    return sorted(found, key=lambda one: one.rss)[READINGS // 2]


def wait(page: Page, seconds: float) -> None:
    """Let so much time pass."""
    page.wait_for_timeout(seconds * SECOND_MS)
