"""Does the report open from the disk: drawn, silent, asking nobody, readable, and alive?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from hmmrnn.checkpoint import load
from hmmrnn.claims import claims
from hmmrnn.experiments.emergence import emergence
from hmmrnn.findings import Findings
from hmmrnn.report import SECTIONS, report
from tests.browser.conftest import ROOT, Watch

pytest_plugins = ["tests.fixtures_findings"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def found(studied: Findings) -> Findings:
    """A small network with two planted groups, beside three snapshots of a training that is shipped."""
    files = sorted((ROOT / "models" / "emergence" / "linear-2").glob("*.safetensors"))
    series = [load(path) for path in (files[1], files[len(files) // 2], files[-1])]
    return replace(studied, emergence=emergence(series, seed=studied.seed))


@pytest.fixture(scope="module")
def file(found, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report(found, "planted"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def opened(browser: Browser, file: Path, watch: Watch) -> Iterator[Page]:
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    watch.on(page)
    page.goto(file.as_uri())
    plots = page.locator("[data-plot]").count()
    expect(page.locator(".plot.js-plotly-plot .main-svg").locator("visible=true").first).to_be_visible()
    page.wait_for_function("n => document.querySelectorAll('.plot.js-plotly-plot').length === n", arg=plots)
    yield page
    context.close()
    assert watch.console == []


def test_every_figure_is_drawn_and_the_console_stays_empty(opened: Page, watch: Watch, file: Path) -> None:
    drawn = opened.evaluate("Array.from(document.querySelectorAll('.plot'), (p) => [p.id, (p.data || []).length])")
    assert len(drawn) >= 14
    assert all(count for _, count in drawn), drawn
    assert watch.console == []
    assert {url for url in watch.requests if not url.startswith(("data:", "blob:"))} == {file.as_uri()}


def test_it_reads_in_the_order_of_the_argument(opened: Page, found: Findings) -> None:
    assert opened.locator("section > h2").all_inner_texts()[: len(SECTIONS)] == list(SECTIONS.values())
    for claim in claims(found):
        expect(opened.locator(f"#{claim.section} .claim", has_text=claim.text).first).to_contain_text(claim.verdict)


def test_a_claim_of_the_list_leads_to_its_section(opened: Page) -> None:
    opened.get_by_role("link", name="A few kick neurons throw each switch").click()
    assert opened.url.endswith("#kick")
    expect(opened.locator("#kick h2")).to_be_in_viewport()


def test_the_slider_shows_another_snapshot(opened: Page) -> None:
    plot = opened.locator("#emergence-0")
    plot.scroll_into_view_if_needed()

    def shown() -> str:
        return str(opened.evaluate("JSON.stringify(document.getElementById('emergence-0').data.map((t) => t.x))"))

    before = shown()
    rail = plot.locator(".slider-rail-touch-rect")
    box = rail.bounding_box()
    assert box is not None
    opened.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    opened.wait_for_function(
        "b => JSON.stringify(document.getElementById('emergence-0').data.map((t) => t.x)) !== b", arg=before
    )


def test_it_is_open_to_everyone(opened: Page) -> None:
    opened.evaluate(AXE_SCRIPT)
    found = opened.evaluate("axe.run(document, {resultTypes: ['violations']})")
    worst = [v["id"] for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert worst == []
