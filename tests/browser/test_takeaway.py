"""Everything that is shown can be saved, and comes back as it was.

What is in a table is tested in Node (tests/page), and what the server writes in tests/server/api.
"""

from __future__ import annotations

import csv
import json
import math
import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from hmmrnn.figures.theme import LIGHT
from tests.browser.pages import (
    MAIN_VIEWS,
    address,
    box_of,
    changing,
    click,
    complaints,
    figure_data,
    figure_layout,
    go,
    picture,
    put,
    scenario,
    set_scheme,
)

pytestmark = pytest.mark.browser

TITLES = dict(zip(MAIN_VIEWS, ("State space", "Region map", "Emission along the orbit", "Connectivity"), strict=True))
COLUMNS = {
    "state-space": "trace,PC1 of h (activity),PC2 of h (activity),run,step",
    "region-map": "trace,PC1 of h (activity),PC2 of h (activity),residency time (steps),run,step",
    "connectivity": "trace,panel,row,column,value",
}
SVG = "{http://www.w3.org/2000/svg}"
PRINT_WIDTH = 1772
# What the browser does with a file that is dropped there; a script cannot drag a real one.
DROP = """([selector, name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name));
    const event = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    document.querySelector(selector).dispatchEvent(event);
}"""


@pytest.fixture
def page(page: Page) -> Page:
    expect(page.locator(".takeaway-save:visible")).to_have_count(len(MAIN_VIEWS))
    return page


@pytest.fixture
def touched(page: Page) -> Page:
    """The page with a silenced neuron, so that the intact network is drawn too."""
    put(page, interventions=[{"neurons": [3], "mu": 0.0, "target": "unit"}])
    return page


def share(page: Page) -> Locator:
    """The panel Share, opened."""
    panel = page.locator("#share-panel")
    if not panel.is_visible():
        page.locator("#share-open").click()
    expect(panel).to_be_visible()
    return panel


def close_share(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator("#share-panel")).to_be_hidden()


def notice(page: Page) -> Locator:
    return page.locator("#notice-text")


def dismiss(page: Page) -> None:
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#notice")).to_be_hidden()


def downloaded(page: Page, button: Locator, folder: Path) -> Path:
    with page.expect_download() as coming:
        button.click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def saved_figure(page: Page, view: str, kind: str, folder: Path) -> Path:
    """A figure's file, by the small button at its view."""
    title = TITLES[view]
    page.get_by_role("button", name=f"Save {title}", exact=True).click()
    path = downloaded(page, page.locator(f"#{view}-save-menu").get_by_role("button", name=kind.upper()), folder)
    page.keyboard.press("Escape")
    assert path.name == f"hmmrnn-{scenario(page).model}-{view}.{kind}"
    return path


