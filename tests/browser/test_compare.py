"""A against B, and how the network is looked at: on real clicks, with what the tables and links say afterwards."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from hmmrnn.explorer.scenario import Against
from tests.browser.pages import click, figure_data, put, scenario, settle

pytestmark = pytest.mark.browser


def heads(page: Page) -> list[str]:
    return page.locator("#numbers thead th").all_inner_texts()


def test_presets_are_kept_as_a_swapped_shown_beside_each_other_and_let_go(page: Page) -> None:
    kick = page.evaluate("dash_clientside.hmmrnn.kickGroups()")
    page.locator("#compare-open").click()
    panel = page.locator("#compare-panel")

    def press(name: str) -> None:
        click(panel.get_by_role("button", name=name, exact=name == "Intact"))

    press("Control silenced")
    (control,) = scenario(page).interventions
    assert set(control.neurons) <= set(kick["others"])
    assert len(control.neurons) == max(len(found["neurons"]) for found in kick["groups"])
    press(f"Noise of the {kick['integrating'][0]['name']} silenced")
    (feeding,) = scenario(page).interventions
    assert (list(feeding.neurons), feeding.target) == (kick["integrating"][0]["neurons"], "input")
    group = kick["groups"][0]
    press(f"{group['name']} silenced")
    silenced = scenario(page).interventions
    (item,) = silenced
    assert (sorted(item.neurons), item.mu, item.target) == (sorted(group["neurons"]), 0.0, "unit")
    now = page.locator("#numbers tr[data-measure=switches] td").nth(1).inner_text()
    expect(panel.locator("#compare-a")).to_have_text("intact; sigma 1")

    press("Pin this as A")
    press("Intact")
    assert (scenario(page).interventions, scenario(page).against) == ((), Against(silenced, 1.0))
    assert heads(page) == ["Measure", "A", "B, now", "Difference"]
    # A's number is the one that was there when it was kept.
    assert page.locator("#numbers tr[data-measure=switches] td").nth(0).inner_text() == now
    assert "A" in [trace.get("name") for trace in figure_data(page, "state-space")]
    press("Swap A and B")
    assert (scenario(page).interventions, scenario(page).against) == (silenced, Against((), 1.0))
    press("Beside each other")
    axes = page.evaluate(
        "(({ xaxis, xaxis2, yaxis, yaxis2 }) => [xaxis, xaxis2, yaxis, yaxis2].map(({ range }) => range))"
        "(document.querySelector('#state-space .js-plotly-plot')._fullLayout)"
    )
    assert (axes[0], axes[2]) == (axes[1], axes[3])
    press("Clear A")
    assert scenario(page).against is None
    assert heads(page) == ["Measure", "Intact", "Now", "Difference"]
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("#compare-open")).to_be_focused()


def test_how_it_is_looked_at_is_in_the_link_and_undo_undoes_what_was_done(page: Page) -> None:
    click(page.locator("#new-noise"))
    click(page.get_by_role("button", name="Enlarge State space"))
    click(page.locator("#undo"))
    assert (scenario(page).seed, scenario(page).large) == (0, "state-space")
    expect(page.locator(".main > .card:visible")).to_have_count(1)

    put(page, map="residency", without_noise=True)
    page.reload()
    settle(page)
    expect(page.locator(".main > .card:visible")).to_have_count(1)
    expect(page.locator("#region-colour")).to_have_value("Residency time")
    expect(page.locator("#no-input")).to_be_checked()
    assert "without noise" in [trace.get("name") for trace in figure_data(page, "state-space")]
    click(page.get_by_label("Show runs without noise"))
    assert not scenario(page).without_noise
    click(page.locator("#undo"))
    expect(page.locator("#no-input")).to_be_checked()
