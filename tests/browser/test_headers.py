"""Do the pages work under what their headers allow, and is the rest really forbidden?"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from werkzeug.serving import make_server

from hmmrnn.dashboard import questions
from hmmrnn.dashboard.application import create_app
from hmmrnn.findings import Findings
from hmmrnn.report import report
from tests.browser.conftest import Watch, new_context
from tests.browser.pages import READY_MS, SMALL, open_form, settle

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_findings"]
pytestmark = pytest.mark.browser

COUNT = """() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
        window.violations.push([effectiveDirective, blockedURI]);
    });
}"""
REPORTED = "() => window.violations.map(([directive]) => directive)"


@dataclass
class Visit:
    """A tab of somebody whose browser tells of everything that a policy forbids."""

    page: Page
    watch: Watch

    def violations(self) -> list[str]:
        found: list[str] = self.page.evaluate(REPORTED)
        return found

    def provoked(self, script: str) -> str:
        """The directive that a script of the test runs into; the console may complain of that."""
        known = len(self.violations())
        self.page.evaluate(script)
        self.page.wait_for_function(f"known => ({REPORTED})().length > known", arg=known)
        self.watch.console.clear()
        return self.violations()[-1]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    context: BrowserContext = new_context(browser)
    context.add_init_script(f"({COUNT})()")
    made = Visit(context.new_page(), Watch())
    made.watch.on(made.page)
    yield made
    assert made.violations() == []
    context.close()
    assert made.watch.console == []


def expect_running(page: Page) -> None:
    """Wait until a network has run some steps in the page."""
    story = page.locator(".live-story")
    expect(story).to_contain_text("Step", timeout=READY_MS)
    before = story.inner_text()
    expect(story).not_to_have_text(before, timeout=READY_MS)


def test_the_dashboard_with_the_network_running_in_three_dimensions_and_for_a_projector(
    server: str, visit: Visit
) -> None:
    page = visit.page
    # Wide enough a window for Plotly's WebGL.
    page.goto(f"{server}/?model=linear-2&steps=400&trajectories=10")
    settle(page)
    expect(page.locator("#state-space canvas").first).to_be_attached()
    expect(page.locator("#neuron-table .ag-row").first).to_be_visible(timeout=READY_MS)
    expect_running(page)
    assert visit.violations() == []
    page.goto(f"{server}{SMALL}&view=3d")
    settle(page)
    expect(page.locator("#state-space .gl-container canvas").first).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#present-leave")).to_be_visible()
    page.locator("#present-leave").click()
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_role("dialog").first).to_be_visible()


def test_the_training_page(server: str, visit: Visit) -> None:
    open_form(visit.page, server)


def test_a_saved_live_page(server: str, visit: Visit) -> None:
    def shown_and_not_saved(route: Route) -> None:
        answer = route.fetch()
        kept = {name: value for name, value in answer.headers.items() if name != "content-disposition"}
        route.fulfill(response=answer, headers=kept)

    page = visit.page
    page.route(re.compile("/live/page"), shown_and_not_saved)
    page.goto(f"{server}/live/page?model=linear-2&steps=150&trajectories=4")
    expect_running(page)
    assert {url for url in visit.watch.requests if not url.startswith(("data:", "blob:"))} == {page.url}


def test_a_report(visit: Visit, empty_world, monkeypatch: pytest.MonkeyPatch, studied: Findings) -> None:
    written = report(studied, "planted")
    monkeypatch.setattr(questions, "answered", lambda *_: written)
    web = make_server("127.0.0.1", 0, create_app().server, threaded=True)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    page = visit.page
    page.goto(f"http://127.0.0.1:{web.port}/report?model=planted")
    plots = page.locator("[data-plot]").count()
    assert plots > 5
    page.wait_for_function(
        "n => document.querySelectorAll('.plot.js-plotly-plot').length === n", arg=plots, timeout=READY_MS
    )
    page.locator(".live-story").scroll_into_view_if_needed()
    expect_running(page)
    web.shutdown()
    assert page.evaluate("window.origin") == "null", "it can do nothing in the name of who opened it"
    assert {url for url in visit.watch.requests if not url.startswith(("data:", "blob:"))} == {page.url}


def test_what_comes_from_elsewhere_or_was_slipped_in_is_not_run(server: str, browser: Browser) -> None:
    context = new_context(browser)
    context.add_init_script(f"({COUNT})()")
    visit = Visit(context.new_page(), Watch())
    page = visit.page
    open_form(page, server)
    page.evaluate("() => { window.ran = []; }")
    added = "const made = document.createElement({kind!r}); {what}; document.body.append(made);"

    def add(kind: str, what: str) -> str:
        return visit.provoked(f"() => {{ {added.format(kind=kind, what=what)} }}")

    assert add("script", "made.src = 'http://foreign.invalid/x.js'") == "script-src-elem"
    assert add("script", "made.textContent = 'window.ran.push(1)'") == "script-src-elem"
    assert add("div", "made.innerHTML = '<img src=/nowhere onerror=window.ran.push(2)>'") == "script-src-attr"
    assert add("iframe", "made.src = '/healthz'") == "frame-src"
    assert visit.provoked("() => { fetch('http://foreign.invalid/').catch(() => {}); }") == "connect-src"
    assert visit.provoked("() => { new Image().src = 'http://foreign.invalid/x.png'; }") == "img-src"
    assert page.evaluate("window.ran") == []
    assert not [url for url in visit.watch.requests if "foreign" in url]
    context.close()


def test_plotly_still_needs_to_make_functions_of_text(server: str, browser: Browser) -> None:
    """Should this fail, Plotly has learned to do without, and 'unsafe-eval' can go."""
    context = new_context(browser)
    context.add_init_script(f"({COUNT})()")
    page = context.new_page()

    def stricter(route: Route) -> None:
        answer = route.fetch()
        policy = answer.headers["content-security-policy"]
        assert " 'unsafe-eval'" in policy
        stripped = {**answer.headers, "content-security-policy": policy.replace(" 'unsafe-eval'", "")}
        route.fulfill(response=answer, headers=stripped)

    page.route(re.compile(r"/\?model="), stricter)
    page.goto(f"{server}/?model=linear-2&steps=150&trajectories=4")
    page.wait_for_function("() => window.violations.length > 0")
    assert page.evaluate("window.violations[0]") == ["script-src", "eval"]
    context.close()


def test_no_other_site_can_frame_it(server: str, browser: Browser) -> None:
    context = new_context(browser)
    page = context.new_page()
    with page.expect_console_message(lambda message: "frame-ancestors 'none'" in message.text, timeout=READY_MS):
        page.set_content(f"<iframe src='{server}/train'></iframe>")
    context.close()
