"""Times of linking, scrubbing and playing, which need no server, and of rapid changes, by mouse and keys."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from benchmarks.dashboard import BENCH, new_page, running_browser, running_server
from benchmarks.figures import Measurement
from benchmarks.live_view import MINUTE_S, WITH_GC, held, open_live, page_process, wait
from benchmarks.machine import Memory
from tests.browser.pages import address, group_buttons, holding_slider, settle

STOPWATCH = Path(__file__).with_name("link_stopwatch.js")
LINKED = "() => window.hmmrnnLinked && !!window.hmmrnnLinked.moments"
TWO_FRAMES = "two animation frames in the same page, after each of them"
DRAG_S, MOVES_PER_S = 3.0, 50
RAPID_CLICKS = 200
FASTEST = "200"


def link_figures(repeats: int) -> list[Measurement]:
    """Measure so many hovers over states and steps along a run, each followed by two empty frames."""
    with running_browser() as browser, running_server() as server:
        page = new_page(browser)
        page.add_init_script(path=STOPWATCH)
        page.goto(server.url + BENCH)
        settle(page)
        page.wait_for_function(LINKED)
        hovers, hover_frames = _laps(page, repeats, _hover)
        steps, step_frames = _laps(page, repeats, _step)
    return [
        Measurement("hover_link_ms", hovers, TWO_FRAMES, hover_frames),
        Measurement("scrub_step_ms", steps, TWO_FRAMES, step_frames),
    ]


def drag_figures(drags: int) -> list[Measurement]:
    """Measure so many drags of the slider of sigma, with the live view open."""
    with running_browser() as browser, running_server() as server:
        page = new_page(browser)
        page.add_init_script(path=STOPWATCH)
        open_live(browser, server.url).close()
        page.goto(server.url + BENCH)
        settle(page)
        found = [_drag(page) for _ in range(drags)]
    return [
        Measurement(
            "slider_updates_per_s",
            tuple(seen / seconds for seen, seconds in found),
            "nothing",
        )
    ]


def rapid_figures(rounds: int) -> list[Measurement]:
    """Measure how often 200 clicks, as fast as they go, leave the page with another state than the last one."""
    with running_browser() as browser, running_server() as server:
        page = new_page(browser)
        page.goto(server.url + BENCH)
        expect(group_buttons(page, "kick").first).to_be_visible(timeout=300_000)
        settle(page)
        found = [_rapid(page) for _ in range(rounds)]
    note = f"{RAPID_CLICKS} clicks in {max(seconds for _, seconds in found):.1f} s"
    return [Measurement("rapid_clicks_lost", tuple(float(lost) for lost, _ in found), "nothing", (), note)]


def play_memory_figures(minutes: int) -> list[Measurement]:
    """Measure how much memory is taken in so many minutes of play after the first one, once."""
    with running_browser(WITH_GC) as browser, running_server() as server:
        page = new_page(browser)
        page.add_init_script("localStorage.setItem('hmmrnn-live', 'closed')")
        page.goto(server.url + BENCH)
        settle(page)
        page.wait_for_function(LINKED)
        page.get_by_label("Speed of playing").select_option(FASTEST)
        page.get_by_role("button", name="Play the run").click()
        process = page_process(browser)
        wait(page, MINUTE_S)
        before = held(page, process)
        wait(page, minutes * MINUTE_S)
        after = held(page, process)
        assert page.evaluate("hmmrnnTimeline.playing")
    return [play_growth(before, after, minutes)]


def play_growth(before: Memory, after: Memory, minutes: int) -> Measurement:
    """What has been added to a process in so many minutes of play after the first one."""
    return Measurement(
        "play_memory_growth_mb",
        (after.rss - before.rss,),
        "all that the same process holds after one minute",
        (before.rss,),
        f"after {minutes + 1} minutes; not shared with any other process (USS): {after.uss - before.uss:.1f} MB more",
    )


def _laps(page: Page, repeats: int, act: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    laps, frames = [], []
    for turn in range(repeats):
        act(page, turn)
        lap = page.evaluate("linkStopwatch.lap()")
        if lap is None:
            raise RuntimeError(f"the page showed nothing of {act.__name__} number {turn + 1}")
        laps.append(float(lap))
        frames.append(float(page.evaluate("linkStopwatch.frames()")))
    return tuple(laps), tuple(frames)


def _hover(page: Page, turn: int) -> None:
    """From a place with nothing near it to a state: Plotly looks for what is under the mouse 20 times a second."""
    place = page.evaluate(
        """(turn) => {
            const graph = document.querySelector("#state-space .js-plotly-plot");
            const { xaxis, yaxis } = graph._fullLayout;
            const [x, y] = hmmrnnLinked.moments.at({ run: 1 + (turn % 5), step: 10 + 7 * turn % 300 }).place;
            const box = graph.getBoundingClientRect();
            return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)];
        }""",
        turn,
    )
    page.mouse.move(5, 5)
    page.wait_for_function("() => hmmrnnLinked.shown.run === 0 && hmmrnnLinked.shown.step === hmmrnnTimeline.step")
    page.evaluate("linkStopwatch.begin('mousemove')")
    page.mouse.move(*place)


def _step(page: Page, turn: int) -> None:
    page.locator(".timeline-strip").focus()
    page.evaluate("linkStopwatch.begin('keydown')")
    page.keyboard.press("ArrowRight")


def _drag(page: Page) -> tuple[int, float]:
    """How often another state space was seen while the slider of sigma went to and fro, and for how long it did."""
    with holding_slider(page, "Noise sigma") as move:
        page.evaluate("linkStopwatch.count()")
        start = time.perf_counter()
        for turn in range(1, int(DRAG_S * MOVES_PER_S) + 1):
            move(0.1 + 0.7 * abs((turn / MOVES_PER_S / DRAG_S * 2) % 2 - 1))
            # A mouse does not wait for the page; a robot waits until the page has heard of its move.
            wait(page, max(0.0, start + turn / MOVES_PER_S - time.perf_counter()))
        seconds = time.perf_counter() - start
        seen = page.evaluate("linkStopwatch.stop()")
    settle(page)
    return seen, seconds


def _rapid(page: Page) -> tuple[bool, float]:
    """Whether the last state was lost, and how long the clicks took. An odd number of them changes something."""
    before = address(page)
    button = group_buttons(page, "kick").first
    box = button.bounding_box()
    assert box is not None
    start = time.perf_counter()
    for _ in range(RAPID_CLICKS - 1):
        page.mouse.click(box["x"] + 20, box["y"] + 8)
    seconds = time.perf_counter() - start
    settle(page)
    drawn = page.locator("#numbers [data-of]").get_attribute("data-of")
    listed = page.locator(".intervention").count()
    right = address(page) != before and f"?{drawn}" == address(page) and listed == address(page).count("gain=")
    page.mouse.click(box["x"] + 20, box["y"] + 8)
    settle(page)
    return not (right and address(page) == before), seconds
