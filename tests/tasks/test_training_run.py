"""A training in a worker that gets SIGTERM, or that meets another worker; without a process of its own."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import pytest
from filelock import FileLock

from hmmrnn.server.services import services
from hmmrnn.tasks import queue, store, training_run, trainings, worker
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import Task
from hmmrnn.tasks.training_run import put_back
from hmmrnn.training.config import TrainingConfig
from hmmrnn.training.trainer import fit
from tests.programs import PATIENCE_SECONDS, eventually

pytest_plugins = ["tests.fixtures_dashboard", "tests.fixtures_redis"]

CONFIG = TrainingConfig.preset("linear-2", n_neurons=8, n_inputs=4, batch=16, length=6, steps=3)


@pytest.fixture
def training_id(either_queue) -> str:
    """A training that has just been taken out of the queue."""
    asked = services().trainings.submit(CONFIG)
    services().queues.queue(queue.TRAININGS).dequeue()
    assert services().queues.waiting(queue.TRAIN) == []
    return asked


def state_of(training_id: str) -> str:
    return services().trainings.look_at(training_id).state


class TestSigterm:
    def test_the_training_waits_again_before_its_step_is_over(self, training_id, monkeypatch) -> None:
        before = signal.getsignal(signal.SIGTERM)

        def terminated_in_a_step(*arguments):
            assert state_of(training_id) == TaskState.RUNNING
            os.kill(os.getpid(), signal.SIGTERM)
            eventually(lambda: state_of(training_id) == TaskState.WAITING)
            eventually(lambda: services().queues.waiting(queue.TRAIN) == [(training_id,)])
            return fit(*arguments)

        monkeypatch.setattr(training_run, "fit", terminated_in_a_step)
        training_run.run_training(services().trainings, training_id)
        assert state_of(training_id) == TaskState.WAITING
        assert services().queues.waiting(queue.TRAIN) == [(training_id,)], "once, not once more when the step was over"
        assert signal.getsignal(signal.SIGTERM) is before
        monkeypatch.setattr(training_run, "fit", fit)
        training_run.run_training(services().trainings, training_id)
        assert state_of(training_id) == TaskState.DONE

    def test_a_step_that_is_over_before_the_signal_is_read_changes_nothing(self, training_id) -> None:
        services().trainings.task_of(training_id).move(TaskState.RUNNING)
        with training_run._Termination(services().trainings.task_of(training_id)) as termination:
            # As the listening thread finds it if the training has stopped first.
            termination._over.set()
            os.kill(os.getpid(), signal.SIGTERM)
        assert state_of(training_id) == TaskState.WAITING
        assert services().queues.waiting(queue.TRAIN) == [(training_id,)]

    def test_what_ends_all_the_same_has_ended(self, training_id, monkeypatch) -> None:
        def terminated_after_the_last_step(*arguments):
            fitted = fit(*arguments)
            os.kill(os.getpid(), signal.SIGTERM)
            eventually(lambda: state_of(training_id) == TaskState.WAITING)
            return fitted

        monkeypatch.setattr(training_run, "fit", terminated_after_the_last_step)
        training_run.run_training(services().trainings, training_id)
        assert state_of(training_id) == TaskState.DONE
        # The next worker finds nothing to do.
        monkeypatch.setattr(training_run, "fit", lambda *_: pytest.fail("it is trained again"))
        training_run.run_training(services().trainings, training_id)

    def test_what_has_ended_is_not_put_back(self, training_id, monkeypatch) -> None:
        note = training_run._Termination.end_task

        def terminated_after_the_end(termination, state, **more):
            note(termination, state, **more)
            os.kill(os.getpid(), signal.SIGTERM)
            eventually(lambda: termination.requested)

        monkeypatch.setattr(training_run._Termination, "end_task", terminated_after_the_end)
        training_run.run_training(services().trainings, training_id)
        assert state_of(training_id) == TaskState.DONE
        assert services().queues.waiting(queue.TRAIN) == []

    def test_other_signals_change_nothing(self, training_id, monkeypatch) -> None:
        def disturbed(*arguments):
            os.kill(os.getpid(), signal.SIGUSR1)
            return fit(*arguments)

        previous = signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
        monkeypatch.setattr(training_run, "fit", disturbed)
        training_run.run_training(services().trainings, training_id)
        signal.signal(signal.SIGUSR1, previous)
        assert state_of(training_id) == TaskState.DONE

    def test_a_queue_that_is_away_is_tried_again(self, training_id, monkeypatch) -> None:
        tried = []

        def away_at_first(task: Task) -> None:
            tried.append(task.id)
            if len(tried) == 1:
                raise queue.QueueGoneError("away")
            put_back(task)

        def terminated_in_a_step(*arguments):
            os.kill(os.getpid(), signal.SIGTERM)
            eventually(lambda: state_of(training_id) == TaskState.WAITING)
            return fit(*arguments)

        monkeypatch.setattr(store, "HEARTBEAT_SECONDS", 0.05)
        monkeypatch.setattr(training_run, "put_back", away_at_first)
        monkeypatch.setattr(training_run, "fit", terminated_in_a_step)
        training_run.run_training(services().trainings, training_id)
        assert tried == [training_id] * 2
        assert state_of(training_id) == TaskState.WAITING


class TestFailure:
    def test_a_training_that_diverges_says_why(self, either_queue) -> None:
        training_id = services().trainings.submit(replace(CONFIG, steps=50, learning_rate=1e30))
        training_run.run_training(services().trainings, training_id)
        assert state_of(training_id) == TaskState.FAILED
        assert "training diverged at step 2" in services().trainings.look_at(training_id).reason
        assert list(services().data.networks.iterdir()) == []

    def test_a_damaged_state_file_is_the_reason(self, training_id) -> None:
        services().trainings.state_file(training_id).write_bytes(b"not a state")
        with pytest.raises(ValueError, match=r"state\.pt"):
            training_run.run_training(services().trainings, training_id)
        assert state_of(training_id) == TaskState.FAILED
        assert "training cannot go on from state.pt" in services().trainings.look_at(training_id).reason


class TestTheNextWorker:
    def test_it_waits_for_one_that_is_about_to_end(self, training_id, monkeypatch) -> None:
        look_at, looked = services().trainings.look_at, threading.Event()

        def noticed(training_id: str) -> trainings.Training:
            looked.set()
            return look_at(training_id)

        # It looks again and again while another one holds on.
        monkeypatch.setattr(services().trainings, "look_at", noticed)
        leaving = FileLock(services().trainings.state_file(training_id).with_suffix(".lock"), thread_local=False)
        leaving.acquire()
        leaver = threading.Thread(target=leave_when, args=(looked, leaving))
        leaver.start()
        training_run.run_training(services().trainings, training_id)
        leaver.join()
        assert state_of(training_id) == TaskState.DONE

    def test_it_puts_back_what_the_other_does_not_end_in_time(self, training_id, monkeypatch) -> None:
        monkeypatch.setattr(training_run, "ENDS_WITHIN_SECONDS", 0.1)
        with FileLock(services().trainings.state_file(training_id).with_suffix(".lock")):
            run_in_another_thread(training_id)
        assert state_of(training_id) == TaskState.WAITING
        assert services().queues.waiting(queue.TRAIN) == [(training_id,)]

    def test_it_leaves_what_runs_in_another_worker(self, training_id, monkeypatch) -> None:
        monkeypatch.setattr(training_run, "ENDS_WITHIN_SECONDS", 1000.0)
        services().trainings.task_of(training_id).start()
        with FileLock(services().trainings.state_file(training_id).with_suffix(".lock")):
            run_in_another_thread(training_id)
        assert state_of(training_id) == TaskState.RUNNING
        assert services().queues.waiting(queue.TRAIN) == []


def leave_when(looked: threading.Event, lock: FileLock) -> None:
    assert looked.wait(PATIENCE_SECONDS)
    lock.release()


def run_in_another_thread(training_id: str) -> None:
    # In the thread that holds the lock, waiting for it would be taken for a deadlock.
    thread = threading.Thread(target=training_run.run_training, args=(services().trainings, training_id))
    thread.start()
    thread.join()


def test_work_that_was_taken_and_not_begun_goes_back_into_the_queue(either_queue, monkeypatch) -> None:
    asked = services().trainings.submit(CONFIG)

    def interrupted(_training_id: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker.os, "nice", lambda _by: 0)
    monkeypatch.setattr(worker._Consumer, "run", lambda _self: None)
    worker.serve_queue(services().store, queue.TRAININGS, 1, {queue.TRAIN: interrupted})
    huey = services().queues.queue(queue.TRAININGS)
    huey.execute(huey.dequeue())
    assert services().queues.waiting(queue.TRAIN) == [(asked,)]
