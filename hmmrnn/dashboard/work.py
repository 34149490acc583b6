"""What does a worker do? It trains, tells how it goes, keeps what is needed to go on, and listens; it experiments too.

Run in a process of its own, which may import torch and may be killed: whatever it has told stays where everybody sees
it, and the state file lets another worker take over.
"""

from __future__ import annotations

import logging
import math
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from filelock import FileLock, Timeout

from hmmrnn.checkpoint import save
from hmmrnn.dashboard import folders, inquiries, jobs, logs, queries, questions, queue
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.fidelity import fidelity
from hmmrnn.supervisor import GRACE_SECONDS
from hmmrnn.training import FIDELITY_NUMBERS, Progress, fit, judged

logger = logging.getLogger(__name__)

TELL_EVERY_SECONDS = 0.5
SNAPSHOT_EVERY_SECONDS = 10.0
SPEED_OVER_STEPS = 20
# How long the next worker waits for one that is told to end: it is killed sooner.
LEAVING_SECONDS = GRACE_SECONDS + 1.0
# Enough to see how it goes; the verdict at the end is of far longer runs.
SNAPSHOT_RUNS, SNAPSHOT_STEPS = 32, 500


def run_training(job_id: str) -> None:
    """Train a job that waits, from where it was kept, until it is done, cancelled, or this worker is told to end."""
    logs.about(job=job_id)
    # Two tasks of one job, from two people who resumed it at once, must not both train it.
    lock = FileLock(jobs.state_file(job_id).with_suffix(".lock"))
    try:
        lock.acquire(LEAVING_SECONDS, 0.5, cancel_check=lambda: jobs.look_at(job_id).state != jobs.WAITING)
    except Timeout:
        return _left_to_another(job_id)
    try:
        with _Leaving(job_id) as leaving:
            job = jobs.look_at(job_id)
            if job.state in (jobs.WAITING, jobs.LOST):
                _train(job, leaving)
    finally:
        lock.release()


def _left_to_another(job_id: str) -> None:
    """What a worker does that finds a training in another one's hands: nothing, unless that one is to give it up."""
    if jobs.look_at(job_id).state == jobs.WAITING:
        jobs.put_back(job_id)
    else:
        logger.info("training %s is under way in another worker", job_id)


def analyse(question: str, scenario: Scenario) -> tuple[str, Any]:
    """Answer a question that takes heavy libraries; its outcome, and the answer or the sentence why not."""
    logs.about(errand=question)
    try:
        return queue.ANSWER, queries.answer_here(question, scenario)
    except ValueError as error:
        return queue.REFUSED, str(error)


def inquire(key: str, attempt: int, question: str, subject: Scenario, _asker: str) -> None:
    """Work on an inquiry until it is answered, cannot be, or nobody waits for it any more."""
    logs.about(inquiry=key)
    if not inquiries.begin(key, attempt):
        return
    with _beating(f"inquiry:{key}"):
        try:
            inquiries.finish(key, questions.answer(question, subject, inquiries.teller(key)))
        except inquiries.UnwantedError:
            inquiries.forget(key)
        except queue.QueueGoneError as error:
            # Nobody can be told. Without a beat it looks lost, and is asked again.
            logger.warning("inquiry %s about %s cannot be answered: %s", question, subject, error)
        except ValueError as error:
            inquiries.fail(key, str(error))
        except Exception:
            # Nobody else would tell: without this the inquiry would look lost, and be asked again.
            logger.exception("inquiry %s about %s failed", question, subject)
            inquiries.fail(key, "the worker could not compute this; its log says why")


def _train(job: jobs.Job, leaving: _Leaving) -> None:
    with _beating(f"job:{job.id}"):
        jobs.set_state(job.id, jobs.RUNNING)
        reporter = _Reporter(job)
        try:
            fitted = fit(job.config, reporter, lambda: leaving.told or _cancelled(job.id), jobs.state_file(job.id))
            reporter.tell()
            if fitted.stopped:
                return None if leaving.told else leaving.note(jobs.CANCELLED)
            name = jobs.network_name(job)
            save(judged(job.config, fitted).network, folders.networks() / f"{name}.safetensors")
        except FloatingPointError as error:
            return leaving.note(jobs.FAILED, reason=f"{error}")
        except Exception as error:
            # Nobody else would tell: without this the job would look lost. The worker's log gets the trace.
            leaving.note(jobs.FAILED, reason=f"the worker could not train it ({error}); its log says more")
            raise
        return leaving.note(jobs.DONE, model=name)


