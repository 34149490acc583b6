"""A worker for experiments that computes what a test wants: `python -m tests.tasks.worker_program`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.services import Services
from hmmrnn.server.settings import Settings
from hmmrnn.tasks import queue
from hmmrnn.tasks.experiments import run_experiment
from hmmrnn.tasks.worker import serve_queue

SEED, UNTIL = "seed", "until"


def file(subject: Scenario, kind: str) -> Path:
    """A file that belongs to a subject, `go` or `pid`."""
    return Settings.from_environment().data / f"{subject.model}.{kind}"


def compute(name: str, subject: Scenario, on_progress: Callable[[float], None]) -> Any:
    """The seed of the subject; `until` waits before that for a file to appear, and leaves its process number."""
    if name == UNTIL:
        file(subject, "pid").write_text(str(os.getpid()))
    while name == UNTIL and not file(subject, "go").exists():
        on_progress(0.5)
        time.sleep(0.05)
    return subject.seed


if __name__ == "__main__":
    store = Services(Settings.from_environment()).store
    serve_queue(store, queue.EXPERIMENTS, 1, {queue.EXPERIMENT: partial(run_experiment, store, compute)})
