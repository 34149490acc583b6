"""Does one get in with a name and a password, back to where one was going, and out again, losing nothing?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hmmrnn.dashboard import users
from tests.browser.conftest import Server, Watch, new_context
from tests.browser.pages import SMALL, address, complaints, scenario, settle

pytestmark = pytest.mark.browser

NAME, PASSWORD = "ada", "correct horse"
LINK = f"{SMALL}&model=linear-2&ablate=13,22&seed=5"


@pytest.fixture(scope="module")
def closed(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that wants to know who is asking."""
    folder = tmp_path_factory.mktemp("closed")
    users.add(folder / "users", NAME, PASSWORD)
    running = Server(cache, folder / "data")
    with pytest.MonkeyPatch.context() as environment:
        environment.setitem(os.environ, users.VARIABLE, str(folder / "users"))
        running.start()
    yield running
    running.stop()


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    """A tab of somebody who has not signed in, and wants no live view."""
    context = new_context(browser, "reduce")
    yield context.new_page()
    context.close()


def fill_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_keyboard_is_enough_and_leads_to_the_link(closed: Server, visitor: Page) -> None:
    watch = Watch()
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
    expect(visitor.get_by_label("Password")).to_be_focused()
    visitor.keyboard.type(PASSWORD)
    visitor.keyboard.press("Tab")
    expect(visitor.get_by_role("button", name="Sign in")).to_be_focused()
    visitor.keyboard.press("Enter")
    settle(visitor)
    assert "ablate=13,22" in address(visitor)
    assert "seed=5" in address(visitor)
    assert watch.console == []
    assert not [url for url in watch.requests if not url.startswith((closed.url, "data:", "blob:"))]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_is_open_to_everyone_in_the_colours_that_one_likes(closed: Server, visitor: Page, scheme: str) -> None:
    visitor.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    visitor.goto(closed.url)
    fill_in(visitor, "wrong password")
    expect(visitor.get_by_role("alert")).to_be_visible()
    ground = visitor.evaluate("getComputedStyle(document.body).backgroundColor")
    shade = sum(int(value) for value in ground.strip("rgb()").split(","))
    assert (shade < 200) == (scheme == "dark")
    assert complaints(visitor) == []


def test_the_form_needs_no_script(closed: Server, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{closed.url}/train?seed=5")
    fill_in(page)
    expect(page).to_have_title("hmmrnn")
    assert page.url == f"{closed.url}/train?seed=5"
    context.close()


def test_a_session_that_ends_while_the_page_is_open_costs_nothing(closed: Server, visitor: Page) -> None:
    visitor.goto(closed.url + LINK)
    fill_in(visitor)
    settle(visitor)
    visitor.get_by_role("button", name="New noise").click()
    visitor.wait_for_function("location.search.includes('seed=6')")
    settle(visitor)

    visitor.context.clear_cookies()
    visitor.get_by_role("button", name="New noise").click()
    banner = visitor.locator("#signed-out")
    expect(banner).to_contain_text("You are signed out")
    expect(visitor.locator("#state-space .main-svg").first).to_be_visible()
    there = address(visitor)
    banner.get_by_role("link", name="Sign in again").click()
    fill_in(visitor)
    settle(visitor)
    assert address(visitor) == there
    expect(visitor.locator("#signed-out")).to_have_count(0)
    before = scenario(visitor).seed
    visitor.get_by_role("button", name="Undo").click()
    visitor.wait_for_function("seed => location.search.includes(`seed=${seed}&`)", arg=before - 1)
    settle(visitor)


def test_the_banner_goes_when_one_has_signed_in_in_another_tab(closed: Server, visitor: Page) -> None:
    visitor.goto(closed.url + LINK)
    fill_in(visitor)
    settle(visitor)
    visitor.context.clear_cookies()
    visitor.get_by_role("button", name="New noise").click()
    expect(visitor.locator("#signed-out")).to_be_visible()
    other = visitor.context.new_page()
    other.goto(closed.url)
    fill_in(other)
    expect(other.get_by_role("button", name="Sign out")).to_be_visible()
    visitor.get_by_role("button", name="New noise").click()
    expect(visitor.locator("#signed-out")).to_have_count(0)
    settle(visitor)


def test_one_signs_out_by_the_header_and_the_page_is_closed_again(closed: Server, visitor: Page) -> None:
    visitor.goto(closed.url + LINK)
    fill_in(visitor)
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor).to_have_title("Sign in: hmmrnn")
    visitor.goto(closed.url + LINK)
    expect(visitor).to_have_url(re.compile("/sign-in"))


def test_there_is_nothing_to_sign_out_of_where_nobody_signs_in(server: str, visitor: Page) -> None:
    visitor.goto(server + LINK)
    settle(visitor)
    expect(visitor.get_by_role("button", name="Sign out")).to_have_count(0)
