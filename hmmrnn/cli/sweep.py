"""The `sweep` command: a grid of trainings that any number of workers take from the queue.

This command trains nothing itself: it adds trainings to the queue when few of them wait, and reports the state of all.
Its own state is in the data folder and the queue, so it can be stopped, killed and started again at any time.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hmmrnn.cli.common import (
    DONE,
    INTERRUPTED,
    NOT_FAITHFUL,
    ProgressDisplay,
    add_number,
    add_progress,
    checked_input,
    file_to_write,
    frugal,
    show_progress,
    whole_number,
    write_json,
)
from hmmrnn.cli.train import TRAINING_NUMBERS, add_setting, read_setting
from hmmrnn.model.files import replace_file
from hmmrnn.model.hmm import PRESETS
from hmmrnn.server.services import Services
from hmmrnn.server.settings import Settings
from hmmrnn.storage.processes import Signalled, noted_signals
from hmmrnn.tasks import sweep_runner
from hmmrnn.tasks.queue import TRAININGS
from hmmrnn.tasks.store import Store, TaskState
from hmmrnn.tasks.supervisor import Program, supervise
from hmmrnn.tasks.sweeps import LIMITS, Row, Sweep, Sweeps, counts, csv_text, read_sweep
from hmmrnn.training.config import RECIPES

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
# Before this a worker may still be starting.
MISSED_AFTER_SECONDS = 20.0
AXES = {"neurons": "N, recurrent units", "inputs": "M, noise inputs", "seeds": "seeds of weights, noise and targets"}

PAPER = Sweep(name="sweep")
RECIPE_NUMBERS = {option: TRAINING_NUMBERS[option] for option in ("--steps", "--batch", "--length")}

DESCRIPTION = (
    "Train a network for every family, N, M and seed of a grid: by default the grid of the paper, 144 trainings. "
    "Workers on any machines that share the data folder (HMMRNN_DATA) and the queue (HMMRNN_REDIS_URL) take the "
    "trainings from the queue. The same command again continues the sweep: what is done is not repeated, what was "
    "lost or cancelled is trained. Prints one line of JSON at the end. After Ctrl-C the workers go on with what is in "
    "the queue."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--name", default="sweep", help="name of the sweep, and of its page (%(default)s)")
    _add_grid(parser)
    parser.add_argument("--out", metavar="FILE", help=".csv file of all results, replaced whenever a training ends")
    add_number(parser, "--workers", "also train here, so many at once, while the command runs")
    parser.add_argument("--retry", action="store_true", help="train again what has failed")
    parser.add_argument("--cancel", action="store_true", help="end the sweep instead: remove what waits from the queue")
    add_progress(parser, "after each change")


def _add_grid(parser: argparse.ArgumentParser) -> None:
    def add(option: str, default: Any, text: str, **more: Any) -> None:
        # Left out of the arguments unless it is given, because an existing sweep has values of its own.
        written = " ".join(map(str, default)) if isinstance(default, tuple) else default
        parser.add_argument(option, default=argparse.SUPPRESS, help=f"{text} ({written})", **more)

    families: dict[str, Any] = {"nargs": "+", "choices": tuple(PRESETS), "metavar": "FAMILY"}
    add("--families", PAPER.families, f"of {', '.join(PRESETS)}", **families)
    for axis, text in AXES.items():
        reads = whole_number(*LIMITS[axis])
        add(f"--{axis}", getattr(PAPER, axis), text, nargs="+", type=reads, metavar="INT")
    add("--recipe", PAPER.recipe, "the published recipe or ours", choices=RECIPES)
    for option, (field, least, text) in RECIPE_NUMBERS.items():
        add_number(parser, option, text, least, dest=field, default=argparse.SUPPRESS)
    add_setting(parser, argparse.SUPPRESS, "clip=0.5")


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input():
        sweeps = Services(Settings.from_environment()).sweeps
        if args.cancel:
            return _cancel(sweeps, args.name)
        sweep = _requested(sweeps, args)
        out = None if args.out is None else file_to_write(args.out, ".csv")
        sweeps.keep(sweep)
    if args.workers:
        return _with_workers(sweeps, sweep, args)
    with checked_input():
        lock = sweep_runner.hold(sweeps, sweep)
    progress = show_progress(args.progress, sweep.count, "training", sweep.name, leave=True)
    with lock, noted_signals() as stop, progress as display:
        return _run(sweeps, sweep_runner.SweepRunner(sweeps, sweep, args.retry), out, stop, display)


def _requested(sweeps: Sweeps, args: argparse.Namespace) -> Sweep:
    """The existing sweep of this name, or a new one, with the values that are given."""
    given = {axis: getattr(args, axis) for axis in ("families", *AXES, "recipe") if axis in args}
    changes = {field: getattr(args, field) for field, _, _ in RECIPE_NUMBERS.values() if field in args}
    changes |= dict(read_setting(text) for text in getattr(args, "set", []))
    known = sweeps.find(args.name)
    base = {"name": args.name} if known is None else known.model_dump()
    return read_sweep({**base, **given, **({"changes": changes} if changes else {})})


def _cancel(sweeps: Sweeps, name: str) -> int:
    sweep = sweeps.find(name)
    if sweep is None:
        there = ", ".join(known.name for known in sweeps.listing()) or "none"
        raise ValueError(f"there is no sweep {name!r} to cancel; there are {there}")
    cancelled = sweep_runner.cancel(sweeps, sweep)
    found = counts(sweeps.table_now(sweep))
    write_json({"sweep": name, "trainings": sweep.count, "withdrawn": cancelled, **found})
    return DONE


def _with_workers(sweeps: Sweeps, sweep: Sweep, args: argparse.Namespace) -> int:
    """Run this command beside a worker; when one of them ends, so does the other."""
    python = [sys.executable, "-m", "hmmrnn"]
    out = [] if args.out is None else ["--out", args.out]
    retry = ["--retry"] if args.retry else []
    own = [*python, "sweep", "--name", sweep.name, "--progress", args.progress, *out, *retry]
    worker = [*python, "worker", "--only", TRAININGS, "--trainings", str(args.workers)]
    environment = frugal(os.environ)
    programs = [Program("the sweep", own, environment), Program("the worker for the sweep", worker, environment)]
    status = supervise(programs, leading=True)
    # The supervisor reports a requested end as done, but the sweep is not.
    return INTERRUPTED if status == DONE and not _all_done(sweeps.table_now(sweep)) else status


# ---- running it ----


def _run(
    sweeps: Sweeps,
    runner: sweep_runner.SweepRunner,
    out: Path | None,
    stop: Signalled,
    display: ProgressDisplay,
) -> int:
    sweep, results, last_warning = runner.sweep, _Results(runner.sweep, out), ""
    workers = _Workers(sweeps.trainings.store)
    unfinished = True
    while unfinished and not stop.is_set():
        try:
            unfinished = runner.advance()
            results.write(runner.rows)
            workers.check()
        except (ValueError, OSError) as error:
            # Redis may be away, or the disk full: both pass, and nothing is lost meanwhile.
            unfinished = True
            if str(error) != last_warning:
                last_warning = str(error)
                logger.warning("the sweep waits: %s", error)
        found = counts(runner.rows)
        text = ", ".join(f"{name}={count}" for name, count in found.items() if count)
        display.show(found["done"], text, {"sweep": sweep.name, "trainings": sweep.count, **found})
        if unfinished:
            stop.wait(LOOK_EVERY_SECONDS)
    return _end(sweep, runner.rows, out, stop)


def _end(sweep: Sweep, rows: Sequence[Row], out: Path | None, stop: Signalled) -> int:
    """Report the end of the sweep, and return the exit status."""
    found = counts(rows)
    if stop.is_set() and not _all_done(rows):
        logger.warning(
            "stopped with %d of %d done; %d in the queue are left to the workers; the same command continues with the "
            "rest, and --name %s --cancel removes what waits from the queue",
            found["done"],
            sweep.count,
            found["waiting"] + found["running"],
            sweep.name,
        )
        return INTERRUPTED
    write_json({"sweep": sweep.name, "trainings": sweep.count, "out": None if out is None else str(out), **found})
    return DONE if _all_done(rows) else NOT_FAITHFUL


def _all_done(rows: Sequence[Row]) -> bool:
    return bool(rows) and all(row.state == TaskState.DONE for row in rows)


class _Results:
    """The file of all results, replaced as a whole when a line changes."""

    def __init__(self, sweep: Sweep, path: Path | None) -> None:
        self.sweep, self.path, self.written = sweep, path, ""

    def write(self, rows: Sequence[Row]) -> None:
        """Write the state of all trainings."""
        text = csv_text(self.sweep, rows)
        if self.path is not None and text != self.written:
            replace_file(self.path, text.encode())
            self.written = text


class _Workers:
    """Warns once while no worker is running."""

    def __init__(self, store: Store) -> None:
        self.store, self.seen_at, self.warned = store, time.monotonic(), False

    def check(self) -> None:
        """Warn if there is no worker, unless that was done."""
        if self.store.worker_present(TRAININGS):
            self.seen_at, self.warned = time.monotonic(), False
        elif not self.warned and time.monotonic() - self.seen_at > MISSED_AFTER_SECONDS:
            self.warned = True
            logger.warning(
                "no worker is running, so nothing is trained; start some with python -m hmmrnn worker, or stop this "
                "command and start it again with --workers"
            )
