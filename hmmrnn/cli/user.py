"""The command that adds a user to the file of users, or changes a password."""

import argparse
import logging
import sys
from getpass import getpass

from hmmrnn.cli.common import DONE, checked_input, settings_of
from hmmrnn.server.auth import users
from hmmrnn.server.settings import variable

logger = logging.getLogger(__name__)

DESCRIPTION = (
    "Add a user who may sign in to the dashboard, or change the password of one, which ends their sessions. Asks "
    "for the password twice; without a terminal, the first line of the input is the password."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("name", metavar="NAME", help="1 to 64 letters, digits or . _ @ -")
    parser.add_argument(
        "--users",
        metavar="FILE",
        help=f"file of names and hashed passwords, made if it is not there ({variable('users')})",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input():
        path = settings_of(args, "users").users
        if path is None:
            raise ValueError(f"no file of users is named; set {variable('users')}, or give --users FILE")
        users.check_name(args.name)
        was_known = users.add(path, args.name, _password())
    what = "has a new password and must sign in again" if was_known else "can sign in"
    logger.info("%s %s; %s lists all users", args.name, what, path)
    return DONE


def _password() -> str:
    """The password, typed twice without being shown, or the first line of the input.

    Raises:
        ValueError: the two differ.
    """
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    typed = getpass("Password: ")
    if getpass("Password again: ") != typed:
        raise ValueError("the two passwords differ; nothing was changed")
    return typed
