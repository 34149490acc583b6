"""The guide: the tour, the help, the keys, and the mode for projectors.

The words of the tour for every network are tested in tests/page/tour.test.mjs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from hmmrnn.dashboard.chapters import CHAPTERS
from hmmrnn.dashboard.guide import KEYS, TERMS, TOUR, Step
from tests.browser.gates import Gate, asks_kick
from tests.browser.pages import address, complaints, figure_layout, put, settle, touched, wait_until

pytestmark = pytest.mark.browser

PLACES = [step.key for step in TOUR]
FONT, LARGE_FONT = 14, 18

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
    && !document.querySelector(".view.stale:not([hidden])")"""
# As if the search had not ended: the page searches anew.
_FORGET = """async () => {
    const page = await import(document.querySelector('link[href*="core/page.mjs"]').href);
    page.setKick(null);
}"""
_FONTS = """([id, size]) => {
    const { font, xaxis } = document.querySelector(`#${id} .js-plotly-plot`).layout;
    return [font, xaxis.tickfont, xaxis.title.font].every((type) => type.size === size);
}"""


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """The page as a newcomer finds it; a tour that a test is in is left."""
    page.evaluate("() => sessionStorage.removeItem('hmmrnn-tour')")
    yield page
    if page.locator("#tour").is_visible():
        button(page, "Leave").click()


def button(page: Page, name: str) -> Locator:
    return page.locator("#tour").get_by_role("button", name=name, exact=True)


def open_help(page: Page) -> Locator:
    page.locator("#help-open").click()
    expect(page.locator("#help-panel .guide-keys")).to_be_visible()
    return page.locator("#help-panel")


def expect_step(page: Page, step: Step) -> None:
    """Wait until a step is shown with all its numbers."""
    expect(page.locator(".tour-count")).to_have_text(f"Step {PLACES.index(step.key) + 1} of {len(TOUR)}")
    expect(page.locator("#tour-title")).to_have_text(step.title)
    wait_until(page, _READY)


def expect_uncovered(page: Page, step: Step) -> None:
    """The card covers no target of a step, and most of the first one is in sight."""
    targets = page.evaluate(_OVERLAPS)
    assert len(targets) == len(step.targets)
    assert all(target["covered"] == 0 for target in targets), (step.key, targets)
    assert targets[0]["seen"] > 0.5, (step.key, targets)


def chapter_of(view: str) -> str:
    """The chapter that a step opens."""
    return next((one.id for one in CHAPTERS if view in [shown.id for shown, _ in one.views]), "bench")


def shown_chapter(page: Page) -> str:
    return str(page.evaluate("document.documentElement.dataset.page"))


