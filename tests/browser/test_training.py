"""Is a training asked for, watched, explored, stopped and gone on with, by whoever has its address?"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Server
from tests.browser.pages import (
    MAIN_VIEWS,
    READY_MS,
    SMALL,
    complaints,
    expect_job,
    figure_data,
    fill_form,
    matrix,
    matrix_cell,
    open_form,
    open_page,
    paste,
    scenario,
    settle,
    train,
)

pytestmark = pytest.mark.browser

Viewer = Callable[[], BrowserContext]
LONG = 20_000
# Pixels that a header with two lines would exceed.
ONE_LINE = 60


def in_both_schemes(page: Page) -> None:
    """The page, which is light, has nothing that shuts anybody out, neither like this nor in the dark."""
    for scheme in ("Dark", "Light"):
        assert complaints(page) == []
        page.get_by_role("button", name=scheme).click()
        expect(page.locator("html")).to_have_attribute("data-scheme", scheme.lower())
    page.evaluate("localStorage.clear()")


def cancel(page: Page) -> None:
    page.locator("#job-cancel").click()
    expect_job(page, "Cancelled")


def test_a_training_is_found_again_explored_cancelled_and_resumed(page: Page, server: str, viewer: Viewer) -> None:
    open_form(page, server)
    fill_form(page, neurons=8, inputs=4, seed=11, steps=LONG)
    path = train(page)
    assert "N = 8, M = 4, seed 11" in page.locator("#job-title").inner_text()
    expect_job(page, r"Training: step \d+ of 20,000")
    page.wait_for_function("document.querySelector('#job-loss .js-plotly-plot').data.length === 3")
    names = " ".join(trace["name"] for trace in figure_data(page, "job-loss"))
    assert "plateau" in names
    assert "floor" in names
    expect(page.locator("#job-numbers")).to_contain_text("Steps per second")
    expect(page.locator("#job-fidelity")).to_contain_text("32 runs of 500 steps")

    page.reload()
    expect_job(page, r"Training: step \d+ of 20,000")
    other = viewer().new_page()
    other.goto(server + path)
    expect_job(other, r"Training: step \d+ of 20,000")
    # The same request again is this very training.
    open_form(other, server)
    fill_form(other, neurons=8, inputs=4, seed=11, steps=LONG)
    assert train(other) == path
    assert other.locator("#job-list li").count() == page.locator("#job-list li").count()

    page.locator("#job-explore").click()
    page.wait_for_function("location.pathname === '/'")
    settle(page)
    explored = scenario(page).model
    assert "-step-" in explored
    assert page.locator("#model").input_value().startswith(explored)
    page.locator("#undo").click()
    page.wait_for_function("model => !location.search.includes(model)", arg=explored)
    page.go_back()
    page.go_back()
    page.wait_for_function("path => location.pathname === path", arg=path)
    expect_job(page, r"Training: step \d+ of 20,000")

    cancel(page)
    expect(page.locator("#job-cancel")).to_be_hidden()
    expect_job(other, "Cancelled at step")
    page.locator("#job-resume").click()
    expect_job(page, "(Training: step|Waiting)")
    expect_job(other, "(Training: step|Waiting)")
    cancel(page)
    in_both_schemes(page)


def test_an_own_hmm_is_trained_to_the_end_and_opens_from_the_picker(page: Page, server: str) -> None:
    open_form(page, server)
    paste(page, matrix_cell(page, "A", 0, 0), "0,9\t0,1\t0\n0\t0,9\t0,1\n0,1\t0\t0,9")
    paste(page, matrix_cell(page, "B", 0, 0), "90 %; 10 %\n0.5; 0.5\n1/4; 3/4")
    expect(page.locator("#train-states")).to_have_value("3")
    expect(page.locator("#train-outputs")).to_have_value("2")
    expect(page.locator("#train-family")).to_have_value("An HMM of your own")
    assert matrix(page, "A") == [["0.9", "0.1", "0"], ["0", "0.9", "0.1"], ["0.1", "0", "0.9"]]
    assert matrix(page, "B") == [["0.9", "0.1"], ["0.5", "0.5"], ["0.25", "0.75"]]
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
    page.wait_for_function("location.pathname === '/'")
    settle(page)
    assert scenario(page).model == name


def test_a_row_that_does_not_sum_to_1_is_told_at_every_key_and_cannot_be_trained(page: Page, server: str) -> None:
    open_form(page, server)
    start, problem, sign = page.locator("#train-start"), page.locator("#train-problem"), page.locator("#sum-A-1")
    expect(start).to_be_enabled()
    expect(sign).to_have_text("✓ 1")
    cell = matrix_cell(page, "A", 1, 1)
    cell.click()
    # The cell is selected: the first key replaces it.
    for key, said in (("0", "✗ 0.95 short"), (".", "✗ 0.95 short"), ("9", "✗ 0.05 short"), ("x", "✗ no number")):
        page.keyboard.press(key)
        expect(sign).to_have_text(said)
        expect(start).to_be_disabled()
    expect(problem).to_have_text("Row 1 of A must hold numbers in all cells.")
    assert cell.get_attribute("aria-invalid") == "true"
    expect(page.locator("#train-family")).to_have_value("An HMM of your own")
    cell.fill("1,5")
    expect(problem).to_have_text("Row 1 of A must hold values from 0 to 1.")
    cell.fill("0.9")
    expect(problem).to_have_text("Row 1 of A must sum to 1; it is 0.05 short.")

    # What was typed outlives a reload.
    page.reload()
    expect(problem).to_have_text("Row 1 of A must sum to 1; it is 0.05 short.")
    page.locator("#train-normalise").click()
    expect(sign).to_have_text("✓ 1")
    expect(problem).to_be_empty()
    expect(start).to_be_enabled()
    assert float(matrix(page, "A")[1][1]) == pytest.approx(0.9 / 0.95, abs=1e-4)

    # The server's word: rows are right, and yet it is nothing to be trained.
    for i in range(2):
        for j in range(2):
            matrix_cell(page, "A", i, j).fill(str(int(i == j)))
    expect(problem).to_contain_text("more than one stationary distribution")
    expect(start).to_be_disabled()


def test_states_and_symbols_come_and_go_and_a_family_takes_nothing_away(page: Page, server: str) -> None:
    open_form(page, server)
    page.locator("#train-states").fill("12")
    page.locator("#train-outputs").fill("8")
    expect(page.locator('[id^="cell-"]')).to_have_count(12 * 12 + 12 * 8)
    expect(page.locator(".sum.wrong")).to_have_count(0)
    expect(page.locator("#train-start")).to_be_enabled()
    page.locator("#train-states").fill("2")
    expect(page.locator('[id^="cell-A-"]')).to_have_count(2 * 2)
    assert matrix(page, "A") == [["0.95", "0.05"], ["0.05", "0.95"]]
    page.locator("#train-outputs").fill("2")
    # The share of the symbol that is gone is missing.
    expect(page.locator("#sum-B-1")).to_have_text("✗ 0.99 short")
    page.locator("#train-outputs").fill("3")
    expect(page.locator(".sum.wrong")).to_have_count(0)

    matrix_cell(page, "A", 0, 0).fill("0.7")
    page.keyboard.press("ArrowDown")
    expect(matrix_cell(page, "A", 1, 0)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    expect(matrix_cell(page, "A", 0, 1)).to_be_focused()
    page.keyboard.type("0.3")
    typed = matrix(page, "A")
    page.locator("#train-family").click()
    page.get_by_role("option", name="linear-5").click()
    expect(page.locator("#train-states")).to_have_value("5")
    page.locator("#train-family").click()
    page.get_by_role("option", name="An HMM of your own").click()
    expect(page.locator("#train-states")).to_have_value("2")
    assert matrix(page, "A") == typed

    paste(page, matrix_cell(page, "A", 0, 0), "\n".join(["0.1,0.9"] * 13))
    expect(page.locator("#notice-text")).to_contain_text("At most 12 states and 8 symbols")
    assert matrix(page, "A") == typed


def test_an_address_without_a_training_says_so_and_shows_the_form(page: Page, server: str) -> None:
    page.goto(f"{server}/train/0123456789ab")
    expect(page.locator("#notice-text")).to_contain_text("There is no training '0123456789ab'", timeout=READY_MS)
    expect(page.locator("#train-start")).to_be_visible()
    page.wait_for_function("location.pathname === '/train'")


def test_the_views_wait_underneath_as_they_were(page: Page, server: str) -> None:
    open_page(page, f"{server}{SMALL}&ablate=3")
    query, asked = page.evaluate("location.search"), []
    page.get_by_role("link", name="Train").click()
    expect(page.locator("#train-start")).to_be_visible()
    expect(page.locator("#state-space")).to_be_hidden()
    expect(page.locator("#undo")).to_be_hidden()
    assert page.evaluate("location.search") == query
    page.on("request", lambda request: asked.append(request.post_data or ""))
    page.get_by_role("link", name="Explore").click()
    settle(page)
    assert page.evaluate("location.pathname + location.search") == f"/{query}"
    # Nothing of the views was computed or drawn anew.
    assert [question for question in asked if any(view in question for view in MAIN_VIEWS)] == []
    page.go_back()
    expect(page.locator("#train-start")).to_be_visible()


def test_the_form_fits_its_window_and_is_open_to_everyone(page: Page, server: str) -> None:
    open_form(page, server)
    page.locator("#train-states").fill("12")
    matrix_cell(page, "A", 4, 4).fill("2")
    expect(page.locator("#train-start")).to_be_disabled()
    for width, height in ((1440, 900), (1024, 768)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        header = page.locator(".header").bounding_box()
        assert header is not None
        assert header["height"] < ONE_LINE
        # The verdict on a row is seen without scrolling to it.
        expect(page.locator("#sum-A-4")).to_be_in_viewport(ratio=1)
    in_both_schemes(page)


def test_a_training_outlives_its_server(own_server: Server, viewer: Viewer) -> None:
    page = viewer().new_page()
    open_form(page, own_server.url)
    fill_form(page, neurons=8, inputs=4, seed=2, steps=LONG)
    train(page)
    expect_job(page, r"Training: step \d+ of 20,000")
    own_server.stop()
    expect(page.locator("#notice")).to_contain_text("server")
    own_server.start()
    expect(page.locator("#notice")).to_be_hidden()
    expect_job(page, r"Training: step \d+ of 20,000")
