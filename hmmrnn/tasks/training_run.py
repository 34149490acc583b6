"""A training in a worker: train, report progress, and put the training back if the worker has to end.

It runs in a process of its own, which may import torch and may be killed: what it has reported stays in the store, and
from the state file another worker can go on.
"""

from __future__ import annotations

import logging
import math
import signal
import socket
import threading
import time
from collections import deque
from dataclasses import replace
from typing import Any

from filelock import FileLock, Timeout

from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.model.checkpoint import save
from hmmrnn.model.metadata import BROUGHT_BY, mark_of
from hmmrnn.storage import logs
from hmmrnn.tasks import store
from hmmrnn.tasks.queue import QueueGoneError
from hmmrnn.tasks.store import LOSSES, PROGRESS, TaskState, TrainingProgress
from hmmrnn.tasks.supervisor import GRACE_SECONDS
from hmmrnn.tasks.task import Task, name_and_address
from hmmrnn.tasks.trainings import Training, Trainings, network_name
from hmmrnn.training.trainer import FIDELITY_NUMBERS, Progress, fit, judged

logger = logging.getLogger(__name__)

REPORT_EVERY_SECONDS = 0.5
SNAPSHOT_EVERY_SECONDS = 10.0
SPEED_OVER_STEPS = 20
# How long the next worker waits for one that is about to end: that one is killed sooner.
ENDS_WITHIN_SECONDS = GRACE_SECONDS + 1.0
# Enough to see how the training goes; the verdict at the end is on far longer runs.
SNAPSHOT_RUNS, SNAPSHOT_STEPS = 32, 500


def run_training(trainings: Trainings, training_id: str) -> None:
    """Train from the last state until the training is done or cancelled, or this worker has to end."""
    logs.about(training=training_id)
    # Two pages may resume a training at once, and so put it into the queue twice.
    lock = FileLock(trainings.state_file(training_id).with_suffix(".lock"))
    try:
        lock.acquire(
            ENDS_WITHIN_SECONDS, 0.5, cancel_check=lambda: trainings.look_at(training_id).state is not TaskState.WAITING
        )
    except Timeout:
        return _leave_to_other_worker(trainings, training_id)
    try:
        with _Termination(trainings.task_of(training_id)) as termination:
            training = trainings.look_at(training_id)
            if training.state in (TaskState.WAITING, TaskState.LOST):
                _train(trainings, training, termination)
    finally:
        lock.release()


def _leave_to_other_worker(trainings: Trainings, training_id: str) -> None:
    """Put the training back if the worker that holds it is about to end, which has let it wait again."""
    if trainings.look_at(training_id).state is TaskState.WAITING:
        put_back(trainings.task_of(training_id))
    else:
        logger.info("training %s is under way in another worker", training_id)


def put_back(task: Task) -> None:
    """Let a training that its worker cannot go on with wait again; when it was asked for stays."""
    task.move(TaskState.WAITING)
    task.send()


def _train(trainings: Trainings, training: Training, termination: _Termination) -> None:
    task = termination.task
    with task.kept_alive():
        task.start()
        report = _Report(trainings, training)
        state_file = trainings.state_file(training.id)
        try:
            fitted = fit(
                training.config, report, lambda: termination.requested or _cancelled(trainings, training.id), state_file
            )
            report.send()
            if fitted.stopped:
                return None if termination.requested else termination.end_task(TaskState.CANCELLED)
            name = network_name(training)
            network = judged(training.config, fitted).network
            owner, _ = name_and_address(training.requester)
            brought_by = {BROUGHT_BY: mark_of(owner)} if owner else {}
            network = replace(network, metadata={**network.metadata, **brought_by})
            save(network, trainings.data.networks / f"{name}.safetensors")
        except FloatingPointError as error:
            return termination.end_task(TaskState.FAILED, reason=f"{error}")
        except Exception as error:
            # Unless it is noted here, the training would count as lost. The trace goes to the worker's log.
            reason = f"the worker could not train it ({error}); its log says more"
            termination.end_task(TaskState.FAILED, reason=reason)
            raise
        return termination.end_task(TaskState.DONE, model=name)


def _cancelled(trainings: Trainings, training_id: str) -> bool:
    try:
        return trainings.cancel_requested(training_id)
    except QueueGoneError:
        return False


