"""How are many networks trained from a shell? By a grid of trainings that any number of workers take from the queue.

This command trains nothing itself: it asks for the next trainings when few wait, and tells how all of them stand. What
it knows is in the data folder and the queue, so it can be stopped, killed and started again at any time.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from hmmrnn.checkpoint import replace_file
from hmmrnn.cli.command import (
    DONE,
    INTERRUPTED,
    NOT_FAITHFUL,
    add_command,
    checked_input,
    file_to_write,
    whole_number,
    write_json,
)
from hmmrnn.cli.train import OTHER_SETTINGS, TRAINING_NUMBERS, setting
from hmmrnn.cli.worker import frugal
from hmmrnn.dashboard import jobs, queue, sweeps
from hmmrnn.dashboard.sweeps import LIMITS, Row, Sweep
from hmmrnn.hmm import PRESETS
from hmmrnn.recipe import RECIPES
from hmmrnn.supervisor import Program, supervise

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
# A worker that is only just starting is not missed yet.
MISSED_AFTER_SECONDS = 20.0
AXES = {"neurons": "N, recurrent units", "inputs": "M, noise inputs", "seeds": "seeds of weights, noise and targets"}
RECIPE_NUMBERS = {option: TRAINING_NUMBERS[option] for option in ("--steps", "--batch", "--length")}


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "sweep",
        _sweep,
        "Train a network for every family, N, M and seed of a grid, unless said otherwise that of the paper: 144. Each "
        "is a training of the queue, and any number of workers do them, on any machines that share the data folder "
        "(HMMRNN_DATA) and the queue (HMMRNN_REDIS_URL). The same command again goes on where it stopped: what is done "
        "is not repeated, what was lost or cancelled is gone on with. Prints one line of JSON at the end. Ctrl-C "
        "leaves what is in the queue to the workers.",
    )
    parser.add_argument("--name", default="sweep", help="of the sweep, for going on with it and its page (%(default)s)")
    _add_grid(parser)
    parser.add_argument("--out", metavar="FILE", help=".csv file of all results, replaced whenever a training ends")
    parser.add_argument(
        "--workers", type=whole_number(1), metavar="INT", help="also train here, so many at once, as long as it lasts"
    )
    parser.add_argument("--retry", action="store_true", help="go on with what has failed, too")
    parser.add_argument(
        "--cancel",
        action="store_true",
        help="end the sweep instead: take what waits out of the queue",
    )
    parser.add_argument(
        "--progress",
        choices=tuple(_PROGRESS),
        default="bar",
        help="on stderr: a bar, one JSON object whenever something has changed, or nothing (%(default)s)",
    )


def _add_grid(parser: argparse.ArgumentParser) -> None:
    def add(option: str, default: Any, text: str, **more: Any) -> None:
        # Left out of the arguments unless it is given, because a sweep that is there has values of its own.
        said = " ".join(map(str, default)) if isinstance(default, tuple) else default
        parser.add_argument(option, default=argparse.SUPPRESS, help=f"{text} ({said})", **more)

    families: dict[str, Any] = {"nargs": "+", "choices": tuple(PRESETS), "metavar": "FAMILY"}
    add("--families", Sweep.families, f"of {', '.join(PRESETS)}", **families)
    for axis, text in AXES.items():
        reads = whole_number(*LIMITS[axis])
        add(f"--{axis}", getattr(Sweep, axis), text, nargs="+", type=reads, metavar="INT")
    add("--recipe", Sweep.recipe, "the published recipe or ours", choices=RECIPES)
    for option, (field, least, text) in RECIPE_NUMBERS.items():
        reads = whole_number(least)
        parser.add_argument(option, dest=field, type=reads, default=argparse.SUPPRESS, metavar="INT", help=text)
    parser.add_argument(
        "--set",
        action="append",
        default=argparse.SUPPRESS,
        metavar="NAME=VALUE",
        help=f"another setting of the recipe, as in --set clip=0.5; known are {', '.join(OTHER_SETTINGS)}",
    )


def _sweep(args: argparse.Namespace) -> int:
    with checked_input():
        if args.cancel:
            return _cancel(args.name)
        sweep = _asked(args)
        out = None if args.out is None else file_to_write(args.out, ".csv")
        sweeps.keep(sweep)
    if args.workers:
        return _with_workers(sweep, args)
    with checked_input():
        lock = sweeps.hold(sweep)
    with lock, _Ending() as ending, _PROGRESS[args.progress](sweep) as show:
        return _pursue(sweeps.Pursuit(sweep, args.retry), out, ending, show)


def _asked(args: argparse.Namespace) -> Sweep:
    """The sweep that is there, or a new one, with what the command says of it."""
    given = {axis: getattr(args, axis) for axis in ("families", *AXES, "recipe") if axis in args}
    changes = {field: getattr(args, field) for field, _, _ in RECIPE_NUMBERS.values() if field in args}
    changes |= dict(setting(text) for text in getattr(args, "set", []))
    known = sweeps.find(args.name)
    base = {"name": args.name} if known is None else known.to_dict()
    return Sweep.from_dict({**base, **given, **({"changes": changes} if changes else {})})


def _cancel(name: str) -> int:
    sweep = sweeps.find(name)
    if sweep is None:
        there = ", ".join(known.name for known in sweeps.listing()) or "none"
        raise ValueError(f"there is no sweep {name!r} to cancel; there are {there}")
    withdrawn = sweeps.withdraw(sweep)
    found = sweeps.counts(sweeps.table_now(sweep))
    write_json({"sweep": name, "trainings": sweep.count, "withdrawn": withdrawn, **found})
    return DONE


def _with_workers(sweep: Sweep, args: argparse.Namespace) -> int:
    """Run this command without workers beside a worker; when the one ends, so does the other."""
    python = [sys.executable, "-m", "hmmrnn"]
    out = [] if args.out is None else ["--out", args.out]
    retry = ["--retry"] if args.retry else []
    own = [*python, "sweep", "--name", sweep.name, "--progress", args.progress, *out, *retry]
    worker = [*python, "worker", "--only", queue.TRAININGS, "--trainings", str(args.workers)]
    environment = frugal(os.environ)
    programs = [Program("the sweep", own, environment), Program("the worker for the sweep", worker, environment)]
    status = supervise(programs, leading=True)
    # A supervisor that is told to end is content with that; whoever has asked for a sweep is not.
    return INTERRUPTED if status == DONE and not _all_done(sweeps.table_now(sweep)) else status


# ---- running it ----


def _pursue(pursuit: sweeps.Pursuit, out: Path | None, ending: _Ending, show: Callable[[Sequence[Row]], None]) -> int:
    results, workers, trouble = _Results(pursuit.sweep, out), _Workers(), _Trouble()
    goes_on = True
    while goes_on and not ending.asked:
        try:
            goes_on = pursuit.go_on()
            results.write(pursuit.rows)
            workers.look()
        except (ValueError, OSError) as error:
            # Redis may be away, or the disk full: both pass, and nothing is lost meanwhile.
            goes_on = True
            trouble.say(error)
        show(pursuit.rows)
        if goes_on:
            ending.wait(LOOK_EVERY_SECONDS)
    return _told(pursuit.sweep, pursuit.rows, out, ending)


def _told(sweep: Sweep, rows: Sequence[Row], out: Path | None, ending: _Ending) -> int:
    """Say how it has ended; the exit status."""
    found = sweeps.counts(rows)
    if ending.asked and not _all_done(rows):
        logger.warning(
            "stopped with %d of %d done; %d in the queue are left to the workers; the same command goes on with the "
            "rest, and --name %s --cancel takes what waits out of the queue",
            found["done"],
            sweep.count,
            found["waiting"] + found["running"],
            sweep.name,
        )
        return INTERRUPTED
    write_json({"sweep": sweep.name, "trainings": sweep.count, "out": None if out is None else str(out), **found})
    return DONE if _all_done(rows) else NOT_FAITHFUL


def _all_done(rows: Sequence[Row]) -> bool:
    return bool(rows) and all(row.state == jobs.DONE for row in rows)


class _Ending:
    """Turns Ctrl-C and SIGTERM into a wish that can be waited for."""

    def __init__(self) -> None:
        self._told = threading.Event()

    @property
    def asked(self) -> bool:
        return self._told.is_set()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is asked for."""
        self._told.wait(seconds)

    def __enter__(self) -> _Ending:
        self.previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._told.set()


