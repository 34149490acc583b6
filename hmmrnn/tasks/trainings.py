"""Trainings: asked for, listed, cancelled and resumed here, and trained by a worker (training_run.py).

The id of a training is the hash of its settings, so equal requests are one training. The settings lie in a folder of
its own (`request.json`), beside the state that it can be resumed from; what changes while it runs is kept by the store.
"""

import hashlib
import json
import logging
import re
import shutil
from bisect import bisect_left
from collections.abc import Container
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

from hmmrnn.model.checkpoint import metadata_of
from hmmrnn.model.files import replace_file
from hmmrnn.model.hmm import NAMELESS
from hmmrnn.storage.paths import DataFolder, writing
from hmmrnn.tasks import store
from hmmrnn.tasks.queue import QueueGoneError
from hmmrnn.tasks.store import CANCEL, HEARTBEAT, LOSSES, PROGRESS, RECORD, Record, Store, TaskState, TrainingProgress
from hmmrnn.tasks.task import RESUMABLE, UNFINISHED, Task, check_room, same_requester, waiting_ids
from hmmrnn.training.config import TrainingConfig

logger = logging.getLogger(__name__)

# With less room than there are trainings, every list of them would read all requests anew.
REMEMBERED = 20_000
# Those that are done stay, since sweeps count them.
MOST_KEPT = 10_000
_NO_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")
TRAINING_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, eq=False)
class Training:
    """A training as it stands now."""

    id: str  # 12 hexadecimal digits, the hash of its settings
    config: TrainingConfig  # what is trained, and how
    state: TaskState  # waiting, running, lost, cancelled, failed or done
    asked_at: float = 0.0  # when it was last asked for, in seconds since 1970
    before: int = 0  # number of trainings that run or wait before it; 0 unless it waits
    progress: TrainingProgress | None = None  # as the worker last reported it; None before the first step
    reason: str = ""  # why it failed; empty otherwise
    model: str = ""  # name of the network that it has made; empty until it is done
    requester: str = ""  # name of the user or viewer who asked for it; empty for none

    @property
    def step(self) -> int:
        """Steps done, as far as reported."""
        return self.progress.step if self.progress else 0

    @property
    def seconds_left(self) -> float | None:
        """Time until the last step at the present speed; None if it does not run or no speed is known."""
        if self.state is not TaskState.RUNNING or not self.progress or not self.progress.steps_per_second:
            return None
        return (self.progress.steps - self.progress.step) / self.progress.steps_per_second


def id_of(config: TrainingConfig) -> str:
    """The id of the training with these settings, whether it was asked for or not."""
    return hashlib.sha256(_written(config).encode()).hexdigest()[:12]


def may_change(training: Training, requester: str) -> bool:
    """Whether a requester may cancel and resume a training: who asked for it may, and commands of this machine."""
    return not requester or not training.requester or same_requester(training.requester, requester)


def network_name(training: Training) -> str:
    """What the network of a training is called: after its HMM, of whose name a file has what a link can hold."""
    name = _NO_FILE_NAME.sub("-", training.config.hmm.name).strip("-.") or NAMELESS
    return f"{name}-{training.id[:6]}"


