"""The `worker` command: a worker process for each queue, kept running; with --only, this process for one queue."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hmmrnn.cli.common import DONE, add_trainings, checked_input, frugal, settings_of
from hmmrnn.server.services import Services
from hmmrnn.storage import logs
from hmmrnn.tasks.queue import ANALYSE, CHECK, EXPERIMENT, EXPERIMENTS, QUEUES, SHORT_TASKS, TRAIN, TRAININGS
from hmmrnn.tasks.supervisor import Program, supervise

# One of each takes quick work alone. Pickles are read one by one: torch takes much memory.
AT_ONCE = {SHORT_TASKS: 2, EXPERIMENTS: 3}

DESCRIPTION = (
    "Do trainings, experiments and short tasks for a dashboard until Ctrl-C. `serve` starts such workers itself; "
    "more of them, on this machine or another, share its data folder (HMMRNN_DATA) and its queue "
    "(HMMRNN_REDIS_URL)."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_trainings(parser)
    parser.add_argument("--only", choices=QUEUES, help="take work from this queue alone")


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input():
        settings = settings_of(args, "trainings")
        services = Services(settings)
        logs.configure(settings.log)
    if args.only is None:
        return supervise(worker_programs({**frugal(os.environ), **settings.to_environment()}), leading=False)
    from hmmrnn.tasks.worker import serve_queue

    at_once = settings.trainings if args.only == TRAININGS else AT_ONCE[args.only]
    serve_queue(services.store, args.only, at_once, functions_for(services, args.only))
    return DONE


def functions_for(services: Services, name: str) -> dict[str, Callable[..., Any]]:
    """What a worker of a queue calls for each kind of its work. Only that is imported, since each worker holds it."""
    if name == TRAININGS:
        from hmmrnn.tasks.training_run import run_training

        return {TRAIN: partial(run_training, services.trainings)}
    if name == EXPERIMENTS:
        from hmmrnn.explorer.compared import ComparisonQuestion, compare
        from hmmrnn.explorer.experiments import compute
        from hmmrnn.tasks.data_fits import DataQuestion
        from hmmrnn.tasks.experiments import run_experiment

        def answer(name: str, subject: Any, on_progress: Any) -> Any:
            if isinstance(subject, DataQuestion):
                return services.data_fits.compute(name, subject, on_progress)
            if isinstance(subject, ComparisonQuestion):
                return compare(services.explorer, subject, on_progress)
            return compute(services.explorer, name, subject, on_progress)

        return {EXPERIMENT: partial(run_experiment, services.store, answer)}
    from hmmrnn.tasks.short_tasks import analyse

    return {CHECK: services.uploads.check, ANALYSE: partial(analyse, services.explorer)}


def worker_programs(environment: Mapping[str, str]) -> list[Program]:
    """A worker for each queue, with the settings of the environment."""
    command = [sys.executable, "-m", "hmmrnn", "worker", "--only"]
    return [Program(f"the worker for {name}", [*command, name], environment) for name in QUEUES]
