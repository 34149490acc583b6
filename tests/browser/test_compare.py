"""A against B, and the history by name: on real clicks, with what the tables and links say afterwards."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from hmmrnn.dashboard.scenario import Against
from tests.browser.pages import SMALL, address, cells, changing, figure_data, open_page, scenario, settle


@pytest.fixture
def page(started: Page) -> Page:
    return started


def heads(page: Page) -> list[str]:
    return page.locator("#numbers thead th").all_inner_texts()


def test_what_is_kept_as_a_stays_while_one_goes_on_with_b(page: Page) -> None:
    with changing(page):
        page.locator("#group-buttons button").first.click()
    silenced = scenario(page).interventions
    now = page.locator("#numbers tr[data-measure=switches] td").nth(1).inner_text()
    page.locator("#compare-open").click()
    panel = page.locator("#compare-panel")
    expect(panel.locator("#compare-a")).to_have_text("intact; sigma 1")
    with changing(page):
        panel.get_by_role("button", name="Keep this as A").click()
    with changing(page):
        panel.get_by_role("button", name="Intact", exact=True).click()
    assert (scenario(page).interventions, scenario(page).against) == ((), Against(silenced, 1.0))
    assert heads(page) == ["Measure", "A", "B, now", "Difference"]
    # A's number is the one that was there when it was kept.
    assert page.locator("#numbers tr[data-measure=switches] td").nth(0).inner_text() == now
    assert "A" in [trace.get("name") for trace in figure_data(page, "state-space")]
    with changing(page):
        panel.get_by_role("button", name="Swap A and B").click()
    assert (scenario(page).interventions, scenario(page).against) == (silenced, Against((), 1.0))
    with changing(page):
        panel.get_by_role("button", name="Let A go").click()
    assert scenario(page).against is None
    assert heads(page) == ["Measure", "Intact", "Now", "Difference"]
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("#compare-open")).to_be_focused()


def test_a_and_b_beside_each_other_share_their_axes(page: Page) -> None:
    with changing(page):
        page.locator("#group-buttons button").first.click()
    page.locator("#compare-open").click()
    with changing(page):
        page.get_by_role("button", name="Beside each other").click()
    axes = page.evaluate(
        "(({ xaxis, xaxis2, yaxis, yaxis2 }) => [xaxis, xaxis2, yaxis, yaxis2].map(({ range }) => range))"
        "(document.querySelector('#state-space .js-plotly-plot')._fullLayout)"
    )
    assert (axes[0], axes[2]) == (axes[1], axes[3])
    link = page.url
    page.goto("about:blank")
    open_page(page, link)
    assert scenario(page).beside
    assert page.evaluate("!!document.querySelector('#state-space .js-plotly-plot')._fullLayout.xaxis2")


def test_the_presets_are_those_of_the_groups_that_were_found(page: Page) -> None:
    kick = page.evaluate("dash_clientside.hmmrnn.kickGroups()")
    page.locator("#compare-open").click()
    panel = page.locator("#compare-panel")
    group = kick["groups"][0]
    with changing(page):
        panel.get_by_role("button", name=f"{group['name']} silenced").click()
    (item,) = scenario(page).interventions
    assert (sorted(item.neurons), item.mu, item.target) == (sorted(group["neurons"]), 0.0, "unit")
    with changing(page):
        panel.get_by_role("button", name="Control silenced").click()
    (control,) = scenario(page).interventions
    assert set(control.neurons) <= set(kick["others"])
    assert len(control.neurons) == max(len(found["neurons"]) for found in kick["groups"])
    with changing(page):
        panel.get_by_role("button", name=f"Integrators for {kick['integrating'][0]['output']} silenced").click()
    (feeding,) = scenario(page).interventions
    assert (list(feeding.neurons), feeding.target) == (kick["integrating"][0]["neurons"], "input")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_the_history_names_every_change_and_goes_back_to_any(fresh: Page, server: str) -> None:
    # From its very beginning.
    page = fresh
    open_page(page, server + SMALL)
    start = address(page)
    cell = cells(page)[0]
    with changing(page):
        cell.click(page)
    one = address(page)
    with changing(page):
        page.locator("#new-noise").click()
    last = address(page)
    page.locator("#history-open").click()
    entries = page.locator("#history-panel .history-entry")
    assert [text.split(". ", 1)[1] for text in entries.all_inner_texts()] == [
        *("Opened linear-2", f"Neuron {cell.neuron} silenced", "Other noise: seed 1")
    ]
    expect(entries.nth(2)).to_have_attribute("aria-current", "step")
    for entry, link in ((0, start), (1, one), (2, last), (0, start)):
        with changing(page):
            entries.nth(entry).click()
        assert address(page) == link
        expect(entries.nth(entry)).to_have_attribute("aria-current", "step")
        expect(entries).to_have_count(3)


def test_an_open_tab_is_in_the_link_and_undo_undoes_what_was_done(page: Page) -> None:
    with changing(page):
        page.locator("#new-noise").click()
    page.locator("#activity-tab").click()
    page.wait_for_function("() => location.search.includes('tab=activity')")
    with changing(page):
        page.locator("#undo").click()
    assert (scenario(page).seed, scenario(page).tab) == (0, "activity")
    expect(page.locator("#activity-panel")).to_be_visible()
    page.reload()
    settle(page)
    expect(page.locator("#activity-panel")).to_be_visible()
    expect(page.locator("#activity-tab")).to_have_attribute("aria-selected", "true")


def test_how_it_is_looked_at_comes_back_with_the_link(fresh: Page, server: str) -> None:
    page = fresh
    page.goto(f"{server}{SMALL}&tab=readout&map=residency&without_noise=1")
    settle(page)
    expect(page.locator("#readout-panel")).to_be_visible()
    expect(page.locator("#readout-tab")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#region-colour")).to_have_value("Residency time")
    expect(page.locator("#no-input")).to_be_checked()
    assert "without noise" in [trace.get("name") for trace in figure_data(page, "state-space")]
    with changing(page):
        page.get_by_label("Show runs without noise").click()
    assert not scenario(page).without_noise
    with changing(page):
        page.locator("#undo").click()
    assert scenario(page).without_noise
    expect(page.locator("#no-input")).to_be_checked()
