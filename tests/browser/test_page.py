"""The page is whole, silent and readable, in light and in dark, and needs nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from itertools import combinations
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, FloatRect, Page, expect

from tests.browser.conftest import Watch
from tests.browser.pages import (
    MAIN_VIEWS,
    READY_MS,
    SMALL,
    box_of,
    cells,
    changing,
    choose,
    click,
    complaints,
    expect_other_traces,
    figure_data,
    holding_slider,
    open_page,
    scenario,
    set_scheme,
    settle,
    table_neurons,
    trace_names,
    traces,
    wait_until,
)

pytestmark = [pytest.mark.browser, pytest.mark.live_view]

Viewer = Callable[[], BrowserContext]
LOCAL = {"127.0.0.1", "localhost"}


def test_everything_is_drawn_in_the_scheme_of_the_system_without_a_complaint_and_without_the_internet(
    server: str, viewer: Viewer, watch: Watch
) -> None:
    page = viewer().new_page()
    # With the network running beside the views, as most users have it.
    page.emulate_media(color_scheme="dark", reduced_motion="no-preference")
    watch.on(page)
    open_page(page, server + SMALL)
    assert page.evaluate("document.documentElement.dataset.scheme") == "dark"
    for view in MAIN_VIEWS:
        assert sum(len(str(trace)) for trace in figure_data(page, view)) > 1000
        expect(page.locator(f"#{view}-caption")).to_have_text(re.compile(r"\d"), timeout=READY_MS)
    assert len(table_neurons(page)) > 3
    expect(page.locator("#numbers tbody tr").first).to_be_visible()
    expect(page.locator("#fidelity-badge")).to_contain_text("matches its HMM")
    expect(page.locator("#notice")).to_be_hidden()
    # Where nobody signs in, there is nothing to sign out of.
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)

    cells(page)[0].toggle(page)
    expect(page.locator("#live")).to_be_visible()
    assert complaints(page) == [], "dark"
    dark = grounds(page)
    page.get_by_role("button", name="Light").click()
    wait_until(page, f"dark => ({_GROUNDS})().every((ground, i) => ground !== dark[i])", arg=dark)
    assert complaints(page) == [], "light"
    light = grounds(page)
    page.reload()
    settle(page)
    expect(page.get_by_role("button", name="Dark")).to_be_visible()
    wait_until(page, f"light => ({_GROUNDS})().every((ground, i) => ground === light[i])", arg=light)
    assert watch.console == []
    assert {urlsplit(url).hostname for url in watch.requests if not url.startswith(("data:", "blob:"))} <= LOCAL


_GROUNDS = """() => ["state-space", "region-map", "orbit", "connectivity"].map(
    (id) => document.querySelector(`#${id} .js-plotly-plot`).layout.paper_bgcolor)"""


def grounds(page: Page) -> list[str]:
    """The colours behind the main views."""
    found: list[str] = page.evaluate(_GROUNDS)
    return found


# From left to right: the end of the inputs, the colour bar with its labels, the edge of the figure.
_COLOUR_BAR = """() => {
    const graph = document.querySelector("#connectivity .js-plotly-plot");
    const { xaxis2 } = graph._fullLayout;
    const { left, right } = graph.getBoundingClientRect();
    const bar = graph.querySelector(".colorbar .cbfills").getBoundingClientRect();
    const ends = [...graph.querySelectorAll(".colorbar .cbaxis, .colorbar .cbtitle")]
        .map((part) => part.getBoundingClientRect().right);
    return [left + xaxis2._offset + xaxis2._length, bar.left, Math.max(bar.right, ...ends), right];
}"""


def test_no_two_views_overlap_and_in_a_large_window_the_main_views_do_not_scroll(
    page: Page, fresh: Page, server: str
) -> None:
    lowest = max(box["y"] + box["height"] for box in expect_room_for_each(page, 1440, 900))
    assert lowest <= 900
    fresh.set_viewport_size({"width": 1024, "height": 768})
    # More interventions than the bar has room for: it scrolls, and makes the page no wider.
    open_page(fresh, f"{server}{SMALL}&ablate=20,21,22,23,24")
    expect(fresh.locator("#live")).to_be_hidden()
    expect_room_for_each(fresh, 1024, 768)


def expect_room_for_each(page: Page, width: int, height: int) -> Collection[FloatRect]:
    """In a window of that size every view has its room, with a silenced neuron in the list; returns where they are."""
    assert page.viewport_size == {"width": width, "height": height}
    cells(page)[0].toggle(page)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    boxes = {}
    for view in MAIN_VIEWS:
        card = page.locator(f"#{view}-card")
        figure = page.locator(f"#{view} .main-svg").first
        for name, locator in ((view, card), (f"figure of {view}", figure)):
            box = box_of(locator)
            boxes[name] = box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
        assert boxes[f"figure of {view}"]["height"] > 120
    for one, other in combinations(MAIN_VIEWS, 2):
        a, b = boxes[one], boxes[other]
        apart = (
            a["x"] + a["width"] <= b["x"]
            or b["x"] + b["width"] <= a["x"]
            or a["y"] + a["height"] <= b["y"]
            or b["y"] + b["height"] <= a["y"]
        )
        assert apart, (one, other)
    inputs_end, bar_begins, bar_ends, edge = page.evaluate(_COLOUR_BAR)
    assert inputs_end < bar_begins < bar_ends <= edge
    return boxes.values()


def test_each_colouring_is_another_picture_of_the_same_states(page: Page) -> None:
    seen = [traces(page, "state-space")]
    with changing(page):
        choose(page, "Colour by", "Pre-activation of a neuron")
    seen.append(traces(page, "state-space"))
    bars = [trace["marker"] for trace in figure_data(page, "state-space") if "colorbar" in trace.get("marker", {})]
    assert [bar["colorbar"]["title"]["text"] for bar in bars] == ["pre-activation of neuron 0"]
    with changing(page):
        page.get_by_label("Neuron", exact=True).fill("1")
    seen.append(traces(page, "state-space"))
    with changing(page):
        choose(page, "Colour by", "Region")
    expect(page.get_by_label("Neuron", exact=True)).to_be_hidden()
    assert scenario(page).colour == "region"
    seen.append(traces(page, "state-space"))
    assert len(set(seen)) == 4
    # Dark keeps the colouring of the slow answers.
    names = trace_names(page, "state-space")
    assert "cluster" in names
    for scheme in ("dark", "light"):
        set_scheme(page, scheme)
        assert trace_names(page, "state-space") == names
    page.evaluate("localStorage.removeItem('hmmrnn-scheme')")
    with changing(page):
        choose(page, "Colour by", "Output")
    assert traces(page, "state-space") == seen[0]


def test_each_colour_of_the_region_map_is_another_picture(page: Page) -> None:
    seen = [traces(page, "region-map")]
    page.get_by_label("Colour the region map by").first.click()
    labels = page.get_by_role("listbox").get_by_role("option").all_inner_texts()
    page.keyboard.press("Escape")
    for label in labels[1:]:
        choose(page, "Colour the region map by", label)
        expect_other_traces(page, "region-map", seen[-1])
        seen.append(traces(page, "region-map"))
    assert len(set(seen)) == len(labels) > 2


def test_sigma_is_dragged_and_the_picture_follows(page: Page) -> None:
    slider = page.get_by_role("slider", name="Noise sigma")
    with holding_slider(page, "Noise sigma") as move:
        for share in (0.15, 0.3):
            before = traces(page, "state-space")
            move(share)
            expect_other_traces(page, "state-space", before)
    settle(page)
    assert scenario(page).sigma == pytest.approx(0.3 * float(slider.get_attribute("max") or 0), abs=0.2)
    click(page.locator("#undo"))
    assert scenario(page).sigma == 1.0


def test_noise_window_runs_and_runs_without_noise_are_what_is_asked_for(page: Page) -> None:
    before = traces(page, "state-space")
    click(page.locator("#new-noise"))
    assert scenario(page).seed == 1
    assert traces(page, "state-space") != before
    with changing(page):
        page.locator("#seed").fill("0")
    assert traces(page, "state-space") == before
    switch = page.get_by_label("Show runs without noise")
    switch.check()
    expect_other_traces(page, "state-space", before)
    assert "without noise" in trace_names(page, "state-space")
    with changing(page):
        switch.uncheck()
    assert traces(page, "state-space") == before
    with changing(page):
        page.get_by_label("Window (steps)").fill("200")
    with changing(page):
        page.get_by_label("Trajectories").fill("5")
    now = scenario(page)
    assert (now.seed, now.steps, now.trajectories) == (0, 200, 5)
    shown = [trace for trace in figure_data(page, "state-space") if trace["name"].startswith("output")]
    assert sum(len(trace["x"]["values"]) for trace in shown) == 200 * 5
    expect(page.locator("#state-space-caption")).to_contain_text("5 runs of 200 steps")


def test_a_view_is_drawn_when_its_chapter_is_opened_and_follows_the_scenario(page: Page) -> None:
    views = {"4 Kick neurons": "activity", "3 Regions": "spectrum", "1 Emulation": "fidelity"}
    before = {chapter: open_chapter(page, chapter, view) for chapter, view in views.items()}
    click(page.locator("#new-noise"))
    for chapter, view in reversed(views.items()):
        assert open_chapter(page, chapter, view) != before[chapter]


def open_chapter(page: Page, name: str, view: str) -> str:
    """Open a chapter and wait until its views are there; returns what one of them draws."""
    page.get_by_role("link", name=name).click()
    settle(page)
    expect(page.locator(f"#{view}-caption")).to_have_text(re.compile(r"\d"))
    expect(page.locator(f"#{view} .main-svg").first).to_be_visible()
    expect(page.locator(f"#{view}-card").get_by_text("computing")).to_be_hidden()
    return traces(page, view)


def test_the_page_says_what_it_is_about(page: Page) -> None:
    page.get_by_role("link", name="Start").click()
    expect(page.locator("#about-card")).to_contain_text("Residency time")
    page.get_by_role("link", name="Bench").click()
    for view in MAIN_VIEWS:
        text = page.locator(f"#{view}-about")
        expect(text).to_be_hidden()
        page.locator(f"#{view}-card").get_by_role("button", name="About").focus()
        expect(text).to_be_visible()
        # Whole: nothing covers its last line or cuts it off.
        assert text.evaluate(
            """text => {
                const box = text.getBoundingClientRect();
                return text.contains(document.elementFromPoint(box.left + 20, box.bottom - 3));
            }"""
        )
    page.evaluate("document.activeElement.blur()")
    expect(page.locator(f"#{MAIN_VIEWS[-1]}-about")).to_be_hidden()


def test_a_view_can_have_the_room_of_the_chapter_and_give_it_back(page: Page) -> None:
    card, button = page.locator("#orbit-card"), page.get_by_role("button", name="Enlarge Emission along the orbit")
    before = box_of(card)
    click(button)
    large = box_of(card)
    assert large["height"] > 1.8 * before["height"]
    assert large["width"] > 1.8 * before["width"]
    expect(page.locator("#state-space")).to_be_hidden()
    expect(page.locator("#numbers table")).to_be_visible()
    with changing(page):
        page.keyboard.press("Escape")
    expect(page.locator("#state-space")).to_be_visible()
    assert card.bounding_box() == before
