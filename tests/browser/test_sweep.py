"""Is a sweep watched as it goes, and are its networks found, in the table, in the figure and as a file?"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hmmrnn.checkpoint import load
from hmmrnn.fidelity import fidelity
from hmmrnn.hmm import HMM
from hmmrnn.training import FIDELITY_NUMBERS
from tests.browser.conftest import ROOT
from tests.browser.pages import READY_MS, SMALL, complaints, figure_data, figure_layout, scenario, settle
from tests.programs import PATIENCE_SECONDS

pytestmark = pytest.mark.browser

Start = Callable[[str], subprocess.Popen[bytes]]
GRID = ("--families", "linear-2", "cyclic", "--neurons", "6", "--inputs", "1", "3", "--seeds", "0")
TINY = ("--batch", "8", "--length", "10", "--steps", "4", "--progress", "none")
ONE_LINE = 60


@pytest.fixture
def start(data: Path) -> Iterator[Start]:
    """Begin a sweep beside the server, as from a shell of the same machine."""
    started = []

    def begin(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hmmrnn", "sweep", "--name", name, *GRID, *TINY]
        environment = {**os.environ, "HMMRNN_DATA": str(data)}
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL))
        return started[-1]

    yield begin
    for process in started:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def expect_state(page: Page, words: str) -> None:
    expect(page.locator("#sweep-state")).to_contain_text(re.compile(words), timeout=READY_MS)


def choose_measure(page: Page, words: str) -> None:
    page.locator("#sweep-measure").click()
    page.get_by_role("option", name=words).click()
    title = "document.querySelector('#sweep-figure .js-plotly-plot').layout.yaxis.title.text"
    page.wait_for_function(f"words => {title} === words", arg=words)


def drawn_values(page: Page) -> list[float]:
    """What the figure shows of all networks, by its axis."""
    return sorted(y for trace in figure_data(page, "sweep-figure") if trace["name"] == "N = 6" for y in trace["y"])


def lines(page: Page) -> list[dict[str, str]]:
    """The file that the page offers."""
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    with Path(download.value.path()).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep_is_watched_to_its_end_and_its_networks_are_opened(
    page: Page, server: str, data: Path, start: Start
) -> None:
    page.goto(f"{server}/train{SMALL[1:]}")
    page.get_by_role("link", name="Sweeps", exact=True).click()
    expect(page.get_by_role("heading", name="A sweep: many networks of different sizes")).to_be_visible()
    expect(page.locator("#state-space")).to_be_hidden()
    process = start("watched")
    page.locator("#sweep-list").get_by_role("link", name="watched").click(timeout=READY_MS)
    expect(page.locator("#sweep-title")).to_have_text("Sweep watched: 4 trainings")
    assert page.evaluate("location.pathname") == "/sweep/watched"
    # The page does not have to be loaded again to see the end of it.
    expect_state(page, r"^4 of 4 done, \d of them within the gate\.$")
    assert process.wait(PATIENCE_SECONDS) == 0

    found = lines(page)
    assert [(line["family"], line["n_inputs"]) for line in found] == [
        (family, m) for family in ("linear-2", "cyclic") for m in ("1", "3")
    ]
    for line in found:
        judged = fidelity(load(data / "networks" / f"{line['model']}.safetensors"), HMM.preset(line["family"]))
        for name in FIDELITY_NUMBERS:
            assert float(line[name]) == pytest.approx(getattr(judged, name), abs=5e-5)
    choose_measure(page, "Volatility ratio")
    assert drawn_values(page) == pytest.approx(sorted(float(line["volatility_ratio"]) for line in found))
    page.locator("#sweep-axis").get_by_text("Against N").click()
    page.wait_for_function(
        "document.querySelector('#sweep-figure .js-plotly-plot').layout.xaxis.title.text === 'N (recurrent units)'"
    )
    rows = page.locator("#sweep-table .ag-center-cols-container .ag-row")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("done")

    rows.first.get_by_role("link", name="progress").click()
    page.wait_for_function("id => location.pathname === `/train/${id}`", arg=found[0]["job_id"])
    expect(page.locator("#job-state")).to_contain_text(f"Done: it is the network {found[0]['model']}")
    page.go_back()
    expect_state(page, "4 of 4 done")
    rows.first.get_by_role("link", name="explore").click()
    page.wait_for_function("location.pathname === '/'")
    settle(page)
    assert scenario(page).model == found[0]["model"]
    page.go_back()
    page.wait_for_function("location.pathname === '/sweep/watched'")
    expect_state(page, "4 of 4 done")


def test_the_page_of_a_sweep_fits_its_window_and_is_open_to_everyone(page: Page, server: str, start: Start) -> None:
    start("looked-at")
    page.goto(f"{server}/sweep{SMALL[1:]}")
    assert complaints(page) == []
    page.locator("#sweep-list").get_by_role("link", name="looked-at").click(timeout=READY_MS)
    expect_state(page, "4 of 4 done")
    for width, height in ((1440, 900), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        header = page.locator(".header").bounding_box()
        assert header is not None
        assert header["height"] < ONE_LINE
        expect(page.locator("#sweep-figure .main-svg").first).to_be_in_viewport(ratio=1)
        expect(page.locator("#sweep-table .ag-row").first).to_be_in_viewport(ratio=0.9)
    for scheme in ("Dark", "Light"):
        before = figure_layout(page, "sweep-figure")["paper_bgcolor"]
        assert complaints(page) == []
        page.get_by_role("button", name=scheme).click()
        page.wait_for_function(
            "before => document.querySelector('#sweep-figure .js-plotly-plot').layout.paper_bgcolor !== before",
            arg=before,
        )
    page.evaluate("localStorage.clear()")


def test_an_unknown_sweep_leads_to_the_list(page: Page, server: str) -> None:
    page.goto(f"{server}/sweep/nowhere{SMALL[1:]}")
    expect(page.locator("#notice")).to_contain_text("There is no sweep 'nowhere'")
    page.wait_for_function("location.pathname === '/sweep'")
    expect(page.get_by_role("heading", name="A sweep: many networks of different sizes")).to_be_visible()
