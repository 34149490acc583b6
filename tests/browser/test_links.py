"""What becomes of a link that cannot be opened, and of a network that runs away?"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from hmmrnn.dashboard.scenario import Scenario
from tests.browser.pages import (
    READY_MS,
    address,
    cells,
    changing,
    figure_layout,
    open_page,
    put,
    scenario,
    silenced,
    touched,
    traces,
)

pytestmark = pytest.mark.browser

# What cannot be opened, and why.
BAD = {
    "model=nothing-of-that-name": "there is no network 'nothing-of-that-name'",
    "model=../../etc/passwd": "model must be the name of a network",
    "sigma=-1": "sigma must be from 0 to 5",
    "sigma=nan": "sigma must be",
    "ablate=9999": "9999",
    "ablate=x": "neurons must be whole numbers",
    "gain=1:3:unit": "mu must be from 0 to 2",
    "gain=1:1:everything": "target must be",
    "steps=2000&trajectories=64": "steps times trajectories",
    "colour=neuron&neuron=9999": "9999",
    "colour=<script>alert(1)</script>": "colour must be one of",
    "%00%ff=1&&&===": "unknown link parameter",
}
# To where another script of the page, or an anchor, has led: the page asks for the link as it does when it is opened.
GO_THERE = """(query) => {
    window.history.pushState(null, "", `/?${query}`);
    window.history.pushState(null, "", "/");
    window.history.back();
}"""


@pytest.fixture
def page(started: Page) -> Page:
    return started


# One of each kind: no such network, no such value, no such neuron, what only looks like a script, and noise.
@pytest.mark.parametrize(
    "query",
    [
        "model=nothing-of-that-name",
        "sigma=-1",
        "ablate=9999",
        "colour=<script>alert(1)</script>",
        "%00%ff=1&&&===",
    ],
)
def test_a_link_that_cannot_be_opened_says_why(fresh: Page, server: str, query: str) -> None:
    fresh.goto(f"{server}/?{query}")
    expect_why(fresh, query)


def test_every_link_that_cannot_be_opened_says_why(page: Page) -> None:
    for query in BAD:
        page.evaluate(GO_THERE, query)
        expect_why(page, query)


def expect_why(page: Page, query: str) -> None:
    """The page says why it could not open the link, shows what it opens without one, and can be told to be silent."""
    expect(page.locator("#notice")).to_be_visible(timeout=READY_MS)
    notice = page.locator("#notice-text")
    expect(notice).to_contain_text(BAD[query], timeout=READY_MS)
    said = notice.inner_text()
    assert re.fullmatch(r"[A-Z][^\n]*[^.]\.", said), (query, said)
    assert "Traceback" not in said, query
    opened = scenario(page)
    assert opened == Scenario(opened.model), query
    expect(page.locator("#numbers table")).to_be_visible(timeout=READY_MS)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#notice")).to_be_hidden()


def test_after_a_bad_link_the_page_is_as_usable_as_any(fresh: Page, server: str) -> None:
    page = fresh
    open_page(page, f"{server}/?rubbish")
    cell = cells(page)[0]
    with changing(page):
        cell.click(page)
    assert touched(page) == [silenced(cell.neuron)]
    page.reload()
    expect(page.locator("#interventions .intervention")).to_have_count(1)
    expect(page.locator("#notice")).to_be_hidden()


def test_values_that_do_not_go_together_are_refused_and_what_was_open_stays(page: Page) -> None:
    put(page, steps=2000, trajectories=2)
    query, drawn = address(page), traces(page, "state-space")
    page.get_by_label("Trajectories").fill("64")
    expect(page.locator("#notice-text")).to_contain_text("Steps times trajectories must be at most")
    assert address(page) == query
    assert traces(page, "state-space") == drawn
    page.get_by_role("button", name="Dismiss").click()


def test_a_network_that_runs_away_is_shown_up_to_the_step_where_it_does(page: Page) -> None:
    everyone = sorted(figure_layout(page, "connectivity")["meta"]["order"])
    doubled = {"neurons": everyone, "mu": 2.0, "target": "unit"}
    put(page, steps=2000, trajectories=2, interventions=[doubled], sigma=5)
    caption = page.locator("#state-space-caption").inner_text()
    found = re.search(r"([\d,]+) states: 2 runs of 2000 steps.* runs? diverges?, the first at step ([\d,]+)", caption)
    assert found, caption
    states, first = (int(text.replace(",", "")) for text in found.groups())
    assert first - 1 <= states < 2 * 2000
    expect(page.locator("#notice")).to_be_hidden()
    # It is a scenario like any other: its neurons can be brought back.
    with changing(page):
        page.locator("#reset").click()
    assert touched(page) == []
    expect(page.locator("#state-space-caption")).not_to_contain_text("diverge")
