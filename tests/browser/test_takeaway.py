"""Can everything that is shown be carried off, and does it come back as it was?"""

from __future__ import annotations

import csv
import json
import math
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Download, Locator, Page, Request, expect

from hmmrnn.dashboard import queries
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.dashboard.takeaway import code_of
from hmmrnn.figures.theme import LIGHT
from tests.browser.pages import (
    MAIN_VIEWS,
    SMALL,
    address,
    changing,
    complaints,
    figure_data,
    figure_layout,
    picture,
    put,
    scenario,
    set_scheme,
    settle,
)

pytestmark = pytest.mark.browser

Viewer = Callable[[], BrowserContext]
Trace = dict[str, Any]
TOUCHED = f"{SMALL}&ablate=3&model=linear-2"
SILENCED = [{"neurons": [3], "mu": 0.0, "target": "unit"}]
TITLES = dict(zip(MAIN_VIEWS, ("State space", "Region map", "Emission along the orbit", "Connectivity"), strict=True))
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
def page(started: Page) -> Page:
    expect(started.locator(".takeaway-save")).to_have_count(len(MAIN_VIEWS))
    return started


@pytest.fixture
def touched(page: Page) -> Page:
    """The page with a silenced neuron, so that the intact network is drawn too."""
    put(page, interventions=SILENCED)
    assert scenario(page) == Scenario.from_query(TOUCHED.lstrip("/"), "")
    return page


def open_views(page: Page, url: str) -> None:
    """Open a link and wait until the four views show it and can be saved."""
    page.goto(url)
    settle(page)
    expect(page.locator(".takeaway-save")).to_have_count(len(MAIN_VIEWS))


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
    return stored(coming.value, folder)


def stored(download: Download, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def saved_figure(page: Page, view: str, kind: str, folder: Path) -> Path:
    """A figure's file, by the small button at its view."""
    title = TITLES[view]
    page.get_by_role("button", name=f"Save {title}", exact=True).click()
    path = downloaded(page, page.locator(f"#{view}-save-menu").get_by_role("button", name=kind.upper()), folder)
    page.keyboard.press("Escape")
    assert path.name == f"hmmrnn-{scenario(page).model}-{view}.{kind}"
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(rows: list[dict[str, str]], name: str) -> list[float]:
    """Numbers of a column; NaN where nothing is written."""
    return [float(row[name] or "nan") for row in rows]


def listed(given: Any) -> list[Any]:
    """A figure's array as the browser tests read it: a list, or its values beside a shape; NaN came as null."""
    values = given["values"] if isinstance(given, dict) else given
    return [math.nan if value is None else value for value in values]


def traces_of(page: Page, view: str) -> Iterator[tuple[str, Trace]]:
    """The traces of a view and the names that they have in a file."""
    for i, trace in enumerate(figure_data(page, view)):
        yield trace.get("name") or f"trace {i + 1}", trace


# ---- figures ----


def test_each_view_is_saved_as_vectors_and_at_print_size(touched: Page, tmp_path: Path) -> None:
    page = touched
    for view in MAIN_VIEWS:
        picture_of = ElementTree.parse(saved_figure(page, view, "svg", tmp_path)).getroot()
        assert picture_of.tag == f"{SVG}svg", view
        assert not list(picture_of.iter(f"{SVG}image")), view
        markers = [trace for _, trace in traces_of(page, view) if trace.get("mode") == "markers"]
        points = sum(sum(math.isfinite(x) for x in listed(trace["x"])) for trace in markers)
        paths = list(picture_of.iter(f"{SVG}path"))
        assert len(paths) > 50, view
        assert len([path for path in paths if "point" in path.get("class", "").split()]) >= points, view
        ground = picture_of[0]
        assert (ground.tag, ground.get("fill")) == (f"{SVG}rect", LIGHT.ground), view
        header = saved_figure(page, view, "png", tmp_path).read_bytes()[:24]
        assert header[:8] == b"\x89PNG\r\n\x1a\n", view
        assert struct.unpack(">I", header[16:20])[0] >= PRINT_WIDTH, view


def test_the_cells_of_a_heatmap_are_paths_in_its_colours(touched: Page, tmp_path: Path) -> None:
    page = touched
    strip = next(trace for name, trace in traces_of(page, "orbit") if name == "region")
    assert cell_count(saved_figure(page, "orbit", "svg", tmp_path)) == len([z for z in listed(strip["z"]) if z == z])
    fills = {fill for fill, _ in cells(tmp_path / "hmmrnn-linear-2-orbit.svg")}
    regions = {f"rgb({','.join(str(int(c[i : i + 2], 16)) for i in (1, 3, 5))})" for c in LIGHT.regions.values()}
    assert fills <= regions
    grids = [trace for _, trace in traces_of(page, "connectivity")]
    path = saved_figure(page, "connectivity", "svg", tmp_path)
    assert cell_count(path) == sum(len(listed(trace["z"])) for trace in grids)
    wanted = np.unique(np.concatenate([expected_colours(trace) for trace in grids]).round(), axis=0)
    drawn = np.array([[int(c) for c in fill[4:-1].split(",")] for fill, _ in cells(path)])
    distance = np.abs(drawn[:, None] - wanted[None]).max(axis=2)
    assert distance.min(axis=0).max() <= 1
    assert distance.min(axis=1).max() <= 1


def cells(path: Path) -> list[tuple[str, str]]:
    """Colour and outline of the cells of all heatmaps of a picture."""
    groups = [g for g in ElementTree.parse(path).iter(f"{SVG}g") if g.get("shape-rendering") == "crispEdges"]
    return [(p.get("fill") or "", p.get("d") or "") for g in groups for p in g if p.get("d", "").endswith("Z")]


def cell_count(path: Path) -> int:
    return sum(outline.count("Z") for _, outline in cells(path))


def expected_colours(trace: Trace) -> np.ndarray:
    """(S, 3) the colours of the cells of a heatmap, by NumPy's interpolation."""
    at, colours = zip(*trace["colorscale"], strict=True)
    channels = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours])
    share = (np.array(listed(trace["z"])) - trace["zmin"]) / (trace["zmax"] - trace["zmin"])
    return np.stack([np.interp(share, at, channels[:, i]) for i in range(3)], axis=-1)


