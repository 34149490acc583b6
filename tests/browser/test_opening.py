"""What does the page ask for when it is opened? Each view once, and nothing that is known already."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.pages import (
    READY_MS,
    SMALL,
    as_if_not_searched,
    asks_kick,
    group_buttons,
    open_page,
    settle,
)

pytestmark = pytest.mark.browser


def questions(page: Page) -> Counter[str]:
    """Counts, from now on, what the page asks the server by the outputs of each question."""
    asked: Counter[str] = Counter()

    def count(request: Request) -> None:
        if urlsplit(request.url).path.endswith("_dash-update-component"):
            asked[str(request.post_data_json["output"])] += 1

    page.on("request", count)
    return asked


def test_a_network_that_was_searched_before_is_drawn_once_with_its_kick_neurons(page: Page, server: str) -> None:
    open_page(page, server + SMALL)
    asked = questions(page)
    open_page(page, server + SMALL)
    # What the hand asks for next comes after all that the page would have asked for by itself.
    with page.expect_request(lambda request: "region-map-answered" in str(request.post_data)):
        page.get_by_role("button", name="New noise").click()
    assert not [output for output in asked if "kick-answer" in output]
    assert [count for output, count in asked.items() if "connectivity-answered.data" in output] == [1]
    assert [count for output, count in asked.items() if "neuron-table.rowData" in output] == [1]


def test_a_network_that_nobody_has_searched_is_shown_and_searched(page: Page, server: str) -> None:
    as_if_not_searched(page)
    with page.expect_request(lambda request: bool(request.post_data) and asks_kick(request), timeout=READY_MS):
        page.goto(server + SMALL)
    settle(page)
    expect(page.locator("#connectivity-caption")).to_contain_text("by role", timeout=5 * READY_MS)
    expect(group_buttons(page, "kick").first).to_be_visible()
