"""What is a sweep? Many trainings that differ in family, sizes and seed: which they are, how far, what came of each.

A sweep is its grid, a file of its own in the data folder. Everything else is known of its trainings, which are jobs
like any other (jobs.py): whoever reads the grid reads their state and, once they are done, the verdict in their
networks' headers. So a sweep goes on from wherever it was left, and two sweeps that share a training train it once.

Unless said otherwise it is that of the paper: four chains, three N, four M, three seeds.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import math
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from hmmrnn.checkpoint import CheckpointError, Header, read_metadata, replace_file
from hmmrnn.dashboard import folders, jobs, queue
from hmmrnn.dashboard.jobs import CANCELLED, DONE, FAILED, LOST, RUNNING, WAITING, Job
from hmmrnn.hmm import HMM, PRESETS
from hmmrnn.network import MAX_NEURONS
from hmmrnn.recipe import TrainingConfig
from hmmrnn.training import FIDELITY_NUMBERS

logger = logging.getLogger(__name__)

# Not asked for yet; the other states are those of a job.
PLANNED = "planned"
STATES = (DONE, RUNNING, WAITING, PLANNED, FAILED, LOST, CANCELLED)
SWEEP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
MAX_TRAININGS = 2000
MAX_SEED = 2**31 - 1
LIMITS = {"neurons": (1, MAX_NEURONS), "inputs": (1, MAX_NEURONS), "seeds": (0, MAX_SEED)}
# So few wait at a time, whoever asked for them: a viewer's training goes before the next one of the sweep.
WAITING_AT_ONCE = 2
# A training can be lost for what has nothing to do with it; one that is lost so often ends its worker by itself.
ATTEMPTS = 3
# A job that has just left the queue looks lost until its worker has said so; one that stays so is.
LOST_FOR_SECONDS = 3.0
# How long a command that runs a sweep may take to notice that it is withdrawn.
NOTICED_WITHIN_SECONDS = 15.0
COLUMNS = (
    *("family", "n_neurons", "n_inputs", "seed", "recipe", "state", "job_id", "model"),
    *FIDELITY_NUMBERS,
    *("passes", "steps", "seconds", "loss", "reason"),
)


@dataclass(frozen=True, eq=False)
class Training:
    """One training of a sweep; `id` is that of its job, whether it was asked for or not."""

    id: str
    config: TrainingConfig


@dataclass(frozen=True)
class Sweep:
    """A grid of trainings.

    Attributes:
        name: letters, digits and dashes.
        families: HMM families of the paper.
        neurons, inputs, seeds: values of N, M and the seed.
        recipe: of every training.
        changes: settings that differ from the recipe, by name.

    Raises:
        ValueError: a value is out of range or there twice, or the trainings are too many.
    """

    name: str
    families: tuple[str, ...] = ("linear-2", "linear-3", "linear-4", "linear-5")
    neurons: tuple[int, ...] = (50, 150, 200)
    inputs: tuple[int, ...] = (1, 10, 100, 200)
    seeds: tuple[int, ...] = (0, 1, 2)
    recipe: str = "fast"
    changes: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if not SWEEP_NAME.fullmatch(self.name):
            raise ValueError(
                f"a sweep's name must be of at most 40 letters, digits and dashes, none first; got {self.name!r}"
            )
        unknown = [family for family in self.families if family not in PRESETS]
        if unknown:
            raise ValueError(f"families must be of {', '.join(PRESETS)}; got {unknown[0]!r}")
        for axis in ("families", "neurons", "inputs", "seeds"):
            _check_axis(axis, getattr(self, axis))
        if self.count > MAX_TRAININGS:
            raise ValueError(f"a sweep has at most {MAX_TRAININGS:,} trainings; got {self.count:,}; split it in two")
        # Settings that no training can have are refused here, not by a worker.
        self._bases()

    @property
    def count(self) -> int:
        """Number of its trainings."""
        return len(self.families) * len(self.neurons) * len(self.inputs) * len(self.seeds)

    @cached_property
    def trainings(self) -> tuple[Training, ...]:
        """All of them, seed by seed: the first seed alone shows the whole grid."""
        bases = self._bases()
        configs = (
            replace(base, n_neurons=n_neurons, n_inputs=n_inputs, seed=seed)
            for seed in self.seeds
            for base in bases
            for n_neurons in self.neurons
            for n_inputs in self.inputs
        )
        return tuple(Training(jobs.id_of(config), config) for config in configs)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON, from which `from_dict` makes an equal sweep."""
        axes = {axis: list(getattr(self, axis)) for axis in ("families", "neurons", "inputs", "seeds")}
        return {"name": self.name, **axes, "recipe": self.recipe, "changes": dict(self.changes)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sweep:
        """Build a sweep from plain values.

        Raises:
            ValueError: a field is unknown or of another type, or see the class.
        """
        known = {field.name for field in fields(cls)}
        if "name" not in data or set(data) - known:
            raise ValueError(f"a sweep has a name and may have {', '.join(sorted(known))}; got {', '.join(data)}")
        given = dict(data)
        for axis in ("families", "neurons", "inputs", "seeds"):
            if axis in given:
                given[axis] = tuple(given[axis])
        return cls(**{**given, "changes": tuple(sorted(given.get("changes", {}).items()))})

    def _bases(self) -> list[TrainingConfig]:
        """The training of each family, before sizes and seed."""
        recipes = [TrainingConfig.for_hmm(HMM.preset(family), self.recipe) for family in self.families]
        return [TrainingConfig.from_dict({**recipe.to_dict(), **dict(self.changes)}) for recipe in recipes]


def _check_axis(axis: str, values: Sequence[Any]) -> None:
    if not values:
        raise ValueError(f"{axis} must have at least one value; got none")
    if len(set(values)) < len(values):
        raise ValueError(f"{axis} must be different from each other; got {', '.join(map(str, values))}")
    low, high = LIMITS.get(axis, (0, 0))
    for value in values if axis in LIMITS else ():
        if not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{axis} must be whole numbers from {low} to {high}; got {value!r}")


# ---- which sweeps there are ----


def keep(sweep: Sweep) -> None:
    """Write a sweep down for everybody; once written it does not change.

    Raises:
        ValueError: there is another one of that name.
        OSError: it cannot be written.
    """
    known = find(sweep.name)
    if known == sweep:
        return
    if known is not None:
        differs = next(axis for axis in sweep.to_dict() if sweep.to_dict()[axis] != known.to_dict()[axis])
        raise ValueError(
            f"the sweep {sweep.name} is there with other {differs} ({_listed(known.to_dict()[differs])}); give "
            f"this one another --name: what both have in common is trained once"
        )
    content = json.dumps(sweep.to_dict(), indent=2, sort_keys=True) + "\n"
    replace_file(_file(sweep.name), content.encode())


def find(name: str) -> Sweep | None:
    """The sweep of that name; None if there is none.

    Raises:
        ValueError: its file is damaged.
    """
    # Looked up among those that are there: no name from a request becomes a path.
    there = {path.stem: path for path in folders.sweeps().glob("*.json")}
    if name not in there:
        return None
    path = there[name]
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"the sweep {name} cannot be read ({error}); remove {path.name} and start it anew") from error


