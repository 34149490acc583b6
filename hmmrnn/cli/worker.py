"""How are workers started from a shell? One process a queue, kept running; with --only, this process for one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

from hmmrnn.cli.command import DONE, add_command, checked_input, whole_number
from hmmrnn.dashboard import folders, logs
from hmmrnn.dashboard.queue import QUEUES, TRAININGS
from hmmrnn.supervisor import Program, supervise

OTHERS_AT_ONCE = 2


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "worker",
        _worker,
        "Train, experiment and run errands for a dashboard until Ctrl-C. `serve` starts such workers by itself; "
        "further ones, on this machine or another, share its data folder (HMMRNN_DATA) and its queue "
        "(HMMRNN_REDIS_URL).",
    )
    add_trainings(parser)
    parser.add_argument("--only", choices=QUEUES, help="take jobs of this kind alone")


def add_trainings(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how many trainings run at once."""
    at_once = os.environ.get("HMMRNN_TRAININGS", "1")
    parser.add_argument(
        "--trainings", type=whole_number(1), default=at_once, metavar="INT", help="trainings at once (%(default)s)"
    )


def _worker(args: argparse.Namespace) -> int:
    with checked_input():
        folders.data()
        logs.configure()
    if args.only is None:
        return supervise(worker_programs(args.trainings, frugal(os.environ)), leading=False)
    from hmmrnn.dashboard.worker import serve_queue

    serve_queue(args.only, args.trainings if args.only == TRAININGS else OTHERS_AT_ONCE)
    return DONE


def worker_programs(trainings: int, environment: Mapping[str, str]) -> list[Program]:
    """A worker for each queue."""
    command = [sys.executable, "-m", "hmmrnn", "worker", "--trainings", str(trainings), "--only"]
    return [Program(f"the worker for {name}", [*command, name], environment) for name in QUEUES]


def frugal(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with settings that keep a process from taking more cores and memory than it needs."""
    # BLAS threads gain nothing on matrices this small, and take the cores from the other workers.
    single_threaded = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # An analysis holds large arrays for seconds. With a fixed threshold glibc hands them back to the system, instead of
    # raising the threshold to their size and keeping them for good.
    thrifty = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "1048576", "MALLOC_ARENA_MAX": "2"}
    return {**single_threaded, **thrifty, **environment}
