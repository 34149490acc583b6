"""No viewer fills the queue alone: every browser has a name, and only so much of each may wait."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask

from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.auth import requester
from hmmrnn.server.services import services
from hmmrnn.tasks import experiments, queue, store
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import KINDS
from hmmrnn.tasks.training_run import put_back
from hmmrnn.training.config import TrainingConfig

pytest_plugins = ["tests.fixtures_dashboard"]

ADA, BOB = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def server() -> Flask:
    """A server with a page and an answer, which says whose request it was."""
    app = Flask("test")
    app.add_url_rule("/", "page", lambda: requester.identify_requester())
    app.add_url_rule("/answer", "answer", lambda: {"asker": requester.identify_requester()})
    requester.register(app, b"k" * 32)
    return app


def config(seed: int) -> TrainingConfig:
    return TrainingConfig.preset("linear-2", n_neurons=8, n_inputs=4, batch=16, length=6, steps=3, seed=seed)


class TestName:
    def test_a_browser_gets_one_with_its_first_page_and_keeps_it(self, server) -> None:
        browser = server.test_client()
        assert browser.get("/").text == "at 127.0.0.1"
        name = browser.get("/").text
        assert re.fullmatch("[0-9a-f]{16} at 127.0.0.1", name)
        assert browser.get("/answer").get_json() == {"asker": name}
        assert "Set-Cookie" not in browser.get("/").headers
        assert server.test_client().get("/").text != name

    def test_no_script_reads_it_and_no_other_site_sends_it(self, server) -> None:
        cookie = server.test_client().get("/").headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" in server.test_client().get("/", base_url="https://localhost").headers["Set-Cookie"]

    @pytest.mark.parametrize("name", ["", "me", ADA, f"{ADA}.made-up", f"{ADA}0", "../../etc/passwd"])
    def test_a_name_that_is_none_is_replaced(self, server, name) -> None:
        browser = server.test_client()
        browser.set_cookie(requester.COOKIE, name)
        assert browser.get("/answer").get_json() == {"asker": "at 127.0.0.1"}
        assert re.search(r"=([0-9a-f]{16})\.[\w-]+;", browser.get("/").headers["Set-Cookie"])
        assert re.fullmatch("[0-9a-f]{16} at 127.0.0.1", browser.get("/answer").get_json()["asker"])

    def test_a_name_of_version_0_1_is_signed_and_kept(self, server) -> None:
        browser = server.test_client()
        browser.set_cookie(requester.COOKIE, ADA)
        browser.get("/")
        assert browser.get("/answer").get_json() == {"asker": f"{ADA} at 127.0.0.1"}

    def test_an_answer_gives_none(self, server) -> None:
        assert "Set-Cookie" not in server.test_client().get("/answer").headers

    def test_outside_of_requests_there_is_no_requester(self) -> None:
        assert requester.identify_requester() == ""


@pytest.mark.usefixtures("empty_world")
class TestTrainings:
    def test_of_each_viewer_only_so_many_may_wait(self) -> None:
        most = KINDS[store.TRAINING].most_waiting_each
        asked = [services().trainings.submit(config(seed), ADA) for seed in range(most)]
        with pytest.raises(ValueError, match="at most 5 of your trainings may wait, so that others get their turn"):
            services().trainings.submit(config(100), ADA)
        assert services().trainings.submit(config(0), ADA) == asked[0], "who joins does not add to the queue"
        assert services().trainings.submit(config(100), BOB)
        assert services().trainings.submit(config(101)), "who is no viewer is bounded by the whole alone"

    def test_new_names_of_one_address_are_bounded_together(self) -> None:
        most = KINDS[store.TRAINING].most_waiting_address
        for seed in range(most):
            services().trainings.submit(config(seed), f"{seed:016x} at 10.0.0.3")
        with pytest.raises(ValueError, match="at most 15 trainings of one address may wait"):
            services().trainings.submit(config(100), f"{100:016x} at 10.0.0.3")
        assert services().trainings.submit(config(100), f"{100:016x} at 10.0.0.4")
        assert services().trainings.submit(config(101), "user ada"), "users are known by name"

    def test_nobody_cancels_or_resumes_that_of_another(self) -> None:
        job_id = services().trainings.submit(config(0), f"{ADA} at 10.0.0.3")
        with pytest.raises(ValueError, match="only who asked for this training can cancel it"):
            services().trainings.cancel(job_id, f"{BOB} at 10.0.0.3")
        services().trainings.cancel(job_id, f"{ADA} at 10.0.0.4")
        with pytest.raises(ValueError, match="only who asked for this training can resume it"):
            services().trainings.resume(job_id, f"{BOB} at 10.0.0.3")
        services().trainings.resume(job_id, f"{ADA} at 10.0.0.3")
        services().trainings.cancel(job_id)
        assert services().trainings.look_at(job_id).state == TaskState.CANCELLED, "a command of this machine may"

    def test_one_that_no_longer_waits_makes_room(self) -> None:
        most = KINDS[store.TRAINING].most_waiting_each
        asked = [services().trainings.submit(config(seed), ADA) for seed in range(most)]
        services().trainings.cancel(asked[0])
        services().trainings.submit(config(100), ADA)
        with pytest.raises(ValueError, match="at most 5 of your trainings may wait"):
            services().trainings.resume(asked[0], ADA)
        services().trainings.task_of(asked[1]).move(TaskState.RUNNING)
        services().trainings.resume(asked[0], ADA)
        assert services().trainings.look_at(asked[0]).state == TaskState.WAITING

    def test_who_asked_is_not_forgotten_when_it_is_put_back(self) -> None:
        job_id = services().trainings.submit(config(0), ADA)
        services().trainings.task_of(job_id).move(TaskState.RUNNING)
        put_back(services().trainings.task_of(job_id))
        assert services().trainings.look_at(job_id).requester == ADA


@pytest.mark.usefixtures("empty_world")
class TestExperiments:
    @staticmethod
    def ask(seed: int, requester: str = ADA) -> experiments.Experiment:
        return services().experiments.ask("noise", Scenario("net", seed=seed), "content", requester=requester)

    def test_of_each_viewer_only_so_many_may_wait(self) -> None:
        for seed in range(KINDS[store.EXPERIMENT].most_waiting_each):
            self.ask(seed)
        with pytest.raises(ValueError, match="at most 8 of your experiments may wait, so that others get their turn"):
            self.ask(100)
        assert self.ask(0).id in [args[0] for args in services().queues.waiting(queue.EXPERIMENT)]
        most, waiting = KINDS[store.EXPERIMENT].most_waiting_each, services().queues.waiting
        assert len(waiting(queue.EXPERIMENT)) == most, "a request that joins does not add to the queue"
        self.ask(100, BOB)
        assert len(waiting(queue.EXPERIMENT)) == most + 1

    def test_all_together_are_bounded_too(self, monkeypatch) -> None:
        monkeypatch.setitem(KINDS, store.EXPERIMENT, replace(KINDS[store.EXPERIMENT], most_waiting=3))
        for seed in range(3):
            self.ask(seed, f"{seed:016x}")
        with pytest.raises(ValueError, match="at most 3 experiments may wait, and 3 do; try again when some are done"):
            self.ask(100, BOB)
        assert len(services().queues.waiting(queue.EXPERIMENT)) == 3
