"""Sweeps: grids of trainings that differ in family, N, M and seed, how far each is, and what came of each training.

A sweep is its grid, a file of its own in the data folder. Its trainings are like all others (trainings.py): their state
and, once they are done, the verdict in the header of their network say how far the sweep is. So a sweep can be stopped
and continued at any time, and two sweeps that share a training train it once.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, Strict, ValidationError, model_validator

from hmmrnn.model.checkpoint import CheckpointError, Header, read_metadata
from hmmrnn.model.files import replace_file
from hmmrnn.model.hmm import HMM, PRESETS
from hmmrnn.model.weight_checks import MAX_NEURONS
from hmmrnn.tasks.store import TaskState
from hmmrnn.tasks.task import UNFINISHED
from hmmrnn.tasks.trainings import REMEMBERED, Training, Trainings, id_of
from hmmrnn.training.config import TrainingConfig
from hmmrnn.training.trainer import FIDELITY_NUMBERS

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Not asked for yet; the other states are those of a training.
PLANNED = "planned"
WAITING, RUNNING, DONE, FAILED, CANCELLED, LOST = TaskState
STATES = (DONE, RUNNING, WAITING, PLANNED, FAILED, LOST, CANCELLED)
MAX_TRAININGS = 2000
MAX_SEED = 2**31 - 1
LIMITS = {"neurons": (1, MAX_NEURONS), "inputs": (1, MAX_NEURONS), "seeds": (0, MAX_SEED)}
COLUMNS = (
    *("family", "n_neurons", "n_inputs", "seed", "recipe", "state", "job_id", "model"),
    *FIDELITY_NUMBERS,
    *("passes", "steps", "seconds", "loss", "reason"),
)


@dataclass(frozen=True, eq=False)
class GridPoint:
    """One training of a sweep; `id` is that of the training, whether it was asked for or not."""

    id: str
    config: TrainingConfig


def _valid_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}", name):
        raise ValueError("must be of at most 40 letters, digits and dashes, no dash first")
    return name


def _distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(values)) < len(values):
        raise ValueError("values must be different from each other")
    return values


def _known_family(family: str) -> str:
    if family not in PRESETS:
        raise ValueError(f"must be of {', '.join(PRESETS)}")
    return family


Family = Annotated[str, AfterValidator(_known_family)]
Size = Annotated[int, Strict(), Field(ge=1, le=MAX_NEURONS)]
Seed = Annotated[int, Strict(), Field(ge=0, le=MAX_SEED)]
Axis = Annotated[tuple[T, ...], Field(min_length=1), AfterValidator(_distinct)]


class Sweep(BaseModel, frozen=True, extra="forbid"):
    """A grid of trainings, unless said otherwise that of the paper: four chains, three N, four M, three seeds.

    Raises:
        ValueError: a value is out of range or there twice, or the trainings are too many.
    """

    name: Annotated[str, AfterValidator(_valid_name)]  # at most 40 letters, digits and dashes
    families: Axis[Family] = ("linear-2", "linear-3", "linear-4", "linear-5")  # HMM families of the paper
    # neurons, inputs, seeds: values of N, M and the seed.
    neurons: Axis[Size] = (50, 150, 200)
    inputs: Axis[Size] = (1, 10, 100, 200)
    seeds: Axis[Seed] = (0, 1, 2)
    recipe: str = "fast"  # of every training
    changes: dict[str, Any] = {}  # settings that differ from the recipe, by name

    @model_validator(mode="after")
    def _can_be_trained(self) -> Sweep:
        if self.count > MAX_TRAININGS:
            raise ValueError(f"a sweep has at most {MAX_TRAININGS:,} trainings; got {self.count:,}; split it in two")
        # Settings that no training can have are refused here, not by a worker.
        self._bases()
        return self

    @property
    def count(self) -> int:
        """Number of its trainings."""
        return len(self.families) * len(self.neurons) * len(self.inputs) * len(self.seeds)

    @cached_property
    def trainings(self) -> tuple[GridPoint, ...]:
        """All of them, seed by seed: the first seed alone shows the whole grid."""
        bases = self._bases()
        configs = (
            replace(base, n_neurons=n_neurons, n_inputs=n_inputs, seed=seed)
            for seed in self.seeds
            for base in bases
            for n_neurons in self.neurons
            for n_inputs in self.inputs
        )
        return tuple(GridPoint(id_of(config), config) for config in configs)

    def _bases(self) -> list[TrainingConfig]:
        """The training of each family, before sizes and seed."""
        recipes = [TrainingConfig.for_hmm(HMM.preset(family), self.recipe) for family in self.families]
        return [TrainingConfig.from_dict({**recipe.to_dict(), **self.changes}) for recipe in recipes]


def read_sweep(data: Any) -> Sweep:
    """A sweep from plain values.

    Raises:
        ValueError: a value is missing, unknown, of another type or out of range; the message is one sentence.
    """
    try:
        return Sweep.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        words = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:
            raise ValueError(words) from error
        raise ValueError(f"{first['loc'][0]}: {words[0].lower()}{words[1:]}; got {first['input']!r}") from error


# ---- how far a sweep is ----


@dataclass(frozen=True, eq=False)
class Row:
    """A training of a sweep as it stands."""

    training: GridPoint  # which one
    state: str  # planned, or that of the training
    share: float = 0.0  # how much of it is done, 0 to 1
    reason: str = ""  # why there is no verdict although it has ended; empty otherwise
    model: str = ""  # name of its network; empty until it is done
    # Its network's fidelity by name, from its header; None where it cannot be measured; empty until it is done.
    measures: Mapping[str, float | None] | None = None
    passes: bool | None = None  # whether that passes the gate; None until it is done
    # steps, seconds, loss: of what has ended; None while it goes on.
    steps: int | None = None
    seconds: float | None = None
    loss: float | None = None

    @property
    def id(self) -> str:
        """Id of the training."""
        return self.training.id


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many trainings are in each state, and how many networks pass the gate."""
    states = Counter(row.state for row in rows)
    return {**{str(state): states[state] for state in STATES}, "passes": sum(row.passes is True for row in rows)}


