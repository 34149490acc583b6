"""What a worker does when it is told to end, and when it meets one that has been; without a process of its own."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from filelock import FileLock

from hmmrnn.dashboard import jobs, queue, work, worker
from hmmrnn.recipe import TrainingConfig
from hmmrnn.training import fit
from tests.programs import PATIENCE_SECONDS, eventually

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]

CONFIG = TrainingConfig.preset("linear-2", n_neurons=8, n_inputs=4, batch=16, length=6, steps=3)


@pytest.fixture
def job_id(either_queue) -> str:
    """A training that has just been taken out of the queue."""
    asked = jobs.submit(CONFIG)
    queue.queue(queue.TRAININGS).dequeue()
    assert queue.waiting("train") == []
    return asked


def state_of(job_id: str) -> str:
    return jobs.look_at(job_id).state


class TestToldToEnd:
    def test_the_training_waits_again_before_its_step_is_over(self, job_id, monkeypatch) -> None:
        before = signal.getsignal(signal.SIGTERM)

        def told_in_a_step(config, reporter, should_stop, state_file):
            assert state_of(job_id) == jobs.RUNNING
            os.kill(os.getpid(), signal.SIGTERM)
            eventually(lambda: state_of(job_id) == jobs.WAITING)
            assert queue.waiting("train") == [(job_id,)]
            return fit(config, reporter, should_stop, state_file)

        monkeypatch.setattr(work, "fit", told_in_a_step)
        work.run_training(job_id)
        assert state_of(job_id) == jobs.WAITING
        assert queue.waiting("train") == [(job_id,)], "once, not once more when the step was over"
        assert signal.getsignal(signal.SIGTERM) is before
        monkeypatch.setattr(work, "fit", fit)
        work.run_training(job_id)
        assert state_of(job_id) == jobs.DONE

    def test_a_step_that_is_over_before_anybody_has_heard_changes_nothing(self, job_id) -> None:
        jobs.set_state(job_id, jobs.RUNNING)
        with work._Leaving(job_id) as leaving:
            # As it is found by a thread that comes to it only when the training has been left.
            leaving._over.set()
            os.kill(os.getpid(), signal.SIGTERM)
        assert state_of(job_id) == jobs.WAITING
        assert queue.waiting("train") == [(job_id,)]

    def test_what_ends_all_the_same_has_ended(self, job_id, monkeypatch) -> None:
        def told_after_the_last_step(config, reporter, should_stop, state_file):
            fitted = fit(config, reporter, should_stop, state_file)
            os.kill(os.getpid(), signal.SIGTERM)
            eventually(lambda: state_of(job_id) == jobs.WAITING)
            return fitted

        monkeypatch.setattr(work, "fit", told_after_the_last_step)
        work.run_training(job_id)
        assert state_of(job_id) == jobs.DONE
        # Whoever takes what is in the queue finds nothing to do.
        monkeypatch.setattr(work, "fit", lambda *_: pytest.fail("it is trained again"))
        work.run_training(job_id)

    def test_what_has_ended_is_not_put_back(self, job_id, monkeypatch) -> None:
        note = work._Leaving.note

        def told_after_noting(leaving, state, **more):
            note(leaving, state, **more)
            os.kill(os.getpid(), signal.SIGTERM)
            eventually(lambda: leaving.told)

        monkeypatch.setattr(work._Leaving, "note", told_after_noting)
        work.run_training(job_id)
        assert state_of(job_id) == jobs.DONE
        assert queue.waiting("train") == []

    def test_other_signals_change_nothing(self, job_id, monkeypatch) -> None:
        def disturbed(config, reporter, should_stop, state_file):
            os.kill(os.getpid(), signal.SIGUSR1)
            return fit(config, reporter, should_stop, state_file)

        previous = signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
        monkeypatch.setattr(work, "fit", disturbed)
        work.run_training(job_id)
        signal.signal(signal.SIGUSR1, previous)
        assert state_of(job_id) == jobs.DONE

    def test_a_queue_that_is_away_is_tried_again(self, job_id, monkeypatch) -> None:
        put_back, tried = jobs.put_back, []

        def away_at_first(job_id):
            tried.append(job_id)
            if len(tried) == 1:
                raise queue.QueueGoneError("away")
            put_back(job_id)

        def told_in_a_step(config, reporter, should_stop, state_file):
            os.kill(os.getpid(), signal.SIGTERM)
            eventually(lambda: state_of(job_id) == jobs.WAITING)
            return fit(config, reporter, should_stop, state_file)

        monkeypatch.setattr(queue, "BEAT_SECONDS", 0.05)
        monkeypatch.setattr(jobs, "put_back", away_at_first)
        monkeypatch.setattr(work, "fit", told_in_a_step)
        work.run_training(job_id)
        assert tried == [job_id] * 2
        assert state_of(job_id) == jobs.WAITING

    def test_one_that_is_slow_to_leave_is_not_called_lost(self, job_id, monkeypatch) -> None:
        monkeypatch.setattr(queue, "LOST_AFTER_SECONDS", 0.3)
        jobs.put_back(job_id)
        queue.queue(queue.TRAININGS).dequeue()
        eventually(lambda: state_of(job_id) == jobs.LOST)
        queue.beat(f"job:{job_id}")
        assert state_of(job_id) == jobs.WAITING


class TestTheNextWorker:
    def test_it_waits_for_one_that_leaves(self, job_id, monkeypatch) -> None:
        look_at, looked = jobs.look_at, threading.Event()

        def noticed(job_id: str) -> jobs.Job:
            looked.set()
            return look_at(job_id)

        # It looks again and again while another one holds on.
        monkeypatch.setattr(jobs, "look_at", noticed)
        leaving = FileLock(jobs.state_file(job_id).with_suffix(".lock"), thread_local=False)
        leaving.acquire()
        leaver = threading.Thread(target=leave_when, args=(looked, leaving))
        leaver.start()
        work.run_training(job_id)
        leaver.join()
        assert state_of(job_id) == jobs.DONE

    def test_it_puts_back_what_is_not_left_in_time(self, job_id, monkeypatch) -> None:
        monkeypatch.setattr(work, "LEAVING_SECONDS", 0.1)
        with FileLock(jobs.state_file(job_id).with_suffix(".lock")):
            run_in_another_thread(job_id)
        assert state_of(job_id) == jobs.WAITING
        assert queue.waiting("train") == [(job_id,)]

    def test_it_leaves_what_runs_to_whom_it_is(self, job_id, monkeypatch) -> None:
        monkeypatch.setattr(work, "LEAVING_SECONDS", 1000.0)
        jobs.set_state(job_id, jobs.RUNNING)
        queue.beat(f"job:{job_id}")
        with FileLock(jobs.state_file(job_id).with_suffix(".lock")):
            run_in_another_thread(job_id)
        assert state_of(job_id) == jobs.RUNNING
        assert queue.waiting("train") == []


def leave_when(looked: threading.Event, lock: FileLock) -> None:
    assert looked.wait(PATIENCE_SECONDS)
    lock.release()


def run_in_another_thread(job_id: str) -> None:
    # In the thread that holds the lock, waiting for it would be taken for a deadlock.
    thread = threading.Thread(target=work.run_training, args=(job_id,))
    thread.start()
    thread.join()


def test_a_job_that_was_taken_and_not_begun_goes_back_into_the_queue(either_queue, monkeypatch) -> None:
    asked = jobs.submit(CONFIG)
    monkeypatch.setattr(worker.os, "nice", lambda _by: 0)
    monkeypatch.setattr(worker._Consumer, "run", lambda _self: None)
    worker.serve_queue(queue.TRAININGS, 1)
    huey = queue.queue(queue.TRAININGS)

    def told_to_end(_job_id):
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "run_training", told_to_end)
    huey.execute(huey.dequeue())
    assert queue.waiting("train") == [(asked,)]
