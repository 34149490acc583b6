"""What a page requests when it is opened, and links that cannot be opened.

What is wrong with a link is tested in tests/dashboard/test_link.py.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from hmmrnn.explorer.scenario import Scenario
from tests.browser.gates import as_if_not_searched, asks_kick, asks_landscape
from tests.browser.pages import (
    READY_MS,
    SEARCHED_MS,
    SMALL,
    address,
    cells,
    changing,
    group_buttons,
    put,
    scenario,
    settle,
    settle_known,
    silenced,
    touched,
    traces,
)

pytestmark = pytest.mark.browser

# What has not come out of the browser's cache.
FETCHED = """() => performance.getEntriesByType("resource").filter(({ transferSize }) => transferSize > 0)
    .map(({ name }) => new URL(name).pathname)"""
BAD = "colour=<script>alert(1)</script>"
# As another script of the page, or an anchor, leads to a link: the page reads it as when it is opened.
GO_THERE = """(query) => {
    window.history.pushState(null, "", `/bench?${query}`);
    window.history.pushState(null, "", "/bench");
    window.history.back();
}"""


def expect_refused(page: Page, reason: str) -> None:
    """The page says why it could not open a link, and opens its default; the message can be dismissed."""
    expect(page.locator("#notice-text")).to_contain_text(reason, timeout=READY_MS)
    opened = scenario(page)
    assert opened == Scenario(opened.model)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#notice")).to_be_hidden()


def test_a_bad_link_opens_the_default_and_each_view_is_requested_once(fresh: Page, server: str) -> None:
    page, asked = fresh, Counter[str]()

    def count(request: Request) -> None:
        if request.url.endswith("/views"):
            asked.update(request.post_data_json["views"])
        elif asks_kick(request):
            asked["kick"] += 1

    page.on("request", count)
    page.goto(f"{server}/bench?{BAD}")
    for one in json.loads(page.locator("#answers").text_content() or "[]"):
        asked.update(one["question"].get("views", []))
    expect_refused(page, "colour must be one of")
    settle_known(page)
    expect(page.locator(".timeline-words")).to_contain_text("step 1:")
    # What the user requests next comes after all that the page requests by itself.
    with page.expect_request(asks_landscape):
        page.get_by_role("button", name="New noise").click()
    assert [asked[name] for name in ("kick", "connectivity", "neuron-table")] == [0, 1, 1], "kick neurons were known"
    settle(page)
    cell = cells(page)[0]
    with changing(page):
        cell.click(page)
    assert touched(page) == [silenced(cell.neuron)]
    page.reload()
    expect(page.locator("#interventions .intervention")).to_have_count(1)
    expect(page.locator("#notice")).to_be_hidden()


def test_the_first_picture_takes_no_question_and_a_second_opening_no_file(
    viewer: Callable[[], BrowserContext], server: str
) -> None:
    user = viewer()
    for is_known in (False, True):
        page, sent = user.new_page(), list[str]()

        def note(request: Request, sent: list[str] = sent) -> None:
            path = request.url.removeprefix(server).split("?")[0]
            sent.append("settled" if path == "/views" and request.post_data_json["settled"] else path)

        page.on("request", note)
        page.goto(f"{server}/start")
        settle(page)
        assert {"/_dash-layout", "/_dash-dependencies", "/network", "/views"} & set(sent) == set()
        assert not [path for path in sent if "ag_grid" in path or "/pages/train" in path], (
            "tables and trainings come later"
        )
        fetched = [path for path in page.evaluate(FETCHED) if "/assets/" in path or "-suites/" in path]
        assert (fetched == []) is is_known
        page.close()


def test_what_cannot_be_shown_is_refused_and_what_was_open_stays(page: Page) -> None:
    for query, reason in ((BAD, "colour must be one of"), ("%00%ff=1&&&===", "unknown link parameter")):
        page.evaluate(GO_THERE, query)
        expect_refused(page, reason)
    settle(page)
    put(page, steps=2000, trajectories=2)
    shown = address(page), traces(page, "state-space")
    page.get_by_label("Trajectories").fill("64")
    expect(page.locator("#notice-text")).to_contain_text("Steps times trajectories must be at most")
    assert (address(page), traces(page, "state-space")) == shown
    page.get_by_role("button", name="Dismiss").click()


def test_kick_neurons_that_are_not_known_are_searched_for(fresh: Page, server: str) -> None:
    page = fresh
    as_if_not_searched(page)
    with page.expect_request(asks_kick, timeout=READY_MS):
        page.goto(server + SMALL)
    settle(page)
    expect(page.locator("#connectivity-caption")).to_contain_text("by role", timeout=SEARCHED_MS)
    expect(group_buttons(page, "kick").first).to_be_visible()