class _Trouble:
    """Says what the sweep waits for, once as long as it is the same."""

    def __init__(self) -> None:
        self.last = ""

    def say(self, error: Exception) -> None:
        """Say it, unless that was the last thing said."""
        if str(error) != self.last:
            self.last = str(error)
            logger.warning("the sweep waits: %s", error)


class _Results:
    """The file of all results, replaced as a whole whenever a line of it is another."""

    def __init__(self, sweep: Sweep, path: Path | None) -> None:
        self.sweep, self.path, self.written = sweep, path, ""

    def write(self, rows: Sequence[Row]) -> None:
        """Write how all trainings stand."""
        text = sweeps.csv_text(self.sweep, rows)
        if self.path is not None and text != self.written:
            replace_file(self.path, text.encode())
            self.written = text


class _Workers:
    """Says so if nobody is there to train."""

    def __init__(self) -> None:
        self.seen_at, self.said = time.monotonic(), False

    def look(self) -> None:
        """Look once; say once that there is none."""
        if queue.present(queue.TRAININGS):
            self.seen_at, self.said = time.monotonic(), False
        elif not self.said and time.monotonic() - self.seen_at > MISSED_AFTER_SECONDS:
            self.said = True
            logger.warning(
                "no worker is running, so nothing is trained; start some with python -m hmmrnn worker, or stop this "
                "command and start it again with --workers"
            )


# ---- progress ----


@contextmanager
def _progress_bar(sweep: Sweep) -> Iterator[Callable[[Sequence[Row]], None]]:
    from tqdm import tqdm

    with tqdm(total=sweep.count, desc=sweep.name, unit="training", file=sys.stderr) as bar:

        def show(rows: Sequence[Row]) -> None:
            found = sweeps.counts(rows)
            bar.set_postfix({name: count for name, count in found.items() if count}, refresh=False)
            bar.update(found["done"] - bar.n)
            bar.refresh()

        yield show


@contextmanager
def _progress_lines(sweep: Sweep) -> Iterator[Callable[[Sequence[Row]], None]]:
    last: dict[str, int] = {}

    def show(rows: Sequence[Row]) -> None:
        nonlocal last
        found = sweeps.counts(rows)
        if found != last:
            sys.stderr.write(json.dumps({"sweep": sweep.name, "trainings": sweep.count, **found}) + "\n")
            sys.stderr.flush()
            last = found

    yield show


@contextmanager
def _no_progress(_sweep: Sweep) -> Iterator[Callable[[Sequence[Row]], None]]:
    yield lambda _rows: None


_PROGRESS: dict[str, Callable[[Sweep], AbstractContextManager[Callable[[Sequence[Row]], None]]]] = {
    "bar": _progress_bar,
    "json": _progress_lines,
    "none": _no_progress,
}
