"""What becomes of a training that was asked for? It waits, runs, and ends; whoever has its id can watch.

    waiting -> running -> done | failed | cancelled          running, but without a beat for some seconds: lost

A job's id is the hash of its settings: equal requests are the same job. The request lies in a folder of its own, beside
the state that the training can be resumed from; everything that changes while it runs is kept with the queue. Nothing
here trains: that is done by a worker (work.py), and the web process need not be there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hmmrnn.checkpoint import read_metadata
from hmmrnn.dashboard import folders, queue
from hmmrnn.recipe import TrainingConfig

logger = logging.getLogger(__name__)

WAITING, RUNNING, LOST, CANCELLED, FAILED, DONE = "waiting", "running", "lost", "cancelled", "failed", "done"
RESUMABLE = (LOST, CANCELLED, FAILED)
JOB_ID = re.compile(r"[0-9a-f]{12}")
MAX_WAITING, MAX_WAITING_EACH = 50, 5


@dataclass(frozen=True, eq=False)
class Job:
    """A training as anybody may see it.

    Attributes:
        id: 12 hexadecimal digits, the hash of its settings.
        config: what is trained, and how.
        state: waiting, running, lost, cancelled, failed or done.
        asked_at: when it was last put into the queue, in seconds since 1970.
        before: number of trainings that run or wait before it; 0 unless it waits.
        progress: what the worker last told: step, steps, loss, floor, plateau, seconds, steps_per_second, fidelity of
            the latest snapshot; empty before the first step.
        reason: why it failed; empty otherwise.
        model: name of the network that came of it; empty until it is done.
        asker: who asked for it, as `viewers.asker` says it; empty for who is no viewer.
    """

    id: str
    config: TrainingConfig
    state: str
    asked_at: float
    before: int
    progress: dict[str, Any]
    reason: str
    model: str
    asker: str

    @property
    def seconds_left(self) -> float | None:
        """Time until the last step at the present speed; None if it does not run or no speed is known."""
        speed = self.progress.get("steps_per_second")
        if self.state != RUNNING or not speed:
            return None
        return float((self.progress["steps"] - self.progress["step"]) / speed)


def id_of(config: TrainingConfig) -> str:
    """The id of the training with these settings, whether it was asked for or not."""
    return hashlib.sha256(_written(config).encode()).hexdigest()[:12]


def submit(config: TrainingConfig, asker: str = "") -> str:
    """Ask for a training, or join the one with the same settings; returns its id.

    A job that was cancelled, lost or failed is not started again by this: `resume` does that.

    Args:
        config: what to train.
        asker: who asks, if that is a viewer; only so many of each may wait.

    Raises:
        ValueError: too many trainings are waiting, or the request cannot be kept.
    """
    job_id = id_of(config)
    if _folder(job_id).exists():
        return job_id
    _check_room(asker)
    # Of two equal requests at once, one gets to name the folder.
    made = _request(config)
    try:
        made.rename(_folder(job_id))
    except OSError:
        shutil.rmtree(made)
        return job_id
    try:
        _enqueue(job_id, asker)
    except queue.QueueGoneError:
        # What never came into the queue was not asked for.
        shutil.rmtree(_folder(job_id))
        raise
    return job_id


def _request(config: TrainingConfig) -> Path:
    """A new folder with the settings of a training, which has no name yet."""
    with folders.writing():
        made = Path(mkdtemp(dir=folders.trainings(), prefix=".asked-"))
        try:
            (made / "request.json").write_text(_written(config), encoding="utf-8")
        except OSError:
            shutil.rmtree(made)
            raise
    return made


def _check_room(asker: str) -> None:
    waiting = [job for job in listing() if job.state == WAITING]
    if len(waiting) >= MAX_WAITING:
        raise ValueError(
            f"at most {MAX_WAITING} trainings may wait, and {len(waiting)} do; try again when some are done"
        )
    own = sum(job.asker == asker for job in waiting)
    if asker and own >= MAX_WAITING_EACH:
        raise ValueError(
            f"at most {MAX_WAITING_EACH} of your trainings may wait, so that others get their turn, and {own} do; "
            f"try again when one of them runs, or cancel one"
        )


def resume(job_id: str, asker: str = "") -> None:
    """Put a job that was cancelled, lost or failed into the queue again; it goes on from where it was kept.

    Args:
        job_id: which one.
        asker: who asks, if that is a viewer; only so many of each may wait.

    Raises:
        ValueError: there is no such job, it waits, runs or is done, or too many trainings are waiting.
    """
    job = look_at(job_id)
    if job.state not in RESUMABLE:
        raise ValueError(f"only a training that was cancelled, lost or failed can be resumed; this one is {job.state}")
    _check_room(asker)
    _enqueue(job_id, asker)


def cancel(job_id: str) -> None:
    """Stop a job that waits or runs; what it has reached is kept.

    Raises:
        ValueError: there is no such job, or it neither waits nor runs.
    """
    job = look_at(job_id)
    if job.state == WAITING:
        set_state(job_id, CANCELLED)
    elif job.state == RUNNING:
        queue.put(f"cancel:{job_id}", True)
    else:
        raise ValueError(f"only a training that waits or runs can be cancelled; this one is {job.state}")


def look_at(job_id: str) -> Job:
    """The job of that id as it is now.

    Raises:
        ValueError: there is none.
    """
    found = {job.id: job for job in listing()} if JOB_ID.fullmatch(job_id) else {}
    if job_id not in found:
        raise ValueError(f"there is no training {job_id!r}; its address is copied from the training's page")
    return found[job_id]


def listing() -> tuple[Job, ...]:
    """All jobs whose settings can be read, the one asked for last first."""
    folder = folders.trainings()
    jobs = [job for path in folder.iterdir() if JOB_ID.fullmatch(path.name) and (job := _job(path.name))]
    ahead = sorted(job.asked_at for job in jobs if job.state == WAITING)
    running = sum(job.state == RUNNING for job in jobs)
    placed = [replace(job, before=running + ahead.index(job.asked_at)) if job.state == WAITING else job for job in jobs]
    return tuple(sorted(placed, key=lambda job: job.asked_at, reverse=True))


def losses(job_id: str) -> list[float]:
    """(S,) Sinkhorn divergence at every step so far."""
    return list(queue.look_up(f"losses:{job_id}") or [])


def explore(job_id: str) -> str:
    """Put the job's latest snapshot on the shelf as a network of its own; returns its name.

    Raises:
        ValueError: there is no such job, or no snapshot of it yet.
    """
    job = look_at(job_id)
    if job.model:
        return job.model
    snapshot = snapshot_file(job_id)
    if not snapshot.exists():
        raise ValueError("this training has no snapshot yet; the first one comes after its first step")
    # Read from a copy, because the worker replaces the file while it runs.
    copy = folders.networks() / f".{job_id}-{os.getpid()}-{time.monotonic_ns()}.partial"
    with folders.writing():
        try:
            shutil.copyfile(snapshot, copy)
            name = f"{network_name(job)}-step-{read_metadata(copy).metadata['steps_done']}"
            os.replace(copy, folders.networks() / f"{name}.safetensors")
        finally:
            copy.unlink(missing_ok=True)
    return name


def network_name(job: Job) -> str:
    """What the network of a job is called."""
    return f"{job.config.hmm.name}-{job.id[:6]}"


# ---- what the worker tells ----


def set_state(job_id: str, state: str, **more: str) -> None:
    """Note where a job stands; `more` may be a reason, the name of a model, or who asked for it."""
    before = queue.look_up(f"state:{job_id}") or {}
    asked_at = queue.now() if state == WAITING else before.get("asked_at", 0.0)
    kept = {"state": state, "asked_at": asked_at, "asker": before.get("asker", "")}
    queue.put(f"state:{job_id}", {**kept, **more})


def cancel_requested(job_id: str) -> bool:
    """Whether somebody wants a running job to stop."""
    return bool(queue.look_up(f"cancel:{job_id}"))


def state_file(job_id: str) -> Path:
    """Where a training is kept, so that it can be resumed."""
    return _folder(job_id) / "state.pt"


def snapshot_file(job_id: str) -> Path:
    """The network as it was at the latest snapshot."""
    return _folder(job_id) / "snapshot.safetensors"


def put_back(job_id: str) -> None:
    """Let a job that its worker had to leave wait again, at its old place."""
    before = queue.look_up(f"state:{job_id}") or {}
    asked_at, asker = before.get("asked_at", queue.now()), before.get("asker", "")
    queue.put(f"state:{job_id}", {"state": WAITING, "asked_at": asked_at, "asker": asker})
    queue.send("train", job_id)


def _enqueue(job_id: str, asker: str) -> None:
    queue.discard(f"cancel:{job_id}")
    set_state(job_id, WAITING, asker=asker)
    queue.send("train", job_id)


def _written(config: TrainingConfig) -> str:
    return json.dumps(config.to_dict(), sort_keys=True)


def _folder(job_id: str) -> Path:
    return folders.trainings() / job_id


def _job(job_id: str) -> Job | None:
    """The job of a folder; None, and a line in the log, if its settings are of another version or damaged."""
    try:
        config = _asked(_folder(job_id) / "request.json")
    except (OSError, ValueError) as error:
        logger.warning("training %s cannot be shown: %s", job_id, error)
        return None
    kept = queue.look_up(f"state:{job_id}") or {"state": LOST, "asked_at": 0.0}
    return Job(
        id=job_id,
        config=config,
        state=_judged(job_id, kept),
        asked_at=kept["asked_at"],
        before=0,
        progress=queue.look_up(f"progress:{job_id}") or {},
        reason=kept.get("reason", ""),
        model=kept.get("model", ""),
        asker=kept.get("asker", ""),
    )


@lru_cache(maxsize=4096)
def _asked(request: Path) -> TrainingConfig:
    # A request never changes, and every look at the list needs all of them.
    return TrainingConfig.from_dict(json.loads(request.read_text(encoding="utf-8")))


def _judged(job_id: str, kept: dict[str, Any]) -> str:
    """The state as kept, unless whoever should bring the next one is gone."""
    if kept["state"] == RUNNING and not queue.beating(f"job:{job_id}"):
        return LOST
    # A worker can be killed after it has taken a job out of the queue and before it has said so. One that beats is only
    # slow to leave what has been put back already.
    overdue = kept["state"] == WAITING and queue.now() - kept["asked_at"] > queue.LOST_AFTER_SECONDS
    if overdue and (job_id,) not in queue.waiting("train") and not queue.beating(f"job:{job_id}"):
        return LOST
    return str(kept["state"])
