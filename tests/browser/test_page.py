"""Is the page whole: drawn, silent, its own master, readable, in light and in dark, and open to everyone?"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Watch
from tests.browser.pages import (
    MAIN_VIEWS,
    READY_MS,
    SMALL,
    cells,
    changing,
    choose,
    complaints,
    expect_other_traces,
    figure_data,
    figure_layout,
    open_page,
    put,
    scenario,
    set_scheme,
    settle,
    table_neurons,
    trace_names,
    traces,
)

pytestmark = pytest.mark.browser

Viewer = Callable[[], BrowserContext]
LOCAL = {"127.0.0.1", "localhost"}


@pytest.fixture
def page(started: Page) -> Page:
    return started


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_drawn_without_a_complaint_and_without_the_internet(
    server: str, viewer: Viewer, watch: Watch, scheme: str
) -> None:
    page = viewer().new_page()
    # With the network running beside the views, as most viewers have it.
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="no-preference")
    watch.on(page)
    open_page(page, server)
    assert page.evaluate("document.documentElement.dataset.scheme") == scheme
    for view in MAIN_VIEWS:
        assert sum(len(str(trace)) for trace in figure_data(page, view)) > 1000
        expect(page.locator(f"#{view}-caption")).to_have_text(re.compile(r"\d"), timeout=READY_MS)
    assert len(table_neurons(page)) > 3
    expect(page.locator("#numbers tbody tr").first).to_be_visible()
    expect(page.locator("#fidelity-badge")).to_contain_text("passes")
    expect(page.locator("#notice")).to_be_hidden()
    assert watch.console == []
    assert {urlsplit(url).hostname for url in watch.requests if not url.startswith(("data:", "blob:"))} <= LOCAL


def test_axe_finds_nothing_serious(page: Page) -> None:
    with changing(page):
        cells(page)[0].click(page)
    found = {}
    for scheme in ("dark", "light"):
        set_scheme(page, scheme)
        found[scheme] = complaints(page)
    forget_scheme(page)
    assert found == {"dark": [], "light": []}


def forget_scheme(page: Page) -> None:
    """A later visit begins as the first one did."""
    page.evaluate("localStorage.removeItem('hmmrnn-scheme')")


def test_dark_changes_the_figures_and_is_still_there_after_a_reload(page: Page) -> None:
    light = {view: figure_layout(page, view)["paper_bgcolor"] for view in MAIN_VIEWS}
    page.get_by_role("button", name="Dark").click()
    for view in MAIN_VIEWS:
        page.wait_for_function(
            "([id, light]) => document.querySelector(`#${id} .js-plotly-plot`).layout.paper_bgcolor !== light",
            arg=[view, light[view]],
        )
    dark = {view: figure_layout(page, view)["paper_bgcolor"] for view in MAIN_VIEWS}
    page.reload()
    expect(page.get_by_role("button", name="Light")).to_be_visible()
    settle(page)
    for view in MAIN_VIEWS:
        page.wait_for_function(
            "([id, dark]) => document.querySelector(`#${id} .js-plotly-plot`).layout.paper_bgcolor === dark",
            arg=[view, dark[view]],
        )
    page.get_by_role("button", name="Light").click()
    expect(page.get_by_role("button", name="Dark")).to_be_visible()
    page.wait_for_function(
        "light => document.querySelector('#state-space .js-plotly-plot').layout.paper_bgcolor === light",
        arg=light["state-space"],
    )
    # The roles come last, and draw the connectivity once more.
    expect(page.locator("#connectivity-caption")).to_contain_text("by role")
    settle(page)
    forget_scheme(page)


def test_dark_keeps_the_colouring_of_the_slow_answers(page: Page) -> None:
    put(page, colour="region")
    names = trace_names(page, "state-space")
    assert "cluster" in names
    set_scheme(page, "dark")
    page.wait_for_function(
        """names => JSON.stringify(document.querySelector('#state-space .js-plotly-plot').data.map((t) => t.name))
            === JSON.stringify(names)""",
        arg=names,
    )
    set_scheme(page, "light")
    forget_scheme(page)


def test_nothing_scrolls_sideways_and_no_two_views_overlap(page: Page) -> None:
    expect_room_for_each(page, 1440, 900)


def test_nothing_scrolls_or_overlaps_in_a_small_window(fresh: Page, server: str) -> None:
    fresh.set_viewport_size({"width": 1024, "height": 768})
    open_page(fresh, server + SMALL)
    expect_room_for_each(fresh, 1024, 768)


def expect_room_for_each(page: Page, width: int, height: int) -> None:
    """In a window of that size every view is whole, with a silenced neuron in the list."""
    assert page.viewport_size == {"width": width, "height": height}
    with changing(page):
        cells(page)[0].click(page)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    boxes = {}
    for view in MAIN_VIEWS:
        card = page.locator(f"#{view}-card")
        figure = page.locator(f"#{view} .main-svg").first
        for name, locator in ((view, card), (f"figure of {view}", figure)):
            box = locator.bounding_box()
            assert box is not None
            boxes[name] = box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            # No scrolling for the main views.
            assert box["y"] + box["height"] <= height
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


def test_each_colouring_is_another_picture_of_the_same_states(page: Page) -> None:
    seen = {"output": traces(page, "state-space")}
    for key, label in (
        ("speed", "Speed"),
        ("region", "Region"),
        ("residency", "Residency time"),
        ("neuron", "Pre-activation of a neuron"),
    ):
        with changing(page):
            choose(page, "Colour by", label)
        assert scenario(page).colour == key
        seen[key] = traces(page, "state-space")
    assert len(set(seen.values())) == len(seen)
    bars = [trace["marker"] for trace in figure_data(page, "state-space") if "colorbar" in trace.get("marker", {})]
    assert [bar["colorbar"]["title"]["text"] for bar in bars] == ["pre-activation of neuron 0"]
    with changing(page):
        page.get_by_label("Neuron", exact=True).fill("1")
    assert traces(page, "state-space") != seen["neuron"]
    with changing(page):
        choose(page, "Colour by", "Output")
    expect(page.get_by_label("Neuron", exact=True)).to_be_hidden()
    assert traces(page, "state-space") == seen["output"]


def test_each_colour_of_the_region_map_is_another_picture(page: Page) -> None:
    seen = [traces(page, "region-map")]
    select = page.get_by_label("Colour the region map by").first
    select.click()
    labels = page.get_by_role("listbox").get_by_role("option").all_inner_texts()
    page.keyboard.press("Escape")
    for label in labels[1:]:
        choose(page, "Colour the region map by", label)
        expect_other_traces(page, "region-map", seen[-1])
        seen.append(traces(page, "region-map"))
    assert len(set(seen)) == len(labels) > 2


def test_sigma_is_dragged_and_the_picture_follows(page: Page) -> None:
    slider = page.get_by_role("slider", name="Noise sigma")
    thumb = slider.bounding_box()
    track = page.locator("#sigma .mantine-Slider-track").bounding_box()
    assert thumb is not None
    assert track is not None
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for share in (0.1, 0.2, 0.3):
        before = traces(page, "state-space")
        page.mouse.move(x + share * track["width"], y, steps=2)
        expect_other_traces(page, "state-space", before)
    page.mouse.up()
    settle(page)
    assert scenario(page).sigma == pytest.approx(1 + 0.3 * float(slider.get_attribute("aria-valuemax") or 0), abs=0.2)
    with changing(page):
        page.locator("#undo").click()
    assert scenario(page).sigma == 1.0


def test_noise_window_and_number_of_runs_are_what_is_asked_for(page: Page) -> None:
    before = traces(page, "state-space")
    with changing(page):
        page.locator("#new-noise").click()
    assert scenario(page).seed == 1
    assert traces(page, "state-space") != before
    with changing(page):
        page.locator("#seed").fill("0")
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


def test_runs_without_noise_are_shown_on_demand(page: Page) -> None:
    before = traces(page, "state-space")
    assert "without noise" not in trace_names(page, "state-space")
    switch = page.get_by_label("Show runs without noise")
    switch.check()
    expect_other_traces(page, "state-space", before)
    assert "without noise" in trace_names(page, "state-space")
    with_them = traces(page, "state-space")
    switch.uncheck()
    expect_other_traces(page, "state-space", with_them)
    settle(page)
    assert traces(page, "state-space") == before


@pytest.mark.parametrize("name", ["Activity", "Spectrum", "Fidelity"])
def test_a_tab_is_drawn_when_it_is_opened_and_follows_the_scenario(page: Page, name: str) -> None:
    view = name.lower()
    page.get_by_role("tab", name=name).click()
    expect(page.locator(f"#{view}-caption")).to_have_text(re.compile(r"\d"), timeout=READY_MS)
    expect(page.locator(f"#{view} .js-plotly-plot")).to_be_visible()
    page.wait_for_function("id => document.querySelector(`#${id} .js-plotly-plot`).data.length > 0", arg=view)
    expect(page.locator(f"#{view}-card").get_by_text("computing")).to_be_hidden()
    before = traces(page, view)
    with changing(page):
        page.locator("#new-noise").click()
    expect_other_traces(page, view, before)
    expect(page.locator(f"#{view}-card").get_by_text("computing")).to_be_hidden()


def test_the_page_says_what_it_is_about(page: Page) -> None:
    page.get_by_role("tab", name="About").click()
    expect(page.get_by_role("tabpanel", name="About")).to_contain_text("Residency time")
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


def test_a_tab_can_have_the_room_of_the_views_and_give_it_back(page: Page) -> None:
    card, button = page.locator(".tabs-card"), page.locator("#enlarge")
    before = card.bounding_box()
    assert before is not None
    button.click()
    expect(button).to_have_text("Reduce")
    large = card.bounding_box()
    assert large is not None
    assert large["height"] > 1.8 * before["height"]
    assert large["width"] > 1.8 * before["width"]
    expect(page.locator("#state-space")).to_be_hidden()
    expect(page.locator("#numbers table")).to_be_visible()
    button.click()
    expect(button).to_have_text("Enlarge")
    expect(page.locator("#state-space")).to_be_visible()
    assert card.bounding_box() == before
