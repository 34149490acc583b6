"""Is anything ever lost? Undo, redo, reload, back, forward, and links that others open."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hmmrnn.dashboard.scenario import Scenario
from tests.browser.pages import (
    READY_MS,
    SMALL,
    Gate,
    address,
    as_if_not_searched,
    asks_kick,
    cells,
    changing,
    changing_address,
    choose,
    group_buttons,
    listed,
    open_page,
    picture,
    scenario,
    settle,
    silenced,
    touched,
    traces,
)

pytestmark = pytest.mark.browser

Viewer = Callable[[], BrowserContext]
# Of two viewers, each.
TURNS = 4


@pytest.fixture
def page(started: Page) -> Page:
    return started


def test_undo_and_redo_walk_through_every_change(fresh: Page, server: str) -> None:
    # To its very beginning.
    page = fresh
    open_page(page, server + SMALL)
    seen = [(address(page), picture(page))]
    first, second = cells(page)[:2]
    for act in (first.click, lambda page: page.locator("#new-noise").click(), second.click):
        with changing(page):
            act(page)
        seen.append((address(page), picture(page)))
    for back in (2, 1, 0):
        with changing(page):
            page.locator("#undo").click()
        assert (address(page), picture(page)) == seen[back]
    expect(page.locator("#undo")).to_be_disabled()
    for forth in (1, 2):
        with changing(page):
            page.keyboard.press("Control+Shift+Z")
        assert address(page) == seen[forth][0]
    with changing(page):
        page.locator("#redo").click()
    assert (address(page), picture(page)) == seen[3]
    expect(page.locator("#redo")).to_be_disabled()
    with changing(page):
        page.keyboard.press("Control+z")
    assert address(page) == seen[2][0]


def test_a_new_change_after_undo_forgets_what_was_undone(page: Page) -> None:
    first, second = cells(page)[:2]
    with changing(page):
        first.click(page)
    with changing(page):
        page.locator("#undo").click()
    with changing(page):
        second.click(page)
    expect(page.locator("#redo")).to_be_disabled()
    assert touched(page) == [silenced(second.neuron)]


@pytest.mark.parametrize("control", ["target", "colour"])
def test_ctrl_z_works_while_the_focus_is_on_the_control_just_used(page: Page, control: str) -> None:
    with changing(page):
        cells(page)[0].click(page)
    query = address(page)
    with changing(page):
        if control == "target":
            listed(page).get_by_text("input", exact=True).click()
        else:
            choose(page, "Colour by", "Speed")
    with changing(page):
        page.keyboard.press("Control+z")
    assert address(page) == query


def reload(page: Page) -> None:
    page.reload()
    # The roles come last, and draw the connectivity once more.
    expect(page.locator("#connectivity-caption")).to_contain_text("by role", timeout=READY_MS)
    settle(page)


@pytest.mark.parametrize("order", ["group last", "group first"])
def test_a_reload_keeps_the_scenario_and_the_way_back(page: Page, order: str) -> None:
    empty = picture(page)
    acts = [cells(page)[0].click, lambda page: group_buttons(page, "control").first.click()]
    for act in acts if order == "group last" else reversed(acts):
        with changing(page):
            act(page)
    query, present = address(page), picture(page)
    reload(page)
    assert address(page) == query
    assert picture(page) == present
    for _ in acts:
        with changing(page):
            page.locator("#undo").click()
    assert touched(page) == []
    assert picture(page) == empty


def test_a_reload_keeps_the_way_back_after_a_look_at_one_neuron(page: Page) -> None:
    with changing(page):
        choose(page, "Colour by", "Pre-activation of a neuron")
    with changing(page):
        page.get_by_label("Neuron", exact=True).fill("3")
    with changing(page):
        choose(page, "Colour by", "Output")
    reload(page)
    with changing(page):
        page.locator("#undo").click()
    assert (scenario(page).colour, scenario(page).neuron) == ("neuron", 3)


def test_back_and_forward_of_the_browser(page: Page) -> None:
    seen = [(address(page), picture(page))]
    for cell in cells(page)[:2]:
        with changing(page):
            cell.click(page)
        seen.append((address(page), picture(page)))
    for step in (1, 0):
        with changing(page):
            page.go_back()
        assert (address(page), picture(page)) == seen[step]
    with changing(page):
        page.go_forward()
    assert (address(page), picture(page)) == seen[1]
    expect(listed(page)).to_have_count(1)


def test_a_link_opens_exactly_that_view_at_another_viewer(page: Page, viewer: Viewer) -> None:
    with changing(page):
        group_buttons(page, "kick").first.click()
    slider = page.get_by_role("slider", name="mu of Kick group")
    slider.focus()
    with changing(page):
        for _ in range(7):
            with changing_address(page):
                page.keyboard.press("ArrowRight")
    with changing(page):
        listed(page).get_by_text("recurrent", exact=True).click()
    with changing(page):
        cells(page, 15)[-1].click(page)
    sigma = page.get_by_role("slider", name="Noise sigma")
    sigma.focus()
    with changing(page):
        for _ in range(5):
            with changing_address(page):
                page.keyboard.press("ArrowRight")
    with changing(page):
        choose(page, "Colour by", "Pre-activation of a neuron")
    with changing(page):
        page.get_by_label("Neuron", exact=True).fill("7")

    sent = scenario(page)
    group, single = sent.interventions[::-1] if len(sent.interventions[0].neurons) == 1 else sent.interventions
    assert (group.mu, group.target) == (0.35, "recurrent")
    assert (single.mu, single.target) == (0.0, "unit")
    assert (sent.sigma, sent.colour, sent.neuron) == (1.25, "neuron", 7)

    other = viewer().new_page()
    open_page(other, page.url)
    assert other.url == page.url
    assert scenario(other) == sent
    assert picture(other) == picture(page)
    entries = {tuple(p.locator(".intervention-name").all_inner_texts()) for p in (page, other)}
    assert len({frozenset(names) for names in entries}) == 1


@pytest.mark.parametrize(
    "query",
    [
        "sigma=5.0&seed=2147483647&steps=50&trajectories=1&colour=speed",
        "ablate=4,1&gain=2,3:0.333:input&gain=7:2.0:recurrent&sigma=0.125&seed=9&steps=75&trajectories=3&colour=residency",
        "gain=5:1.0:unit&sigma=0.0&seed=1&steps=60&trajectories=2&colour=neuron&neuron=11",
    ],
)
def test_a_link_stays_as_it_was_sent(page: Page, server: str, query: str) -> None:
    model = scenario(page).model
    link = f"?model={model}&{query}"
    open_page(page, f"{server}/{link}")
    assert address(page) == link
    assert scenario(page) == Scenario.from_query(link, "none")
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#undo")).to_be_disabled()


@pytest.mark.usefixtures("clipboard")
def test_the_link_button_copies_the_address(page: Page) -> None:
    with changing(page):
        cells(page)[0].click(page)
    page.locator("#share-open").click()
    page.locator("#copy-link").click()
    expect(page.locator("#notice-text")).to_contain_text("clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.get_by_role("button", name="Dismiss").click()
    page.keyboard.press("Escape")


def test_mu_is_not_lost_when_the_kick_neurons_are_found(fresh: Page, server: str) -> None:
    page = fresh
    gate = Gate(page, asks_kick)
    as_if_not_searched(page)
    page.goto(server + SMALL)
    settle(page)
    gate.wait()
    with changing(page):
        cells(page)[0].click(page)
    page.get_by_role("slider", name="mu of Neuron").focus()
    with changing(page):
        page.keyboard.press("ArrowRight")
    before = touched(page)
    gate.open()
    expect(group_buttons(page, "control")).to_be_visible()
    expect(page.locator("#connectivity-caption")).to_contain_text("by role", timeout=READY_MS)
    settle(page)
    expect(page.get_by_role("slider", name="mu of Neuron")).to_have_attribute("aria-valuenow", "0.05")
    assert touched(page) == before


def test_two_viewers_never_see_each_others_interventions(page: Page, server: str, viewer: Viewer) -> None:
    other = viewer().new_page()
    open_page(other, server + SMALL)
    pages = (page, other)
    places = cells(page, 2 * TURNS)
    shown = {each: traces(each, "state-space") for each in pages}
    made: dict[Page, list[int]] = {page: [], other: []}
    for turn in range(TURNS):
        for here, there in (pages, pages[::-1]):
            cell = places[2 * turn + (here is other)]
            with changing(here):
                cell.click(here)
            made[here].append(cell.neuron)
            shown[here] = traces(here, "state-space")
            assert traces(there, "state-space") == shown[there]
            for each in pages:
                assert [neurons for neurons, _, _ in touched(each)] == [(i,) for i in made[each]]
                expect(listed(each)).to_have_count(len(made[each]), timeout=READY_MS)
    assert urlsplit(page.url).query != urlsplit(other.url).query
