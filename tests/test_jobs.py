"""What becomes of a training that was asked for, without a worker: the tests play its part."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.checkpoint import save
from hmmrnn.dashboard import catalog, folders, jobs, queue
from hmmrnn.recipe import TrainingConfig
from tests.networks import random_network

pytest_plugins = ["tests.fixtures_dashboard"]


def config(**changes: object) -> TrainingConfig:
    settings = {"n_neurons": 8, "n_inputs": 4, "batch": 16, "length": 6, "steps": 3}
    return TrainingConfig.preset("linear-2", **{**settings, **changes})


@pytest.fixture(autouse=True)
def world(empty_world):
    return empty_world


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """A clock that only moves when a test moves it: its one element is the time in seconds."""
    now = [1000.0]
    for module in (jobs, queue):
        monkeypatch.setattr(module.time, "time", lambda: now[0])
    return now


def take(job_id: str) -> None:
    """What a worker does first: it takes the job out of the queue, says so, and beats."""
    queue.queue(queue.TRAININGS).dequeue()
    jobs.set_state(job_id, jobs.RUNNING)
    queue.beat(f"job:{job_id}")


class TestAsking:
    def test_a_job_waits(self) -> None:
        job_id = jobs.submit(config(seed=3))
        job = jobs.look_at(job_id)
        assert jobs.JOB_ID.fullmatch(job_id)
        assert (job.id, job.state, job.before, job.progress, job.reason, job.model) == (
            job_id,
            jobs.WAITING,
            0,
            {},
            "",
            "",
        )
        assert job.config.to_dict() == config(seed=3).to_dict()
        assert queue.waiting("train") == [(job_id,)]
        assert job.seconds_left is None
        assert jobs.losses(job_id) == []

    def test_equal_requests_are_one_job(self) -> None:
        assert jobs.submit(config()) == jobs.submit(config())
        assert len(queue.waiting("train")) == len(jobs.listing()) == 1

    def test_equal_requests_at_once_are_one_job(self) -> None:
        with ThreadPoolExecutor(8) as people:
            asked = list(people.map(lambda _: jobs.submit(config()), range(8)))
        assert len(set(asked)) == len(queue.waiting("train")) == 1
        assert [path.name for path in folders.trainings().iterdir()] == asked[:1]

    @pytest.mark.parametrize("change", [{"seed": 1}, {"steps": 4}, {"recipe": "paper", "sequences": 20}])
    def test_other_settings_are_another_job(self, change) -> None:
        assert jobs.submit(config()) != jobs.submit(replace(config(), **change))

    def test_they_wait_in_the_order_of_asking(self, clock) -> None:
        first, second, third = (self.at(clock, 1000.0 + seed, seed) for seed in range(3))
        assert [jobs.look_at(job).before for job in (first, second, third)] == [0, 1, 2]
        assert [job.id for job in jobs.listing()] == [third, second, first]
        take(first)
        assert [jobs.look_at(job).before for job in (first, second, third)] == [0, 1, 2]
        jobs.set_state(first, jobs.DONE, model="made")
        assert [jobs.look_at(job).before for job in (first, second, third)] == [0, 0, 1]

    @staticmethod
    def at(clock: list[float], now: float, seed: int) -> str:
        clock[0] = now
        return jobs.submit(config(seed=seed))

    def test_too_many_are_refused(self, monkeypatch) -> None:
        monkeypatch.setattr(jobs, "MAX_WAITING", 2)
        for seed in range(2):
            jobs.submit(config(seed=seed))
        with pytest.raises(ValueError, match="at most 2 trainings may wait, and 2 do; try again"):
            jobs.submit(config(seed=2))
        assert len(jobs.listing()) == 2
        assert jobs.submit(config(seed=0)), "who joins does not add to the queue"

    @pytest.mark.parametrize("job_id", ["0123456789ab", "", "../../etc", "0123456789AB"])
    def test_an_unknown_job_is_said(self, job_id) -> None:
        for verb in (jobs.look_at, jobs.cancel, jobs.resume, jobs.explore):
            with pytest.raises(ValueError, match="there is no training"):
                verb(job_id)

    def test_a_request_that_cannot_be_read_hides_no_other(self, caplog) -> None:
        good, bad = jobs.submit(config(seed=0)), jobs.submit(config(seed=1))
        plain = config(seed=1).to_dict()
        (folders.trainings() / bad / "request.json").write_text(json.dumps({**plain, "of_a_later_version": 1}))
        assert [job.id for job in jobs.listing()] == [good]
        assert f"training {bad} cannot be shown" in caplog.text


class TestLosing:
    def test_a_job_that_runs_beats(self, clock) -> None:
        job_id = jobs.submit(config())
        take(job_id)
        assert jobs.look_at(job_id).state == jobs.RUNNING
        clock[0] += queue.LOST_AFTER_SECONDS - 0.1
        assert jobs.look_at(job_id).state == jobs.RUNNING
        clock[0] += 0.2
        assert jobs.look_at(job_id).state == jobs.LOST
        queue.beat(f"job:{job_id}")
        assert jobs.look_at(job_id).state == jobs.RUNNING, "it was only slow"

    def test_lost_is_said_within_ten_seconds(self) -> None:
        # The page looks once a second.
        assert queue.LOST_AFTER_SECONDS + 1 < 10
        assert queue.BEAT_SECONDS * 2 < queue.LOST_AFTER_SECONDS, "one beat may be late"

    def test_a_job_that_waits_may_wait_for_long(self, clock) -> None:
        job_id = jobs.submit(config())
        clock[0] += 100_000
        assert jobs.look_at(job_id).state == jobs.WAITING

    def test_a_job_that_left_the_queue_without_a_word_is_lost(self, clock) -> None:
        job_id = jobs.submit(config())
        queue.queue(queue.TRAININGS).dequeue()
        assert jobs.look_at(job_id).state == jobs.WAITING, "its worker may be about to say so"
        clock[0] += queue.LOST_AFTER_SECONDS + 1
        assert jobs.look_at(job_id).state == jobs.LOST

    def test_a_job_whose_state_is_gone_is_lost_and_can_be_resumed(self) -> None:
        job_id = jobs.submit(config())
        queue.discard(f"state:{job_id}")
        queue.queue(queue.TRAININGS).flush()
        assert jobs.look_at(job_id).state == jobs.LOST
        jobs.resume(job_id)
        assert jobs.look_at(job_id).state == jobs.WAITING
        assert queue.waiting("train") == [(job_id,)]


class TestCancellingAndResuming:
    def test_a_job_that_waits_is_cancelled_at_once(self) -> None:
        job_id = jobs.submit(config())
        jobs.cancel(job_id)
        assert jobs.look_at(job_id).state == jobs.CANCELLED

    def test_a_job_that_runs_is_asked_to_stop(self) -> None:
        job_id = jobs.submit(config())
        take(job_id)
        assert not jobs.cancel_requested(job_id)
        jobs.cancel(job_id)
        assert jobs.cancel_requested(job_id)
        assert jobs.look_at(job_id).state == jobs.RUNNING

    def test_resuming_forgets_the_wish_to_stop(self) -> None:
        job_id = jobs.submit(config())
        take(job_id)
        jobs.cancel(job_id)
        jobs.set_state(job_id, jobs.CANCELLED)
        jobs.resume(job_id)
        assert not jobs.cancel_requested(job_id)
        assert jobs.look_at(job_id).state == jobs.WAITING
        assert queue.waiting("train") == [(job_id,)]

    def test_a_failure_keeps_its_reason_until_it_is_resumed(self) -> None:
        job_id = jobs.submit(config())
        jobs.set_state(job_id, jobs.FAILED, reason="training diverged")
        assert (jobs.look_at(job_id).state, jobs.look_at(job_id).reason) == (jobs.FAILED, "training diverged")
        jobs.resume(job_id)
        assert jobs.look_at(job_id).reason == ""

    @pytest.mark.parametrize("state", [jobs.CANCELLED, jobs.FAILED, jobs.DONE])
    def test_what_has_ended_cannot_be_cancelled(self, state) -> None:
        job_id = jobs.submit(config())
        jobs.set_state(job_id, state)
        with pytest.raises(
            ValueError, match=f"only a training that waits or runs can be cancelled; this one is {state}"
        ):
            jobs.cancel(job_id)

    @pytest.mark.parametrize("state", [jobs.WAITING, jobs.RUNNING, jobs.DONE])
    def test_what_goes_on_or_is_done_cannot_be_resumed(self, state) -> None:
        job_id = jobs.submit(config())
        take(job_id)
        jobs.set_state(job_id, state)
        with pytest.raises(ValueError, match="only a training that was cancelled, lost or failed can be resumed"):
            jobs.resume(job_id)

    def test_a_job_that_is_put_back_keeps_its_place(self, clock) -> None:
        first = jobs.submit(config(seed=0))
        clock[0] += 1
        second = jobs.submit(config(seed=1))
        take(first)
        jobs.put_back(first)
        assert [jobs.look_at(job).before for job in (first, second)] == [0, 1]
        assert set(queue.waiting("train")) == {(first,), (second,)}


class TestExploring:
    def test_a_snapshot_becomes_a_network_of_its_own(self) -> None:
        job_id = jobs.submit(config())
        names = []
        for step in ("7", "9"):
            network = replace(
                random_network(8, 4, 3, seed=int(step)), metadata={"steps_done": step, "family": "linear-2"}
            )
            save(network, jobs.snapshot_file(job_id))
            names.append(jobs.explore(job_id))
            np.testing.assert_array_equal(catalog.network(names[-1]).W_hh, network.W_hh)
        assert names == [f"linear-2-{job_id[:6]}-step-7", f"linear-2-{job_id[:6]}-step-9"]
        assert {entry.name for entry in catalog.entries()} == set(names), "the first one is still there"
        assert jobs.explore(job_id) == names[-1], "once more is the same network"
        assert not list(folders.networks().glob(".*")), "nothing half written is left"

    def test_without_a_snapshot_it_says_so(self) -> None:
        with pytest.raises(ValueError, match="this training has no snapshot yet"):
            jobs.explore(jobs.submit(config()))

    def test_a_job_that_is_done_has_its_network(self) -> None:
        job_id = jobs.submit(config())
        jobs.set_state(job_id, jobs.DONE, model="made")
        assert jobs.explore(job_id) == "made"


def test_time_left_follows_from_the_speed() -> None:
    job_id = jobs.submit(config(steps=100))
    take(job_id)
    told = {"step": 40, "steps": 100, "steps_per_second": 4.0}
    queue.put(f"progress:{job_id}", told)
    assert jobs.look_at(job_id).seconds_left == 15
    queue.put(f"progress:{job_id}", {**told, "steps_per_second": None})
    assert jobs.look_at(job_id).seconds_left is None


def test_what_a_job_keeps_is_private(world) -> None:
    jobs.submit(config())
    assert folders.data().stat().st_mode & 0o077 == 0
