"""Does a network that was saved as a page run from the disk, ask nobody, and still follow the hand?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Watch, new_context
from tests.browser.pages import READY_MS, complaints
from tests.browser.test_live import COUNTED, LINK, MODEL, expect_closed, found_kick, open_live, rate, until

pytestmark = pytest.mark.browser

MOST_BYTES = 2 * 2**20
KICK = "Silence kick group of output 0"


@pytest.fixture(scope="module")
def file(browser: Browser, server: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a click on "Save live page" leaves on the disk."""
    context = new_context(browser)
    page = context.new_page()
    open_live(page, server + LINK)
    found_kick(page)
    with page.expect_download(timeout=READY_MS) as download:
        page.get_by_role("button", name="Save live page").click()
    assert download.value.suggested_filename == f"hmmrnn-live-{MODEL}.html"
    path = tmp_path_factory.mktemp("saved") / "live.html"
    download.value.save_as(path)
    context.close()
    return path


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def opened(browser: Browser, file: Path, watch: Watch) -> Iterator[Page]:
    """The page, opened by someone who has neither the server nor a network; it must have nothing to complain of."""
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    context.set_default_timeout(READY_MS)
    page = context.new_page()
    watch.on(page)
    open_saved(page, file)
    yield page
    context.close()
    assert watch.console == []
    assert {url for url in watch.requests if not url.startswith(("data:", "blob:"))} == {file.as_uri()}


def open_saved(page: Page, file: Path) -> None:
    """Open the page and listen to what its live view says of itself."""
    page.goto(file.as_uri())
    page.evaluate(
        """() => {
            window.hmmrnnLive = {};
            document.querySelector(".live-side").parentElement
                .addEventListener("live-status", ({ detail }) => { hmmrnnLive.status = detail; });
        }"""
    )
    until(page, "s.running && s.step > 0")


def test_it_is_small_and_runs(opened: Page, file: Path) -> None:
    assert file.stat().st_size < MOST_BYTES
    expect(opened.get_by_role("heading", name=MODEL)).to_be_visible()
    expect(opened.locator(".live-story")).to_contain_text("Step")
    before = until(opened, "s.running")["step"]
    until(opened, "s.step > arg", before + 5)


def test_the_kick_group_is_silenced_and_reset_brings_it_back(opened: Page) -> None:
    button = opened.get_by_role("button", name=KICK)
    opened.get_by_label("Speed of the live view").select_option(label="as fast as it goes")
    before = until(opened, "s.counts.intact.steps > 1000")["counts"]["intact"]
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(opened.locator(".live-entry")).to_have_count(1)
    now = until(opened, "!s.intact && s.counts.now.steps >= arg", COUNTED)["counts"]
    expect_closed(now, before)

    opened.get_by_role("button", name="Reset").click()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(opened.locator(".live-entry")).to_have_count(0)
    back = until(opened, "s.intact && s.counts.now.steps >= arg", COUNTED)["counts"]
    assert rate(back["now"]["switches"]) >= 0.5 * rate(now["intact"]["switches"])


def test_one_neuron_its_gain_and_the_noise(opened: Page) -> None:
    box = opened.get_by_label("Neuron to silence")
    box.fill("9999")
    opened.get_by_role("button", name="Silence this neuron").click()
    expect(opened.locator(".live-said")).to_contain_text("There are neurons 0 to")
    expect(opened.locator(".live-entry")).to_have_count(0)
    box.fill("7")
    opened.get_by_role("button", name="Silence this neuron").click()
    until(opened, "!s.intact")
    opened.get_by_label("mu of neuron 7").fill("1")
    until(opened, "s.intact")
    opened.get_by_role("button", name="Remove the intervention on neuron 7").click()
    expect(opened.locator(".live-entry")).to_have_count(0)
    opened.get_by_label("Noise sigma").fill("0.3")
    until(opened, "s.sigma === 0.3")
    before = until(opened, "s.step > 3")["step"]
    opened.get_by_role("button", name="New noise").click()
    until(opened, "s.step < arg", before)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_open_to_everyone_in_the_colours_that_one_likes(browser: Browser, file: Path, scheme: str) -> None:
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    context.set_default_timeout(READY_MS)
    page = context.new_page()
    open_saved(page, file)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shade = sum(int(value) for value in ground.strip("rgb()").split(","))
    assert (shade < 200) == (scheme == "dark")
    page.get_by_role("button", name=KICK).click()
    page.get_by_role("button", name="Pause").click()
    found = complaints(page)
    context.close()
    assert found == []
