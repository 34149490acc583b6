"""How does somebody get a password? It is asked for twice, and its hash is written into the file of users."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Any

from hmmrnn.cli.command import DONE, add_command, checked_input
from hmmrnn.dashboard import users

logger = logging.getLogger(__name__)


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "user",
        _user,
        "Let somebody sign in to the dashboard, or give him another password, which ends his sessions. Asks for the "
        "password twice; where there is no terminal, its first line is the password.",
    )
    parser.add_argument("name", metavar="NAME", help="1 to 64 letters, digits or . _ @ -")
    parser.add_argument(
        "--users",
        default=os.environ.get(users.VARIABLE),
        metavar="FILE",
        help=f"file of names and hashed passwords, made if need be ({users.VARIABLE})",
    )


def _user(args: argparse.Namespace) -> int:
    with checked_input():
        if not args.users:
            raise ValueError(f"no file of users is named; set {users.VARIABLE}, or give --users FILE")
        path = Path(args.users)
        users.check_name(args.name)
        was_known = users.add(path, args.name, _password())
    what = "has another password, and must sign in again" if was_known else "can sign in"
    logger.info("%s %s; %s holds who can", args.name, what, path)
    return DONE


def _password() -> str:
    """What is typed twice without being shown, or the first line of what comes in.

    Raises:
        ValueError: both times it was another one.
    """
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    typed = getpass("Password: ")
    if getpass("Once more: ") != typed:
        raise ValueError("the two passwords differ; nothing has changed")
    return typed
