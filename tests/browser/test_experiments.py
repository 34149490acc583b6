"""Questions that a worker answers, and the planes: with real clicks on a real page, and a worker that dies."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hmmrnn.checkpoint import save
from tests.browser.conftest import Server, Watch
from tests.browser.pages import (
    READY_MS,
    SMALL,
    Gate,
    address,
    cells,
    changing,
    choose,
    complaints,
    figure_data,
    figure_layout,
    open_page,
    put,
    scenario,
    settle,
    trace_names,
    traces,
    without_search,
)
from tests.networks import planted_switch

pytestmark = pytest.mark.browser

Viewer = Callable[[], BrowserContext]
# A search and a sweep take most of a minute on a busy machine.
LONG_MS = 240_000
MISSED_WITHIN_MS = 20_000
CYCLIC = {"model": "cyclic", "steps": 400, "trajectories": 6}
WINDOW = {"width": 1440, "height": 900}
CAMERA = "() => document.querySelector('#state-space .js-plotly-plot')._fullLayout.scene._scene.getCamera().eye"


@pytest.fixture
def page(started: Page) -> Iterator[Page]:
    """The tab of the test before; what stood between it and the server is gone afterwards."""
    yield started
    started.unroute_all(behavior="ignoreErrors")


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def words(page: Page, view: str) -> str:
    return page.locator(f"#{view}-words").inner_text()


def expect_running(page: Page, view: str) -> None:
    expect(page.locator(f"#{view}-words")).to_have_text(re.compile(r"computing: \d+ %"), timeout=LONG_MS)
    expect(page.locator(f"#{view}-progress")).to_be_visible()


def expect_done(page: Page, view: str, caption: str) -> None:
    expect(page.locator(f"#{view}-caption")).to_contain_text(caption, timeout=LONG_MS)
    expect(page.locator(f"#{view}-inquiry")).to_be_hidden()
    page.wait_for_function("id => document.querySelector(`#${id} .js-plotly-plot`).data.length > 0", arg=view)
    expect(page.locator(f"#{view}-card")).not_to_have_class(re.compile("stale"), timeout=LONG_MS)


def share(page: Page, view: str) -> int:
    found = re.search(r"(\d+) %", words(page, view))
    assert found
    return int(found[1])


def test_an_experiment_runs_beside_the_page_and_two_viewers_share_it(
    page: Page, server: str, viewer: Viewer, watch: Watch
) -> None:
    open_tab(page, "Noise")
    expect_running(page, "noise")
    other = viewer().new_page()
    watch.on(other)
    open_page(other, server + SMALL)
    open_tab(other, "Noise")
    expect_running(other, "noise")
    # The second viewer joined what ran: both see the same share.
    assert abs(share(page, "noise") - share(other, "noise")) < 30
    # Meanwhile the hand is followed as ever: nothing of the page waits.
    before = traces(page, "state-space")
    with changing(page):
        page.locator("#colour").click()
        page.get_by_role("option", name="Speed", exact=True).click()
    assert traces(page, "state-space") != before
    for each in (page, other):
        expect_done(each, "noise", "strengths of the noise")
    assert traces(page, "noise") == traces(other, "noise")
    # A second look is instant, and a colour asks nothing anew.
    open_tab(page, "About")
    open_tab(page, "Noise")
    expect(page.locator("#noise-inquiry")).to_be_hidden()
    other.reload()
    settle(other)
    open_tab(other, "Noise")
    expect(other.locator("#noise-caption")).to_contain_text("strengths", timeout=READY_MS)
    assert watch.console == []


def test_cancelled_it_stays_so_until_it_is_wanted(page: Page) -> None:
    put(page, seed=5)
    open_tab(page, "Gain sweep")
    expect_running(page, "gain-sweep")
    page.locator("#gain-sweep-cancel").click()
    expect(page.locator("#gain-sweep-words")).to_contain_text("Cancelled")
    expect(page.locator("#gain-sweep-cancel")).to_be_hidden()
    expect(page.locator("#gain-sweep-progress")).to_be_hidden()
    compute = page.locator("#gain-sweep-compute")
    expect(compute).to_be_visible()
    # Looking elsewhere and coming back is no wish, nor is another scheme.
    open_tab(page, "About")
    open_tab(page, "Gain sweep")
    page.locator("#colour-scheme").click()
    settle(page)
    expect(page.locator("#gain-sweep-words")).to_contain_text("Cancelled")
    page.locator("#colour-scheme").click()
    compute.click()
    expect_running(page, "gain-sweep")
    # Another scenario asks anew by itself, and the old one is given up.
    with changing(page):
        page.locator("#new-noise").click()
    expect_running(page, "gain-sweep")
    page.locator("#gain-sweep-cancel").click()
    expect(page.locator("#gain-sweep-words")).to_contain_text("Cancelled")
    page.evaluate("localStorage.clear()")


def test_an_answer_that_comes_late_is_not_drawn_over_another_scenario(page: Page) -> None:
    open_tab(page, "Noise")
    expect_done(page, "noise", "seed 0")
    gate = Gate(page, lambda request: "noise-answered.data" in str(request.post_data_json["output"]))
    open_tab(page, "About")
    with changing(page):
        page.locator("#seed").fill("7")
    open_tab(page, "Noise")
    gate.wait()
    with changing(page):
        page.locator("#undo").click()
    gate.open()
    expect_done(page, "noise", "seed 0")
    assert "seed 7" not in page.locator("#noise-caption").inner_text()


def workers_of(server: Server, kind: str) -> list[int]:
    """The processes that work on jobs of a kind."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes().split(b"\0")
                environment = (process / "environ").read_bytes()
            except OSError:
                continue
            if kind.encode() in command and f"HMMRNN_DATA={server.data}".encode() in environment:
                found.append(int(process.name))
    return found


