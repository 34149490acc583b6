"""Is the last thing that was asked for the thing that is shown, however fast the hand and however slow the server?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import Server
from tests.browser.pages import (
    MAIN_VIEWS,
    SMALL,
    Gate,
    address,
    asks_fast,
    asks_landscape,
    cells,
    changing,
    changing_address,
    expect_other_traces,
    expect_traces,
    open_page,
    picture,
    put,
    scenario,
    settle,
    silenced,
    touched,
    traces,
)

pytestmark = pytest.mark.browser

Viewer = Callable[[], BrowserContext]
RAPID_CLICKS = 12


@pytest.fixture
def page(started: Page) -> Iterator[Page]:
    """The tab of the test before; what stood between it and the server is gone afterwards."""
    yield started
    started.unroute_all(behavior="ignoreErrors")


def expect_picture(page: Page, wanted: dict[str, str]) -> None:
    """Wait until the page shows exactly that, in every main view and in the numbers."""
    for view in MAIN_VIEWS:
        expect_traces(page, view, wanted[view])
    assert picture(page) == wanted


def test_after_many_rapid_clicks_the_last_state_is_shown(page: Page, fresh: Page) -> None:
    chosen = cells(page, RAPID_CLICKS)
    for cell in chosen:
        cell.click(page)
    page.wait_for_function("end => location.search.includes(end)", arg=f",{chosen[-1].neuron}&")
    settle(page)
    assert touched(page) == [silenced(cell.neuron) for cell in chosen]
    open_page(fresh, page.url)
    expect_picture(page, picture(fresh))


def test_rapid_clicks_that_undo_each_other_end_where_they_began(page: Page) -> None:
    before, query = picture(page), address(page)
    first, second = cells(page)[:2]
    for cell in (first, second, first, second, first, first):
        cell.click(page)
    page.wait_for_function("query => location.search === query", arg=query)
    settle(page)
    expect_picture(page, before)


def test_an_answer_that_comes_late_is_followed_by_that_of_the_newest_state(page: Page) -> None:
    first, second, third = cells(page)[:3]
    with changing(page):
        third.click(page)
    wanted = picture(page)
    with changing(page):
        page.locator("#undo").click()

    gate = Gate(page, asks_fast)
    first.click(page)
    gate.wait()
    with changing_address(page):
        page.locator("#undo").click()
    with changing_address(page):
        second.click(page)
    with changing_address(page):
        page.locator("#undo").click()
    with changing_address(page):
        third.click(page)
    gate.open()
    settle(page)
    assert touched(page) == [silenced(third.neuron)]
    expect_picture(page, wanted)


def test_a_slow_answer_for_an_older_state_never_replaces_a_newer_one(page: Page) -> None:
    first, second = cells(page)[:2]
    gate = Gate(page, asks_landscape)
    first.click(page)
    gate.wait()
    gate.closed = False
    second.click(page)
    settle(page)
    assert touched(page) == [silenced(first.neuron), silenced(second.neuron)]
    wanted = picture(page)
    gate.let_through()
    # Something that is asked and answered afterwards: by then the page has dealt with the late answer.
    page.get_by_role("tab", name="Activity").click()
    expect(page.locator("#activity-caption")).to_contain_text("run 1")
    assert picture(page) == wanted


def test_a_slow_answer_never_replaces_the_fast_answer_of_a_newer_state(page: Page) -> None:
    put(page, colour="region")
    cell = cells(page)[0]
    slow, fast = Gate(page, asks_landscape), Gate(page, asks_fast)
    page.locator("#new-noise").click()
    fast.wait()
    fast.let_through()
    slow.wait()
    older = slow.held[0]
    cell.click(page)
    fast.wait()
    before = traces(page, "state-space")
    fast.open()
    expect_other_traces(page, "state-space", before)
    wanted = {view: traces(page, view) for view in ("state-space", "orbit")}
    # The hand has only just come to rest: the newer slow answer has not been asked for.
    assert slow.held == [older]
    slow.let_through()
    slow.wait()
    assert {view: traces(page, view) for view in wanted} == wanted
    slow.open()
    settle(page)
    assert touched(page) == [silenced(cell.neuron)]


def test_a_server_that_computes_for_others_is_asked_again(page: Page) -> None:
    asked: list[str] = []

    def busy_at_first(route: Route) -> None:
        if not asks_landscape(route.request):
            route.fallback()
            return
        asked.append(route.request.post_data or "")
        if len(asked) > 2:
            route.fallback()
            return
        scenario = next(item["value"] for item in route.request.post_data_json["inputs"] if item["id"] == "settled")
        answer = {"region-map-answered": {"data": {"scenario": scenario, "busy": True}}}
        route.fulfill(json={"multi": True, "response": answer})

    before = traces(page, "region-map")
    page.route(re.compile("_dash-update-component"), busy_at_first)
    with changing(page):
        cells(page)[0].click(page)
    assert len(asked) == 3
    assert traces(page, "region-map") != before


def test_computing_is_said_while_an_answer_is_awaited(page: Page) -> None:
    sign = page.locator("#region-map-card").get_by_text("computing")
    expect(sign).to_be_hidden()
    gate = Gate(page, asks_landscape)
    before = traces(page, "region-map")
    cells(page)[0].click(page)
    gate.wait()
    expect(sign).to_be_visible()
    # The fast views did not wait for the slow one.
    assert "intact" in traces(page, "state-space")
    assert traces(page, "region-map") == before
    gate.open()
    expect(sign).to_be_hidden()
    expect_other_traces(page, "region-map", before)


def test_a_server_that_comes_back_is_asked_again(own_server: Server, viewer: Viewer) -> None:
    page = viewer().new_page()
    open_page(page, own_server.url + SMALL)
    first, second = cells(page)[:2]
    with changing(page):
        first.click(page)
    own_server.stop()
    with changing_address(page):
        second.click(page)
    assert touched(page) == [silenced(first.neuron), silenced(second.neuron)]
    expect(page.locator("#notice")).to_contain_text("server")
    own_server.start()
    with changing(page):
        first.click(page)
    assert touched(page) == [silenced(second.neuron)]
    shown = picture(page)
    fresh = page.context.new_page()
    open_page(fresh, page.url)
    assert shown == picture(fresh)
    assert scenario(fresh) == scenario(page)