def header_of(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("\n", 1)[0]


def points_in(view: list[dict[str, Any]]) -> int:
    """How many markers a figure draws; NaN came as null."""
    places = [trace["x"] for trace in view if trace.get("mode") == "markers"]
    lists = [place["values"] if isinstance(place, dict) else place for place in places]
    return sum(x is not None and math.isfinite(x) for xs in lists for x in xs)


def width_of(png: Path) -> int:
    header = png.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return int(struct.unpack(">I", header[16:20])[0])


# ---- figures ----


def test_each_view_is_saved_as_vectors_and_as_a_table_and_one_at_print_size(touched: Page, tmp_path: Path) -> None:
    page = touched
    for view in MAIN_VIEWS:
        picture_of = ElementTree.parse(saved_figure(page, view, "svg", tmp_path)).getroot()
        assert picture_of.tag == f"{SVG}svg", view
        assert not list(picture_of.iter(f"{SVG}image")), view
        paths = list(picture_of.iter(f"{SVG}path"))
        assert len(paths) > 50, view
        drawn = figure_data(page, view)
        assert len([path for path in paths if "point" in path.get("class", "").split()]) >= points_in(drawn), view
        ground = picture_of[0]
        assert (ground.tag, ground.get("fill")) == (f"{SVG}rect", LIGHT.ground), view
        assert header_of(saved_figure(page, view, "csv", tmp_path)).startswith(COLUMNS.get(view, "trace,")), view
    assert width_of(saved_figure(page, "connectivity", "png", tmp_path)) >= PRINT_WIDTH

    with (tmp_path / "hmmrnn-linear-2-state-space.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    states = [trace for trace in figure_data(page, "state-space") if trace["name"].startswith("output")]
    for trace in states:
        own = [row for row in rows if row["trace"] == trace["name"]]
        found = [float(row["PC1 of h (activity)"] or "nan") for row in own]
        np.testing.assert_array_equal(np.float32(found), np.float32(trace["x"]["values"]))
        assert [[int(row["run"]), int(row["step"])] for row in own] == trace["customdata"]
    assert states
    # The cells of heatmaps are paths in the colours of the regions, and as many as there are weights.
    regions = {f"rgb({','.join(str(int(c[i : i + 2], 16)) for i in (1, 3, 5))})" for c in LIGHT.regions.values()}
    fills = {fill for fill, _ in cells(tmp_path / "hmmrnn-linear-2-orbit.svg")}
    assert fills
    assert fills <= regions
    weights = sum(len(trace["z"]["values"]) for trace in figure_data(page, "connectivity"))
    outlines = cells(tmp_path / "hmmrnn-linear-2-connectivity.svg")
    assert sum(outline.count("Z") for _, outline in outlines) == weights


def cells(path: Path) -> list[tuple[str, str]]:
    """Colour and outline of the cells of all heatmaps of a picture."""
    groups = [g for g in ElementTree.parse(path).iter(f"{SVG}g") if g.get("shape-rendering") == "crispEdges"]
    return [(p.get("fill") or "", p.get("d") or "") for g in groups for p in g if p.get("d", "").endswith("Z")]


def test_a_picture_shows_the_stretch_that_is_looked_at(page: Page, tmp_path: Path) -> None:
    (left, right), (low, high) = (figure_layout(page, "state-space")[axis]["range"] for axis in ("xaxis", "yaxis"))
    shown = left + 0.3 * (right - left), left + 0.6 * (right - left)
    put(page, camera=[*shown, low, high])
    picture_of = ElementTree.parse(saved_figure(page, "state-space", "svg", tmp_path))
    ticks = [g for g in picture_of.iter(f"{SVG}g") if g.get("class") == "xtick"]
    numbers = [float("".join(tick.itertext()).replace("−", "-")) for tick in ticks]
    assert len(numbers) > 1
    assert shown[0] <= min(numbers) < max(numbers) <= shown[1]


def test_in_three_dimensions_there_is_a_picture_for_print_and_axe_finds_nothing_serious(
    page: Page, tmp_path: Path
) -> None:
    put(page, dimensions=3)
    assert width_of(saved_figure(page, "state-space", "png", tmp_path)) >= PRINT_WIDTH
    header = header_of(saved_figure(page, "state-space", "csv", tmp_path))
    assert header.startswith("trace,PC1 of h,PC2 of h,PC3 of h")
    menu = page.locator("#state-space-save-menu")
    for scheme in ("dark", "light"):
        set_scheme(page, scheme)
        share(page).get_by_role("button", name="Copy as Python").click()
        expect(page.locator("#code-text")).to_be_visible()
        assert complaints(page) == [], f"the panel, {scheme}"
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Save State space", exact=True).click()
        expect(menu.get_by_role("button", name="SVG")).to_be_disabled()
        expect(menu).to_contain_text("In 3-D an SVG would hold a raster picture: save the PNG, or choose 2-D first.")
        assert complaints(page, "#state-space-save-menu") == [], f"the menu, {scheme}"
        page.keyboard.press("Escape")
        dismiss(page)
    page.evaluate("window.localStorage.removeItem('hmmrnn-scheme')")


# ---- the panel Share ----


@pytest.mark.usefixtures("clipboard")
def test_link_code_and_run_are_taken_away_and_the_report_is_one_step_away(page: Page, tmp_path: Path) -> None:
    panel = share(page)
    panel.get_by_role("button", name="Copy link").click()
    expect(notice(page)).to_have_text("The link to this page is in the clipboard.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    panel.get_by_role("button", name="Copy as Python").click()
    expect(notice(page)).to_have_text("The Python that gives these numbers is in the clipboard.")
    code = page.evaluate("navigator.clipboard.readText()")
    assert page.get_by_label("Python that gives the same numbers").input_value() == code
    compile(code, "code", "exec")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    panel.get_by_role("button", name="Copy link").click()
    expect(notice(page)).to_contain_text("copy the link from the address bar")
    page.evaluate("delete navigator.clipboard")

    path = downloaded(page, panel.get_by_role("button", name="Run as NPZ"), tmp_path)
    assert path.name == "hmmrnn-linear-2-run.npz"
    with np.load(path) as run:
        assert str(run["link"]) == address(page)
    page.route("**/run.npz/check?*", lambda route: route.fulfill(json={"refused": "it is too large."}))
    panel.get_by_role("button", name="Run as NPZ").click()
    expect(notice(page)).to_have_text("The run was not written: it is too large.")
    page.unroute("**/run.npz/check?*")
    dismiss(page)
    close_share(page)

    go(page, "/dynamics")
    expect(page.locator("#readout .main-svg").first).to_be_visible()
    path = downloaded(page, share(page).get_by_role("button", name="Readout as SVG"), tmp_path)
    assert not list(ElementTree.parse(path).iter(f"{SVG}image"))
    share(page).get_by_role("button", name="Open the report").click()
    expect(page.locator("#report-card")).to_be_visible()
    expect(page.locator("#share-panel")).to_be_hidden()


# ---- the buttons ----


def test_each_title_has_a_button_and_stays_in_one_line(page: Page) -> None:
    page.locator("#live-open").click()
    expect(page.locator("#live-card #live")).to_be_visible()
    for view, title in TITLES.items():
        heading, mark = (box_of(page.locator(f"#{view}-card {part}")) for part in ("h2", ".about-mark"))
        button = box_of(page.get_by_role("button", name=f"Save {title}", exact=True))
        assert (button["width"], button["height"]) == (24, 24)
        middle = heading["y"] + heading["height"] / 2
        assert all(box["y"] < middle < box["y"] + box["height"] for box in (button, mark))
        assert button["x"] + button["width"] < mark["x"]
    page.locator("#live-close").click()
    expect(page.locator("#live-card #live")).to_be_hidden()


def test_the_keyboard_can_save(page: Page) -> None:
    opener = page.get_by_role("button", name="Save Region map", exact=True)
    opener.focus()
    page.keyboard.press("Enter")
    menu = page.locator("#region-map-save-menu")
    expect(menu).to_be_visible()
    page.keyboard.press("Tab")
    expect(menu.get_by_role("button", name="SVG")).to_be_focused()
    page.keyboard.press("Tab")
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    assert coming.value.suggested_filename == "hmmrnn-linear-2-region-map.png"
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(opener).to_be_focused()


# ---- sessions ----


def choose_session(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as dialog:
        share(page).get_by_role("button", name="Open session…").click()
    dialog.value.set_files(path)


def links(page: Page) -> dict[str, Any]:
    """All that the page keeps, as links."""
    found: dict[str, Any] = page.evaluate(
        """() => {
            const { store, link } = window.dash_clientside.hmmrnn;
            const { past, present, future } = store.history();
            return { past: past.map(link), present: link(present), future: future.map(link) };
        }"""
    )
    return found


def test_a_session_is_saved_and_goes_on_after_other_things_were_done(page: Page, tmp_path: Path) -> None:
    for _ in range(2):
        click(page.locator("#new-noise"))
    click(page.locator("#undo"))
    kept, shown = links(page), picture(page)
    path = downloaded(page, share(page).get_by_role("button", name="Save session"), tmp_path)
    close_share(page)
    assert path.name == "hmmrnn-session-linear-2.json"
    session = json.loads(path.read_text())
    assert {key: session[key] for key in kept} == kept
    assert (session["format"], session["version"], len(kept["future"])) == ("hmmrnn-session", 1, 1)

    click(page.locator("#reset"))
    own = links(page)
    contents = {
        "notes.json": ("dear diary", "notes.json was not opened: this file is no JSON"),
        "gone.json": (json.dumps({**session, "past": ["?model=gone"]}), "there is no network 'gone'"),
        "large.json": (" " * 1_000_001, "large.json was not opened: it has 1,000,001 bytes"),
    }
    for name, (text, words) in contents.items():
        (tmp_path / name).write_text(text)
        choose_session(page, tmp_path / name)
        expect(notice(page)).to_contain_text(words)
        assert links(page) == own, "what is no session changes nothing"
    with changing(page):
        choose_session(page, path)
    expect(notice(page)).to_contain_text("hmmrnn-session-linear-2.json is open")
    expect(page.locator("#share-panel")).to_be_hidden()
    assert picture(page) == shown
    assert links(page) == {**kept, "past": [*own["past"], own["present"], *kept["past"]]}

    # One that is dropped on the panel is not taken for a network (assets/pages/uploads.mjs).
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    share(page)
    with changing(page):
        page.evaluate(DROP, ["#share-panel", "mine.json", json.dumps({**session, "present": kept["future"][0]})])
    assert address(page) == kept["future"][0]
    expect(notice(page)).to_contain_text("mine.json is open")
    assert not [url for url in sent if "/files" in url]
    dismiss(page)