def test_a_worker_that_is_killed_is_missed_and_the_question_asked_again(own_server: Server, viewer: Viewer) -> None:
    page = viewer().new_page()
    page.goto(f"{own_server.url}{SMALL}&seed=9")
    settle(page)
    open_tab(page, "Gain sweep")
    expect_running(page, "gain-sweep")
    for process in workers_of(own_server, "inquiries"):
        os.kill(process, signal.SIGKILL)
    expect(page.locator("#gain-sweep-words")).not_to_have_text(re.compile("computing"), timeout=MISSED_WITHIN_MS)
    expect_running(page, "gain-sweep")
    # It can be cancelled like any other.
    page.locator("#gain-sweep-cancel").click()
    expect(page.locator("#gain-sweep-words")).to_contain_text("Cancelled")


def test_what_cannot_be_computed_says_why(page: Page) -> None:
    without_search(page)
    put(page, model="linear-4")
    open_tab(page, "Emergence")
    line = page.locator("#emergence-words")
    expect(line).to_contain_text("there are of the families", timeout=READY_MS)
    expect(page.locator("#emergence-compute")).to_be_visible()


class TestTabs:
    @pytest.mark.parametrize("width", [1440, 1024])
    def test_all_can_be_reached_by_keyboard_and_by_mouse(self, page: Page, width: int) -> None:
        page.set_viewport_size({"width": width, "height": 800})
        tabs = page.get_by_role("tab")
        tabs.first.scroll_into_view_if_needed()
        names = tabs.all_inner_texts()
        assert (len(names), names[-1]) == (11, "About")
        expect(page.locator(".tab-scroll.on")).to_be_visible()
        expect(page.locator(".tab-scroll.back")).to_be_hidden()
        tabs.first.focus()
        for name in [*names[1:], names[0]]:
            page.keyboard.press("ArrowRight")
            expect(page.get_by_role("tab", name=name, exact=True)).to_be_focused()
        page.keyboard.press("End")
        expect(tabs.last).to_be_focused()
        self.expect_in_sight(page, names[-1])
        expect(page.locator(".tab-scroll.on")).to_be_hidden()
        expect(page.locator(".tab-scroll.back")).to_be_visible()
        # Arrows only move; the tab is opened by Enter.
        expect(tabs.first).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        expect(tabs.last).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tabpanel", name="About")).to_be_visible()
        # One stop for the Tab key: the open tab.
        expect(page.locator("#tab-list [tabindex='0']")).to_have_count(1)
        page.keyboard.press("Home")
        expect(tabs.first).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(tabs.last).to_be_focused()
        page.locator(".tab-scroll.back").click()
        expect(page.locator(".tab-scroll.on")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        page.set_viewport_size(WINDOW)

    def expect_in_sight(self, page: Page, name: str) -> None:
        row, tab = page.locator("#tab-list").bounding_box(), page.get_by_role("tab", name=name).bounding_box()
        assert row is not None
        assert tab is not None
        assert row["x"] - 1 <= tab["x"]
        assert tab["x"] + tab["width"] <= row["x"] + row["width"] + 1

    def test_axe_finds_nothing_serious_in_a_tab_that_computes(self, page: Page) -> None:
        put(page, seed=21)
        for scheme, other in (("light", "dark"), ("dark", "light")):
            assert page.evaluate("document.documentElement.dataset.scheme") == scheme
            open_tab(page, "Gain sweep")
            if scheme == "dark":
                page.locator("#gain-sweep-compute").click()
            expect_running(page, "gain-sweep")
            assert complaints(page) == [], scheme
            page.locator("#gain-sweep-cancel").click()
            expect(page.locator("#gain-sweep-compute")).to_be_visible()
            assert complaints(page) == [], scheme
            page.keyboard.press("d")
            page.wait_for_function("wanted => document.documentElement.dataset.scheme === wanted", arg=other)
            settle(page)


class TestPlane:
    def test_the_plane_of_a_pair_is_in_every_view_in_the_link_and_can_be_undone(self, page: Page) -> None:
        without_search(page)
        put(page, **CYCLIC)
        whole = {view: traces(page, view) for view in ("state-space", "orbit", "region-map")}
        with changing(page):
            choose(page, "Plane of", "outputs 0 and 1")
        assert scenario(page).pair == (0, 1)
        assert "output 2" not in trace_names(page, "state-space")
        for view, before in whole.items():
            assert traces(page, view) != before
        expect(page.locator("#state-space-caption")).to_contain_text("steps with other outputs left out")
        drawn = sum(
            len(trace["x"]["values"])
            for trace in figure_data(page, "state-space")
            if trace["name"].startswith("output")
        )
        expect(page.locator("#state-space-caption")).to_contain_text(f"{drawn:,} of 2,400 states")
        of_pair = traces(page, "state-space")
        link = page.url
        with changing(page):
            page.locator("#undo").click()
        assert scenario(page).pair is None
        assert {view: traces(page, view) for view in whole} == whole
        with changing(page):
            page.locator("#redo").click()
        assert traces(page, "state-space") == of_pair
        page.goto(link)
        settle(page)
        assert traces(page, "state-space") == of_pair
        expect(
            page.get_by_role("combobox", name="Plane of").or_(page.get_by_role("textbox", name="Plane of"))
        ).to_have_value("outputs 0 and 1")
        # Another network has planes of its own.
        with changing(page):
            choose(page, "Network", "linear-3: N = 150, M = 100, 3 outputs")
        assert scenario(page).pair is None

    def test_a_pair_without_a_long_stretch_leaves_the_view_as_it_was(self, page: Page) -> None:
        without_search(page)
        put(page, **CYCLIC)
        before, query = traces(page, "state-space"), address(page)
        for _ in range(2):
            choose(page, "Plane of", "outputs 0 and 2")
            expect(page.locator("#notice-text")).to_contain_text(
                "No stretch of more than 200 consecutive steps visits outputs 0 and 2 and no other", timeout=READY_MS
            )
            page.wait_for_function("query => location.search === query", arg=query)
            settle(page)
            assert traces(page, "state-space") == before
            page.get_by_role("button", name="Dismiss").click()

    def test_three_dimensions_are_in_the_link_and_are_kept_as_they_were_turned(self, page: Page) -> None:
        flat = traces(page, "state-space")
        toggle = page.locator("#dimensions")
        with changing(page):
            toggle.get_by_text("3-D").click()
        assert scenario(page).dimensions == 3
        shown = [trace for trace in figure_data(page, "state-space") if trace["name"].startswith("output")]
        assert {trace["type"] for trace in shown} == {"scatter3d"}
        assert sum(len(trace["z"]["values"]) for trace in shown) == 600
        box = page.locator("#state-space").bounding_box()
        assert box is not None
        first = page.evaluate(CAMERA)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2 + 10, steps=4)
        page.mouse.up()
        page.wait_for_function(f"first => ({CAMERA})().x !== first.x", arg=first)
        turned = page.evaluate(CAMERA)
        with changing(page):
            cells(page)[0].click(page)
        assert "intact" in trace_names(page, "state-space")
        assert page.evaluate(CAMERA) == pytest.approx(turned, abs=1e-6)
        # The click, the turn, and the third dimension.
        for button, dimensions in (("#undo", 3), ("#undo", 3), ("#undo", 2), ("#redo", 3)):
            with changing(page):
                page.locator(button).click()
            assert scenario(page).dimensions == dimensions
        with changing(page):
            toggle.get_by_text("2-D").click()
        assert traces(page, "state-space") == flat
        assert figure_layout(page, "state-space")["xaxis"]["title"]["text"] == "PC1 of h (activity)"


def test_a_report_is_written_opened_and_saved(fresh: Page, own_server: Server, watch: Watch) -> None:
    page = fresh
    network = planted_switch(hold=4, integrators=8, kick=3, echoes=1, idle=3).network
    save(network, own_server.data / "networks" / "planted.safetensors")
    open_page(page, f"{own_server.url}{SMALL}&model=planted")
    open_tab(page, "Report")
    expect_running(page, "report")
    expect(page.get_by_role("link", name="Open the report")).to_be_visible(timeout=LONG_MS)
    with page.expect_popup() as opening:
        page.get_by_role("link", name="Open the report").click()
    report = opening.value
    watch.on(report)
    expect(report.locator("h1")).to_have_text("planted", timeout=READY_MS)
    drawn = "n => document.querySelectorAll('.js-plotly-plot').length === n"
    report.wait_for_function(drawn, arg=report.locator("[data-plot]").count())
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save it as a file").click()
    assert saving.value.suggested_filename == "hmmrnn-planted.html"
    assert Path(saving.value.path()).read_text(encoding="utf-8").startswith("<!doctype html>")
