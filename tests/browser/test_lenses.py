"""The chapter of the lenses: those in sight are computed, and follow an intervention beside the intact network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect

from hmmrnn.model.checkpoint import save
from tests.browser.pages import await_frame, box_of, go, open_page, put, settle, trace_names, wait_until
from tests.networks import random_network

pytestmark = pytest.mark.browser

# A worker takes turns with other tests on a busy machine.
LONG_MS = 120_000


@pytest.fixture(scope="module")
def small(data: Path) -> str:
    """The name of a network so small that each lens takes about a second."""
    (data / "networks").mkdir(exist_ok=True)
    save(random_network(n=8, m=3, o=2, seed=1), data / "networks" / "lens-small.safetensors")
    return "lens-small"


def test_a_lens_in_sight_is_computed_and_shows_the_intact_network_beside_an_intervention(
    page: Page, small: str
) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/tasks"):
            asked.append(request.post_data_json["view"])

    page.on("request", note)
    put(page, model=small)
    go(page, "/lenses")
    caption = page.locator("#lens-current-caption")
    expect(caption).to_contain_text(re.compile(r"^area rate .* ± .* \(null .*\)"), timeout=LONG_MS)
    assert "current" in trace_names(page, "lens-current")
    # The last of the chapter is far below.
    assert "lens-sparse" not in asked
    put(page, interventions=[{"neurons": [0], "mu": 0.0, "target": "unit"}])
    expect(caption).to_contain_text(", intact ", timeout=LONG_MS)
    page.remove_listener("request", note)


def test_a_network_that_a_lens_makes_is_opened_like_any_other(page: Page, small: str) -> None:
    put(page, model=small)
    go(page, "/lenses")
    card = page.locator("#lens-rank-card")
    card.scroll_into_view_if_needed()
    card.get_by_label("rank", exact=True).fill("2")
    card.get_by_role("button", name="Open as a network").click()
    wait_until(page, "location.search.includes('-rank-2-weighted-')", timeout=LONG_MS)


def test_what_is_aimed_at_stays_where_it_is_while_the_lenses_report(page: Page, server: str, small: str) -> None:
    page.route("**/tasks", lambda _route: None)
    open_page(page, f"{server}/lenses?model={small}")
    page.locator("#lens-rank-card").scroll_into_view_if_needed()
    button = page.locator("#lens-rank-card").get_by_role("button", name="Open as a network")
    body = page.locator("#lens-halves-card .card-body")
    button.hover()
    before, inside = box_of(button), box_of(body)
    page.evaluate("document.querySelectorAll('.task-line').forEach((line) => { line.hidden = false; })")
    for _ in range(2):
        await_frame(page)
    assert box_of(body)["height"] < inside["height"]
    assert box_of(button) == before


def test_a_neuron_is_picked_where_a_lens_shows_it_and_marked(page: Page, server: str, small: str) -> None:
    page.goto(f"{server}/lenses?model={small}&large=lens-effects")
    expect(page.locator("#lens-effects-caption")).to_contain_text("seed 0", timeout=LONG_MS)
    settle(page)
    neuron, x, y = page.evaluate(
        """() => {
            const graph = document.querySelector("#lens-effects .js-plotly-plot");
            const { xaxis, yaxis } = graph._fullLayout;
            const { left, top } = graph.getBoundingClientRect();
            const [trace] = graph._fullData.filter(({ name, x }) => name === "within" && x.length);
            const [x, y] = [xaxis._offset + xaxis.l2p(trace.x[0]), yaxis._offset + yaxis.l2p(trace.y[0])];
            return [trace.x[0], left + x, top + y];
        }"""
    )
    page.mouse.move(x - 40, y)
    page.mouse.move(x, y)
    expect(page.locator("#lens-effects .hovertext")).to_contain_text(f"neuron {neuron}")
    page.mouse.click(x, y)
    wait_until(page, f"location.search.includes('picked={neuron}')")
    # On glass over the figure, a line at the neuron.
    drawn = (
        "document.querySelector('#lens-effects .glass').getContext('2d').getImageData({}, {}, 9, 1).data.some(Boolean)"
    )
    offset = page.evaluate("document.querySelector('#lens-effects .js-plotly-plot').getBoundingClientRect().toJSON()")
    wait_until(page, drawn.format(round(x - offset["x"]) - 4, round(y - offset["y"]) - 12))