def listing() -> tuple[Sweep, ...]:
    """All sweeps that can be read, the one begun last first."""
    paths = sorted(folders.sweeps().glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    found = []
    for path in paths:
        try:
            found.append(find(path.stem))
        except ValueError as error:
            logger.warning("%s", error)
    return tuple(sweep for sweep in found if sweep is not None)


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={item}" for name, item in value.items()) or "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _file(name: str) -> Path:
    return folders.sweeps() / f"{name}.json"


@lru_cache(maxsize=64)
def _read(path: Path, _mtime_ns: int) -> Sweep:
    return Sweep.from_dict(json.loads(path.read_text(encoding="utf-8")))


# ---- how far a sweep is ----


@dataclass(frozen=True, eq=False)
class Row:
    """A training of a sweep as it stands.

    Attributes:
        training: which one.
        state: planned, or that of its job.
        share: how much of it is done, 0 to 1.
        reason: why there is no verdict although it has ended; empty otherwise.
        model: name of its network; empty until it is done.
        measures: its network's fidelity by name, as its header says it; None where it could not be measured; empty
            until it is done.
        passes: whether that passes the gate; None until it is done.
        steps, seconds, loss: of what has ended; None while it goes on.
    """

    training: Training
    state: str
    share: float = 0.0
    reason: str = ""
    model: str = ""
    measures: Mapping[str, float | None] | None = None
    passes: bool | None = None
    steps: int | None = None
    seconds: float | None = None
    loss: float | None = None

    @property
    def id(self) -> str:
        """Id of its job."""
        return self.training.id


def table(sweep: Sweep, everything: Sequence[Job]) -> tuple[Row, ...]:
    """How each training of a sweep stands; `everything` is the listing of all jobs."""
    there = {job.id: job for job in everything}
    return tuple(_row(training, there.get(training.id)) for training in sweep.trainings)


def table_now(sweep: Sweep) -> tuple[Row, ...]:
    """How each training of a sweep stands now."""
    return table(sweep, jobs.listing())


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many trainings are in each state, and how many networks pass the gate."""
    states = Counter(row.state for row in rows)
    return {**{state: states[state] for state in STATES}, "passes": sum(row.passes is True for row in rows)}


def csv_text(sweep: Sweep, rows: Sequence[Row]) -> str:
    """The table as CSV, a line for each training; what is not known is empty."""
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_line(sweep, row) for row in rows)
    return written.getvalue()


def _row(training: Training, job: Job | None) -> Row:
    if job is None:
        return Row(training, PLANNED)
    if job.state == DONE:
        return _judged(training, job.model)
    told, share = job.progress, job.progress.get("step", 0) / job.config.steps
    if job.state in (WAITING, RUNNING):
        return Row(training, job.state, share)
    return Row(
        training,
        job.state,
        share,
        job.reason,
        steps=told.get("step"),
        seconds=told.get("seconds"),
        loss=told.get("loss"),
    )


def _judged(training: Training, model: str) -> Row:
    """The row of a network, by what its header says."""
    try:
        path = folders.networks() / f"{model}.safetensors"
        said = _header(path, path.stat().st_mtime_ns).metadata
    except (CheckpointError, OSError) as error:
        logger.warning("network %s cannot be read: %s", model, error)
        return Row(training, DONE, 1.0, "its network is no longer in the data folder, or is damaged", model)
    measures = {name: _number(said.get(f"fidelity_{name}")) for name in FIDELITY_NUMBERS}
    known = any(value is not None for value in measures.values())
    return Row(
        training,
        DONE,
        1.0,
        "" if known else "long runs of the network diverge",
        model,
        measures,
        passes=said.get("fidelity_passes") == "true",
        steps=int(said["steps_done"]),
        seconds=_number(said.get("training_seconds")),
        loss=_number(said.get("loss")),
    )


@lru_cache(maxsize=4096)
def _header(path: Path, _mtime_ns: int) -> Header:
    return read_metadata(path)


def _number(text: str | None) -> float | None:
    value = math.nan if text is None else float(text)
    return value if math.isfinite(value) else None


def _line(sweep: Sweep, row: Row) -> dict[str, Any]:
    config = row.training.config
    passes = "" if row.passes is None else str(row.passes).lower()
    return {
        "family": config.hmm.name,
        "n_neurons": config.n_neurons,
        "n_inputs": config.n_inputs,
        "seed": config.seed,
        "recipe": sweep.recipe,
        "state": row.state,
        "job_id": row.id,
        "model": row.model,
        **(row.measures or {}),
        "passes": passes,
        "steps": row.steps,
        "seconds": row.seconds,
        "loss": row.loss,
        "reason": row.reason,
    }


# ---- who asks for its trainings ----


class Pursuit:
    """Asks for the trainings of a sweep, few at a time, until all have ended or the sweep is withdrawn.

    What was cancelled before, and what has failed if that is wished, is gone on with once. What is lost meanwhile is
    too, a few times. What somebody cancels meanwhile stays cancelled.

    Attributes:
        rows: how all trainings stood at the last look; empty before the first.
    """

    def __init__(self, sweep: Sweep, retry: bool) -> None:
        self.sweep = sweep
        self.rows: tuple[Row, ...] = ()
        self._begun = False
        self._again_from = (CANCELLED, FAILED) if retry else (CANCELLED,)
        self._again: set[str] = set()
        self._attempts: Counter[str] = Counter()
        self._lost_since: dict[str, float] = {}

    def go_on(self) -> bool:
        """See how all stand, and ask for the next ones if there is room; returns whether anything is left to do.

        Raises:
            ValueError: the queue cannot be reached or is full.
            OSError: a request cannot be written.
        """
        queue.beat(_beat(self.sweep.name))
        everything = jobs.listing()
        self.rows = table(self.sweep, everything)
        self._note_the_lost()
        if not self._begun:
            self._begin()
        if queue.look_up(_withdrawn(self.sweep.name)):
            return False
        now = time.monotonic()
        wanted = [row for row in self.rows if self._wants(row)]
        due = [row for row in wanted if now - self._lost_since.get(row.id, -math.inf) > LOST_FOR_SECONDS]
        room = WAITING_AT_ONCE - sum(job.state == WAITING for job in everything)
        for row in due[: max(0, room)]:
            self._ask(row)
        return bool(wanted) or any(row.state in (WAITING, RUNNING) for row in self.rows)

    def _begin(self) -> None:
        queue.discard(_withdrawn(self.sweep.name))
        self._again = {row.id for row in self.rows if row.state in self._again_from}
        self._begun = True

    def _note_the_lost(self) -> None:
        lost = {row.id for row in self.rows if row.state == LOST}
        now = time.monotonic()
        self._lost_since = {id: self._lost_since.get(id, now) for id in lost}

    def _wants(self, row: Row) -> bool:
        lost = row.state == LOST and self._attempts[row.id] < ATTEMPTS
        return row.state == PLANNED or lost or (row.id in self._again and row.state in (CANCELLED, FAILED))

    def _ask(self, row: Row) -> None:
        if row.state == PLANNED:
            jobs.submit(row.training.config)
        else:
            jobs.resume(row.id)
        if row.state == LOST:
            self._attempts[row.id] += 1
        self._again.discard(row.id)


def hold(sweep: Sweep) -> FileLock:
    """The right to run a sweep, which ends with whoever has it.

    Raises:
        ValueError: somebody has it.
    """
    lock = FileLock(_file(sweep.name).with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"the sweep {sweep.name} is being run by another command; leave it to that, or add workers with "
            f"python -m hmmrnn worker"
        ) from None
    return lock


def pursued(name: str) -> bool:
    """Whether somebody asks for the trainings of a sweep."""
    return queue.beating(_beat(name))


def withdraw(sweep: Sweep) -> int:
    """Have whoever runs a sweep stop, and cancel its trainings that wait; returns how many those were.

    Raises:
        ValueError: the command that runs it does not stop.
    """
    queue.put(_withdrawn(sweep.name), True)
    try:
        with FileLock(_file(sweep.name).with_suffix(".lock"), timeout=NOTICED_WITHIN_SECONDS):
            waiting = [row for row in table_now(sweep) if row.state == WAITING]
            for row in waiting:
                jobs.cancel(row.id)
    except Timeout:
        raise ValueError(
            f"the command that runs the sweep {sweep.name} has not stopped within {NOTICED_WITHIN_SECONDS:g} seconds; "
            f"end it with Ctrl-C and try again"
        ) from None
    return len(waiting)


def _beat(name: str) -> str:
    return f"sweep:{name}"


def _withdrawn(name: str) -> str:
    return f"withdrawn:{name}"
