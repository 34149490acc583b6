"""Does a click change the network, and a second click bring it back, wherever a neuron appears?"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from hmmrnn.dashboard.scenario import Scenario
from tests.browser.pages import (
    SMALL,
    Cell,
    address,
    cells,
    changing,
    expect_other_traces,
    figure_data,
    group_buttons,
    listed,
    number,
    open_page,
    picture,
    put,
    put_default,
    scenario,
    settle,
    silenced,
    table_neurons,
    tick,
    touched,
    trace_names,
    traces,
)

pytestmark = pytest.mark.browser

GHOST = "intact"
MU = "mu of Neuron"


@pytest.fixture
def page(started: Page) -> Page:
    return started


def first_cell(page: Page) -> Cell:
    """A cell in whose row is a neuron that the table shows without scrolling."""
    shown = table_neurons(page)
    return next(cell for cell in cells(page) if cell.neuron in shown)


def test_a_click_on_a_cell_silences_the_neuron_of_its_row(page: Page) -> None:
    before, path, orbit = states(page), run_path(page), traces(page, "orbit")
    cell = first_cell(page)
    with changing(page):
        cell.click(page)

    assert touched(page) == [silenced(cell.neuron)]
    expect(listed(page)).to_have_count(1)
    expect(listed(page)).to_contain_text(re.compile(rf"Neuron {cell.neuron}\b"))
    expect(tick(page, cell.neuron)).to_be_checked()
    assert GHOST in trace_names(page, "state-space")
    # The ghost is what was there before; the silenced runs go another way under the same noise.
    assert points(figure_data(page, "state-space"), GHOST) == before
    assert states(page) != before
    assert run_path(page) != path
    assert traces(page, "orbit") != orbit


def points(drawn: list[dict[str, Any]], name: str) -> list[tuple[float, float]]:
    """The states that traces of one kind show, in no order."""
    chosen = [trace for trace in drawn if trace["name"].startswith(name)]
    return sorted(xy for trace in chosen for xy in zip(trace["x"]["values"], trace["y"]["values"], strict=True))


def states(page: Page) -> list[tuple[float, float]]:
    return points(figure_data(page, "state-space"), "output")


def run_path(page: Page) -> list[tuple[float, float]]:
    return points(figure_data(page, "state-space"), "run 1")


def test_the_same_click_again_brings_back_exactly_the_same_picture(page: Page) -> None:
    before, query = picture(page), address(page)
    cell = first_cell(page)
    with changing(page):
        cell.click(page)
    silent = picture(page)
    with changing(page):
        cell.click(page)

    assert address(page) == query
    expect(listed(page)).to_have_count(0)
    expect(tick(page, cell.neuron)).not_to_be_checked()
    assert picture(page) == before

    with changing(page):
        cell.click(page)
    assert touched(page) == [silenced(cell.neuron)]
    assert picture(page) == silent


def test_the_marks_in_the_connectivity_follow_the_silenced_neurons(page: Page) -> None:
    shapes = page.locator("#connectivity .shapelayer path")
    before = shapes.count()
    cell = first_cell(page)
    with changing(page):
        cell.click(page)
    expect(shapes).to_have_count(before + 4)
    with changing(page):
        cell.click(page)
    expect(shapes).to_have_count(before)


def test_ticking_in_the_table_is_the_same_as_clicking_in_the_connectivity(page: Page) -> None:
    before = picture(page)
    cell = first_cell(page)
    with changing(page):
        cell.click(page)
    clicked = picture(page)
    with changing(page):
        tick(page, cell.neuron).uncheck()
    assert touched(page) == []
    assert picture(page) == before
    with changing(page):
        tick(page, cell.neuron).check()
    assert touched(page) == [silenced(cell.neuron)]
    assert picture(page) == clicked


def test_a_neuron_is_silenced_and_brought_back_with_the_keyboard_alone(fresh: Page, server: str) -> None:
    # The Tab key starts where something was last clicked, and here nothing was.
    page = fresh
    open_page(page, server + SMALL)
    tab_into_the_table(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    chosen = int(page.evaluate("document.activeElement.closest('[row-id]').getAttribute('row-id')"))
    assert chosen in table_neurons(page)
    with changing(page):
        page.keyboard.press("Space")
    assert touched(page) == [silenced(chosen)]
    expect(tick(page, chosen)).to_be_checked()
    # The answer has not taken the focus away: the same key again.
    with changing(page):
        page.keyboard.press("Space")
    assert touched(page) == []
    expect(tick(page, chosen)).not_to_be_checked()


def tab_into_the_table(page: Page) -> None:
    for _ in range(100):
        page.keyboard.press("Tab")
        if page.evaluate("Boolean(document.activeElement.closest('#neuron-table .ag-header'))"):
            return
    raise AssertionError("the table is not among the first hundred stops of the Tab key")


def test_silencing_a_proven_kick_group_makes_its_output_hard_to_leave(page: Page) -> None:
    put_default(page)
    intact = picture(page)
    buttons = group_buttons(page, "kick")
    evidence = page.locator("#group-buttons small").all_inner_texts()
    assert len(evidence) == buttons.count() > 0
    assert any(text.endswith("; proven") for text in evidence)
    for i, text in enumerate(evidence):
        (output,) = re.findall(r"\d+", buttons.nth(i).inner_text())
        with changing(page):
            buttons.nth(i).click()
        ((neurons, mu, target),) = touched(page)
        assert (mu, target) == (0.0, "unit")
        assert text.startswith(f"{len(neurons)} neurons")
        expect(listed(page)).to_contain_text(f"Kick group of output {output}")
        if text.endswith("; proven"):
            row = f"Leave rate out of {output}"
            assert number(page, row, "Now") < 0.5 * number(page, row, "Intact")
        with changing(page):
            buttons.nth(i).click()
        assert touched(page) == []
        assert picture(page) == intact


def test_a_random_control_silences_as_many_neurons_outside_the_kick_groups(page: Page) -> None:
    kick: set[int] = set()
    for i in range(group_buttons(page, "kick").count()):
        with changing(page):
            group_buttons(page, "kick").nth(i).click()
        kick |= set(touched(page)[-1][0])
    with changing(page):
        page.locator("#reset").click()
    assert touched(page) == []

    control = group_buttons(page, "control")
    (size,) = re.findall(r"\d+", control.inner_text())
    with changing(page):
        control.click()
    ((neurons, mu, target),) = touched(page)
    assert (len(set(neurons)), mu, target) == (int(size), 0.0, "unit")
    assert not set(neurons) & kick


def test_an_integrating_population_loses_its_input_alone(page: Page) -> None:
    before = picture(page)
    button = group_buttons(page, "integrating").first
    with changing(page):
        button.click()
    ((_, mu, target),) = touched(page)
    assert (mu, target) == (0.0, "input")
    with changing(page):
        button.click()
    assert picture(page) == before


def test_reset_removes_every_intervention_and_returns_to_the_first_noise(page: Page) -> None:
    put_default(page)
    before, query = picture(page), address(page)
    assert query == f"?{Scenario('linear-2').to_query()}"
    for act in (first_cell(page).click, lambda page: page.locator("#new-noise").click()):
        with changing(page):
            act(page)
    with changing(page):
        page.locator("#reset").click()
    assert address(page) == query
    assert picture(page) == before


def test_an_entry_is_removed_from_the_list(page: Page) -> None:
    first, second = cells(page)[:2]
    for cell in (first, second):
        with changing(page):
            cell.click(page)
    with changing(page):
        page.get_by_role("button", name=f"Remove the intervention on Neuron {first.neuron}", exact=True).click()
    assert touched(page) == [silenced(second.neuron)]
    expect(listed(page)).to_have_count(1)


def test_dragging_mu_moves_the_picture_under_the_hand_and_is_one_step_back(page: Page) -> None:
    page.clock.install()
    cell = first_cell(page)
    with changing(page):
        cell.click(page)
    silent = picture(page)
    x, y, width = grip(page)
    page.mouse.move(x, y)
    page.mouse.down()
    for share in (0.2, 0.4, 0.6):
        before = traces(page, "state-space")
        page.mouse.move(x + share * width, y, steps=3)
        # Still held.
        expect_other_traces(page, "state-space", before)
        # However long the hand rests, this is one gesture.
        page.clock.fast_forward(5000)
    page.mouse.up()
    settle(page)
    ((neurons, mu, target),) = touched(page)
    assert neurons == (cell.neuron,)
    assert mu == pytest.approx(1.2, abs=0.15)
    assert target == "unit"
    expect(tick(page, cell.neuron)).not_to_be_checked()

    with changing(page):
        page.locator("#undo").click()
    assert touched(page) == [silenced(cell.neuron)]
    assert picture(page) == silent


def grip(page: Page) -> tuple[float, float, float]:
    """Middle of the only mu slider's thumb, and the width of its track."""
    thumb = page.get_by_role("slider", name=MU).bounding_box()
    track = page.locator(".mu-slider .mantine-Slider-track").bounding_box()
    assert thumb is not None
    assert track is not None
    return thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2, track["width"]


