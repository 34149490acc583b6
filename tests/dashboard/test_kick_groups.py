"""Kick groups: the search, and what the page holds of what it found."""

import json

import numpy as np

from hmmrnn.analysis.populations import INTEGRATING
from hmmrnn.dashboard.components.kick_groups import describe_kick_groups, search
from hmmrnn.explorer import cost, queries
from hmmrnn.explorer import experiments as kinds
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.services import services
from hmmrnn.tasks import experiments, queue, store
from hmmrnn.tasks.task import Task
from tests.dashboard.page import MODEL, plain, work_off

pytest_plugins = ["tests.fixtures_dashboard"]


class TestSearch:
    """The search for kick neurons: a worker's, if there is one."""

    def request(self, **change) -> dict:
        return {"model": MODEL, "leave": [], **change}

    def test_without_a_worker_it_is_answered_here(self, dashboard, kick):
        answer = json.loads(json.dumps(search(self.request())))
        assert answer == {"key": "", "found": kick}

    def test_a_worker_is_looked_after_until_it_has_ended(self, dashboard, kick, monkeypatch):
        services().store.entry(store.WORKER, queue.EXPERIMENTS).beat()
        # As it is for the first user of a network.
        monkeypatch.setattr(queries.kick_neurons_of, "known", lambda explored: None)
        waiting = search(self.request())
        assert waiting["words"] == "Searching for kick neurons (about 5 s)…"
        assert search(self.request()) == waiting
        key, attempt, *_ = services().queues.queue(queue.EXPERIMENTS, quick=True).dequeue().args
        assert key == waiting["key"]
        task = Task(services().store, store.EXPERIMENT, key)
        assert experiments.begin(task, attempt)
        experiments.reporter(task)(0.426)
        assert search(self.request())["words"] == "Searching for kick neurons: 43 %"
        experiments.finish(task, kinds.compute(services().explorer, kinds.KICK, Scenario(MODEL), lambda share: None))
        assert json.loads(json.dumps(search(self.request())))["found"] == kick

    def test_a_network_that_cannot_be_searched_says_why(self, dashboard):
        services().store.entry(store.WORKER, queue.EXPERIMENTS).beat()
        key = search(self.request(model="growing"))["key"]
        work_off()
        answer = search(self.request(model="growing", leave=[key]))
        assert answer["found"]["groups"] == []
        assert "diverge" in answer["found"]["reason"]
        assert answer["found"]["others"] == [0, 1, 2, 3]

    def test_a_search_that_would_take_too_long_is_refused_before_it_waits(self, dashboard, monkeypatch):
        services().store.entry(store.WORKER, queue.EXPERIMENTS).beat()
        monkeypatch.setattr(experiments, "MOST_SECONDS", 1.0)
        found = search(self.request(model="anonymous"))["found"]
        assert found["groups"] == []
        assert found["reason"].startswith("This would take about ")
        assert services().queues.waiting(queue.EXPERIMENT) == []

    def test_without_a_worker_a_large_network_is_not_searched_while_a_page_waits(self, dashboard, monkeypatch):
        monkeypatch.setattr(cost, "MAX_WAITED_FOR", 11)
        found = search(self.request(model="anonymous"))["found"]
        assert found["groups"] == []
        assert found["reason"].startswith("Kick neurons would take minutes with 12 neurons")


class TestKick:
    def test_the_store_holds_the_groups_the_populations_and_the_rest(self, dashboard, kick):
        found, roles = queries.kick_neurons_of(plain()), queries.populations_of(plain())
        assert kick["model"] == MODEL
        for stored, group in zip(kick["groups"], found.groups, strict=True):
            assert stored["output"] == group.output
            assert tuple(stored["neurons"]) == group.neurons
            assert stored["ratio"] == group.leave_rate_ratio
            assert stored["proven"] is group.proven is True
            assert (stored["to"], stored["controls"]) == (group.to, len(group.control_ratios))
            assert stored["percentile"] == group.percentile
            assert stored["control_median"] == np.median(group.control_ratios)
        in_groups = {i for group in kick["groups"] for i in group["neurons"]}
        assert sorted([*in_groups, *kick["others"]]) == list(range(51))
        for item in kick["integrating"]:
            assert tuple(item["neurons"]) == roles.members(INTEGRATING, item["output"])
            assert item["name"] == f"integrating population of output {item['output']}"

    def test_a_search_that_failed_does_not_go_on_for_ever(self, dashboard):
        # The network diverges, so there is nothing to search; the page learns that instead of waiting for an answer.
        store = json.loads(json.dumps(describe_kick_groups(plain(model="growing"))))
        assert store["model"] == "growing"
        assert "diverge" in store["reason"]
