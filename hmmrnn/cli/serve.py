"""How is the dashboard served from a shell? A web server and its workers, which live and end as one."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
import webbrowser
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from hmmrnn.cli.command import add_command, checked_input, whole_number
from hmmrnn.cli.worker import add_trainings, frugal, worker_programs
from hmmrnn.dashboard import folders, logs, users
from hmmrnn.supervisor import Program, supervise

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
THREADS_PER_WORKER = 4
# Requests under way get this long to finish when the server is told to stop.
GRACE_SECONDS = 3
HEALTHY_WITHIN_SECONDS = 60


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "serve",
        _serve,
        "Serve the dashboard until Ctrl-C. Defaults may be set by HMMRNN_HOST, HMMRNN_PORT and HMMRNN_MODELS.",
    )
    host, port = os.environ.get("HMMRNN_HOST", "127.0.0.1"), os.environ.get("HMMRNN_PORT", "8050")
    models = os.environ.get("HMMRNN_MODELS", str(ROOT / "models"))
    parser.add_argument("--host", default=host, help="address to listen on; 0.0.0.0 lets others in (%(default)s)")
    parser.add_argument(
        "--port", type=whole_number(1, 65535), default=port, metavar="INT", help="port to listen on (%(default)s)"
    )
    parser.add_argument("--models", default=models, metavar="FOLDER", help="networks to offer (%(default)s)")
    parser.add_argument("--workers", type=whole_number(1), default=2, metavar="INT", help="web processes (%(default)s)")
    add_trainings(parser)
    parser.add_argument(
        "--worker",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="start workers for trainings, errands and inquiries",
    )
    parser.add_argument(
        "--open", action=argparse.BooleanOptionalAction, default=False, help="open the browser once the server answers"
    )


def _serve(args: argparse.Namespace) -> int:
    with checked_input():
        if not (ROOT / "app.py").is_file():
            raise ValueError(f"{ROOT} has no app.py; run this from a copy of the repository")
        if not Path(args.models).is_dir():
            raise ValueError(f"the folder of networks {args.models} does not exist; name another with --models")
        _check_port(args.host, args.port)
        folders.data()
        logs.configure()
        _check_users(args.host)
    url = _url(args.host, args.port)
    environment = _server_environment(os.environ, args.models)
    if args.open:
        _open_later(url)
    sys.stdout.write(f"serving {url} on {args.host}:{args.port}; Ctrl-C stops it\n")
    sys.stdout.flush()
    web = Program("the web server", _server_command(args.host, args.port, args.workers), environment)
    return supervise([web, *(worker_programs(args.trainings, environment) if args.worker else ())], leading=True)


def _open_later(url: str) -> None:
    # A process of its own, because this one is about to become the server, under the number that it has now.
    code = (
        "import sys; from hmmrnn.cli.serve import open_when_healthy; open_when_healthy(sys.argv[1], int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, url, str(os.getpid())]
    subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def _server_command(host: str, port: int, workers: int) -> list[str]:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = {
        "--config": "python:hmmrnn.dashboard.web",
        "--bind": address,
        "--chdir": ROOT,
        "--worker-class": "gthread",
        "--workers": workers,
        "--threads": THREADS_PER_WORKER,
        "--graceful-timeout": GRACE_SECONDS,
        "--log-level": "warning",
    }
    flags = [str(part) for option in options.items() for part in option]
    return [sys.executable, "-m", "gunicorn", *flags, "--no-control-socket", "app:server"]


def _server_environment(environment: Mapping[str, str], models: str) -> dict[str, str]:
    return {**frugal(environment), "HMMRNN_MODELS": str(Path(models).resolve())}


def _check_users(host: str) -> None:
    """Raise ValueError if the file of users is not as it should be; warn if all others are let in without one."""
    path = users.file()
    if path is not None:
        users.read(path)
    elif not _loopback(host):
        logger.warning(
            "everybody who can reach %s can use the dashboard; to let in only some, name a file of users with %s",
            host,
            users.VARIABLE,
        )


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
    """Open the browser once the server answers; return whether it did.

    Args:
        url: of the dashboard, with the slash at its end.
        parent: number of the parent process, without which there is nothing to wait for.
        patience: seconds to wait.
    """
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
