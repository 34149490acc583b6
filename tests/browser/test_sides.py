"""Networks side by side: chosen, compared, shown; what cannot be compared is said.

What the page says at each step is tested in tests/dashboard/test_compare_page.py.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hmmrnn.model.checkpoint import save
from tests.browser.pages import READY_MS, complaints, figure_data, go, in_windows_where_it_fits, wait_until
from tests.networks import random_network

pytestmark = pytest.mark.browser


def test_networks_are_chosen_compared_and_shown(page: Page, server: str, data: Path) -> None:
    for seed, name in enumerate(("side-a", "side-b")):
        save(random_network(n=8, m=3, o=2, seed=seed), data / "networks" / f"{name}.safetensors")
    page.goto(f"{server}/bench?model=side-a&ablate=3")
    page.get_by_role("link", name="Side by side").click()
    start = page.locator("#sides-start")
    expect(start).to_be_disabled()
    expect(page.locator("#sides-count")).to_have_text("0 chosen; 2 to 60 can be compared")
    page.locator("#sides-filter").fill("side-")
    expect(page.locator("#sides-networks .sides-item")).to_have_count(2)
    # By keyboard, as every control.
    page.locator("#sides-networks .sides-item").first.press("Enter")
    page.get_by_role("button", name="side-b", exact=False).press("Enter")
    page.get_by_role("button", name="Now: side-a; 3 silenced").click()
    expect(page.locator("#sides-chosen li")).to_have_count(3)
    start.click()
    wait_until(page, "location.pathname === '/compare/side-a,side-b,side-a!3'")
    expect(page.locator("#sides-state")).to_contain_text("3 networks side by side", timeout=READY_MS)
    expect(page.locator("#sides-notes")).to_contain_text("side-a; 3 silenced: no kick effect")
    names = page.locator("#sides-table .ag-pinned-left-cols-container [col-id=name]")
    expect(names).to_have_text(["side-a", "side-b", "side-a; 3 silenced"])
    page.locator("#sides-table").get_by_role("columnheader", name="Network").get_by_text("Network").click()
    expect(names).to_have_count(3)
    with page.expect_download() as download:
        page.locator("#sides-results").get_by_role("link", name="Download CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert [row["network"] for row in rows] == ["side-a", "side-b", "side-a; 3 silenced"]
    assert len(figure_data(page, "sides-map")) == 3
    page.locator("#sides-pair").select_option("W_hh")
    expect(page.locator("#sides-pair-words")).to_contain_text("the neurons of one in another order")
    assert complaints(page) == []
    list(in_windows_where_it_fits(page))
    page.reload()
    expect(page.locator("#sides-chosen li")).to_have_count(3)
    expect(page.locator("#sides-state")).to_contain_text("3 networks side by side", timeout=READY_MS)


def test_a_network_that_is_gone_is_named_and_a_comparison_is_cancelled(page: Page) -> None:
    go(page, "/compare/linear-2,nowhere")
    expect(page.locator("#notice")).to_contain_text("There is no network 'nowhere'")
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_role("button", name="Leave nowhere out").click()
    expect(page.locator("#sides-start")).to_be_disabled()
    page.get_by_text(re.compile("linear-3: .* snapshots")).click()
    page.get_by_role("button", name="Add 8 of 41").click()
    page.locator("#sides-search").check()
    page.locator("#sides-start").click()
    page.locator("#sides-cancel").click()
    expect(page.locator("#sides-state")).to_contain_text("Cancelled", timeout=READY_MS)
    expect(page.locator("#sides-cancel")).to_be_hidden()
    assert complaints(page) == []