def _cancelled(job_id: str) -> bool:
    try:
        return jobs.cancel_requested(job_id)
    except queue.QueueGoneError:
        return False


class _Leaving:
    """Puts a training back as soon as this process is told to end; the training itself stops after its step.

    A step can take longer than the moment that is left, and so can the import of what trains. Hence another thread is
    told, by way of a socket that the interpreter writes to when the signal comes, whatever the main thread is at.
    """

    def __init__(self, job_id: str) -> None:
        self.job_id, self.told = job_id, False
        self._noting, self._ended, self._over = threading.Lock(), False, threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> _Leaving:
        self._hears, self._tells = socket.socketpair()
        self._tells.setblocking(False)
        # Python tells the socket only of signals that have a handler of its own.
        self._handler = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
        self._wakes = signal.set_wakeup_fd(self._tells.fileno())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._wakes)
        signal.signal(signal.SIGTERM, self._handler)
        self._over.set()
        self._tells.close()
        self._thread.join()
        self._hears.close()

    def note(self, state: str, **more: str) -> None:
        """Note how the training has ended, as soon as the queue can be reached: what took hours is not given up."""
        while True:
            try:
                with self._noting:
                    self._ended = True
                    return jobs.set_state(self.job_id, state, **more)
            except queue.QueueGoneError as error:
                logger.warning("training %s is %s, which cannot be noted yet: %s", self.job_id, state, error)
                if self.told:
                    raise
                time.sleep(queue.BEAT_SECONDS)

    def _listen(self) -> None:
        while number := self._hears.recv(1):
            if number[0] == signal.SIGTERM and not self.told:
                self.told = True
                self._put_back()

    def _put_back(self) -> None:
        while True:
            try:
                with self._noting:
                    return None if self._ended else jobs.put_back(self.job_id)
            except queue.QueueGoneError as error:
                logger.warning("training %s cannot be put back yet: %s", self.job_id, error)
                if self._over.wait(queue.BEAT_SECONDS):
                    return None


@contextmanager
def _beating(key: str) -> Iterator[None]:
    """Signs of life from another thread: a step of the paper's recipe takes longer than the patience of who watches."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(queue.BEAT_SECONDS):
            try:
                queue.beat(key)
            except queue.QueueGoneError as error:
                logger.warning("no sign of life could be left for %s: %s", key, error)

    queue.beat(key)
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _Reporter:
    """Tells how a training goes, as often as somebody could look, and takes a snapshot now and then."""

    def __init__(self, job: jobs.Job) -> None:
        self.job_id, self.hmm = job.id, job.config.hmm
        self.pace: deque[tuple[int, float]] = deque(maxlen=SPEED_OVER_STEPS + 1)
        self.told_at = self.snapshot_at = -math.inf
        self.fidelity: dict[str, Any] = {}
        self.latest: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        self.latest = progress
        self.pace.append((progress.step, progress.seconds))
        now, last = time.monotonic(), progress.step == progress.steps
        if last or now - self.snapshot_at > SNAPSHOT_EVERY_SECONDS:
            self._take_snapshot(progress)
            self.snapshot_at = time.monotonic()
        if last or now - self.told_at > TELL_EVERY_SECONDS:
            self.tell()
            self.told_at = now

    def _take_snapshot(self, progress: Progress) -> None:
        network = progress.network()
        save(network, jobs.snapshot_file(self.job_id))
        found = fidelity(network, self.hmm, trajectories=SNAPSHOT_RUNS, steps=SNAPSHOT_STEPS)
        numbers = {name: getattr(found, name) for name in FIDELITY_NUMBERS}
        # JSON knows no NaN, which is what a network that diverges is judged by.
        known = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        self.fidelity = {"step": progress.step, "diverged": found.diverged, **known}

    def tell(self) -> None:
        """Tell of the latest step, if there was one."""
        progress = self.latest
        if progress is None:
            return
        first, last = self.pace[0], self.pace[-1]
        speed = (last[0] - first[0]) / (last[1] - first[1]) if last[1] > first[1] else None
        told = {name: getattr(progress, name) for name in ("step", "steps", "loss", "floor", "plateau", "seconds")}
        try:
            queue.put(f"losses:{self.job_id}", [round(loss, 4) for loss in progress.losses])
            queue.put(f"progress:{self.job_id}", {**told, "steps_per_second": speed, "fidelity": self.fidelity})
        except queue.QueueGoneError as error:
            # Whoever watches hears of it the next time; the training itself needs no queue.
            logger.warning("how training %s goes could not be told: %s", self.job_id, error)
