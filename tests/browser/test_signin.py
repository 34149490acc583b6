"""Users sign in by keyboard, arrive where they were going, and sign out, without losing anything.

Sessions and the rules of the form are tested in tests/server/auth.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.auth import users
from tests.browser.conftest import Look, Server, Watch, new_context
from tests.browser.pages import SMALL, address, changing, complaints, scenario, settle, wait_until

pytest_plugins = ["tests.fixtures_dashboard"]
pytestmark = pytest.mark.browser

NAME, PASSWORD = "ada", "correct horse"
LINK = f"{SMALL}&model=linear-2&ablate=13,22&seed=5"
_GROUND = """(dark) => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
    return (red + green + blue < 200) === dark && red + green + blue > 0;
}"""


@pytest.fixture
def closed(cache: Path, shelf, tmp_path: Path) -> Iterator[Server]:
    """A server of small networks that lets in only users who sign in."""
    users.add(tmp_path / "users", NAME, PASSWORD)
    environment = {"HMMRNN_USERS": str(tmp_path / "users"), "HMMRNN_MODELS": str(shelf.models)}
    # What a worker computes is not looked at.
    running = Server(cache, tmp_path, "--no-worker", **environment)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    """A tab of a user who has not signed in, and has no live view open."""
    context = new_context(browser, Look())
    yield context.new_page()
    context.close()


def fill_in(page: Page) -> None:
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def new_noise(page: Page) -> None:
    page.get_by_role("button", name="New noise").click()


def test_signing_in_and_out_costs_nothing(closed: Server, visitor: Page, watch: Watch) -> None:
    watch.on(visitor)
    visitor.goto(closed.url + LINK)
    expect(visitor).to_have_title("Sign in: hmmrnn")
    expect(visitor.get_by_label("Name")).to_be_focused()
    visitor.keyboard.type(NAME)
    visitor.keyboard.press("Tab")
    expect(visitor.get_by_label("Password")).to_be_focused()
    visitor.keyboard.type("wrong password")
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("alert")).to_have_text("No such name and password. Try again.")
    for scheme in ("dark", "light"):
        visitor.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        wait_until(visitor, _GROUND, arg=scheme == "dark")
        assert complaints(visitor) == [], scheme
    expect(visitor.get_by_label("Password")).to_be_focused()
    visitor.keyboard.type(PASSWORD)
    visitor.keyboard.press("Tab")
    expect(visitor.get_by_role("button", name="Sign in")).to_be_focused()
    visitor.keyboard.press("Enter")
    settle(visitor)
    assert scenario(visitor) == Scenario.from_query(LINK.partition("?")[2], "")
    assert watch.console == []
    assert all(url.startswith(closed.url) for url in watch.elsewhere())

    # The session ends; the page stays, and so does what is done meanwhile.
    visitor.context.clear_cookies()
    new_noise(visitor)
    banner = visitor.locator("#signed-out")
    expect(banner).to_contain_text("You are signed out")
    expect(visitor.locator("#state-space .main-svg").first).to_be_visible()
    there = address(visitor)
    banner.get_by_role("link", name="Sign in again").click()
    fill_in(visitor)
    settle(visitor)
    assert address(visitor) == there
    expect(banner).to_have_count(0)
    with changing(visitor):
        visitor.get_by_role("button", name="Undo").click()
    assert scenario(visitor).seed == 5

    # It ends again, and another tab signs in.
    visitor.context.clear_cookies()
    new_noise(visitor)
    expect(banner).to_be_visible()
    other = visitor.context.new_page()
    other.goto(f"{closed.url}/train")
    fill_in(other)
    expect(other.get_by_role("button", name="Sign out")).to_be_visible()
    other.close()
    new_noise(visitor)
    expect(banner).to_have_count(0)
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor).to_have_title("Sign in: hmmrnn")
    visitor.goto(closed.url + LINK)
    expect(visitor).to_have_title("Sign in: hmmrnn")
