"""Does a newcomer get through the argument? The tour on several networks, help, keys, and the mode for projectors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from hmmrnn.dashboard.guide import KEYS, TERMS, TOUR
from tests.browser.pages import READY_MS, address, complaints, figure_layout, settle, touched

pytestmark = pytest.mark.browser

PLACES = [step.key for step in TOUR]
FONT, LARGE_FONT = 14, 18
WINDOW = {"width": 1440, "height": 900}

_OVERLAPS = """() => {
    const card = document.getElementById("tour").getBoundingClientRect();
    const room = { left: 0, top: 0, right: innerWidth, bottom: innerHeight };
    const shared = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left))
        * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
    return [...document.querySelectorAll(".tour-target")].map((target) => {
        const box = target.getBoundingClientRect();
        return { covered: shared(card, box), seen: shared(room, box) / (box.width * box.height) };
    });
}"""
_READY = """() => !document.querySelector(".tour-said").textContent.includes("being computed")
    && !document.querySelector(".view.stale")"""

# Of a tour that was left nothing is kept, and the kick neurons are those that were found, whatever was pretended.
_NEWCOMER = """() => {
    const { hmmrnn } = window.dash_clientside;
    sessionStorage.removeItem("hmmrnn-tour");
    window.foundKick ??= hmmrnn.kickGroups;
    hmmrnn.kickGroups = window.foundKick;
}"""


@pytest.fixture
def page(started: Page) -> Iterator[Page]:
    """The page as a newcomer finds it; a tour that a test is in is left."""
    started.evaluate(_NEWCOMER)
    yield started
    if started.locator("#tour").is_visible():
        button(started, "Leave").click()


def button(page: Page, name: str) -> Locator:
    return page.locator("#tour").get_by_role("button", name=name, exact=True)


def open_help(page: Page) -> Locator:
    page.locator("#help-open").click()
    expect(page.locator("#help-panel .guide-keys")).to_be_visible(timeout=READY_MS)
    return page.locator("#help-panel")


def start_tour(page: Page) -> None:
    open_help(page).get_by_role("button", name="Start the tour").click()
    expect_step(page, "emulate")


def expect_step(page: Page, key: str) -> None:
    """Wait until a step is shown with all its numbers."""
    at = PLACES.index(key)
    expect(page.locator(".tour-count")).to_have_text(f"Step {at + 1} of {len(TOUR)}")
    expect(page.locator("#tour-title")).to_have_text(TOUR[at].title)
    page.wait_for_function(_READY, timeout=READY_MS)


def go_to(page: Page, key: str) -> None:
    """Next, until that step is reached."""
    for _ in range(PLACES.index(key)):
        button(page, "Next").click()
    expect_step(page, key)


def kick(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("dash_clientside.hmmrnn.kickGroups()")
    return found


def quoted(page: Page) -> list[str]:
    return page.locator(".tour-numbers p").all_inner_texts()


def row(page: Page, key: str) -> tuple[str, str, str]:
    """Name, intact and now of a row of the numbers table, as they stand there without their errors."""
    line = page.locator(f'#numbers tr[data-measure="{key}"]')
    intact, now = (line.locator("td").nth(i).inner_text().split("±")[0].strip() for i in (0, 1))
    return line.locator("th").inner_text(), intact, now


def numbers(texts: list[str]) -> list[str]:
    return [number for text in texts for number in re.findall(r"\d+\.\d+", text)]


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)], ids=["1440", "1024"])
def test_the_tour_goes_from_step_to_step_by_enter_and_covers_nothing_that_it_points_at(
    page: Page, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    start_tour(page)
    for step in TOUR:
        expect_step(page, step.key)
        targets = page.evaluate(_OVERLAPS)
        assert len(targets) == len(step.targets)
        assert all(target["covered"] == 0 for target in targets), (step.key, targets)
        assert targets[0]["seen"] > 0.5, (step.key, targets)
        expect(page.locator("#tour button:focus")).to_have_text("Finish" if step is TOUR[-1] else "Next")
        if step.tab:
            expect(page.locator(f"#{step.tab}-tab")).to_have_attribute("aria-selected", "true")
        if step.rows:
            assert quoted(page)
        page.keyboard.press("Enter")
    expect(page.locator("#tour")).to_be_hidden()
    expect(page.locator("#help-open")).to_be_focused()
    expect(page.locator(".tour-target")).to_have_count(0)
    expect(open_help(page).get_by_role("button", name="Start the tour", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    page.set_viewport_size(WINDOW)


def test_the_numbers_that_are_quoted_are_those_of_the_table(page: Page) -> None:
    group = min((g for g in kick(page)["groups"] if g["proven"]), key=lambda g: g["ratio"])
    start_tour(page)
    go_to(page, "silence")
    assert touched(page) == [(tuple(group["neurons"]), 0.0, "unit")]
    before = []
    for key in ("switches", f"leave-{group['output']}"):
        name, intact, now = row(page, key)
        assert f"{name}: {intact} intact, {now} now." in quoted(page)
        before.append(now)
    expect(page.locator("#tour-text")).to_contain_text(f"{group['ratio']:.2f} times as often")
    button(page, "Next").click()
    expect_step(page, "control")
    ((neurons, mu, target),) = touched(page)
    assert (len(neurons), mu, target) == (len(group["neurons"]), 0.0, "unit")
    assert set(neurons) <= set(kick(page)["others"])
    name, intact, now = row(page, f"leave-{group['output']}")
    assert f"{name}: {intact} intact, {now} now." in quoted(page)
    assert now != before[1]


def test_each_step_is_one_change_and_back_shows_the_step_before_as_it_was(page: Page) -> None:
    start_tour(page)
    go_to(page, "silence")
    silenced = address(page)
    length = page.evaluate("dash_clientside.hmmrnn.history().past.length")
    button(page, "Next").click()
    expect_step(page, "control")
    assert page.evaluate("dash_clientside.hmmrnn.history().past.length") == length + 1
    drawn = address(page)
    button(page, "Back").click()
    expect_step(page, "silence")
    assert address(page) == silenced
    button(page, "Next").click()
    expect_step(page, "control")
    assert address(page) == drawn
    page.keyboard.press("Control+z")
    page.wait_for_function("before => location.search === before", arg=silenced)


def test_the_tour_is_left_with_escape_and_goes_on_after_a_reload(page: Page) -> None:
    start_tour(page)
    go_to(page, "silence")
    shown = address(page)
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    assert address(page) == shown
    page.reload()
    expect(page.locator("#group-buttons button").first).to_be_visible(timeout=READY_MS)
    settle(page)
    place = PLACES.index("silence") + 1
    open_help(page).get_by_role("button", name=f"Go on with the tour at step {place}").click()
    expect_step(page, "silence")
    assert address(page) == shown


_PRETEND = """(change) => {
    const found = dash_clientside.hmmrnn.kickGroups();
    const pretended = change && { ...found, ...change };
    dash_clientside.hmmrnn.kickGroups = () => pretended;
}"""


def test_where_silencing_does_not_close_every_exit_the_tour_says_so(page: Page) -> None:
    # As in a network with several orbits: exits to each other output, of which some are closed.
    group = kick(page)["groups"][0]
    exits = [
        {**group, "to": to, "name": f"kick group {group['output']} → {to}", "ratio": ratio, "proven": ratio < 0.15}
        for to, ratio in ((1, 0.79), (2, 0.08), (3, 0.13))
    ]
    page.evaluate(_PRETEND, {"groups": exits})
    start_tour(page)
    go_to(page, "silence")
    text = page.locator("#tour-text")
    expect(text).to_contain_text("2 of 3 exits are proven")
    expect(text).to_contain_text(f"output {group['output']} went to 2 0.08 times")
    expect(text).to_contain_text("may fall only in part")


def test_where_nothing_is_proven_or_found_or_known_yet_the_tour_says_so(page: Page) -> None:
    unproven = [{**group, "proven": False, "closed_by": None} for group in kick(page)["groups"]]
    start_tour(page)
    go_to(page, "silence")
    text = page.locator("#tour-text")
    page.evaluate(_PRETEND, {"groups": unproven})
    button(page, "Back").click()
    button(page, "Next").click()
    expect(text).to_contain_text(f"none of {len(unproven)} is proven")
    expect(text).to_contain_text("Nothing else that was tried closes this exit.")
    reason = "This network never leaves an output."
    page.evaluate(_PRETEND, {"groups": [], "integrating": [], "reason": reason})
    button(page, "Back").click()
    button(page, "Next").click()
    expect(text).to_contain_text(reason)
    assert touched(page) == []
    button(page, "Next").click()
    expect(text).to_contain_text("drawn at random are silent")
    assert len(touched(page)) == 1
    button(page, "Next").click()
    expect(text).to_contain_text("nothing is cut off")
    assert touched(page) == []
    page.evaluate(_PRETEND, None)
    button(page, "Back").click()
    expect(text).to_contain_text("still being sought")


def test_a_step_goes_on_by_itself_when_the_kick_neurons_are_found(page: Page) -> None:
    page.evaluate("window.known = dash_clientside.hmmrnn.kickGroups; dash_clientside.hmmrnn.kickGroups = () => null")
    start_tour(page)
    go_to(page, "silence")
    expect(page.locator("#tour-text")).to_contain_text("still being sought")
    assert touched(page) == []
    page.evaluate("dash_clientside.hmmrnn.kickGroups = known; window.dispatchEvent(new Event('hmmrnn-kick'))")
    expect(page.locator("#tour-text")).to_contain_text("are now silent")
    expect_step(page, "silence")
    assert len(touched(page)) == 1


def test_axe_finds_nothing_serious_in_the_help_the_tour_and_present_mode(page: Page) -> None:
    open_help(page)
    in_both_schemes(page)
    page.locator("#help-panel").get_by_role("button", name="Start the tour").click()
    go_to(page, "silence")
    in_both_schemes(page)
    page.keyboard.press("f")
    expect(page.locator(".present-bar")).to_be_visible()
    in_both_schemes(page)
    page.keyboard.press("f")
    expect(page.locator(".present-bar")).to_be_hidden()


def in_both_schemes(page: Page) -> None:
    """What is open has nothing that shuts anybody out, neither in the light, in which it is, nor in the dark."""
    for scheme, other in (("light", "dark"), ("dark", "light")):
        assert complaints(page) == [], scheme
        page.keyboard.press("d")
        page.wait_for_function("wanted => document.documentElement.dataset.scheme === wanted", arg=other)
        settle(page)


def test_present_mode_shows_the_views_in_larger_type_and_gives_everything_back(page: Page) -> None:
    page.locator("#state-space").hover()
    before = {view: figure_layout(page, view)["font"]["size"] for view in ("state-space", "connectivity")}
    assert set(before.values()) == {FONT}
    height = page.locator("#state-space-card").bounding_box()
    open_help(page).get_by_role("button", name="Present", exact=True).click()
    expect(page.locator(".present-bar")).to_contain_text("linear-2")
    expect(page.locator(".present-bar")).to_contain_text("Intact; noise sigma 1.")
    for hidden in (".header", ".views .rail", ".tabs-card"):
        expect(page.locator(hidden)).to_be_hidden()
    for view in before:
        expect_font(page, view, LARGE_FONT)
    grown = page.locator("#state-space-card").bounding_box()
    assert height is not None
    assert grown is not None
    assert grown["width"] > height["width"]
    assert grown["height"] > height["height"]
    # A figure that arrives later, on the same undo that the keys give.
    group = kick(page)["groups"][0]
    page.evaluate(
        """(neurons) => { const c = dash_clientside.hmmrnn;
            c.apply({ ...c.present(), interventions: [{ neurons, mu: 0, target: "unit" }] }); }""",
        group["neurons"],
    )
    expect(page.locator(".present-done")).to_contain_text(re.compile(f"{group['name']} .* silenced", re.IGNORECASE))
    settle(page)
    for view in before:
        expect_font(page, view, LARGE_FONT)
    expect(page.locator(".present-number")).to_contain_text(row_words(page))
    page.keyboard.press("Escape")
    expect(page.locator(".present-bar")).to_be_hidden()
    expect(page.locator(".views .rail")).to_be_visible()
    for view in before:
        expect_font(page, view, FONT)


def row_words(page: Page) -> str:
    cells = page.locator('#numbers tr[data-measure="switches"] td').all_text_contents()
    return f"{cells[0].split('±')[0].strip()} intact, {cells[1].split('±')[0].strip()} now."


def expect_font(page: Page, view: str, size: int) -> None:
    """Wait until all type of a figure's layout has that size."""
    page.wait_for_function(
        """([id, size]) => {
            const { font, xaxis } = document.querySelector(`#${id} .js-plotly-plot`).layout;
            return [font, xaxis.tickfont, xaxis.title.font].every((type) => type.size === size);
        }""",
        arg=[view, size],
    )


def test_keys_open_the_help_and_switch_the_colours_and_do_nothing_while_one_types(page: Page) -> None:
    page.locator("#seed").click()
    for key in ("?", "d", "f"):
        page.keyboard.press(key)
    expect(page.locator("#help-panel")).to_be_hidden()
    expect(page.locator(".present-bar")).to_be_hidden()
    assert page.evaluate("document.documentElement.dataset.scheme") == "light"
    page.locator("#seed").blur()
    page.keyboard.press("Control+d")
    assert page.evaluate("document.documentElement.dataset.scheme") == "light"
    page.keyboard.press("?")
    expect(page.locator("#help-panel")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help-panel")).to_be_hidden()
    for wanted in ("dark", "light"):
        page.keyboard.press("d")
        page.wait_for_function("wanted => document.documentElement.dataset.scheme === wanted", arg=wanted)
    page.keyboard.press("f")
    expect(page.locator(".present-bar")).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator(".present-bar")).to_be_hidden()
    settle(page)


def test_the_help_names_every_key_and_every_term(page: Page) -> None:
    shown = open_help(page)
    assert shown.locator(".guide-keys tr").all_inner_texts() == [f"{key.keys}\t{key.does}" for key in KEYS]
    assert shown.locator(".guide-terms dt").all_inner_texts() == [term.name for term in TERMS]
    page.keyboard.press("Escape")