def test_the_arrow_keys_move_mu(page: Page) -> None:
    cell = first_cell(page)
    with changing(page):
        cell.click(page)
    slider = page.get_by_role("slider", name=MU)
    slider.focus()
    for mu in ("0.05", "0.1"):
        with changing(page):
            page.keyboard.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuenow", mu)
        expect(slider).to_be_focused()
    assert touched(page) == [((cell.neuron,), 0.1, "unit")]
    with changing(page):
        page.keyboard.press("ArrowLeft")
    assert touched(page) == [((cell.neuron,), 0.05, "unit")]


def test_mu_of_one_changes_nothing(page: Page) -> None:
    before = page.locator("#numbers").inner_text()
    path = run_path(page)
    neuron = cells(page)[0].neuron
    put(page, interventions=[{"neurons": [neuron], "mu": 1.0, "target": "unit"}])
    assert run_path(page) == path
    assert page.locator("#numbers").inner_text() == before


def test_each_target_is_another_network(page: Page) -> None:
    with changing(page):
        group_buttons(page, "kick").first.click()
    pictures = {"unit": traces(page, "state-space")}
    for target in ("recurrent", "input"):
        with changing(page):
            listed(page).get_by_text(target, exact=True).click()
        ((_, mu, now),) = touched(page)
        assert (mu, now) == (0.0, target)
        pictures[target] = traces(page, "state-space")
    assert len(set(pictures.values())) == 3
    with changing(page):
        listed(page).get_by_text("unit", exact=True).click()
    assert traces(page, "state-space") == pictures["unit"]


def test_a_neuron_of_a_silenced_group_is_ticked_and_can_be_brought_back_alone(page: Page) -> None:
    with changing(page):
        group_buttons(page, "kick").first.click()
    ((group, _, _),) = touched(page)
    neuron = next(i for i in table_neurons(page) if i in group)
    expect(tick(page, neuron)).to_be_checked()
    with changing(page):
        tick(page, neuron).uncheck()
    assert set(scenario(page).interventions[0].neurons) == set(group) - {neuron}
