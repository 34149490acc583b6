"""Does an open page go on by itself, and end with the same picture, whatever is killed or taken away behind it?

One page of one server with a Redis, on which one thing after another is done. How often is HMMRNN_ROUNDS.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from hmmrnn.checkpoint import load
from hmmrnn.dashboard import ids, queue
from hmmrnn.recipe import TrainingConfig
from hmmrnn.training import fit
from tests.browser.conftest import Server, new_context
from tests.browser.pages import (
    MAIN_VIEWS,
    SMALL,
    Cell,
    cells,
    changing_address,
    expect_job,
    expect_traces,
    figure_data,
    fill_form,
    open_form,
    open_page,
    picture,
    settle,
    train,
)
from tests.programs import RedisServer, eventually, noted
from tests.test_faults import ROUNDS, web_processes, worker_that_works

pytest_plugins = ["tests.fixtures_dashboard"]
pytestmark = pytest.mark.browser

STEPS, MORE_STEPS = 20_000, 30


@dataclass
class Place:
    """A page, what is behind it, and how it looks with and without one neuron silenced."""

    page: Page
    server: Server
    redis: RedisServer
    cell: Cell
    intact: dict[str, str]
    silenced: dict[str, str]


@pytest.fixture(scope="module")
def place(shelf, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A page that shows a small network, with nothing changed."""
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    redis.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HMMRNN_REDIS_URL", redis.url)
        patch.setenv("HMMRNN_MODELS", str(shelf.models))
        server = Server(tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("data"))
        server.start()
        context = new_context(browser, "reduce")
        context.add_init_script("window.localStorage.setItem('hmmrnn-live', 'closed')")
        page = context.new_page()
        open_page(page, server.url + SMALL)
        intact, cell = picture(page), cells(page)[0]
        with changing_address(page):
            cell.click(page)
        settle(page)
        silenced = picture(page)
        with changing_address(page):
            page.locator("#undo").click()
        yield Place(page, server, redis, cell, intact, silenced)
        context.close()
        server.stop()
    redis.stop()


def expect_picture(page: Page, wanted: dict[str, str]) -> None:
    for view in MAIN_VIEWS:
        expect_traces(page, view, wanted[view])
    assert picture(page) == wanted


def test_web_processes_are_killed_while_the_page_works(place: Place) -> None:
    page = place.page
    for killed in [1, 2] * ROUNDS:
        expect_picture(page, place.intact)
        for process in web_processes(place.server)[:killed]:
            os.kill(process, signal.SIGKILL)
        began = time.monotonic()
        with changing_address(page):
            place.cell.click(page)
        expect_picture(page, place.silenced)
        noted(f"{killed} of 2 web processes killed under a page", round(time.monotonic() - began, 2))
        expect(page.locator("#notice")).to_be_hidden()
        with changing_address(page):
            page.locator("#undo").click()


def test_redis_goes_and_comes_back(place: Place) -> None:
    page, words = place.page, place.page.locator(f"#{ids.words(ids.NOISE)}")
    for _ in range(ROUNDS):
        expect_picture(page, place.intact)
        place.redis.stop()
        with changing_address(page):
            place.cell.click(page)
        # The views need no Redis; what needs it says so.
        expect_picture(page, place.silenced)
        page.get_by_role("tab", name="Noise", exact=True).click()
        expect(words).to_contain_text(f"Redis at 127.0.0.1:{place.redis.port} does not answer")
        place.redis.start()
        began = time.monotonic()
        expect(page.locator(f"#{ids.inquiry(ids.NOISE)}")).to_be_hidden()
        noted("Redis stopped and started under a page: an experiment is answered", round(time.monotonic() - began, 2))
        expect(page.locator(f"#{ids.caption(ids.NOISE)}")).to_contain_text("strengths of the noise")
        with changing_address(page):
            page.locator("#undo").click()
        with changing_address(page):
            page.get_by_role("tab", name="Neurons", exact=True).click()


@pytest.mark.faults
def test_a_training_is_watched_through_all_of_it(place: Place) -> None:
    page, notice = place.page, place.page.locator("#notice")
    for seed in range(ROUNDS):
        open_form(page, place.server.url)
        fill_form(page, neurons=8, inputs=4, seed=seed, steps=STEPS)
        job_id = train(page).rsplit("/", 1)[1]
        # From here on the page is never loaded anew.
        page.evaluate("window.loaded = 'once'")
        expect_job(page, r"Training: step \d+ of")
        os.kill(worker_that_works(place.server, queue.TRAININGS), signal.SIGKILL)
        began = time.monotonic()
        expect_job(page, "Lost")
        noted("worker killed in a training: the page says so", round(time.monotonic() - began, 2))
        page.locator("#job-resume").click()
        expect_job(page, r"Training: step \d+ of")
        place.redis.stop()
        expect(notice).to_contain_text("does not answer; trainings, experiments and files wait")
        place.redis.start()
        began = time.monotonic()
        expect(notice).to_be_hidden()
        expect_job(page, r"Training: step \d+ of")
        noted("Redis stopped and started in a training: the page goes on", round(time.monotonic() - began, 2))
        place.server.stop()
        expect(notice).to_contain_text("The server does not answer")
        before = step_shown(page)
        place.server.start()
        began = time.monotonic()
        expect(notice).to_be_hidden()
        # The words from before the stop are still there; only a further step shows that it goes on.
        eventually(lambda before=before: step_shown(page) > before)
        noted("server stopped and started in a training: its next step is shown", round(time.monotonic() - began, 2))
        stops_as_undisturbed(page, place.server.data, job_id)
        assert page.evaluate("window.loaded") == "once"


def stops_as_undisturbed(page: Page, data: Path, job_id: str) -> None:
    """Cancel a training that has gone further: its losses are those that it would have had without any fault."""
    eventually(lambda: len(losses_shown(page)) > MORE_STEPS)
    page.locator("#job-cancel").click()
    expect_job(page, "Cancelled at step")
    reached = step_shown(page)
    eventually(lambda: len(losses_shown(page)) == reached)
    config = TrainingConfig.from_dict(json.loads((data / "trainings" / job_id / "request.json").read_text()))
    undisturbed = iter(range(reached + 1))
    same = fit(config, should_stop=lambda: next(undisturbed) == reached)
    np.testing.assert_allclose(losses_shown(page), same.losses, atol=1e-4)
    for path in data.rglob("*.safetensors"):
        load(path)


def losses_shown(page: Page) -> list[float]:
    """The loss at each step, as the page of a training draws it."""
    shown = figure_data(page, "job-loss")[0]["y"]
    return list(shown["values"] if isinstance(shown, dict) else shown)


def step_shown(page: Page) -> int:
    """The step that the page of a training names; -1 while it names none."""
    found = re.search(r"(?:Training: step|Cancelled at step) ([\d,]+)", page.locator("#job-state").inner_text())
    return int(found[1].replace(",", "")) if found else -1
