"""The command line: serve the dashboard, work for it, train one network or many, analyse, convert.

    hmmrnn serve | worker | user | train | fit | sweep | analyse | lens | circuits | compare | live | convert

Each has --help.

In a clone it is `python -m hmmrnn`. Results go to stdout, one JSON document where a program may read them; progress
and errors go to stderr. Exit status: 0 done; 1 the network is not its HMM, or a training did not end well; 2 bad input,
or a package is missing, with one sentence why; 130 interrupted.

A command is one module: DESCRIPTION is its help, add_arguments(parser) adds its arguments, and run(args) returns the
exit status. The module is imported when its command is used.
"""

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from hmmrnn import __version__
from hmmrnn.cli.common import BAD_INPUT, INTERRUPTED, Parser, RefusedError, restart_frugal


class Command(NamedTuple):
    """What a command does, and the extra of the package that it needs."""

    summary: str
    extra: str


COMMANDS = {
    "serve": Command("serve the dashboard", "server"),
    "worker": Command("do the trainings and experiments of a dashboard", "all"),
    "user": Command("add a user of the dashboard, or change a password", "server"),
    "train": Command("train a network to emulate an HMM", "train"),
    "fit": Command("fit an HMM to sequences of symbols, and train a network", "data"),
    "sweep": Command("train a network for each family, N, M and seed of a grid", "all"),
    "analyse": Command("summarise a network as JSON, or write a report", "dashboard"),
    "lens": Command("apply the analysis of a neighbouring paper to a network", "lenses"),
    "compare": Command("compare networks in one table, and measure how alike they are", "lenses"),
    "circuits": Command("find the neurons that are sufficient and necessary for an exit", "dashboard"),
    "live": Command("write a page that runs a network by itself", "dashboard"),
    "convert": Command("read a network from any supported file, and write it as safetensors", "train"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = arguments[0] if arguments and arguments[0] in COMMANDS else None
    # The name that the command line was called by: of the console script, or as a module.
    program = "hmmrnn" if Path(sys.argv[0]).stem == "hmmrnn" else "python -m hmmrnn"
    if argv is None and command == "serve":
        restart_frugal()
    try:
        args = _parser(program, command).parse_args(arguments)
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
        return int(args.run(args))
    except RefusedError as error:
        sys.stderr.write(f"{program} {command}: {error}\n")
        return BAD_INPUT
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if command is None or package == "hmmrnn":
            raise
        install = f"pip install 'hmmrnn[{COMMANDS[command].extra}]'"
        sys.stderr.write(f"{program} {command} needs {package}; install it with {install}\n")
        return BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write(f"{program} {command}: interrupted; nothing was written\n")
        return INTERRUPTED


def _parser(program: str, command: str | None) -> Parser:
    """The parser with the arguments of one command; of the other commands it knows the names."""
    parser = Parser(
        prog=program,
        description="See how a ReLU network that emulates a Hidden Markov Model computes.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (summary, _) in COMMANDS.items():
        one = commands.add_parser(name, help=summary, allow_abbrev=False)
        if name == command:
            module = import_module(f"hmmrnn.cli.{name}")
            one.description = module.DESCRIPTION
            module.add_arguments(one)
            one.set_defaults(run=module.run)
    return parser
