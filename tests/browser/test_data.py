"""Own data: from a table to an explored network, on one page.

What the page says at each step is tested in tests/dashboard/test_data_page.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hmmrnn import HMM
from tests.browser.pages import READY_MS, complaints, go, scenario, settle, wait_until

pytestmark = pytest.mark.browser

KNOWN = HMM([[0.9, 0.1], [0.2, 0.8]], [[0.95, 0.05], [0.1, 0.9]])


def table(folder: Path, length: int = 40) -> Path:
    rows = [f"fly{id},{('walk', 'rest')[o]}" for id, one in enumerate(KNOWN.sample(22, length, 0)[0]) for o in one]
    (folder / "flies.csv").write_text("\n".join(["animal,behaviour", *rows]))
    return folder / "flies.csv"


def test_a_fit_and_a_training_are_cancelled(page: Page, tmp_path: Path) -> None:
    go(page, "/data")
    page.locator("#data-file-input").set_input_files(table(tmp_path, 200))
    fit, fitted = page.locator("#data-fit-cancel"), page.locator("#data-fit-state")
    fit.click()
    expect(fitted).to_contain_text("Cancelled: the HMMs are not fitted")
    expect(fit).to_have_text("Fit")
    expect(page.locator("#data-train")).to_be_disabled()
    go(page, "/data")
    page.locator("#data-most").fill("2")
    page.locator("#data-file-input").set_input_files(table(tmp_path))
    expect(fitted).to_contain_text("2 states: the fewest")
    page.locator("#data-neurons").fill("5")
    page.locator("#data-steps").fill("20000")
    page.locator("#data-train").click()
    training = page.locator("#data-train-state")
    expect(training).to_contain_text("Training: step")
    page.locator("#data-train-cancel").click()
    expect(training).to_contain_text("Cancelled at step")
    expect(page.locator("#data-train-cancel")).to_be_hidden()
    page.locator("#data-steps").fill("3")
    page.locator("#data-train").click()
    expect(training).to_contain_text("Done: it is the network")


def test_a_table_becomes_an_explored_network(page: Page, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("walk\nwalk")
    go(page, "/data")
    page.locator("#data-most").fill("2")
    page.locator("#data-example").click()
    expect(page.locator("#data-read")).to_contain_text("40 sequences of 60 symbols")
    go(page, "/data")
    page.locator("#data-most").fill("2")
    page.locator("#data-file-input").set_input_files(tmp_path / "bad.csv")
    expect(page.locator("#data-problem")).to_contain_text("at least 2 different symbols")
    page.locator("#data-file-input").set_input_files(table(tmp_path))
    expect(page.locator("#data-read")).to_contain_text("22 sequences of 40 symbols")
    expect(page.locator("#data-fit-state")).to_contain_text("2 states: the fewest", timeout=READY_MS)
    expect(page.locator("#data-choice button")).to_have_count(2)
    page.locator("#data-neurons").fill("6")
    page.locator("#data-steps").fill("3")
    page.locator("#data-train").click()
    expect(page.locator("#data-train-state")).to_contain_text("Done: it is the network", timeout=READY_MS)
    expect(page.locator("#data-compare-state")).to_contain_text("HMM and network", timeout=READY_MS)
    expect(page.locator("#data-table thead")).to_contain_text("Network")
    assert complaints(page) == []
    for width, height in ((1024, 768), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        # Once the figures have their new width.
        wait_until(
            page, "(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)(document.querySelector('.data-steps'))"
        )
    name = page.locator("#data-train-state").inner_text().split()[-1].rstrip(".")
    page.locator("#data-explore").click()
    wait_until(page, "location.pathname === '/bench'")
    settle(page)
    assert scenario(page).model == name

    # Each page that was opened once lies over the views by itself.
    for path in ("/train", "/data"):
        go(page, path)
        expect(page.locator(".over > .body").locator("visible=true")).to_have_count(1)
