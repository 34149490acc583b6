"""Experiments that a worker computes, an enlarged view, the planes of the state space, and the report.

What is requested, cancelled and drawn is tested in tests/page/tasks.test.mjs and tests/dashboard/test_tasks.py.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from hmmrnn.explorer.experiments import REPORT, identify
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Intervention
from hmmrnn.report.findings import Findings
from hmmrnn.report.html import write_report
from hmmrnn.server.services import resolve, services
from tests.browser.conftest import Watch
from tests.browser.gates import without_search
from tests.browser.pages import (
    READY_MS,
    address,
    box_of,
    changing,
    choose,
    complaints,
    go,
    put,
    scenario,
    set_scheme,
    settle,
    trace_names,
    traces,
    wait_until,
)
from tests.services import services_of_environment

pytest_plugins = ["tests.fixtures_findings"]
pytestmark = pytest.mark.browser

# A search and a sweep take most of a minute on a busy machine.
LONG_MS = 240_000


@pytest.fixture
def reported(cache: Path, data: Path, studied: Findings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page is to show of a small network `planted`, of which a worker has written the report."""
    (data / "networks").mkdir(exist_ok=True)
    save(studied.network, data / "networks" / "planted.safetensors")
    monkeypatch.setenv("HMMRNN_CACHE", str(cache))
    monkeypatch.setenv("HMMRNN_DATA", str(data))
    silenced = Intervention((5,))
    with services_of_environment():
        explored = resolve(Scenario("planted", steps=150, trajectories=4, interventions=(silenced,)))
        id = services().experiments.id_of(REPORT, *identify(REPORT, explored))
        services().answers.keep(id, write_report(studied, "planted"))
    return {"model": "planted", "interventions": [asdict(silenced)]}


def is_views(request: Request) -> bool:
    return request.url.endswith("/views")


def shown_cards(page: Page) -> Locator:
    return page.locator(".main > .card:visible")


def expect_running(page: Page, view: str) -> None:
    expect(page.locator(f"#{view}-state")).to_have_text(re.compile(r"computing: \d+ %"), timeout=LONG_MS)
    expect(page.locator(f"#{view}-progress")).to_be_visible()


def cancel(page: Page, view: str) -> None:
    page.locator(f"#{view}-cancel").click()
    expect(page.locator(f"#{view}-state")).to_contain_text("Cancelled")
    expect(page.locator(f"#{view}-progress")).to_be_hidden()
    expect(page.locator(f"#{view}-compute")).to_be_visible()


def test_an_experiment_is_watched_and_cancelled(page: Page) -> None:
    # The answers of the first scenario are shipped; those of another seed are computed.
    put(page, seed=11)
    go(page, "/interventions")
    expect_running(page, "gain-sweep")
    assert complaints(page, "#gain-sweep-card") == [], "light, running"
    settle(page)
    before = traces(page, "state-space")
    with changing(page):
        choose(page, "Colour by", "Speed")
    assert traces(page, "state-space") != before, "meanwhile the page follows every control"
    expect_running(page, "gain-sweep")
    set_scheme(page, "dark", "state-space")
    assert complaints(page, "#gain-sweep-card") == [], "dark, running"
    cancel(page, "gain-sweep")
    assert complaints(page, "#gain-sweep-card") == [], "dark, cancelled"
    set_scheme(page, "light", "state-space")
    go(page, "/regions")
    go(page, "/interventions")
    expect(page.locator("#gain-sweep-state")).to_contain_text("Cancelled")
    assert complaints(page, "#gain-sweep-card") == [], "light, cancelled"
    page.locator("#gain-sweep-compute").click()
    expect_running(page, "gain-sweep")
    cancel(page, "gain-sweep")


def test_an_enlarged_view_has_the_chapter_to_itself_and_alone_is_computed(page: Page) -> None:
    go(page, "/dynamics")
    settle(page)
    count = shown_cards(page).count()
    narrow = box_of(page.locator("#orbit-card"))["width"]
    asked: list[str] = []
    page.on("request", lambda request: asked.extend(request.post_data_json["views"]) if is_views(request) else None)
    page.get_by_role("button", name="Enlarge Emission along the orbit").click()
    expect(shown_cards(page)).to_have_count(1)
    assert box_of(page.locator("#orbit-card"))["width"] > 1.5 * narrow
    assert scenario(page).large == "orbit"
    # Runs without noise are the server's, and those of the regions along the orbit.
    put(page, seed=5, without_noise=True)
    assert "orbit" in asked
    assert "state-space" not in asked, "what is hidden is not computed"
    page.keyboard.press("Escape")
    expect(shown_cards(page)).to_have_count(count)
    settle(page)
    assert scenario(page).large is None
    assert "state-space" in asked


def test_the_plane_of_a_pair_is_in_every_view_and_can_be_undone(page: Page) -> None:
    without_search(page)
    put(page, model="cyclic", steps=400, trajectories=6)
    whole = {view: traces(page, view) for view in ("state-space", "orbit", "region-map")}
    query = address(page)
    choose(page, "PCA fitted on", "outputs 0 and 2")
    expect(page.locator("#notice-text")).to_contain_text("No stretch of more than 200 consecutive steps")
    wait_until(page, "query => location.search === query", arg=query)
    settle(page)
    assert traces(page, "state-space") == whole["state-space"], "a plane that cannot be fitted changes nothing"
    page.get_by_role("button", name="Dismiss").click()

    with changing(page):
        choose(page, "PCA fitted on", "outputs 0 and 1")
    assert scenario(page).pair == (0, 1)
    assert "output 2" not in trace_names(page, "state-space")
    for view, before in whole.items():
        assert traces(page, view) != before, view
    expect(page.locator("#state-space-caption")).to_contain_text("steps with other outputs left out")
    of_pair = traces(page, "state-space")
    with changing(page):
        page.locator("#undo").click()
    assert scenario(page).pair is None
    assert {view: traces(page, view) for view in whole} == whole
    with changing(page):
        page.locator("#redo").click()
    assert traces(page, "state-space") == of_pair


def test_a_report_of_an_intervention_is_opened_and_saved(page: Page, watch: Watch, reported: dict[str, Any]) -> None:
    put(page, **reported)
    go(page, "/reports")
    link = page.get_by_role("link", name="Open the report")
    expect(link).to_be_visible(timeout=LONG_MS)
    with page.expect_popup() as opening:
        link.click()
    report = opening.value
    watch.on(report)
    # A page that is not there yet cannot be loaded again.
    expect(report.locator("h1")).to_have_text(re.compile("^planted"), timeout=READY_MS)
    report.reload()
    expect(report.locator("h1")).to_have_text(re.compile("^planted"), timeout=READY_MS)
    report.locator(".live-story").scroll_into_view_if_needed()
    expect(report.locator(".live-story")).to_contain_text("Step")
    assert report.evaluate("window.origin") == "null", "a report can do nothing in the name of the user"
    assert watch.elsewhere() == {report.url}
    assert watch.console == []
    report.close()
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save it as a file").click()
    assert saving.value.suggested_filename == "hmmrnn-planted.html"
    assert Path(saving.value.path()).read_text(encoding="utf-8").startswith("<!doctype html>")
