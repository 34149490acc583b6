"""The pages work under what their headers allow, and the browser forbids the rest.

Which headers each answer has is tested in tests/server/test_security_headers.py.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import Watch
from tests.browser.live import expect_running_story
from tests.browser.pages import SMALL, go, put, settle, wait_until
from tests.browser.training_pages import expect_form

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live_view(running=True),
]

COUNT = """(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
        window.violations.push([effectiveDirective, blockedURI]);
    });
})()"""
REPORTED = "() => window.violations.map(([directive]) => directive)"
ADDED = "() => {{ const made = document.createElement('{}'); {}; document.body.append(made); }}"
FORBIDDEN = {
    ADDED.format("script", "made.src = 'http://foreign.invalid/x.js'"): "script-src-elem",
    ADDED.format("script", "made.textContent = 'window.ran = true'"): "script-src-elem",
    ADDED.format("div", "made.innerHTML = '<img src=/nowhere onerror=\"window.ran = true\">'"): "script-src-attr",
    ADDED.format("iframe", "made.src = '/healthz'"): "frame-src",
    "() => { fetch('http://foreign.invalid/').catch(() => {}); }": "connect-src",
    "() => { new Image().src = 'http://foreign.invalid/x.png'; }": "img-src",
}


def test_all_that_the_page_does_is_allowed_and_what_comes_from_elsewhere_is_not(
    fresh: Page, server: str, watch: Watch
) -> None:
    page = fresh
    page.add_init_script(COUNT)
    # Large enough a window of time for Plotly's WebGL.
    page.goto(f"{server}/?model=linear-2&steps=400&trajectories=10")
    settle(page)
    expect(page.locator("#state-space canvas").first).to_be_attached()
    expect(page.locator("#neuron-table .ag-row").first).to_be_visible()
    expect_running_story(page)
    put(page, dimensions=3, steps=150, trajectories=4)
    expect(page.locator("#state-space .gl-container canvas").first).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#present-leave")).to_be_visible()
    page.locator("#present-leave").click()
    # By its key: as it leaves the mode for projectors, the page moves under the mouse.
    page.get_by_role("button", name="Share", exact=True).press("Enter")
    expect(page.get_by_role("dialog").first).to_be_visible()
    page.keyboard.press("Escape")
    go(page, "/train")
    expect_form(page)
    assert page.evaluate(REPORTED) == []
    assert {url.split("/")[2] for url in watch.elsewhere()} == {server.split("/")[2]}
    assert watch.console == []

    failed: dict[str, str | None] = {}
    page.on("requestfailed", lambda request: failed.update({request.url: request.failure}))
    for known, (script, directive) in enumerate(FORBIDDEN.items()):
        page.evaluate(script)
        wait_until(page, "known => window.violations.length > known", arg=known)
        assert page.evaluate(REPORTED)[known:] == [directive], script
    assert page.evaluate("window.ran") is None
    assert {failed[url] for url in watch.requests if "foreign" in url} <= {"csp"}, "nothing has left the browser"
    watch.console.clear()


def test_a_saved_live_page_runs_without_any_request(window: BrowserContext, server: str, watch: Watch) -> None:
    page = window.new_page()
    watch.on(page)

    def shown_and_not_saved(route: Route) -> None:
        answer = route.fetch()
        kept = {name: value for name, value in answer.headers.items() if name != "content-disposition"}
        route.fulfill(response=answer, headers=kept)

    page.route(re.compile("/live/page"), shown_and_not_saved)
    page.goto(f"{server}/live/page{SMALL.removeprefix('/bench')}&model=linear-2")
    expect_running_story(page)
    assert watch.elsewhere() == {page.url}
    page.close()
    assert watch.console == []