class Trainings:
    """All trainings of a server, by their ids."""

    def __init__(self, store: Store, data: DataFolder) -> None:
        self.store, self.data = store, data
        # A request never changes, and every list needs all of them.
        self._requested = lru_cache(maxsize=REMEMBERED)(_requested)

    def task_of(self, training_id: str) -> Task:
        """The task of a training, by which its state is read and written."""
        return Task(self.store, store.TRAINING, training_id)

    # ---- asked for, resumed, cancelled ----

    def submit(self, config: TrainingConfig, requester: str = "") -> str:
        """Ask for a training, or join the one with the same settings; returns its id.

        A training that was cancelled, lost or failed is not started again by this: `resume` does that.

        Raises:
            ValueError: too many trainings are waiting, or the request cannot be kept.
        """
        training_id = id_of(config)
        if self._folder(training_id).exists():
            return training_id
        check_room(self.store, store.TRAINING, requester)
        self._forget_old()
        # Of two equal requests at once, one gets to name the folder.
        made = self._request(config)
        try:
            made.rename(self._folder(training_id))
        except OSError:
            shutil.rmtree(made)
            return training_id
        try:
            self._enqueue(training_id, requester)
        except QueueGoneError:
            # What never came into the queue was not asked for.
            shutil.rmtree(self._folder(training_id))
            raise
        return training_id

    def resume(self, training_id: str, requester: str = "") -> None:
        """Let a training that was cancelled, lost or failed wait again; it goes on from its last state.

        Raises:
            ValueError: there is no such training, it waits, runs or is done, another requester has asked for it and it
                is not lost, or too many trainings are waiting.
        """
        training = self.look_at(training_id)
        state = training.state
        if state not in RESUMABLE:
            raise ValueError(f"only a training that was cancelled, lost or failed can be resumed; this one is {state}")
        if state is not TaskState.LOST and not may_change(training, requester):
            raise ValueError("only who asked for this training can resume it")
        check_room(self.store, store.TRAINING, requester)
        self._enqueue(training_id, requester)

    def cancel(self, training_id: str, requester: str = "") -> None:
        """Stop a training that waits or runs; what it has reached is kept.

        Raises:
            ValueError: there is no such training, it neither waits nor runs, or another requester has asked for it.
        """
        training = self.look_at(training_id)
        state = training.state
        if state in UNFINISHED and not may_change(training, requester):
            raise ValueError("only who asked for this training can cancel it")
        if state is TaskState.WAITING:
            self.task_of(training_id).move(TaskState.CANCELLED)
        elif state is TaskState.RUNNING:
            self.task_of(training_id).put(CANCEL, True)
        else:
            raise ValueError(f"only a training that waits or runs can be cancelled; this one is {state}")

    def _forget_old(self) -> None:
        """Make room for one more training: of too many, the oldest that were cancelled or failed are removed.

        Raises:
            ValueError: as many are kept as may be, and none of them was cancelled or failed.
        """
        ids = self._ids()
        if len(ids) < MOST_KEPT:
            return
        ended = [one for one in self.listing() if one.state in (TaskState.CANCELLED, TaskState.FAILED)]
        oldest = ended[::-1][: len(ids) - MOST_KEPT + 1]
        if not oldest:
            raise ValueError(
                f"{len(ids):,} trainings are kept, and no more may be; remove folders of old ones from the folder "
                f"trainings of the data folder, their networks stay"
            )
        for one in oldest:
            shutil.rmtree(self._folder(one.id), ignore_errors=True)
            self.task_of(one.id).discard(RECORD, PROGRESS, LOSSES, CANCEL, HEARTBEAT)

    def cancel_requested(self, training_id: str) -> bool:
        """Whether a running training is to stop."""
        return self.task_of(training_id).get(CANCEL) is True

    def _request(self, config: TrainingConfig) -> Path:
        """A new folder with the settings of a training, which has no name yet."""
        with writing():
            made = Path(mkdtemp(dir=self.data.trainings, prefix=".asked-"))
            try:
                (made / "request.json").write_text(_written(config), encoding="utf-8")
            except OSError:
                shutil.rmtree(made)
                raise
        return made

    def _enqueue(self, training_id: str, requester: str) -> None:
        task = self.task_of(training_id)
        task.discard(CANCEL)
        task.enqueue(requester=requester)

    # ---- as they stand ----

    def look_at(self, training_id: str) -> Training:
        """The training of that id as it stands now.

        Raises:
            ValueError: there is none.
        """
        found = {training.id: training for training in self.listing()} if TRAINING_ID.fullmatch(training_id) else {}
        if training_id not in found:
            raise ValueError(f"there is no training {training_id!r}; its address is copied from the training's page")
        return found[training_id]

    def listing(self) -> tuple[Training, ...]:
        """All trainings whose settings can be read, the one asked for last first."""
        in_queue = set(waiting_ids(self.store, store.TRAINING))
        ids = self._ids()
        records = self.store.get_many(store.TRAINING, ids, RECORD)
        progress = self.store.get_many(store.TRAINING, ids, PROGRESS)
        found = [
            training
            for id in ids
            if (training := self._training(id, records.get(id), progress.get(id), in_queue)) is not None
        ]
        ahead = sorted(training.asked_at for training in found if training.state is TaskState.WAITING)
        running = sum(training.state is TaskState.RUNNING for training in found)
        placed = [
            replace(one, before=running + bisect_left(ahead, one.asked_at)) if one.state is TaskState.WAITING else one
            for one in found
        ]
        return tuple(sorted(placed, key=lambda training: training.asked_at, reverse=True))

    def _ids(self) -> list[str]:
        return [path.name for path in self.data.trainings.iterdir() if TRAINING_ID.fullmatch(path.name)]

    def losses(self, training_id: str) -> list[float]:
        """(S,) Sinkhorn divergence at every step so far."""
        return self.task_of(training_id).get(LOSSES) or []

    def _training(
        self, training_id: str, record: Record | None, progress: TrainingProgress | None, in_queue: Container[str]
    ) -> Training | None:
        """The training of a folder; None, and a line in the log, if its settings are of another version or damaged."""
        try:
            config = self._requested(self._folder(training_id) / "request.json")
        except (OSError, ValueError) as error:
            logger.warning("training %s cannot be shown: %s", training_id, error)
            return None
        record = record or Record(state=TaskState.LOST)
        state = self.task_of(training_id).state(record, in_queue)
        kept = {name: getattr(record, name) for name in ("asked_at", "reason", "model", "requester")}
        return Training(training_id, config, state, progress=progress, **kept)

    # ---- their files ----

    def explore(self, training_id: str) -> str:
        """Copy a training's latest snapshot to the networks that can be opened; returns its name.

        Raises:
            ValueError: there is no such training, or no snapshot of it yet.
        """
        training = self.look_at(training_id)
        if training.model:
            return training.model
        snapshot = self.snapshot_file(training_id)
        if not snapshot.exists():
            raise ValueError("this training has no snapshot yet; the first one comes after its first step")
        # Read once and as a whole, because the worker replaces the file while it runs.
        data = snapshot.read_bytes()
        name = f"{network_name(training)}-step-{metadata_of(data)['steps_done']}"
        with writing():
            replace_file(self.data.networks / f"{name}.safetensors", data)
        return name

    def state_file(self, training_id: str) -> Path:
        """Where the state of a training is kept, so that it can be resumed."""
        return self._folder(training_id) / "state.pt"

    def snapshot_file(self, training_id: str) -> Path:
        """The network as it was at the latest snapshot."""
        return self._folder(training_id) / "snapshot.safetensors"

    def _folder(self, training_id: str) -> Path:
        return self.data.trainings / training_id


def _written(config: TrainingConfig) -> str:
    return json.dumps(config.to_dict(), sort_keys=True)


def _requested(request: Path) -> TrainingConfig:
    return TrainingConfig.from_dict(json.loads(request.read_text(encoding="utf-8")))
