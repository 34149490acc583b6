"""An open page goes on by itself, with the same picture, when a web process, a worker, Redis or the server ends.

One page of one server with a Redis. HMMRNN_ROUNDS is how often each fault is repeated. That nothing is lost or computed
otherwise is tested in tests/faults.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from hmmrnn.dashboard import ids
from hmmrnn.tasks import queue
from tests.browser.conftest import Look, Server, new_context
from tests.browser.pages import SMALL, Cell, cells, changing, changing_address, expect_picture, go, open_page, picture
from tests.browser.training_pages import expect_job, fill_form, open_form, train
from tests.faults.words import ROUNDS, web_processes, worker_that_works
from tests.programs import RedisServer, eventually, noted

pytest_plugins = ["tests.fixtures_dashboard"]
pytestmark = pytest.mark.browser

TRAINING = r"Training: step \d+ of"


@dataclass
class Place:
    """A page, what is behind it, and how it looks with and without one neuron silenced."""

    page: Page
    server: Server
    redis: RedisServer
    cell: Cell
    intact: dict[str, str]
    silenced: dict[str, str]

    def silence(self) -> None:
        with changing_address(self.page):
            self.cell.click(self.page)
        expect_picture(self.page, self.silenced)

    def undo(self) -> None:
        with changing_address(self.page):
            self.page.locator("#undo").click()
        expect_picture(self.page, self.intact)


@pytest.fixture(scope="module")
def place(shelf, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A page that shows a small network, with nothing changed."""
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    redis.start()
    environment = {"HMMRNN_REDIS_URL": redis.url, "HMMRNN_MODELS": str(shelf.models)}
    server = Server(tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("data"), **environment)
    server.start()
    context = new_context(browser, Look())
    page = context.new_page()
    open_page(page, server.url + SMALL)
    intact, cell = picture(page), cells(page)[0]
    with changing(page):
        cell.click(page)
    found = Place(page, server, redis, cell, intact, picture(page))
    found.undo()
    yield found
    context.close()
    server.stop()
    redis.stop()


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Note how long it takes until all is well again."""
    began = time.monotonic()
    yield
    noted(what, round(time.monotonic() - began, 2))


def test_web_processes_are_killed_and_redis_goes_and_comes_back(place: Place) -> None:
    page, noise = place.page, place.page.locator(f"#{ids.state('noise')}")
    for killed in [1, 2] * ROUNDS:
        for process in web_processes(place.server)[:killed]:
            os.kill(process, signal.SIGKILL)
        with timed(f"{killed} of 2 web processes killed under a page"):
            place.silence()
        expect(page.locator("#notice")).to_be_hidden()
        place.undo()
    for _ in range(ROUNDS):
        place.redis.stop()
        # The views need no Redis; what needs it says so.
        place.silence()
        go(page, "/dynamics")
        expect(noise).to_contain_text(f"Redis at 127.0.0.1:{place.redis.port} does not answer")
        place.redis.start()
        with timed("Redis stopped and started under a page: an experiment is answered"):
            expect(page.locator(f"#{ids.task('noise')}")).to_be_hidden()
        expect(page.locator(f"#{ids.caption('noise')}")).to_contain_text("strengths of the noise")
        go(page, "/bench")
        place.undo()


@pytest.mark.faults
def test_a_training_is_watched_through_all_of_it(place: Place) -> None:
    page, notice = place.page, place.page.locator("#notice")
    for seed in range(ROUNDS):
        open_form(page, place.server.url)
        fill_form(page, neurons=8, inputs=4, seed=seed, steps=20_000)
        train(page)
        # From here on the page is never loaded anew.
        page.evaluate("window.loaded = 'once'")
        expect_job(page, TRAINING)
        os.kill(worker_that_works(place.server, queue.TRAININGS), signal.SIGKILL)
        with timed("worker killed in a training: the page says so"):
            expect_job(page, "Lost")
        page.locator("#job-resume").click()
        expect_job(page, TRAINING)
        place.redis.stop()
        expect(notice).to_contain_text("does not answer; trainings, experiments and files wait")
        place.redis.start()
        with timed("Redis stopped and started in a training: the page goes on"):
            expect(notice).to_be_hidden()
            expect_job(page, TRAINING)
        place.server.stop()
        expect(notice).to_contain_text("The server does not answer")
        before = step_shown(page)
        place.server.start()
        with timed("server stopped and started in a training: its next step is shown"):
            expect(notice).to_be_hidden()
            # The words from before the stop are still there; only a further step shows that it goes on.
            eventually(lambda before=before: step_shown(page) > before)
        page.locator("#job-cancel").click()
        expect_job(page, "Cancelled at step")
        assert page.evaluate("window.loaded") == "once"


def step_shown(page: Page) -> int:
    """The step that the page of a training names; -1 while it names none."""
    found = re.search(r"Training: step ([\d,]+)", page.locator("#job-state").inner_text())
    return int(found[1].replace(",", "")) if found else -1
