"""A click changes the network and a second click brings it back, wherever a neuron appears."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from hmmrnn.explorer.scenario import Scenario
from tests.browser.pages import (
    Cell,
    address,
    cells,
    changing,
    click,
    expect_ink,
    expect_other_traces,
    figure_data,
    group_buttons,
    holding_slider,
    listed,
    number,
    picture,
    put_default,
    scenario,
    settle,
    silenced,
    table_neurons,
    tick,
    touched,
    traces,
)

pytestmark = [pytest.mark.browser, pytest.mark.live_view]

MU = "Gain mu of neuron"


def first_cell(page: Page) -> Cell:
    """A cell in whose row is a neuron that the table shows without scrolling."""
    shown = table_neurons(page)
    return next(cell for cell in cells(page) if cell.neuron in shown)


def states(page: Page, name: str) -> list[tuple[float, float]]:
    """The states that traces of one kind show, in no order."""
    chosen = [trace for trace in figure_data(page, "state-space") if trace["name"].startswith(name)]
    return sorted(xy for trace in chosen for xy in zip(trace["x"]["values"], trace["y"]["values"], strict=True))


def test_a_neuron_is_silenced_and_brought_back_from_the_connectivity_the_table_and_the_list(page: Page) -> None:
    before, query = picture(page), address(page)
    intact, path = states(page, "output"), states(page, "run 1")
    cell = first_cell(page)
    cell.toggle(page)
    expect_ink(page, "connectivity", [cell.x, cell.y], within=(0.05, 0.4))
    assert touched(page) == [silenced(cell.neuron)]
    expect(listed(page)).to_have_count(1)
    expect(listed(page).locator(".intervention-name")).to_have_text(f"neuron {cell.neuron}")
    expect(tick(page, cell.neuron)).to_be_checked()
    assert states(page, "intact") == intact, "the ghost is what was there before"
    assert states(page, "output") != intact
    assert states(page, "run 1") != path, "the silenced runs go another way under the same noise"
    silent = picture(page)
    assert silent["orbit"] != before["orbit"]

    cell.toggle(page)
    assert (address(page), picture(page)) == (query, before), "the same click brings back exactly the same picture"
    expect(listed(page)).to_have_count(0)
    expect_ink(page, "connectivity", [cell.x, cell.y], within=(0, 0))
    expect(tick(page, cell.neuron)).not_to_be_checked()
    with changing(page):
        tick(page, cell.neuron).check()
    assert touched(page) == [silenced(cell.neuron)]
    assert picture(page) == silent, "a tick in the table does what a click in the connectivity does"
    with changing(page):
        tick(page, cell.neuron).uncheck()
    assert picture(page) == before

    first, second = cells(page)[:2]
    for cell in (first, second):
        cell.toggle(page)
    click(page.get_by_role("button", name=f"Remove the intervention on neuron {first.neuron}", exact=True))
    assert touched(page) == [silenced(second.neuron)]
    expect(listed(page)).to_have_count(1)


def test_the_keyboard_alone_silences_a_neuron_and_moves_its_mu(page: Page) -> None:
    # The Tab key starts where something was last clicked: at the top.
    page.locator("h1").click()
    tab_into_the_table(page)
    for key in ("ArrowDown", "ArrowDown", "Home"):
        page.keyboard.press(key)
    chosen = int(page.evaluate("document.activeElement.closest('[row-id]').getAttribute('row-id')"))
    assert chosen in table_neurons(page)
    for now in ([silenced(chosen)], [], [silenced(chosen)]):
        # The answer has not taken the focus away: the same key again.
        with changing(page):
            page.keyboard.press("Space")
        assert touched(page) == now
        expect(tick(page, chosen)).to_be_checked(checked=bool(now))
    slider = page.get_by_role("slider", name=MU)
    slider.focus()
    for key, mu in (("ArrowRight", 0.05), ("ArrowRight", 0.1), ("ArrowLeft", 0.05)):
        with changing(page):
            page.keyboard.press(key)
        expect(slider).to_have_value(str(mu))
        expect(slider).to_be_focused()
        assert touched(page) == [((chosen,), mu, "unit")]


def tab_into_the_table(page: Page) -> None:
    for _ in range(100):
        page.keyboard.press("Tab")
        if page.evaluate("Boolean(document.activeElement.closest('#neuron-table .ag-header'))"):
            return
    raise AssertionError("the table is not among the first hundred stops of the Tab key")


def test_groups_are_silenced_by_their_buttons_and_reset_brings_all_back(page: Page) -> None:
    put_default(page)
    before, query = picture(page), address(page)
    assert query == f"?{Scenario('linear-2').to_query()}"
    buttons = group_buttons(page, "kick")
    evidence = buttons.locator("small").all_inner_texts()
    assert len(evidence) == buttons.count() > 0
    at = next(i for i, text in enumerate(evidence) if "no small group" not in text)
    (output,) = re.findall(r"\d+", buttons.nth(at).locator("span").inner_text())
    click(buttons.nth(at))
    ((group, mu, target),) = touched(page)
    assert (mu, target) == (0.0, "unit")
    assert evidence[at].startswith(f"{len(group)} neurons")
    expect(listed(page)).to_contain_text(f"kick neurons for leaving {output}")
    row = f"Leave rate of {output}"
    assert number(page, row, "Now") < 0.5 * number(page, row, "Intact"), "a proven group makes its output hard to leave"
    click(page.locator("#reset"))
    assert (address(page), picture(page)) == (query, before)


def scale(page: Page, what: str) -> None:
    """Choose what mu scales in the one intervention."""
    with changing(page):
        listed(page).get_by_role("combobox").select_option(what)


def test_each_target_of_a_group_is_another_network_and_one_of_its_neurons_is_brought_back_alone(page: Page) -> None:
    click(group_buttons(page, "kick").first)
    ((group, _, _),) = touched(page)
    pictures = {"unit": traces(page, "state-space")}
    for target, label in (("recurrent", "recurrent only"), ("input", "noise only")):
        scale(page, label)
        assert touched(page) == [(group, 0.0, target)]
        pictures[target] = traces(page, "state-space")
    assert len(set(pictures.values())) == 3
    scale(page, "all input")
    assert traces(page, "state-space") == pictures["unit"]
    neuron = next(i for i in table_neurons(page) if i in group)
    expect(tick(page, neuron)).to_be_checked()
    with changing(page):
        tick(page, neuron).uncheck()
    assert set(scenario(page).interventions[0].neurons) == set(group) - {neuron}


def test_dragging_mu_moves_the_picture_meanwhile_and_is_one_step_back(page: Page) -> None:
    cell = first_cell(page)
    cell.toggle(page)
    silent = picture(page)
    with holding_slider(page, MU) as move:
        for share in (0.3, 0.6):
            before = traces(page, "state-space")
            move(share)
            expect_other_traces(page, "state-space", before)
            # However long the pause, this is one gesture.
            page.evaluate("window.dash_clientside.hmmrnn.store.gestureAt = 0")
    settle(page)
    assert touched(page) == [((cell.neuron,), pytest.approx(1.2, abs=0.15), "unit")]
    expect(tick(page, cell.neuron)).not_to_be_checked()
    click(page.locator("#undo"))
    assert touched(page) == [silenced(cell.neuron)]
    assert picture(page) == silent
