"""The `live` command: a page that runs a network by itself, with its kick groups."""

import argparse
import logging
import sys
from pathlib import Path

from hmmrnn.analysis.kick_neurons import KickNeurons, detect_kick_neurons
from hmmrnn.analysis.numerics import ProgressCallback
from hmmrnn.cli.common import (
    DONE,
    NETWORK_HELP,
    RefusedError,
    add_progress,
    add_seed,
    checked_input,
    file_to_write,
    open_network,
    show_progress,
)
from hmmrnn.model.network import Network

logger = logging.getLogger(__name__)

# The largest seed of a page, as in a link to the dashboard.
MAX_SEED = 2**31 - 1

DESCRIPTION = (
    "Write a page that runs a network by itself, in any browser, without a server or a network connection. Finds "
    "its kick groups first, which the page can then silence and pulse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("network", metavar="NETWORK", help=NETWORK_HELP)
    parser.add_argument(
        "--out", metavar="FILE", help=".html file, replaced if it exists (hmmrnn-live-NAME.html, in this folder)"
    )
    add_seed(parser, MAX_SEED)
    parser.add_argument(
        "--groups", action=argparse.BooleanOptionalAction, default=True, help="find the kick groups (yes)"
    )
    add_progress(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    # Only this command needs Jinja, besides a report.
    from hmmrnn.analysis.occupancy_grid import visit_states
    from hmmrnn.report.live_page import build_live_payload, refuse_unsteppable, write_live_page

    name = Path(args.network).stem
    with checked_input():
        network = open_network(args.network)
        out = file_to_write(args.out or f"hmmrnn-live-{name}.html", ".html")
    try:
        # Known at once, and the search for kick groups takes half a minute.
        refuse_unsteppable(network)
        seen = visit_states(network, args.seed)
        with show_progress(args.progress if args.groups else "none", 100, "%") as display:
            kick = _kick_groups(network, args.seed, display.show_share) if args.groups else None
            display.show_share(1.0)
        payload = build_live_payload(network, seen.plane, name, seen.visited, seen.grid, kick, {"seed": args.seed})
    except ValueError as error:
        # A network with a single neuron has no plane, for example, though its file is as it should be.
        raise RefusedError(f"no page can be made of {args.network}: {error}") from error
    out.write_text(write_live_page(payload), encoding="utf-8")
    sys.stdout.write(f"{out}\n")
    return DONE


def _kick_groups(network: Network, seed: int, on_progress: ProgressCallback) -> KickNeurons | None:
    try:
        return detect_kick_neurons(network, seed, on_progress=on_progress)
    except (ValueError, FloatingPointError) as error:
        logger.warning("the page has no kick groups: %s", error)
        return None