def csv_text(sweep: Sweep, rows: Sequence[Row]) -> str:
    """The table as CSV, a line for each training; what is not known is empty."""
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_line(sweep, row) for row in rows)
    return written.getvalue()


def _number(text: str | None) -> float | None:
    value = math.nan if text is None else float(text)
    return value if math.isfinite(value) else None


def _line(sweep: Sweep, row: Row) -> dict[str, Any]:
    config = row.training.config
    return {
        "family": config.hmm.name,
        "n_neurons": config.n_neurons,
        "n_inputs": config.n_inputs,
        "seed": config.seed,
        "recipe": sweep.recipe,
        "job_id": row.id,
        **(row.measures or {}),
        "passes": "" if row.passes is None else str(row.passes).lower(),
        **{name: getattr(row, name) for name in ("state", "model", "steps", "seconds", "loss", "reason")},
    }


# ---- all sweeps ----


class Sweeps:
    """All sweeps of a server, and how far they are."""

    def __init__(self, trainings: Trainings) -> None:
        self.trainings, self._data = trainings, trainings.data
        # Keyed by the time of each file as well: a network may be replaced.
        self._read = lru_cache(maxsize=64)(_read)
        self._header = lru_cache(maxsize=REMEMBERED)(_header)

    def keep(self, sweep: Sweep) -> None:
        """Write a sweep's file; once written it does not change.

        Raises:
            ValueError: there is another sweep of that name.
            OSError: it cannot be written.
        """
        known = self.find(sweep.name)
        if known == sweep:
            return
        values = sweep.model_dump(mode="json")
        if known is not None:
            differs = next(axis for axis, value in known.model_dump(mode="json").items() if value != values[axis])
            raise ValueError(
                f"the sweep {sweep.name} is there with other {differs} ({_listed(getattr(known, differs))}); give this "
                f"one another --name: what both have in common is trained once"
            )
        replace_file(self.file_of(sweep.name), (json.dumps(values, indent=2, sort_keys=True) + "\n").encode())

    def find(self, name: str) -> Sweep | None:
        """The sweep of that name; None if there is none.

        Raises:
            ValueError: its file is damaged.
        """
        # Looked up among those that are there: no name from a request becomes a path.
        there = {path.stem: path for path in self._data.sweeps.glob("*.json")}
        if name not in there:
            return None
        path = there[name]
        try:
            return self._read(path, path.stat().st_mtime_ns)
        except ValueError as error:
            raise ValueError(
                f"the sweep {name} cannot be read ({error}); remove {path.name} and start it anew"
            ) from error

    def listing(self) -> tuple[Sweep, ...]:
        """All sweeps that can be read, the one begun last first."""
        paths = sorted(self._data.sweeps.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        found = []
        for path in paths:
            try:
                found.append(self.find(path.stem))
            except ValueError as error:
                logger.warning("%s", error)
        return tuple(sweep for sweep in found if sweep is not None)

    def file_of(self, name: str) -> Path:
        """The file of a sweep."""
        return self._data.sweeps / f"{name}.json"

    def table(self, sweep: Sweep, everything: Sequence[Training]) -> tuple[Row, ...]:
        """How each training of a sweep stands; `everything` is the listing of all trainings."""
        there = {training.id: training for training in everything}
        return tuple(self._row(point, there.get(point.id)) for point in sweep.trainings)

    def table_now(self, sweep: Sweep) -> tuple[Row, ...]:
        """How each training of a sweep stands now."""
        return self.table(sweep, self.trainings.listing())

    def _row(self, point: GridPoint, training: Training | None) -> Row:
        if training is None:
            return Row(point, PLANNED)
        if training.state is DONE:
            return self._judged(point, training.model)
        share, progress = training.step / point.config.steps, training.progress
        row = Row(point, training.state, share, training.reason)
        if training.state in UNFINISHED or progress is None:
            return row
        return replace(row, steps=progress.step, seconds=progress.seconds, loss=progress.loss)

    def _judged(self, point: GridPoint, model: str) -> Row:
        """The row of a network, from its header."""
        try:
            path = self._data.networks / f"{model}.safetensors"
            header = self._header(path, path.stat().st_mtime_ns).metadata
        except (CheckpointError, OSError) as error:
            logger.warning("network %s cannot be read: %s", model, error)
            return Row(point, DONE, 1.0, "its network is no longer in the data folder, or is damaged", model)
        measures = {name: _number(header.get(f"fidelity_{name}")) for name in FIDELITY_NUMBERS}
        known = any(value is not None for value in measures.values())
        return Row(
            point,
            DONE,
            1.0,
            "" if known else "long runs of the network diverge",
            model,
            measures,
            passes=header.get("fidelity_passes") == "true",
            steps=int(header["steps_done"]),
            seconds=_number(header.get("training_seconds")),
            loss=_number(header.get("loss")),
        )


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={item}" for name, item in value.items()) or "none"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read(path: Path, _mtime_ns: int) -> Sweep:
    return read_sweep(json.loads(path.read_text(encoding="utf-8")))


def _header(path: Path, _mtime_ns: int) -> Header:
    return read_metadata(path)
