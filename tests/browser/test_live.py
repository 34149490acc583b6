"""The live view on the dashboard: it follows every control at its next step, and can be saved."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from hmmrnn.model.network import Intervention, Network
from tests.browser.live import Followed, choose_speed, expect_said, press, stand, until, walk
from tests.browser.pages import (
    SEARCHED_MS,
    SMALL,
    box_of,
    cells,
    changing,
    group_buttons,
    holding_slider,
    put,
    settle,
    table_neurons,
    tick,
    wait_until,
)
from tests.page.numbers.given import plain, shipped

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live_view(running=True),
]

MODEL = "linear-2"


@pytest.fixture(scope="module")
def network() -> Network:
    return shipped(MODEL)


@pytest.fixture
def page(page: Page) -> Page:
    """The dashboard with its live view running; the test before may have left it paused."""
    wait_until(page, "() => window.hmmrnnLive && hmmrnnLive.groups", timeout=SEARCHED_MS)
    if page.evaluate("!hmmrnnLive.wanted"):
        press(page, "Run")
    choose_speed(page, "20 steps/s")
    until(page, "s.running && s.step > 0")
    return page


def kick_button(page: Page) -> Locator:
    return group_buttons(page, "kick").first


def test_a_kick_group_is_silenced_and_brought_back_while_the_network_runs(page: Page) -> None:
    choose_speed(page, "as fast as it goes")
    until(page, "s.counts.intact.steps > 1000")
    kick_button(page).click()
    until(page, "!s.intact && s.twin && s.counts.now.steps > 100")
    expect(page.locator("#live .live-counts [data-measure=switches] td").nth(1)).to_have_text(re.compile(r"\d"))
    kick_button(page).click()
    until(page, "s.intact && s.counts.now.steps > 100")


def test_ticks_and_sliders_act_on_the_next_step_and_the_steps_are_those_of_python(page: Page, network: Network) -> None:
    neuron = table_neurons(page)[0]
    with changing(page):
        tick(page, neuron).check()
    until(page, "!s.intact")
    with holding_slider(page, "Gain mu of neuron") as move:
        move(0.3)
        wait_until(page, "() => hmmrnnLive.scenario.interventions[0].mu > 0.4")
    settle(page)

    touched = [Intervention((3,)), Intervention((5, 6), 0.5, "recurrent")]
    put(page, interventions=plain(touched), sigma=0.8, seed=7)
    stand(page)
    walk(page, Followed(network, seed=7), 60, interventions=touched, sigma=0.8)


def test_a_network_that_diverges_stops_the_live_view_alone_and_reset_starts_it(page: Page, network: Network) -> None:
    doubled = [Intervention(tuple(range(network.n_neurons)), 2.0)]
    page.evaluate(
        "interventions => { const { store: s } = dash_clientside.hmmrnn; s.change({ ...s.present, interventions }); }",
        plain(doubled),
    )
    now = until(page, "s.diverged")["diverged"]
    expect_said(page, rf"Stopped: run {now['run'] + 1} left all bounds at step {now['step']:,}, neuron {now['neuron']}")
    page.locator("#reset").click()
    until(page, "s.running && !s.diverged && s.step > arg", now["step"] + 10)


def test_it_is_saved_as_a_page_closed_and_opened_and_nothing_of_it_is_cut_off(page: Page) -> None:
    with page.expect_download() as download:
        page.locator("#live-save").click()
    assert download.value.suggested_filename == f"hmmrnn-live-{MODEL}.html"
    assert "hmmrnn-live-worker" in download.value.path().read_text(encoding="utf-8")

    opener = page.get_by_role("button", name="Live: watch the network run")
    expect(opener).to_be_hidden()
    expect_whole(page)
    page.locator("#live-close").click()
    page.set_viewport_size({"width": 1024, "height": 768})
    before = until(page, "!s.running")["step"]
    expect(opener).to_be_hidden()
    page.get_by_role("button", name="Numbers", exact=True).click()
    opener.click()
    until(page, "s.running && s.step > arg", before)
    expect(page.locator("#live")).to_be_visible()
    expect_whole(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.evaluate("localStorage.removeItem('hmmrnn-live')")


def expect_whole(page: Page) -> None:
    for part in (".live", ".live-side"):
        assert page.locator(part).evaluate("part => part.scrollWidth - part.clientWidth") <= 0, part
    beyond = page.locator(".live-card").evaluate(
        """card => {
            const edge = card.getBoundingClientRect();
            return Array.from(card.querySelectorAll("button, input, select, canvas, td, th, h2"))
                .map((part) => [part, part.getBoundingClientRect()])
                .filter(([, box]) => box.width && (box.left < edge.left - 1 || box.right > edge.right + 1))
                .map(([part]) => part.outerHTML.slice(0, 80));
        }"""
    )
    assert beyond == []
    plane = box_of(page.locator(".live-plane"))
    assert min(plane["width"], plane["height"]) > 150


def test_a_browser_without_workers_says_so_and_the_four_views_answer(fresh: Page, server: str) -> None:
    words = r"^This browser runs no network in a page \([^)]*\)\. The other views come from the server as always\.$"
    fresh.add_init_script("delete window.Worker")
    fresh.goto(server + SMALL)
    settle(fresh)
    expect_said(fresh, words)
    expect(fresh.locator("#live")).to_have_attribute("data-state", "unavailable")
    cells(fresh, 1)[0].toggle(fresh)
    expect_said(fresh, words)
