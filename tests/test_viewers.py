"""Nobody fills the queue alone: every browser has a name, and only so much of each may wait."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from hmmrnn.dashboard import inquiries, jobs, queue, viewers
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.recipe import TrainingConfig

pytest_plugins = ["tests.fixtures_dashboard"]

ADA, BOB = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def server() -> Flask:
    """A server with a page and an answer, which says whose request it was."""
    app = Flask("test")
    app.add_url_rule("/", "page", lambda: viewers.asker())
    app.add_url_rule("/answer", "answer", lambda: {"asker": viewers.asker()})
    viewers.register(app)
    return app


def config(seed: int) -> TrainingConfig:
    return TrainingConfig.preset("linear-2", n_neurons=8, n_inputs=4, batch=16, length=6, steps=3, seed=seed)


class TestName:
    def test_a_browser_gets_one_with_its_first_page_and_keeps_it(self, server) -> None:
        browser = server.test_client()
        assert browser.get("/").text == "at 127.0.0.1"
        name = browser.get("/").text
        assert viewers.NAME.fullmatch(name)
        assert browser.get("/answer").get_json() == {"asker": name}
        assert "Set-Cookie" not in browser.get("/").headers
        assert server.test_client().get("/").text != name

    def test_no_script_reads_it_and_no_other_site_sends_it(self, server) -> None:
        cookie = server.test_client().get("/").headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" in server.test_client().get("/", base_url="https://localhost").headers["Set-Cookie"]

    @pytest.mark.parametrize("name", ["", "me", "0123456789ABCDEF", f"{ADA}0", "../../etc/passwd"])
    def test_a_name_that_is_none_is_replaced(self, server, name) -> None:
        browser = server.test_client()
        browser.set_cookie(viewers.COOKIE, name)
        assert browser.get("/answer").get_json() == {"asker": "at 127.0.0.1"}
        assert re.search(r"=([0-9a-f]{16});", browser.get("/").headers["Set-Cookie"])

    def test_an_answer_gives_none(self, server) -> None:
        assert "Set-Cookie" not in server.test_client().get("/answer").headers

    def test_outside_of_requests_there_is_nobody(self) -> None:
        assert viewers.asker() == ""


@pytest.mark.usefixtures("empty_world")
class TestTrainings:
    def test_of_each_viewer_only_so_many_may_wait(self) -> None:
        asked = [jobs.submit(config(seed), ADA) for seed in range(jobs.MAX_WAITING_EACH)]
        with pytest.raises(ValueError, match="at most 5 of your trainings may wait, so that others get their turn"):
            jobs.submit(config(100), ADA)
        assert jobs.submit(config(0), ADA) == asked[0], "who joins does not add to the queue"
        assert jobs.submit(config(100), BOB)
        assert jobs.submit(config(101)), "who is no viewer is bounded by the whole alone"

    def test_one_that_no_longer_waits_makes_room(self) -> None:
        asked = [jobs.submit(config(seed), ADA) for seed in range(jobs.MAX_WAITING_EACH)]
        jobs.cancel(asked[0])
        jobs.submit(config(100), ADA)
        with pytest.raises(ValueError, match="at most 5 of your trainings may wait"):
            jobs.resume(asked[0], ADA)
        jobs.set_state(asked[1], jobs.RUNNING)
        jobs.resume(asked[0], ADA)
        assert jobs.look_at(asked[0]).state == jobs.WAITING

    def test_who_asked_is_not_forgotten_when_it_is_put_back(self) -> None:
        job_id = jobs.submit(config(0), ADA)
        jobs.set_state(job_id, jobs.RUNNING)
        jobs.put_back(job_id)
        assert jobs.look_at(job_id).asker == ADA


@pytest.mark.usefixtures("empty_world")
class TestExperiments:
    @staticmethod
    def ask(seed: int, asker: str = ADA) -> inquiries.Inquiry:
        return inquiries.ask("noise", Scenario("net", seed=seed), "content", asker=asker)

    def test_of_each_viewer_only_so_many_may_wait(self) -> None:
        for seed in range(inquiries.MAX_WAITING_EACH):
            self.ask(seed)
        with pytest.raises(ValueError, match="at most 8 of your experiments may wait, so that others get their turn"):
            self.ask(100)
        assert self.ask(0).key in [args[0] for args in queue.waiting("inquire")]
        assert len(queue.waiting("inquire")) == inquiries.MAX_WAITING_EACH, "who joins does not add to the queue"
        self.ask(100, BOB)
        assert len(queue.waiting("inquire")) == inquiries.MAX_WAITING_EACH + 1

    def test_all_together_are_bounded_too(self, monkeypatch) -> None:
        monkeypatch.setattr(inquiries, "MAX_WAITING", 3)
        for seed in range(3):
            self.ask(seed, f"{seed:016x}")
        with pytest.raises(ValueError, match="at most 3 experiments may wait, and 3 do; try again in a minute"):
            self.ask(100, BOB)
        assert len(queue.waiting("inquire")) == 3