def kick_groups(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("dash_clientside.hmmrnn.kickGroups()")
    return found


def expect_quoted(page: Page, measure: str) -> None:
    """The tour quotes a row of the numbers table, as it stands there without its errors."""
    line = page.locator(f'#numbers tr[data-measure="{measure}"]')
    name = line.locator("th").inner_text()
    intact, now = (text.split("±")[0].strip() for text in line.locator("td").all_inner_texts()[:2])
    assert f"{name}: {intact} intact, {now} now." in page.locator(".tour-numbers p").all_inner_texts()


def expect_scheme(page: Page, wanted: str) -> None:
    wait_until(page, "wanted => document.documentElement.dataset.scheme === wanted", arg=wanted)


def changes(page: Page) -> int:
    return int(page.evaluate("dash_clientside.hmmrnn.store.past.length"))


def test_the_tour_goes_from_step_to_step_by_enter(page: Page) -> None:
    group = min((g for g in kick_groups(page)["groups"] if g["proven"]), key=lambda g: g["ratio"])
    page.set_viewport_size({"width": 1024, "height": 768})
    open_help(page).get_by_role("button", name="Start the tour").click()
    for step in TOUR:
        expect_step(page, step)
        expect_uncovered(page, step)
        expect(page.locator("#tour button:focus")).to_have_text("Finish" if step is TOUR[-1] else "Next")
        assert shown_chapter(page) == chapter_of(step.view)
        if step.key == "silence":
            silenced, done = address(page), changes(page)
            assert touched(page) == [(tuple(group["neurons"]), 0.0, "unit")]
            expect_quoted(page, "switches")
            expect_quoted(page, f"leave-{group['output']}")
        if step.key == "control":
            ((neurons, mu, target),) = touched(page)
            assert (len(neurons), mu, target) == (len(group["neurons"]), 0.0, "unit")
            expect_quoted(page, f"leave-{group['output']}")
            expect_step_back(page, silenced, done)
        page.keyboard.press("Enter")
    expect(page.locator("#tour")).to_be_hidden()
    expect(page.locator("#help-open")).to_be_focused()
    expect(page.locator(".tour-target")).to_have_count(0)
    page.set_viewport_size({"width": 1440, "height": 900})


def expect_step_back(page: Page, before: str, changes_before: int) -> None:
    """The control is one change; the step before is shown as it was, and then the control as it was drawn."""
    control, drawn = TOUR[PLACES.index("control")], address(page)
    assert changes(page) == changes_before + 1
    button(page, "Back").click()
    expect_step(page, TOUR[PLACES.index("silence")])
    assert address(page) == before
    button(page, "Next").click()
    expect_step(page, control)
    assert address(page) == drawn


def test_the_help_and_a_tour_that_is_left_and_gone_on_with(page: Page) -> None:
    shown = open_help(page)
    assert shown.locator(".guide-keys tr").all_inner_texts() == [f"{key.keys}\t{key.does}" for key in KEYS]
    assert shown.locator(".guide-terms dt").all_inner_texts() == [term.name for term in TERMS]
    assert complaints(page, "#help-panel") == [], "help, light"
    page.keyboard.press("Escape")

    silence = TOUR[PLACES.index("silence")]
    go_on = f"Go on with the tour at step {PLACES.index('silence') + 1}"
    page.evaluate("at => sessionStorage.setItem('hmmrnn-tour', at)", PLACES.index("silence"))
    gate = Gate(page, asks_kick)
    page.evaluate(_FORGET)
    open_help(page).get_by_role("button", name=go_on).click()
    expect(page.locator("#tour-text")).to_contain_text("still being sought")
    assert touched(page) == []
    gate.open()
    expect(page.locator("#tour-text")).to_contain_text("are now silent")
    expect_step(page, silence)
    assert len(touched(page)) == 1, "the step goes on by itself when the kick neurons are found"

    left_at = address(page)
    page.keyboard.press("Escape")
    expect(page.locator("#tour")).to_be_hidden()
    assert address(page) == left_at
    page.keyboard.press("d")
    expect_scheme(page, "dark")
    settle(page)
    shown = open_help(page)
    assert complaints(page, "#help-panel") == [], "help, dark"
    shown.get_by_role("button", name=go_on).click()
    expect_step(page, silence)
    assert address(page) == left_at
    assert complaints(page, "#tour") == [], "tour, dark"
    page.keyboard.press("f")
    expect(page.locator(".present-bar")).to_be_visible()
    assert complaints(page) == [], "projector, dark"
    page.keyboard.press("d")
    expect_scheme(page, "light")
    settle(page)
    assert complaints(page) == [], "tour and projector, light"
    page.keyboard.press("f")
    expect(page.locator(".present-bar")).to_be_hidden()


def test_present_mode_shows_the_views_in_larger_type_and_gives_everything_back(page: Page) -> None:
    views, card = ("state-space", "connectivity"), page.locator("#state-space-card")
    bar, seed = page.locator(".present-bar"), page.locator("#seed")
    page.locator("#state-space").hover()
    assert {figure_layout(page, view)["font"]["size"] for view in views} == {FONT}
    before = card.bounding_box()
    open_help(page).get_by_role("button", name="Present", exact=True).click()
    expect(bar).to_contain_text("linear-2")
    expect(bar).to_contain_text("Intact; noise sigma 1.")
    for hidden in (page.locator(".header"), seed, page.locator(".now"), page.locator(".numbers-card")):
        expect(hidden).to_be_hidden()
    expect(page.locator(".silence").first).to_be_visible()
    expect_fonts(page, views[:1], LARGE_FONT)
    expect(page.locator("#connectivity-card")).to_be_hidden()
    grown = card.bounding_box()
    assert before is not None
    assert grown is not None
    assert grown["width"] > before["width"]
    assert grown["width"] * grown["height"] > before["width"] * before["height"]
    # Figures that arrive later have the larger type too.
    group = kick_groups(page)["groups"][0]
    put(page, interventions=[{"neurons": group["neurons"], "mu": 0, "target": "unit"}])
    expect(page.locator(".present-done")).to_contain_text(re.compile(f"{group['name']} .* silenced", re.IGNORECASE))
    expect_fonts(page, views[:1], LARGE_FONT)
    cells = page.locator('#numbers tr[data-measure="switches"] td').all_text_contents()
    intact, now = (text.split("±")[0].strip() for text in cells[:2])
    expect(page.locator(".present-number")).to_contain_text(f"{intact} intact, {now} now.")
    before, last = CHAPTERS[-2:]
    second, final = (last.views[place][0].id for place in (1, -1))
    for key, chapter, view in (
        ("ArrowRight", last, second), ("ArrowLeft", last, "state-space"), ("ArrowLeft", before, before.views[-1][0].id),
        ("ArrowRight", last, "state-space"),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert shown_chapter(page) == chapter.id
        expect(page.locator(".main > .card.view:visible")).to_have_id(f"{view}-card")
    for _ in last.views:
        page.keyboard.press("ArrowRight")
    expect(page.locator(".main > .card.view:visible")).to_have_id(f"{final}-card")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    expect(seed).to_be_visible()
    expect_fonts(page, views, FONT)


def expect_fonts(page: Page, views: tuple[str, ...], size: int) -> None:
    """Wait until all type of the layouts of some figures has that size."""
    for view in views:
        wait_until(page, _FONTS, arg=[view, size])


def test_keys_do_nothing_while_the_user_types(page: Page) -> None:
    panel, bar = page.locator("#help-panel"), page.locator(".present-bar")
    page.locator("#seed").click()
    for key in ("?", "d", "f"):
        page.keyboard.press(key)
    expect(panel).to_be_hidden()
    expect(bar).to_be_hidden()
    page.locator("#seed").blur()
    page.keyboard.press("Control+d")
    assert page.evaluate("document.documentElement.dataset.scheme") == "light"
    page.keyboard.press("?")
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
