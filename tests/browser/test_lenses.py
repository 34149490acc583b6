"""The chapter of the lenses: those in sight are computed, and follow an intervention beside the intact network."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.pages import go, put, trace_names, wait_until

pytestmark = pytest.mark.browser

# A worker takes turns with other tests on a busy machine.
LONG_MS = 120_000


def test_a_lens_in_sight_is_computed_and_shows_the_intact_network_beside_an_intervention(page: Page) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/tasks"):
            asked.append(request.post_data_json["view"])

    page.on("request", note)
    go(page, "/lenses")
    caption = page.locator("#lens-current-caption")
    expect(caption).to_contain_text(re.compile(r"^area rate .* ± .* \(null .*\)"), timeout=LONG_MS)
    assert "current" in trace_names(page, "lens-current")
    # The last of the chapter is far below.
    assert "lens-sparse" not in asked
    put(page, interventions=[{"neurons": [0], "mu": 0.0, "target": "unit"}])
    expect(caption).to_contain_text(", intact ", timeout=LONG_MS)
    page.remove_listener("request", note)


def test_a_network_that_a_lens_makes_is_opened_like_any_other(page: Page) -> None:
    go(page, "/lenses")
    card = page.locator("#lens-rank-card")
    card.scroll_into_view_if_needed()
    card.get_by_label("rank", exact=True).fill("2")
    card.get_by_role("button", name="Open as a network").click()
    wait_until(page, "location.search.includes('-rank-2-weighted-')", timeout=LONG_MS)