class _Termination:
    """Puts a training back as soon as SIGTERM comes; the training itself stops after its step.

    A step, or the import of torch, can take longer than the seconds that are left. So another thread reads the signal
    from a socket that the interpreter writes to, whatever the main thread does.

    Attributes:
        requested: whether SIGTERM has come.
    """

    def __init__(self, task: Task) -> None:
        self.task, self.requested = task, False
        self._writing, self._task_ended, self._over = threading.Lock(), False, threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> _Termination:
        self._reads, self._writes = socket.socketpair()
        self._writes.setblocking(False)
        # Python writes to the socket only for signals that have a handler of its own.
        self._handler = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
        self._wakeup = signal.set_wakeup_fd(self._writes.fileno())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakeup)
        signal.signal(signal.SIGTERM, self._handler)
        self._over.set()
        self._writes.close()
        self._thread.join()
        self._reads.close()

    def end_task(self, state: TaskState, reason: str = "", model: str = "") -> None:
        """Note how the training has ended, as soon as the store can be reached: hours of work are not given up."""
        while True:
            try:
                with self._writing:
                    self._task_ended = True
                    return self.task.move(state, reason, model)
            except QueueGoneError as error:
                logger.warning("training %s is %s, which cannot be noted yet: %s", self.task.id, state, error)
                if self.requested:
                    raise
                time.sleep(store.HEARTBEAT_SECONDS)

    def _listen(self) -> None:
        while number := self._reads.recv(1):
            if number[0] == signal.SIGTERM and not self.requested:
                self.requested = True
                self._put_back()

    def _put_back(self) -> None:
        while True:
            try:
                with self._writing:
                    return None if self._task_ended else put_back(self.task)
            except QueueGoneError as error:
                logger.warning("training %s cannot be put back yet: %s", self.task.id, error)
                if self._over.wait(store.HEARTBEAT_SECONDS):
                    return None


class _Report:
    """Reports the progress of a training, as often as a page could show it, and takes a snapshot now and then."""

    def __init__(self, trainings: Trainings, training: Training) -> None:
        self.task, self.hmm = trainings.task_of(training.id), training.config.hmm
        self.snapshot_file = trainings.snapshot_file(training.id)
        self.pace: deque[tuple[int, float]] = deque(maxlen=SPEED_OVER_STEPS + 1)
        self.sent_at = self.snapshot_at = -math.inf
        self.fidelity: dict[str, int | float | None] = {}
        self.latest: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        self.latest = progress
        self.pace.append((progress.step, progress.seconds))
        now, last = time.monotonic(), progress.step == progress.steps
        if last or now - self.snapshot_at > SNAPSHOT_EVERY_SECONDS:
            self._take_snapshot(progress)
            self.snapshot_at = time.monotonic()
        if last or now - self.sent_at > REPORT_EVERY_SECONDS:
            self.send()
            self.sent_at = now

    def _take_snapshot(self, progress: Progress) -> None:
        network = progress.network()
        save(network, self.snapshot_file)
        found = measure_fidelity(network, self.hmm, trajectories=SNAPSHOT_RUNS, steps=SNAPSHOT_STEPS)
        numbers = {name: getattr(found, name) for name in FIDELITY_NUMBERS}
        # JSON knows no NaN, which is what a network that diverges is judged by.
        known = {name: float(value) if math.isfinite(value) else None for name, value in numbers.items()}
        self.fidelity = {"step": progress.step, "diverged": int(found.diverged), **known}

    def send(self) -> None:
        """Note the latest step, if there was one."""
        progress, task = self.latest, self.task
        if progress is None:
            return
        first, last = self.pace[0], self.pace[-1]
        speed = (last[0] - first[0]) / (last[1] - first[1]) if last[1] > first[1] else None
        numbers: dict[str, Any] = {
            name: getattr(progress, name) for name in ("step", "steps", "loss", "floor", "plateau", "seconds")
        }
        try:
            task.put(LOSSES, [round(loss, 4) for loss in progress.losses])
            task.put(PROGRESS, TrainingProgress(**numbers, steps_per_second=speed, fidelity=self.fidelity))
        except QueueGoneError as error:
            # The next report says the same and more; the training itself needs no queue.
            logger.warning("the progress of training %s could not be reported: %s", task.id, error)
