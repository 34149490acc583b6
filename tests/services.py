"""The services that tests use, built from the environment of the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app

from hmmrnn.cli.worker import functions_for
from hmmrnn.server.services import EXTENSION, Services
from hmmrnn.server.settings import Settings
from hmmrnn.tasks.queue import QUEUES


@contextmanager
def services_of_environment() -> Iterator[None]:
    """Make the services that the environment describes those of the test."""
    with Flask("tests").app_context():
        rebuild_services()
        yield
        close_services()


def rebuild_services() -> None:
    """Build the services of the test anew from the environment, as a new process would."""
    close_services()
    built = Services(Settings.from_environment())
    for name in QUEUES:
        built.queues.perform(functions_for(built, name))
    current_app.extensions[EXTENSION] = built


def close_services() -> None:
    """Close the connections of the services of the test, if there are any."""
    built = current_app.extensions.pop(EXTENSION, None)
    if built is not None and built.redis is not None:
        built.redis.pool.disconnect()
