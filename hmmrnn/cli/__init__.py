"""How is it used from a shell? One command each to serve the dashboard, work for it, train one or many, analyse.

    python -m hmmrnn serve | worker | user | train | sweep | analyse | live | convert        (each with --help)

Results go to stdout, one JSON document where a program may read them; progress and complaints go to stderr.
Exit status: 0 done; 1 the network is not its HMM, or a training did not end well; 2 bad input, with one sentence why.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from hmmrnn import __version__
from hmmrnn.cli import analyse, convert, live, serve, sweep, train, user, worker
from hmmrnn.cli.command import BAD_INPUT, INTERRUPTED, Parser, RefusedError

COMMANDS = (serve, worker, user, train, sweep, analyse, live, convert)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: arguments after the program's name; those of the process if None.
    """
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        return int(args.command(args))
    except RefusedError as error:
        sys.stderr.write(f"{args.prog}: {error}\n")
        return BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write(f"{args.prog}: interrupted; nothing was written\n")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m hmmrnn",
        description="See how a ReLU network that emulates a Hidden Markov Model computes.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.register(commands)
    return parser
