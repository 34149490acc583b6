"""What does gunicorn do besides serving? It writes the log of all, and keeps the numbers of its processes apart.

Given to it as `--config python:hmmrnn.dashboard.web`.
"""

from __future__ import annotations

import os
from typing import Any

from hmmrnn.dashboard import logs, stores, tallies

# Requests are logged by traffic.py, with what they asked for; this is the rest.
logconfig_dict = logs.configuration()


def on_starting(server: Any) -> None:
    """Begin the folder of numbers anew, before the first process that answers."""
    tallies.begin(stores.folder(), server.cfg.address[0])


def post_fork(_server: Any, _worker: Any) -> None:
    """Take room for the numbers of a new process, before it has any."""
    tallies.reserve(os.getpid())


def child_exit(_server: Any, worker: Any) -> None:
    """Take a process that has ended, however it did, out of what is told of those that run."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)
