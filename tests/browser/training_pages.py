"""The form and the page of a training, as a user fills in the one and watches the other."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import READY_MS, SMALL


def open_form(page: Page, url: str) -> None:
    """Load the form of a new training and wait until the server has looked at it."""
    page.goto(f"{url}/train{SMALL.removeprefix('/bench')}")
    expect_form(page)


def expect_form(page: Page) -> None:
    expect(page.locator("#train-facts")).to_contain_text("In the long run")


def fill_form(page: Page, **values: int) -> None:
    """Type numbers into the form: neurons, inputs, seed, steps."""
    for name, value in values.items():
        page.locator(f"#train-{name}").fill(str(value))


def train(page: Page) -> str:
    """Start what the form says; returns the path of the training's page, which is then shown."""
    page.locator("#train-start").click()
    page.wait_for_url(re.compile(r"/train/[0-9a-f]{12}"))
    expect(page.locator("#job-title")).to_be_visible()
    return str(page.evaluate("location.pathname"))


def expect_job(page: Page, words: str) -> None:
    """Wait until the page of a training says where it stands with these words."""
    expect(page.locator("#job-state")).to_contain_text(re.compile(words), timeout=READY_MS)


def matrix_cell(page: Page, name: str, row: int, column: int) -> Locator:
    return page.locator(f"#cell-{name}-{row}-{column}")


def paste(page: Page, cell: Locator, text: str) -> None:
    """Paste into a cell of a matrix, as from a spreadsheet."""
    cell.evaluate(
        """(cell, text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            cell.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )
