"""Redis stops and starts while servers work with it, and two servers share one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from hmmrnn.dashboard import ids, work
from hmmrnn.explorer import experiments as kinds
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.services import resolve, services
from hmmrnn.storage import cache
from hmmrnn.tasks.store import TaskState
from tests.browser.conftest import Server
from tests.faults.words import (
    ROUNDS,
    SCENARIO,
    expect_undisturbed,
    expect_whole_files,
    noise,
    reaches,
    state_of,
    views,
    well_again,
)
from tests.programs import RedisServer, eventually
from tests.services import rebuild_services
from tests.sweeps import short_training
from tests.wire import Wire

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]


@pytest.mark.faults
class TestRedis:
    @pytest.fixture
    def redis(self, dashboard, redis_server_of_own: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
        monkeypatch.setenv("HMMRNN_REDIS_URL", redis_server_of_own.url)
        rebuild_services()
        return redis_server_of_own

    @pytest.fixture
    def server(self, redis: RedisServer, dashboard) -> Iterator[Server]:
        """A server whose queue, answers and locks are in Redis."""
        running = Server(dashboard.cache, dashboard.data)
        running.start()
        yield running
        running.stop()

    @pytest.mark.parametrize("_round", range(ROUNDS))
    def test_it_is_stopped_and_started_in_the_middle_of_everything(self, redis, server, _round):
        config = short_training(seed=6, steps=1500)
        wire = Wire(server.url)
        job_id = services().trainings.submit(config)
        reaches(job_id, 100)
        wanted = {neuron: views(wire, neuron) for neuron in (1, 2)}
        step = services().trainings.look_at(job_id).step
        redis.stop()
        for neuron in (1, 2, 3):
            found = views(wire, neuron)
            assert neuron == 3 or found == wanted[neuron]
        words = dict(noise(wire)["updates"])[ids.state(kinds.NOISE)]["children"]
        assert words.startswith(f"Redis at 127.0.0.1:{redis.port} does not answer; trainings, experiments and files")
        redis.start()
        well_again("Redis stopped and started: experiments", lambda: self.asks(SCENARIO))
        well_again("Redis stopped and started: training", lambda: services().trainings.look_at(job_id).step > step)
        eventually(lambda: state_of(job_id) == TaskState.DONE)
        expect_undisturbed(job_id, config)
        eventually(lambda: work.ask(kinds.NOISE, resolve(SCENARIO)).state == TaskState.DONE)
        found, here = (
            work.ask(kinds.NOISE, resolve(SCENARIO)).result,
            kinds.compute(services().explorer, kinds.NOISE, SCENARIO, lambda _: None),
        )
        np.testing.assert_array_equal(found.sweep.radius, here.sweep.radius)
        assert {neuron: views(wire, neuron) for neuron in wanted} == wanted
        expect_whole_files(server.data)

    def asks(self, scenario: Scenario) -> bool:
        return work.ask(kinds.NOISE, resolve(scenario)).state in (TaskState.RUNNING, TaskState.DONE)

    def test_two_servers_answer_alike_and_compute_once(self, redis, server, dashboard, tmp_path):
        other = Server(tmp_path, dashboard.data)
        other.start()
        try:
            there = services().redis.client()
            there.config_set("notify-keyspace-events", "E$")
            written = there.pubsub()
            written.subscribe("__keyevent@0__:set")
            wires = [Wire(server.url), Wire(other.url)]
            with ThreadPoolExecutor(8) as viewers:
                for neuron in range(10, 16):
                    asked = [viewers.submit(views, wire, neuron) for wire in wires * 4]
                    first, *others = [answer.result() for answer in asked]
                    assert all(answer == first for answer in others)
        finally:
            other.stop()
        # Each answer was written once, by whichever process computed it.
        told = [message["data"] for message in iter(lambda: written.get_message(timeout=0.5), None)]
        answers = [key for key in told if isinstance(key, bytes) and key.startswith(cache.PREFIX.encode())]
        written.close()
        assert len(answers) == len(set(answers)) > 6
