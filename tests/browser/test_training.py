"""A training is requested, watched, explored, cancelled and resumed; the form answers to each key.

What is typed into the form is tested in tests/page/training.test.mjs, what the server says of each form and training in
tests/dashboard/test_training_page.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import complaints, figure_data, go, in_windows_where_it_fits, put, scenario, settle, wait_until
from tests.browser.training_pages import expect_form, expect_job, fill_form, matrix_cell, paste, train

pytestmark = pytest.mark.browser

LONG = 20_000


@pytest.fixture
def form(page: Page) -> Page:
    """The form of a new training, with the family that it begins with."""
    go(page, "/train")
    expect_form(page)
    choose_family(page, "linear-2")
    return page


@pytest.fixture
def seed(request: pytest.FixtureRequest, page: Page, server: str) -> Iterator[int]:
    """The seed of a training that is cancelled when the test is over; another one in the second try.

    A training that was cancelled is not started again by an equal request.
    """
    visited: list[str] = []
    page.on("framenavigated", lambda frame: visited.append(frame.url))
    yield 10 + request.node.execution_count
    for job in set(re.findall(r"/train/([0-9a-f]{12})", " ".join(visited))):
        assert page.request.post(f"{server}/train/command", data={"command": "cancel", "of": job}).ok


def choose_family(page: Page, name: str) -> None:
    page.locator("#train-family").click()
    page.get_by_role("option", name=name).click()


def in_both_schemes(page: Page) -> None:
    """Axe finds nothing serious on the page, which is light, neither like this nor in the dark."""
    for scheme in ("Dark", "Light"):
        assert complaints(page) == [], f"before it is {scheme}"
        page.get_by_role("button", name=scheme).click()
        expect(page.locator("html")).to_have_attribute("data-scheme", scheme.lower())
    page.evaluate("localStorage.clear()")


def test_a_training_is_watched_explored_cancelled_and_resumed(form: Page, seed: int) -> None:
    page = form
    running = r"Training: step \d+ of 20,000"
    fill_form(page, neurons=8, inputs=4, seed=seed, steps=LONG)
    path = train(page)
    assert f"N = 8, M = 4, seed {seed}" in page.locator("#job-title").inner_text()
    expect_job(page, running)
    wait_until(page, "document.querySelector('#job-loss .js-plotly-plot').data.length === 3")
    names = " ".join(trace["name"] for trace in figure_data(page, "job-loss"))
    assert "plateau" in names
    assert "floor" in names
    expect(page.locator("#job-numbers")).to_contain_text("Steps per second")
    expect(page.locator("#job-fidelity")).to_contain_text("32 runs of 500 steps")

    # The same request again is this very training.
    count = page.locator("#job-list li").count()
    go(page, "/train")
    expect_form(page)
    assert train(page) == path
    expect_job(page, running)
    assert page.locator("#job-list li").count() == count

    # Opened anew, the page shows what is under way.
    page.reload()
    expect_job(page, running)
    assert page.locator("#job-list li").count() == count

    page.locator("#job-explore").click()
    wait_until(page, "location.pathname === '/bench'")
    settle(page)
    explored = scenario(page).model
    assert "-step-" in explored
    assert page.locator("#model").input_value().startswith(explored)
    page.locator("#undo").click()
    wait_until(page, "model => !location.search.includes(model)", arg=explored)
    go(page, path)
    expect_job(page, running)

    cancel = page.locator("#job-cancel")
    cancel.click()
    expect_job(page, "Cancelled at step")
    expect(cancel).to_be_hidden()
    page.locator("#job-resume").click()
    expect_job(page, "(Training: step|Waiting)")
    cancel.click()
    expect_job(page, "Cancelled")
    in_both_schemes(page)


def test_an_own_hmm_is_trained_to_the_end_and_opens_from_the_picker(form: Page) -> None:
    page = form
    paste(page, matrix_cell(page, "A", 0, 0), "0,9\t0,1\t0\n0\t0,9\t0,1\n0,1\t0\t0,9")
    # The server reads what is pasted; then the cells are others.
    expect(page.locator("#train-states")).to_have_value("3")
    paste(page, matrix_cell(page, "B", 0, 0), "90 %; 10 %\n0.5; 0.5\n1/4; 3/4")
    expect(page.locator("#train-outputs")).to_have_value("2")
    expect(page.locator("#train-departures")).to_contain_text("an own HMM")
    fill_form(page, neurons=6, inputs=3, seed=1, steps=3)
    train(page)
    expect_job(page, "Done: it is the network")
    expect(page.locator("#job-fidelity")).to_contain_text("256 runs of 2,000 steps")
    expect(page.locator("#job-list [aria-current] .state")).to_have_text("done")
    expect(page.locator("#job-cancel")).to_be_hidden()
    name = page.locator("#job-state").inner_text().split()[-1].rstrip(".")
    page.locator("#model").click()
    page.get_by_role("option", name=name).click()
    wait_until(page, "location.pathname === '/bench'")
    settle(page)
    assert scenario(page).model == name


def test_the_form_is_typed_into_judged_by_page_and_server_and_fits_its_window(form: Page) -> None:
    page = form
    start, problem, sign = page.locator("#train-start"), page.locator("#train-problem"), page.locator("#sum-A-1")
    expect(sign).to_have_text("✓ 1")
    cell = matrix_cell(page, "A", 1, 1)
    cell.click()
    # The cell is selected: the first key replaces it.
    for key, said in (("0", "✗ 0.95 short"), (".", "✗ 0.95 short"), ("9", "✗ 0.05 short")):
        page.keyboard.press(key)
        expect(sign).to_have_text(said)
    expect(start).to_be_disabled()
    expect(page.locator("#train-family")).to_have_value("An HMM of your own")
    page.locator("#train-normalise").click()
    expect(sign).to_have_text("✓ 1")
    expect(problem).to_be_empty()
    expect(start).to_be_enabled()
    paste(page, matrix_cell(page, "A", 0, 0), "1\t0\n0\t1")
    expect(problem).to_contain_text("more than one stationary distribution")
    expect(start).to_be_disabled()

    page.locator("#train-states").fill("12")
    page.locator("#train-outputs").fill("8")
    expect(page.locator('[id^="cell-"]')).to_have_count(12 * 12 + 12 * 8)
    matrix_cell(page, "A", 4, 4).fill("2")
    page.keyboard.press("ArrowDown")
    expect(matrix_cell(page, "A", 5, 4)).to_be_focused()
    for _ in in_windows_where_it_fits(page):
        expect(page.locator("#sum-A-4")).to_be_in_viewport(ratio=1)
    in_both_schemes(page)


def test_the_views_wait_underneath_as_they_were(page: Page) -> None:
    put(page, interventions=[{"neurons": [3], "mu": 0.0, "target": "unit"}])
    query, asked = page.evaluate("location.search"), []
    page.get_by_role("link", name="Train").click()
    expect(page.locator("#train-start")).to_be_visible()
    expect(page.locator("#state-space")).to_be_hidden()
    expect(page.locator("#undo")).to_be_hidden()
    assert page.evaluate("location.search") == query
    go(page, "/train/0123456789ab")
    expect(page.locator("#notice-text")).to_contain_text("There is no training '0123456789ab'")
    wait_until(page, "location.pathname === '/train'")
    page.get_by_role("button", name="Dismiss").click()
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("link", name="Bench").click()
    settle(page)
    assert page.evaluate("location.pathname + location.search") == f"/bench{query}"
    assert [url for url in asked if url.endswith("/views")] == [], "nothing anew"
    page.go_back()
    expect(page.locator("#train-start")).to_be_visible()
