"""The page shows the last thing that was requested, however fast the user, however slow the server, and if it stops.

Which answer is requested when, and which is drawn, is tested in tests/page/answers.test.mjs.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server
from tests.browser.gates import Gate, asks_fast, asks_landscape
from tests.browser.pages import (
    address,
    cells,
    changing,
    changing_address,
    expect_other_traces,
    expect_picture,
    go,
    holding_slider,
    picture,
    put,
    settle,
    silenced,
    touched,
    traces,
    wait_until,
)

pytestmark = pytest.mark.browser


def test_rapid_clicks_end_with_the_last_state(page: Page) -> None:
    before, query = picture(page), address(page)
    chosen = cells(page)
    for cell in chosen:
        cell.click(page)
    wait_until(page, "end => location.search.includes(end)", arg=f",{chosen[-1].neuron}&")
    settle(page)
    assert touched(page) == [silenced(cell.neuron) for cell in chosen]
    # The same clicks again bring every neuron back.
    for cell in chosen:
        cell.click(page)
    wait_until(page, "query => location.search === query", arg=query)
    settle(page)
    expect_picture(page, before)


def test_late_answers_never_replace_newer_ones_and_computing_is_said_meanwhile(page: Page) -> None:
    first, second = cells(page)[:2]
    sign = page.locator("#region-map-card").get_by_text("computing")
    expect(sign).to_be_hidden()
    intact, room = traces(page, "region-map"), page.locator("#region-map").bounding_box()
    slow = Gate(page, asks_landscape)
    first.click(page)
    slow.wait()
    expect(sign).to_be_visible()
    assert page.locator("#region-map").bounding_box() == room, "what is said of a view takes no room of its figure"
    assert "intact" in traces(page, "state-space"), "the fast views do not wait for the slow one"
    assert traces(page, "region-map") == intact
    slow.closed = False
    second.click(page)
    settle(page)
    expect(sign).to_be_hidden()
    both = picture(page)
    slow.let_through()
    # Requested and answered afterwards: by then the page has received the late answer.
    go(page, "/dynamics")
    settle(page)
    go(page, "/bench")
    settle(page)
    assert picture(page) == both, "the late slow answer is not drawn"

    # Runs without noise are the server's.
    put(page, without_noise=True)
    both = picture(page)
    fast = Gate(page, asks_fast)
    for _ in range(2):
        with changing_address(page):
            page.locator("#new-noise").click()
    fast.wait()
    for _ in range(2):
        with changing_address(page):
            page.locator("#undo").click()
    fast.open()
    settle(page)
    assert touched(page) == [silenced(first.neuron), silenced(second.neuron)]
    expect_picture(page, both)


def test_clicks_sliders_and_noise_are_answered_without_the_server(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if asks_fast(request) else None)
    before = picture(page)
    cells(page)[0].toggle(page)
    with holding_slider(page, "Gain mu of neuron") as move:
        for share in (0.3, 0.6):
            drawn = traces(page, "state-space")
            move(share)
            expect_other_traces(page, "state-space", drawn)
    put(page, sigma=0.5, seed=3, colour="speed")
    assert asked == []
    shown = picture(page)
    assert all(shown[view] != before[view] for view in ("state-space", "orbit", "numbers"))
    page.reload()
    settle(page)
    expect_picture(page, shown)


def test_a_server_that_comes_back_is_asked_again(page: Page, stoppable: Server) -> None:
    before, (cell, *_) = picture(page), cells(page)
    with changing(page):
        cell.click(page)
    stoppable.stop()
    with changing_address(page):
        page.locator("#undo").click()
    expect(page.locator("#notice")).to_contain_text("server")
    stoppable.start()
    expect(page.locator("#notice")).to_be_hidden()
    settle(page)
    expect_picture(page, before)
