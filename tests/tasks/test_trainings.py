"""What becomes of a training that was asked for, without a worker: the tests play its part."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.model.checkpoint import save
from hmmrnn.model.hmm import HMM
from hmmrnn.model.metadata import MODEL_NAME
from hmmrnn.server.services import services
from hmmrnn.tasks import queue, store, trainings
from hmmrnn.tasks.store import PROGRESS, RECORD, TaskState, TrainingProgress
from hmmrnn.tasks.task import KINDS
from hmmrnn.tasks.training_run import put_back
from hmmrnn.training.config import TrainingConfig
from tests.networks import random_network
from tests.sweeps import taken

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
    monkeypatch.setattr(store.time, "time", lambda: now[0])
    return now


class TestAsking:
    def test_a_job_waits(self) -> None:
        training_id = services().trainings.submit(config(seed=3))
        job = services().trainings.look_at(training_id)
        assert trainings.TRAINING_ID.fullmatch(training_id)
        found = (job.id, job.state, job.before, job.progress, job.reason, job.model)
        assert found == (training_id, TaskState.WAITING, 0, None, "", "")
        assert job.config.to_dict() == config(seed=3).to_dict()
        assert services().queues.waiting(queue.TRAIN) == [(training_id,)]
        assert job.seconds_left is None
        assert services().trainings.losses(training_id) == []

    @pytest.mark.parametrize(("name", "stem"), [
        ("mouse 7 (left)", "mouse-7-left"), ("../../etc/passwd", "etc-passwd"), ("…", "custom"), ("a_b-c.d", "a_b-c.d"),
    ])  # fmt: skip
    def test_its_network_is_called_after_the_hmm_as_a_link_can_hold(self, name, stem) -> None:
        training_id = services().trainings.submit(
            replace(config(), hmm=HMM([[0.5, 0.5], [0.25, 0.75]], np.eye(2, 3), name=name))
        )
        called = trainings.network_name(services().trainings.look_at(training_id))
        assert called == f"{stem}-{training_id[:6]}"
        assert MODEL_NAME.fullmatch(called)

    def test_of_too_many_the_oldest_that_came_to_nothing_make_room(self, clock, monkeypatch) -> None:
        monkeypatch.setattr(trainings, "MOST_KEPT", 3)
        submit, there = services().trainings.submit, lambda: {one.id for one in services().trainings.listing()}
        ids = []
        for seed in range(3):
            clock[0] += 1
            ids.append(submit(config(seed=seed)))
        with pytest.raises(ValueError, match=r"3 trainings are kept, and no more may be; remove folders of old ones"):
            submit(config(seed=9))
        services().trainings.cancel(ids[2])
        services().trainings.cancel(ids[1])
        services().trainings.task_of(ids[0]).move(TaskState.DONE)
        newest = submit(config(seed=9))
        assert there() == {ids[0], ids[2], newest}
        assert services().trainings.task_of(ids[1]).record is None
        assert there() == {submit(config(seed=0)), ids[2], newest}, "what is there needs no room"

    def test_equal_requests_at_once_are_one_job(self) -> None:
        submit = services().trainings.submit
        with ThreadPoolExecutor(8) as people:
            asked = list(people.map(lambda _: submit(config()), range(8)))
        assert len(set(asked)) == len(services().queues.waiting(queue.TRAIN)) == 1
        assert [path.name for path in services().data.trainings.iterdir()] == asked[:1]

    @pytest.mark.parametrize("change", [{"seed": 1}, {"steps": 4}, {"recipe": "paper", "sequences": 20}])
    def test_other_settings_are_another_job(self, change) -> None:
        assert services().trainings.submit(config()) != services().trainings.submit(replace(config(), **change))

    def test_they_wait_in_the_order_of_asking(self, clock) -> None:
        asked = []
        for seed in range(3):
            clock[0] += 1
            asked.append(services().trainings.submit(config(seed=seed)))
        first, second, third = asked
        assert [services().trainings.look_at(job).before for job in (first, second, third)] == [0, 1, 2]
        assert [job.id for job in services().trainings.listing()] == [third, second, first]
        taken(first)
        assert [services().trainings.look_at(job).before for job in (first, second, third)] == [0, 1, 2]
        services().trainings.task_of(first).move(TaskState.DONE, model="made")
        assert [services().trainings.look_at(job).before for job in (first, second, third)] == [0, 0, 1]

    def test_too_many_are_refused(self, monkeypatch) -> None:
        monkeypatch.setitem(KINDS, store.TRAINING, replace(KINDS[store.TRAINING], most_waiting=2))
        for seed in range(2):
            services().trainings.submit(config(seed=seed))
        with pytest.raises(ValueError, match="at most 2 trainings may wait, and 2 do; try again"):
            services().trainings.submit(config(seed=2))
        assert len(services().trainings.listing()) == 2
        assert services().trainings.submit(config(seed=0)), "who joins does not add to the queue"

    @pytest.mark.parametrize("training_id", ["0123456789ab", "", "../../etc", "0123456789AB"])
    def test_an_unknown_job_is_said(self, training_id) -> None:
        every = services().trainings
        for verb in (every.look_at, every.cancel, every.resume, every.explore):
            with pytest.raises(ValueError, match="there is no training"):
                verb(training_id)

    def test_a_request_that_cannot_be_read_hides_no_other(self, caplog) -> None:
        good, bad = services().trainings.submit(config(seed=0)), services().trainings.submit(config(seed=1))
        plain = config(seed=1).to_dict()
        (services().data.trainings / bad / "request.json").write_text(json.dumps({**plain, "of_a_later_version": 1}))
        assert [job.id for job in services().trainings.listing()] == [good]
        assert f"training {bad} cannot be shown" in caplog.text


class TestLosing:
    def test_a_job_that_runs_beats(self, clock) -> None:
        training_id = services().trainings.submit(config())
        taken(training_id)
        assert services().trainings.look_at(training_id).state == TaskState.RUNNING
        clock[0] += store.LOST_AFTER_SECONDS - 0.1
        assert services().trainings.look_at(training_id).state == TaskState.RUNNING
        clock[0] += 0.2
        assert services().trainings.look_at(training_id).state == TaskState.LOST
        services().trainings.task_of(training_id).beat()
        assert services().trainings.look_at(training_id).state == TaskState.RUNNING, "it was only slow"

    def test_one_beat_may_be_late_and_lost_is_said_within_ten_seconds(self) -> None:
        # The page looks once a second.
        assert store.HEARTBEAT_SECONDS * 2 < store.LOST_AFTER_SECONDS < 10 - 1

    def test_a_job_that_waits_may_wait_for_long(self, clock) -> None:
        training_id = services().trainings.submit(config())
        clock[0] += 100_000
        assert services().trainings.look_at(training_id).state == TaskState.WAITING

    def test_a_job_that_left_the_queue_without_a_word_is_lost(self, clock) -> None:
        training_id = services().trainings.submit(config())
        services().queues.queue(queue.TRAININGS).dequeue()
        assert services().trainings.look_at(training_id).state == TaskState.WAITING, "its worker may be about to say so"
        clock[0] += store.LOST_AFTER_SECONDS + 1
        assert services().trainings.look_at(training_id).state == TaskState.LOST

    def test_one_that_was_put_back_by_a_worker_that_is_slow_to_end_is_not_lost(self, clock) -> None:
        training_id = services().trainings.submit(config())
        taken(training_id)
        put_back(services().trainings.task_of(training_id))
        clock[0] += store.LOST_AFTER_SECONDS + 1
        for _ in range(2):
            services().queues.queue(queue.TRAININGS).dequeue()
        assert services().trainings.look_at(training_id).state == TaskState.LOST
        services().trainings.task_of(training_id).beat()
        assert services().trainings.look_at(training_id).state == TaskState.WAITING

    def test_a_job_whose_state_is_gone_is_lost_and_can_be_resumed(self) -> None:
        training_id = services().trainings.submit(config())
        services().trainings.task_of(training_id).discard(RECORD)
        services().queues.queue(queue.TRAININGS).flush()
        assert services().trainings.look_at(training_id).state == TaskState.LOST
        services().trainings.resume(training_id)
        assert services().trainings.look_at(training_id).state == TaskState.WAITING
        assert services().queues.waiting(queue.TRAIN) == [(training_id,)]


class TestCancellingAndResuming:
    def test_a_job_that_waits_is_cancelled_at_once(self) -> None:
        training_id = services().trainings.submit(config())
        services().trainings.cancel(training_id)
        assert services().trainings.look_at(training_id).state == TaskState.CANCELLED

    def test_a_job_that_runs_is_asked_to_stop(self) -> None:
        training_id = services().trainings.submit(config())
        taken(training_id)
        assert not services().trainings.cancel_requested(training_id)
        services().trainings.cancel(training_id)
        assert services().trainings.cancel_requested(training_id)
        assert services().trainings.look_at(training_id).state == TaskState.RUNNING

    def test_resuming_forgets_the_wish_to_stop(self) -> None:
        training_id = services().trainings.submit(config())
        taken(training_id)
        services().trainings.cancel(training_id)
        services().trainings.task_of(training_id).move(TaskState.CANCELLED)
        services().trainings.resume(training_id)
        assert not services().trainings.cancel_requested(training_id)
        assert services().trainings.look_at(training_id).state == TaskState.WAITING
        assert services().queues.waiting(queue.TRAIN) == [(training_id,)]

    def test_a_failure_keeps_its_reason_until_it_is_resumed(self) -> None:
        training_id = services().trainings.submit(config())
        services().trainings.task_of(training_id).move(TaskState.FAILED, reason="training diverged")
        found = services().trainings.look_at(training_id)
        assert (found.state, found.reason) == (TaskState.FAILED, "training diverged")
        services().trainings.resume(training_id)
        assert services().trainings.look_at(training_id).reason == ""

    @pytest.mark.parametrize("state", [TaskState.CANCELLED, TaskState.FAILED, TaskState.DONE])
    def test_what_has_ended_cannot_be_cancelled(self, state) -> None:
        training_id = services().trainings.submit(config())
        services().trainings.task_of(training_id).move(state)
        sentence = f"only a training that waits or runs can be cancelled; this one is {state}"
        with pytest.raises(ValueError, match=sentence):
            services().trainings.cancel(training_id)

    @pytest.mark.parametrize("state", [TaskState.WAITING, TaskState.RUNNING, TaskState.DONE])
    def test_what_goes_on_or_is_done_cannot_be_resumed(self, state) -> None:
        training_id = services().trainings.submit(config())
        taken(training_id)
        services().trainings.task_of(training_id).move(state)
        with pytest.raises(ValueError, match="only a training that was cancelled, lost or failed can be resumed"):
            services().trainings.resume(training_id)

    def test_a_job_that_is_put_back_keeps_its_place(self, clock) -> None:
        first = services().trainings.submit(config(seed=0))
        clock[0] += 1
        second = services().trainings.submit(config(seed=1))
        taken(first)
        put_back(services().trainings.task_of(first))
        assert [services().trainings.look_at(job).before for job in (first, second)] == [0, 1]
        assert set(services().queues.waiting(queue.TRAIN)) == {(first,), (second,)}


class TestExploring:
    def test_a_snapshot_becomes_a_network_of_its_own(self) -> None:
        training_id = services().trainings.submit(config())
        names = []
        for step in ("7", "9"):
            metadata = {"steps_done": step, "family": "linear-2"}
            network = replace(random_network(8, 4, 3, seed=int(step)), metadata=metadata)
            save(network, services().trainings.snapshot_file(training_id))
            names.append(services().trainings.explore(training_id))
            np.testing.assert_array_equal(services().models.network(names[-1]).W_hh, network.W_hh)
        assert names == [f"linear-2-{training_id[:6]}-step-7", f"linear-2-{training_id[:6]}-step-9"]
        assert {entry.name for entry in services().models.entries()} == set(names), "the first one is still there"
        assert services().trainings.explore(training_id) == names[-1], "once more is the same network"
        assert not list(services().data.networks.glob(".*")), "nothing half written is left"

    def test_without_a_snapshot_it_says_so(self) -> None:
        with pytest.raises(ValueError, match="this training has no snapshot yet"):
            services().trainings.explore(services().trainings.submit(config()))

    def test_a_job_that_is_done_has_its_network(self) -> None:
        training_id = services().trainings.submit(config())
        services().trainings.task_of(training_id).move(TaskState.DONE, model="made")
        assert services().trainings.explore(training_id) == "made"


def test_time_left_follows_from_the_speed() -> None:
    training_id = services().trainings.submit(config(steps=100))
    taken(training_id)
    progress = TrainingProgress(step=40, steps=100, loss=3.0, floor=1.0, plateau=9.0, seconds=10.0, steps_per_second=4)
    services().trainings.task_of(training_id).put(PROGRESS, progress)
    assert services().trainings.look_at(training_id).seconds_left == 15
    services().trainings.task_of(training_id).put(PROGRESS, progress.model_copy(update={"steps_per_second": None}))
    assert services().trainings.look_at(training_id).seconds_left is None


def test_what_a_job_keeps_is_private(world) -> None:
    services().trainings.submit(config())
    assert services().data.path.stat().st_mode & 0o077 == 0
