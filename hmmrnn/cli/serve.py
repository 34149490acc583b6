"""The `serve` command: a web server and its workers, which start and end together.

What the web server needs is imported once, here; its processes are forked from this one.
"""

from __future__ import annotations

import argparse
import errno
import gc
import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING

from hmmrnn.cli.common import add_number, add_trainings, checked_input, settings_of

if TYPE_CHECKING:
    from flask import Flask

    from hmmrnn.server.settings import Settings

logger = logging.getLogger(__name__)

# The page that is opened first has the cores to itself before the workers begin.
HEAD_START_SECONDS = 2.0
HEALTHY_WITHIN_SECONDS = 60

DESCRIPTION = "Serve the dashboard until Ctrl-C."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 lets others in (HMMRNN_HOST, or 127.0.0.1)")
    add_number(parser, "--port", "port to listen on (HMMRNN_PORT, or 8050)", most=65535)
    parser.add_argument("--models", metavar="FOLDER", help="networks to offer (HMMRNN_MODELS, or the shipped ones)")
    add_number(parser, "--workers", "web processes (%(default)s)", default=2)
    add_trainings(parser)
    for option, default, text in (
        ("--worker", True, "start workers for trainings, experiments and short tasks"),
        ("--open", False, "open the browser once the server answers"),
    ):
        parser.add_argument(option, action=argparse.BooleanOptionalAction, default=default, help=text)


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input(), without_collection():
        settings = settings_of(args, "host", "port", "models", "trainings")
        if not settings.models.is_dir():
            raise ValueError(f"the folder of networks {settings.models} does not exist; name another with --models")
        _check_port(settings.host, settings.port)
        _check_files(settings)
        application = create(settings)
    # Here, after what counts requests has been imported.
    from hmmrnn.cli.worker import worker_programs
    from hmmrnn.server.web import WebServer
    from hmmrnn.tasks.supervisor import Program, supervise

    url = _url(settings.host, settings.port)
    if args.open:
        _open_later(url)
    sys.stdout.write(f"serving {url} on {settings.host}:{settings.port}; Ctrl-C stops it\n")
    sys.stdout.flush()
    environment = {**os.environ, **settings.to_environment()}
    web = Program("the web server", WebServer(application, settings, args.workers).run, environment)
    workers = worker_programs(environment) if args.worker else ()
    return supervise([web, *workers], leading=True, head_start=HEAD_START_SECONDS)


@contextmanager
def without_collection() -> Iterator[None]:
    """Leave out the search for unused objects while everything is imported, which takes a sixth of that time.

    What is there afterwards stays, and is never searched: so the web processes go on sharing its memory, too.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def create(settings: Settings) -> Flask:
    """The application that the web processes share.

    Raises:
        ValueError: the folder of the cache cannot be used.
    """
    from hmmrnn.server import metrics_folder
    from hmmrnn.storage import logs

    logs.configure(settings.log)
    # Before anything is imported that counts.
    metrics_folder.begin(settings.cache / "hmmrnn", (settings.host, settings.port))
    from hmmrnn.dashboard.app import create_app
    from hmmrnn.server.services import EXTENSION

    application = create_app(settings).server
    application.extensions[EXTENSION].queues.mend()
    warn_if_open(settings)
    # This process counts nothing itself.
    metrics_folder.leave(os.getpid())
    return application


def warn_if_open(settings: Settings) -> None:
    """Say in the log if other machines can use the dashboard without signing in."""
    if settings.users is None and not _loopback(settings.host):
        logger.warning(
            "every machine that reaches %s can use the dashboard; to ask for a sign-in, name a file of users with "
            "HMMRNN_USERS",
            settings.host,
        )


def _open_later(url: str) -> None:
    code = (
        "import sys; from hmmrnn.cli.serve import open_when_healthy; open_when_healthy(sys.argv[1], int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, url, str(os.getpid())]
    subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def _check_files(settings: Settings) -> None:
    """Raise ValueError if the folder of data or the file of users cannot be used."""
    from hmmrnn.server.auth import users
    from hmmrnn.storage.paths import DataFolder

    DataFolder(settings.data)
    if settings.users is not None:
        users.read(settings.users)


def _loopback(host: str) -> bool:
    addresses = {found[4][0] for found in socket.getaddrinfo(host, None)}
    return all(ip_address(address).is_loopback for address in addresses)


def _check_port(host: str, port: int) -> None:
    """Raise ValueError, with the reason, if a server cannot listen there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the server does: a port in the last moments of an earlier server's connections counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(f"port {port} on {host} is in use; stop what runs there, or name another") from error
        raise ValueError(f"cannot listen on {host}:{port} ({error.strerror}); give another --host or --port") from error


def _url(host: str, port: int) -> str:
    """The address for a browser on this machine."""
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{here}:{port}/"


def open_when_healthy(url: str, parent: int, patience: float = HEALTHY_WITHIN_SECONDS) -> bool:
    """Open the browser once the server answers; return whether it did."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and os.getppid() == parent:
        if _healthy(url):
            return webbrowser.open(url)
        time.sleep(0.1)
    return False


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # refused, reset, timed out, or any status of failure: it is not up yet
        return False
