"""A network that was saved as a page runs from the disk, requests nothing, and can be changed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Watch
from tests.browser.live import until
from tests.browser.pages import READY_MS, SMALL, complaints

pytestmark = pytest.mark.browser

MODEL = "linear-2"
MOST_BYTES = 2 * 2**20
KICK = "Silence kick neurons for leaving 0"


@pytest.fixture(scope="module")
def file(browser: Browser, server: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, as the button "Save live page" fetches it from the server."""
    path = tmp_path_factory.mktemp("saved") / "live.html"
    context = browser.new_context()
    answer = context.request.get(f"{server}/live/page{SMALL.removeprefix('/bench')}&model={MODEL}", timeout=READY_MS)
    assert answer.ok
    path.write_bytes(answer.body())
    context.close()
    return path


@pytest.fixture(scope="module")
def offline(browser: Browser) -> Iterator[Page]:
    """A tab of a user who has neither the server nor a network."""
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    context.set_default_timeout(READY_MS)
    yield context.new_page()
    context.close()


@pytest.fixture
def opened(offline: Page, file: Path, watch: Watch) -> Iterator[Page]:
    """The page, whose console must stay empty and which asks nobody for anything."""
    watch.on(offline)
    yield open_saved(offline, file)
    assert watch.console == []
    assert watch.elsewhere() == {file.as_uri()}


def open_saved(page: Page, file: Path) -> Page:
    """Open the page and listen to the status of its live view."""
    page.goto(file.as_uri())
    page.evaluate(
        """() => {
            window.hmmrnnLive = {};
            document.querySelector(".live-side").parentElement
                .addEventListener("live-status", ({ detail }) => { hmmrnnLive.status = detail; });
        }"""
    )
    until(page, "s.running && s.step > 0")
    return page


def test_it_is_small_runs_and_is_changed_by_hand(opened: Page, file: Path) -> None:
    assert file.stat().st_size < MOST_BYTES
    expect(opened.get_by_role("heading", name=MODEL)).to_be_visible()
    expect(opened.locator(".live-story")).to_contain_text("Step")
    entries, kick = opened.locator(".live-entry"), opened.get_by_role("button", name=KICK)
    kick.click()
    expect(kick).to_have_attribute("aria-pressed", "true")
    expect(entries).to_have_count(1)
    until(opened, "!s.intact && s.twin && s.counts.now.steps > 0")
    opened.get_by_role("button", name="Reset").click()
    expect(kick).to_have_attribute("aria-pressed", "false")
    expect(entries).to_have_count(0)
    until(opened, "s.intact")

    box, silence = opened.get_by_label("Neuron to silence"), opened.get_by_role("button", name="Silence this neuron")
    box.fill("9999")
    silence.click()
    expect(opened.locator(".live-said")).to_contain_text("There are neurons 0 to")
    expect(entries).to_have_count(0)
    box.fill("7")
    silence.click()
    until(opened, "!s.intact")
    opened.get_by_label("mu of neuron 7").fill("1")
    until(opened, "s.intact")
    opened.get_by_role("button", name="Remove the intervention on neuron 7").click()
    expect(entries).to_have_count(0)
    opened.get_by_label("Noise sigma").fill("0.3")
    until(opened, "s.sigma === 0.3")
    before = until(opened, "s.step > 3")["step"]
    opened.get_by_role("button", name="New noise").click()
    until(opened, "s.step < arg", before)


def test_axe_finds_nothing_serious_in_the_colours_of_the_system(offline: Page, file: Path) -> None:
    for scheme in ("dark", "light"):
        offline.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        open_saved(offline, file)
        ground = offline.evaluate("getComputedStyle(document.body).backgroundColor")
        shade = sum(int(value) for value in ground.strip("rgb()").split(","))
        assert (shade < 200) == (scheme == "dark")
        offline.get_by_role("button", name=KICK).click()
        offline.get_by_role("button", name="Pause").click()
        assert complaints(offline) == [], scheme
