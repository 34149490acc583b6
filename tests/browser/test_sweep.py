"""A sweep is watched as it goes, and its networks are found in the table, in the figure and in a file.

What the page says of sweeps in every state is tested in tests/dashboard/test_sweep_page.py.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import ROOT
from tests.browser.pages import complaints, go, in_windows_where_it_fits, scenario, settle, trace_names, wait_until
from tests.browser.training_pages import expect_job
from tests.programs import PATIENCE_SECONDS, ending_with_tests

pytestmark = pytest.mark.browser

GRID = ("--families", "linear-2", "--neurons", "6", "--inputs", "1", "3", "--seeds", "0")
TINY = ("--batch", "8", "--length", "10", "--steps", "4", "--progress", "none")
LAYOUT = "document.querySelector('#sweep-figure .js-plotly-plot').layout"


@pytest.fixture
def sweep(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A sweep `watched` that begins beside the server, as from a shell of the same machine."""
    command = [sys.executable, "-m", "hmmrnn", "sweep", "--name", "watched", *GRID, *TINY]
    environment = {**os.environ, "HMMRNN_DATA": str(data)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, preexec_fn=ending_with_tests()
    )
    yield process
    process.terminate()
    process.wait(PATIENCE_SECONDS)


def expect_state(page: Page, words: str) -> None:
    expect(page.locator("#sweep-state")).to_contain_text(re.compile(words))


def expect_layout(page: Page, value: str, wanted: str) -> None:
    """Wait until a value of the figure's layout is the wanted one."""
    wait_until(page, f"wanted => {LAYOUT}.{value} === wanted", arg=wanted)


def test_a_sweep_is_watched_to_its_end_and_its_networks_are_opened(page: Page, sweep: subprocess.Popen[bytes]) -> None:
    heading = page.get_by_role("heading", name="A sweep: many networks of different sizes")
    go(page, "/sweep/nowhere")
    expect(page.locator("#notice")).to_contain_text("There is no sweep 'nowhere'")
    wait_until(page, "location.pathname === '/sweep'")
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_role("link", name="Bench").click()
    page.get_by_role("link", name="Train").click()
    page.get_by_role("link", name="Sweeps", exact=True).click()
    expect(heading).to_be_visible()
    expect(page.locator("#state-space")).to_be_hidden()
    assert complaints(page) == [], "the list"
    page.locator("#sweep-list").get_by_role("link", name="watched").click()
    expect(page.locator("#sweep-title")).to_have_text("Sweep watched: 2 trainings")
    assert page.evaluate("location.pathname") == "/sweep/watched"
    # The page shows the end of it without being loaded again.
    expect_state(page, r"^2 of 2 done, \d of them within the gate\.$")
    assert sweep.wait(PATIENCE_SECONDS) == 0

    page.get_by_role("link", name="Compare its networks (2)").click()
    expect(page.locator("#sides-chosen li")).to_have_count(2)
    page.go_back()
    expect(page.locator("#sweep-title")).to_have_text("Sweep watched: 2 trainings")

    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    page.locator("#sweep-measure").click()
    page.get_by_role("option", name="Symbol switch rate, ratio").click()
    expect_layout(page, "yaxis.title.text", "Symbol switch rate, ratio")
    assert "N = 6" in trace_names(page, "sweep-figure")
    page.locator("#sweep-axis").get_by_text("Against N").click()
    expect_layout(page, "xaxis.title.text", "N (recurrent units)")

    for _ in in_windows_where_it_fits(page):
        expect(page.locator("#sweep-figure .main-svg").first).to_be_in_viewport(ratio=1)
        expect(page.locator("#sweep-table .ag-row").first).to_be_in_viewport(ratio=0.9)
    for scheme in ("Dark", "Light"):
        assert complaints(page) == [], f"before it is {scheme}"
        before = page.evaluate(f"{LAYOUT}.paper_bgcolor")
        page.get_by_role("button", name=scheme).click()
        wait_until(page, f"before => {LAYOUT}.paper_bgcolor !== before", arg=before)
    page.evaluate("localStorage.clear()")

    rows = page.locator("#sweep-table .ag-center-cols-container .ag-row")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("done")
    explore = rows.first.get_by_role("link", name="explore")
    model = str(explore.get_attribute("href")).removeprefix("/?model=")
    rows.first.get_by_role("link", name="progress").click()
    expect_job(page, f"Done: it is the network {model}")
    page.go_back()
    expect_state(page, "2 of 2 done")
    explore.click()
    wait_until(page, "location.pathname === '/bench'")
    settle(page)
    assert scenario(page).model == model
    page.go_back()
    wait_until(page, "location.pathname === '/sweep/watched'")
    expect_state(page, "2 of 2 done")


def test_the_links_of_the_table_do_not_wait_for_the_script_of_the_page(
    page: Page, sweep: subprocess.Popen[bytes]
) -> None:
    """The grid may be drawn first: then it would complain that it knows no such cells."""
    held: list[Route] = []
    page.route("**/pages/sweeps.mjs", lambda route: held.append(route))
    with page.expect_request("**/pages/sweeps.mjs"):
        page.goto(page.url.replace("/bench", "/sweep/watched"))
    expect(page.locator("#sweep-table .ag-header")).to_be_visible()
    assert [route.continue_() for route in held] == [None]
    expect(page.locator("#sweep-table").get_by_role("link", name="explore").first).to_be_visible()
    assert complaints(page) == []
    assert sweep.wait(PATIENCE_SECONDS) == 0
