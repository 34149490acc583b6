"""The web server: gunicorn with several web processes, which share what the process that begins them has imported."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from hmmrnn.server import metrics_folder
from hmmrnn.server.settings import Settings
from hmmrnn.storage import logs
from hmmrnn.storage.processes import bound_memory, end_with_parent

THREADS = 4
# Requests under way get this long to finish when the server is asked to stop.
GRACE_SECONDS = 3


class WebServer(BaseApplication):
    """Web processes that answer at an address until this process gets SIGTERM or SIGINT."""

    def __init__(self, application: Flask, settings: Settings, workers: int) -> None:
        self.application = application
        self.options = options(settings, workers)
        super().__init__()

    def load_config(self) -> None:
        """Give gunicorn its options."""
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application: each web process has it from the beginning."""
        return self.application


def options(settings: Settings, workers: int) -> Mapping[str, Any]:
    """Options of gunicorn, by their names there."""
    host, port = settings.host, settings.port
    return {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "worker_class": "hmmrnn.server.front.WebProcess",
        "workers": workers,
        "threads": THREADS,
        "graceful_timeout": GRACE_SECONDS,
        "loglevel": "warning",
        # request_log writes the lines of requests, with what they asked for; this is the format of all others.
        "logconfig_dict": logs.configuration(settings.log),
        "control_socket_disable": True,
        "post_fork": lambda server, _worker: _begin(server.pid, settings.web_mb),
        "child_exit": _end,
    }


def _begin(parent: int, megabytes: int) -> None:
    """Have a new web process end with gunicorn, bound its memory, and take room for its metrics before it counts."""
    end_with_parent(signal.SIGKILL, parent)
    bound_memory(megabytes)
    metrics_folder.reserve(os.getpid())
    # Imported here, after the folder is there.
    from hmmrnn.storage.metrics import UP

    UP.set(1)


def _end(_server: Any, worker: Any) -> None:
    """Take an ended web process out of the metrics of those that run."""
    metrics_folder.leave(worker.pid)
