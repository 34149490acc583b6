"""Nothing is lost: undo, redo, the list of changes, reload, back, forward, and links that other users open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.gates import Gate, as_if_not_searched, asks_kick
from tests.browser.pages import (
    READY_MS,
    SMALL,
    address,
    cells,
    changing,
    choose,
    click,
    group_buttons,
    listed,
    open_page,
    picture,
    scenario,
    settle,
    settle_known,
    touched,
    traces,
)

pytestmark = pytest.mark.browser

Viewer = Callable[[], BrowserContext]


def test_undo_redo_and_the_list_of_changes_reach_every_change(fresh: Page, server: str) -> None:
    # From its very beginning.
    page = fresh
    open_page(page, server + SMALL)
    cell = cells(page)[0]
    seen = [(address(page), picture(page))]
    for act in (cell.click, lambda page: page.locator("#new-noise").click()):
        with changing(page):
            act(page)
        seen.append((address(page), picture(page)))
    for back in (1, 0):
        click(page.locator("#undo"))
        assert (address(page), picture(page)) == seen[back]
    expect(page.locator("#undo")).to_be_disabled()
    with changing(page):
        page.keyboard.press("Control+Shift+Z")
    assert address(page) == seen[1][0]
    click(page.locator("#redo"))
    assert (address(page), picture(page)) == seen[2]
    expect(page.locator("#redo")).to_be_disabled()

    page.locator("#history-open").click()
    entries = page.locator("#history-panel .history-entry")
    assert [text.split(". ", 1)[1] for text in entries.all_inner_texts()] == [
        *("Opened linear-2", f"Neuron {cell.neuron} silenced", "Other noise: seed 1")
    ]
    expect(entries.nth(2)).to_have_attribute("aria-current", "step")
    click(entries.nth(0))
    assert address(page) == seen[0][0]
    expect(entries.nth(0)).to_have_attribute("aria-current", "step")
    expect(entries).to_have_count(3)


def test_ctrl_z_works_while_the_focus_is_on_the_control_just_used(page: Page) -> None:
    cells(page)[0].toggle(page)
    query = address(page)
    for use in (
        lambda: listed(page).get_by_role("combobox").select_option("noise only"),
        lambda: choose(page, "Colour by", "Speed"),
    ):
        with changing(page):
            use()
        with changing(page):
            page.keyboard.press("Control+z")
        assert address(page) == query


def test_back_forward_and_a_reload_keep_the_scenario_and_the_way_back(page: Page) -> None:
    seen = [(address(page), picture(page))]
    for cell in cells(page)[:2]:
        cell.toggle(page)
        seen.append((address(page), picture(page)))
    for step in (1, 0):
        with changing(page):
            page.go_back()
        assert (address(page), picture(page)) == seen[step]
    with changing(page):
        page.go_forward()
    assert (address(page), picture(page)) == seen[1]
    expect(listed(page)).to_have_count(1)
    page.reload()
    settle_known(page)
    assert (address(page), picture(page)) == seen[1]
    click(page.locator("#undo"))
    assert (address(page), picture(page)) != seen[1]


def test_a_link_opens_the_same_for_another_user_who_then_goes_a_way_of_their_own(page: Page, viewer: Viewer) -> None:
    click(group_buttons(page, "kick").first)
    page.get_by_role("slider", name="mu of kick neurons").focus()
    with changing(page):
        page.keyboard.press("ArrowRight")
    with changing(page):
        listed(page).get_by_role("combobox").select_option("recurrent only")
    with changing(page):
        choose(page, "Colour by", "Pre-activation of a neuron")
    sent, shown = scenario(page), picture(page)
    ((_, mu, target),) = touched(page)
    assert (mu, target, sent.colour) == (0.05, "recurrent", "neuron")

    other = viewer().new_page()
    open_page(other, page.url)
    assert scenario(other) == sent
    assert picture(other) == shown
    names = [p.locator(".intervention-name").all_inner_texts() for p in (page, other)]
    assert names[0] == names[1]
    expect(other.locator("#undo")).to_be_disabled()

    # Neither sees what the other one does.
    # Not of the silenced group, whose rows come first.
    places, drawn = cells(page, 15)[-2:], {other: traces(other, "state-space")}
    for here, there, cell in ((page, other, places[0]), (other, page, places[1])):
        cell.toggle(here)
        drawn[here] = traces(here, "state-space")
        assert traces(there, "state-space") == drawn[there]
        assert ((cell.neuron,) in [neurons for neurons, _, _ in touched(here)], len(touched(here))) == (True, 2)
        expect(listed(here)).to_have_count(2)
    assert address(page) != address(other)


def test_mu_is_not_lost_when_the_kick_neurons_are_found(fresh: Page, server: str) -> None:
    page = fresh
    gate = Gate(page, asks_kick)
    as_if_not_searched(page)
    page.goto(server + SMALL)
    settle(page)
    gate.wait()
    cells(page)[0].toggle(page)
    page.get_by_role("slider", name="mu of neuron").focus()
    with changing(page):
        page.keyboard.press("ArrowRight")
    before = touched(page)
    gate.open()
    expect(group_buttons(page, "control")).to_be_visible()
    expect(page.locator("#connectivity-caption")).to_contain_text("by role", timeout=READY_MS)
    settle(page)
    expect(page.get_by_role("slider", name="mu of neuron")).to_have_value("0.05")
    assert touched(page) == before