def test_a_picture_shows_the_stretch_that_is_looked_at(touched: Page, tmp_path: Path) -> None:
    page = touched
    before = figure_layout(page, "state-space")["xaxis"]["range"]
    box = page.locator("#state-space .nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    # One turn of the wheel zooms a little, whatever its length.
    for _ in range(5):
        page.mouse.wheel(0, -100)
    page.wait_for_function(
        """width => { const { range } = document.querySelector("#state-space .js-plotly-plot").layout.xaxis;
            return range[1] - range[0] < 0.8 * width; }""",
        arg=before[1] - before[0],
    )
    settle(page)
    low, high = figure_layout(page, "state-space")["xaxis"]["range"]
    picture_of = ElementTree.parse(saved_figure(page, "state-space", "svg", tmp_path))
    ticks = [g for g in picture_of.iter(f"{SVG}g") if g.get("class") == "xtick"]
    numbers = [float("".join(tick.itertext()).replace("−", "-")) for tick in ticks]
    assert len(numbers) > 1
    assert low <= min(numbers) < max(numbers) <= high
    assert max(numbers) - min(numbers) > 0.4 * (high - low)


def test_in_three_dimensions_there_is_no_svg_but_a_picture_for_print(touched: Page, tmp_path: Path) -> None:
    page = touched
    put(page, dimensions=3)
    page.get_by_role("button", name="Save State space", exact=True).click()
    menu = page.locator("#state-space-save-menu")
    expect(menu.get_by_role("button", name="SVG")).to_be_disabled()
    expect(menu).to_contain_text("In 3-D an SVG would hold a raster picture: save the PNG, or choose 2-D first.")
    page.keyboard.press("Escape")
    header = saved_figure(page, "state-space", "png", tmp_path).read_bytes()[:24]
    assert struct.unpack(">I", header[16:20])[0] >= PRINT_WIDTH
    rows = rows_of(saved_figure(page, "state-space", "csv", tmp_path))
    for name, trace in traces_of(page, "state-space"):
        for axis, title in (("x", "PC1 of h"), ("y", "PC2 of h"), ("z", "PC3 of h")):
            found = column([row for row in rows if row["trace"] == name], title)
            np.testing.assert_array_equal(np.float32(found), np.float32(listed(trace[axis])))


# ---- data ----


def test_the_states_are_saved_with_run_and_step(touched: Page, tmp_path: Path) -> None:
    page = touched
    rows = rows_of(saved_figure(page, "state-space", "csv", tmp_path))
    assert list(rows[0]) == ["trace", "PC1 of h (activity)", "PC2 of h (activity)", "run", "step"]
    written = 0
    for name, trace in traces_of(page, "state-space"):
        own = [row for row in rows if row["trace"] == name]
        written += len(own)
        for axis, title in (("x", "PC1 of h (activity)"), ("y", "PC2 of h (activity)")):
            np.testing.assert_array_equal(np.float32(column(own, title)), np.float32(listed(trace[axis])))
        if "customdata" in trace:
            indices = np.array(listed(trace["customdata"])).reshape(-1, 2)
            assert [[int(row["run"]), int(row["step"])] for row in own] == indices.tolist()
            assert len(indices)
        else:
            assert {row["run"] for row in own} == {""}
    assert written == len(rows)


def test_a_colour_that_is_a_number_has_a_column_with_its_unit(page: Page, tmp_path: Path) -> None:
    put(page, colour="speed")
    rows = rows_of(saved_figure(page, "state-space", "csv", tmp_path))
    trace = next(trace for _, trace in traces_of(page, "state-space") if "colorbar" in trace.get("marker", {}))
    own = [row for row in rows if row["trace"] == trace["name"]]
    found = np.float32(column(own, "speed (plane units per step)"))
    np.testing.assert_array_equal(found, np.float32(listed(trace["marker"]["color"])))


def test_regions_orbit_and_weights_are_saved_as_they_are_drawn(touched: Page, tmp_path: Path) -> None:
    page = touched
    rows = rows_of(saved_figure(page, "region-map", "csv", tmp_path))
    for name, trace in traces_of(page, "region-map"):
        own = [row for row in rows if row["trace"] == name]
        found = np.float32(column(own, "PC1 of h (activity)"))
        np.testing.assert_array_equal(found, np.float32(listed(trace["x"])))
        if "customdata" in trace:
            found = [column(own, title) for title in ("run", "step", "residency time (steps)")]
            wanted = np.float32(listed(trace["customdata"])).reshape(-1, 3)
            np.testing.assert_array_equal(np.float32(found).T, wanted)
    rows = rows_of(saved_figure(page, "orbit", "csv", tmp_path))
    for name, trace in traces_of(page, "orbit"):
        own = [row for row in rows if row["trace"] == name]
        title = {"bar": "% time", "heatmap": "value"}.get(trace["type"], "P(emission)")
        values = listed(trace["z"] if trace["type"] == "heatmap" else trace["y"])
        np.testing.assert_array_equal(column(own, title), values)
        where = "column" if trace["type"] == "heatmap" else "orbit phase (degrees)"
        np.testing.assert_array_equal(column(own, where), listed(trace["x"]))
    rows = rows_of(saved_figure(page, "connectivity", "csv", tmp_path))
    for name, trace in traces_of(page, "connectivity"):
        own = [row for row in rows if row["trace"] == name]
        assert [(row["row"], row["column"]) for row in own] == [(y, x) for y in trace["y"] for x in trace["x"]]
        np.testing.assert_array_equal(np.float32(column(own, "value")), np.float32(listed(trace["z"])))


def test_the_run_is_saved_as_it_is_shown(touched: Page, tmp_path: Path) -> None:
    page = touched
    path = downloaded(page, share(page).get_by_role("button", name="Run as NPZ"), tmp_path)
    assert path.name == "hmmrnn-linear-2-run.npz"
    with np.load(path) as run:
        assert str(run["link"]) == address(page)
        points = run["points"]
    for trace in figure_data(page, "state-space"):
        if "customdata" in trace:
            at, step = np.array(listed(trace["customdata"])).reshape(-1, 2).T
            drawn = np.float32([listed(trace["x"]), listed(trace["y"])]).T
            np.testing.assert_array_equal(points[at, step - 1, :2], drawn)
    close_share(page)


def test_a_run_that_cannot_be_written_says_why(page: Page) -> None:
    page.route("**/run.npz/check?*", lambda route: route.fulfill(json={"refused": "it is too large."}))
    share(page).get_by_role("button", name="Run as NPZ").click()
    expect(notice(page)).to_have_text("The run was not written: it is too large.")
    page.unroute("**/run.npz/check?*")
    dismiss(page)
    close_share(page)


# ---- link, code, report ----


@pytest.mark.usefixtures("clipboard")
def test_link_and_code_go_to_the_clipboard(touched: Page) -> None:
    page = touched
    share(page).get_by_role("button", name="Copy link").click()
    expect(notice(page)).to_have_text("The link to this page is in the clipboard.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    share(page).get_by_role("button", name="Copy as Python").click()
    expect(notice(page)).to_have_text("The Python that gives these numbers is in the clipboard.")
    code = page.evaluate("navigator.clipboard.readText()")
    assert page.get_by_label("Python that gives the same numbers").input_value() == code
    shown = scenario(page)
    assert code == code_of(shown)
    names: dict[str, Any] = {}
    exec(code, names)
    np.testing.assert_array_equal(np.float32(names["points"]), queries.motion_of(shown).points)
    dismiss(page)
    close_share(page)


def test_without_a_clipboard_the_link_is_in_the_address_bar(page: Page) -> None:
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    share(page).get_by_role("button", name="Copy link").click()
    expect(notice(page)).to_contain_text("copy the link from the address bar")
    page.evaluate("delete navigator.clipboard")
    dismiss(page)
    close_share(page)


def test_the_report_is_one_step_away(page: Page) -> None:
    share(page).get_by_role("button", name="Open the report").click()
    expect(page.locator("#report-tab")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#share-panel")).to_be_hidden()
    assert scenario(page).tab == "report"


def test_the_graph_of_the_open_tab_is_among_the_figures(page: Page, tmp_path: Path) -> None:
    page.locator("#readout-tab").click()
    expect(page.locator("#readout .main-svg").first).to_be_visible()
    path = downloaded(page, share(page).get_by_role("button", name="Readout as SVG"), tmp_path)
    assert not list(ElementTree.parse(path).iter(f"{SVG}image"))
    path = downloaded(page, share(page).get_by_role("button", name="Readout as CSV"), tmp_path)
    assert {row["trace"] for row in rows_of(path)} == {name for name, _ in traces_of(page, "readout")}
    close_share(page)


# ---- the buttons ----


def test_each_title_has_a_button_and_stays_in_one_line(page: Page) -> None:
    page.locator("#live-open").click()
    expect(page.locator("#live-card #live")).to_be_visible()
    for view, title in TITLES.items():
        heading = page.locator(f"#{view}-card h2").bounding_box()
        button = page.get_by_role("button", name=f"Save {title}", exact=True).bounding_box()
        mark = page.locator(f"#{view}-card .about-mark").bounding_box()
        assert heading
        assert button
        assert mark
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


def test_axe_finds_nothing_serious(page: Page) -> None:
    put(page, dimensions=3)
    found = {}
    for scheme in ("dark", "light"):
        set_scheme(page, scheme)
        share(page).get_by_role("button", name="Copy as Python").click()
        expect(page.locator("#code-text")).to_be_visible()
        found[scheme, "panel"] = complaints(page)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Save State space", exact=True).click()
        expect(page.locator("#state-space-save-menu")).to_be_visible()
        found[scheme, "menu"] = complaints(page)
        page.keyboard.press("Escape")
        dismiss(page)
    page.evaluate("window.localStorage.removeItem('hmmrnn-scheme')")
    assert not any(found.values()), found


# ---- sessions ----


def choose_session(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as dialog:
        share(page).get_by_role("button", name="Open session…").click()
    dialog.value.set_files(path)


def links(page: Page) -> dict[str, Any]:
    """All that the page keeps, as links."""
    found: dict[str, Any] = page.evaluate(
        """() => {
            const { history, address } = window.dash_clientside.hmmrnn;
            const { past, present, future } = history();
            return { past: past.map(address), present: address(present), future: future.map(address) };
        }"""
    )
    return found


def what_a_scenario_decides(page: Page) -> dict[str, str]:
    """What is shown, without the order of the weights, which waits for the search for kick neurons."""
    return {view: shown for view, shown in picture(page).items() if view != "connectivity"}


def test_a_session_goes_on_in_another_browser(fresh: Page, server: str, viewer: Viewer, tmp_path: Path) -> None:
    # Its history is all that has been done.
    page = fresh
    open_views(page, server + TOUCHED)
    for _ in range(3):
        with changing(page):
            page.locator("#new-noise").click()
    with changing(page):
        page.locator("#undo").click()
    kept, shown = links(page), what_a_scenario_decides(page)
    path = downloaded(page, share(page).get_by_role("button", name="Save session"), tmp_path)
    assert path.name == "hmmrnn-session-linear-2.json"
    session = json.loads(path.read_text())
    assert {key: session[key] for key in kept} == kept
    assert (session["format"], session["version"]) == ("hmmrnn-session", 1)
    assert (len(kept["past"]), len(kept["future"])) == (2, 1)

    other = viewer().new_page()
    open_views(other, f"{server}{SMALL}&model=linear-2&seed=9")
    own = address(other)
    with changing(other):
        choose_session(other, path)
    expect(notice(other)).to_contain_text("hmmrnn-session-linear-2.json is open")
    expect(other.locator("#share-panel")).to_be_hidden()
    assert what_a_scenario_decides(other) == shown
    assert links(other) == {**kept, "past": [own, *kept["past"]]}
    with changing(other):
        other.locator("#redo").click()
    assert address(other) == kept["future"][0]
    for link in (kept["present"], *reversed(kept["past"])):
        with changing(other):
            other.locator("#undo").click()
        assert address(other) == link


def test_what_is_no_session_says_why_and_nothing_is_lost(touched: Page, tmp_path: Path) -> None:
    page = touched
    with changing(page):
        page.locator("#new-noise").click()
    kept = links(page)
    session = {"format": "hmmrnn-session", "version": 1, "saved": "", **kept}
    contents = {
        "notes.json": ("dear diary", "notes.json was not opened: this file is no JSON"),
        "new.json": (json.dumps({**session, "version": 2}), "this session has version 2; expected 1"),
        "gone.json": (json.dumps({**session, "past": ["?model=gone"]}), "there is no network 'gone'"),
        "large.json": (" " * 1_000_001, "large.json was not opened: it has 1,000,001 bytes"),
    }
    for name, (text, words) in contents.items():
        path = tmp_path / name
        path.write_text(text)
        choose_session(page, path)
        expect(notice(page)).to_contain_text(words)
        assert links(page) == kept
    dismiss(page)
    close_share(page)


def test_a_session_can_be_dropped_on_the_panel(page: Page) -> None:
    sent: list[str] = []

    def hear(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    page.on("request", hear)
    target = Scenario.from_query(TOUCHED.lstrip("/"), "").to_query()
    session = {"format": "hmmrnn-session", "version": 1, "saved": "", "past": [], "present": target, "future": []}
    share(page)
    with changing(page):
        page.evaluate(DROP, ["#share-panel", "mine.json", json.dumps(session)])
    assert address(page) == f"?{target}"
    expect(notice(page)).to_contain_text("mine.json is open")
    # It is not taken for a network (assets/files.js).
    assert not [url for url in sent if "/files" in url]
    page.remove_listener("request", hear)
    dismiss(page)
