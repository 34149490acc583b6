"""How does a network become a page that runs it, from a shell? With its kick groups, found first."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hmmrnn.checkpoint import load
from hmmrnn.cli.command import DONE, RefusedError, add_command, checked_input, file_to_write, share_bar, whole_number
from hmmrnn.kick import KickNeurons, detect_kick_neurons
from hmmrnn.network import Network

logger = logging.getLogger(__name__)

# What a page takes as a seed, as in a link to the dashboard.
MAX_SEED = 2**31 - 1


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "live",
        _live,
        "Write a page that runs a network by itself, in any browser, without a server or a network connection. Finds "
        "its kick groups first, which the page can then silence and pulse.",
    )
    parser.add_argument("network", metavar="NETWORK", help=".safetensors or .pth file")
    parser.add_argument(
        "--out", metavar="FILE", help=".html file, replaced if it exists (hmmrnn-live-NAME.html, in this folder)"
    )
    parser.add_argument(
        "--seed",
        type=whole_number(0, MAX_SEED),
        default=0,
        metavar="INT",
        help="of every run, in the page too (%(default)s)",
    )
    parser.add_argument(
        "--groups", action=argparse.BooleanOptionalAction, default=True, help="find the kick groups (yes)"
    )
    parser.add_argument(
        "--progress", choices=("bar", "none"), default="bar", help="on stderr: a bar, or nothing (%(default)s)"
    )


def _live(args: argparse.Namespace) -> int:
    # The page's templates and colours take a moment to import, as for a report.
    from hmmrnn.backdrop import explore
    from hmmrnn.live import live_page, live_payload

    name = Path(args.network).stem
    with checked_input():
        network = load(args.network)
        out = file_to_write(args.out or f"hmmrnn-live-{name}.html", ".html")
    try:
        seen = explore(network, args.seed)
        with share_bar(args.progress if args.groups else "none") as share:
            kick = _kick_groups(network, args.seed, share) if args.groups else None
        payload = live_payload(network, seen.plane, name, seen.visited, seen.backdrop, kick, {"seed": args.seed})
    except ValueError as error:
        # A network with a single neuron has no plane, for one; its file is as it should be.
        raise RefusedError(f"no page can be made of {args.network}: {error}") from error
    out.write_text(live_page(payload), encoding="utf-8")
    sys.stdout.write(f"{out}\n")
    return DONE


def _kick_groups(network: Network, seed: int, share: Callable[[float], None]) -> KickNeurons | None:
    try:
        return detect_kick_neurons(network, seed, tell=share)
    except (ValueError, FloatingPointError) as error:
        logger.warning("the page does without kick groups: %s", error)
        return None
