"""The report opens from the disk: drawn, without any request, readable, and with its network running."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from hmmrnn.analysis.emergence import trace_emergence
from hmmrnn.model.checkpoint import load
from hmmrnn.report.claims import judge_claims
from hmmrnn.report.findings import Findings
from hmmrnn.report.html import SECTIONS, write_report
from tests.browser.conftest import ROOT, Watch
from tests.browser.pages import complaints, wait_until

pytest_plugins = ["tests.fixtures_findings"]
pytestmark = pytest.mark.browser

SNAPSHOT = "JSON.stringify(document.getElementById('emergence-0').data.map((trace) => trace.x))"


@pytest.fixture
def found(studied: Findings) -> Findings:
    """A small network with two planted groups, beside three snapshots of a training that is shipped."""
    files = sorted((ROOT / "models" / "emergence" / "linear-2").glob("*.safetensors"))
    series = [load(path) for path in (files[1], files[len(files) // 2], files[-1])]
    return replace(studied, emergence=trace_emergence(series, seed=studied.seed))


@pytest.fixture
def offline(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
    yield context.new_page()
    context.close()


def test_a_report_is_read_from_the_disk(offline: Page, found: Findings, tmp_path: Path, watch: Watch) -> None:
    page, file = offline, tmp_path / "report.html"
    file.write_text(write_report(found, "planted"), encoding="utf-8")
    watch.on(page)
    page.goto(file.as_uri())
    plots = page.locator("[data-plot]").count()
    assert plots >= 14
    wait_until(page, "n => document.querySelectorAll('.plot.js-plotly-plot').length === n", arg=plots)
    empty = "Array.from(document.querySelectorAll('.plot')).filter((plot) => !plot.data.length).map(({ id }) => id)"
    assert page.evaluate(empty) == []
    expect(page.locator(".plot.js-plotly-plot .main-svg").locator("visible=true").first).to_be_visible()

    assert page.locator("section > h2").all_inner_texts()[: len(SECTIONS)] == list(SECTIONS.values())
    for claim in judge_claims(found):
        expect(page.locator(f"#{claim.section} .claim", has_text=claim.text).first).to_contain_text(claim.verdict)
    page.get_by_role("link", name="A few kick neurons throw each switch").click()
    assert page.url.endswith("#kick")
    expect(page.locator("#kick h2")).to_be_in_viewport()

    page.locator("#emergence-0").scroll_into_view_if_needed()
    before = page.evaluate(SNAPSHOT)
    rail = page.locator("#emergence-0 .slider-rail-touch-rect").bounding_box()
    assert rail is not None
    page.mouse.click(rail["x"] + 2, rail["y"] + rail["height"] / 2)
    wait_until(page, f"before => {SNAPSHOT} !== before", arg=before)

    assert complaints(page) == []
    assert watch.console == []
    assert watch.elsewhere() == {file.as_uri()}
