"""The `compare` command: networks side by side, in one table, and how alike their activity is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hmmrnn.cli.common import (
    DONE,
    RefusedError,
    add_progress,
    add_seed,
    checked_input,
    file_to_write,
    network_file,
    open_network,
    show_progress,
    write_json,
)

if TYPE_CHECKING:
    from hmmrnn.analysis.kick_neurons import KickNeurons
    from hmmrnn.analysis.numerics import ProgressCallback
    from hmmrnn.model.network import Network

DESCRIPTION = (
    "Compare 2 to 60 networks: fidelity, switches, leave rates, kick groups, regions, Lyapunov exponents and "
    "participation ratio of each, with standard errors or nulls where there are any, as a table in CSV; with --json "
    "also what each two have in common: activity under the same noise, orbits, kick groups and weights."
)
SEARCH, KNOWN = "search", "known"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("networks", metavar="NETWORK", nargs="+", help="files, or names of shipped networks")
    add_seed(parser)
    parser.add_argument(
        "--kick",
        choices=(SEARCH, KNOWN),
        default=SEARCH,
        help="kick neurons of networks that are not shipped: search for them, or leave them out (%(default)s)",
    )
    parser.add_argument("--dsa", action="store_true", help="measure distances of DSA too; needs the extra similarity")
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of CSV, with all pairs")
    parser.add_argument("--out", type=file_to_write, metavar="FILE.csv", help="write the table into a file")
    add_progress(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    from hmmrnn.analysis.numerics import progress_part
    from hmmrnn.comparison.dynamical_similarity import MISSING, has_dsa
    from hmmrnn.comparison.side_by_side import check_count, compare_networks
    from hmmrnn.comparison.table import content, write_table

    if args.dsa and not has_dsa():
        raise RefusedError(MISSING)
    with checked_input():
        networks = {name: open_network(name) for name in args.networks}
        check_count(len(networks))
    try:
        with show_progress(args.progress, 100, "%") as display:
            kick = _kick_neurons(networks, args.kick == SEARCH, progress_part(display.show_share, 0.0, 0.7))
            last = progress_part(display.show_share, 0.7, 1.0)
            found = compare_networks(networks, args.seed, kick, args.dsa, on_progress=last)
    except (ValueError, FloatingPointError) as error:
        raise RefusedError(str(error)) from error
    for note in found.notes:
        sys.stderr.write(f"{note}\n")
    if args.json:
        write_json(content(found))
    elif args.out:
        with args.out.open("w", encoding="utf-8", newline="") as file:
            write_table(found, file)
    else:
        write_table(found, sys.stdout)
    return DONE


def _kick_neurons(
    networks: Mapping[str, Network], search: bool, on_progress: ProgressCallback
) -> dict[str, KickNeurons]:
    """Kick neurons by the names of the networks: those that come with the package, and the others if searched for."""
    from hmmrnn.analysis.numerics import progress_part
    from hmmrnn.comparison.side_by_side import search_kick_neurons
    from hmmrnn.explorer.shipped_question import shipped_kick_neurons

    known = {name: found for name in networks if (found := shipped_kick_neurons(network_file(name))) is not None}
    unknown = [name for name in networks if name not in known] if search else []
    if unknown:
        sys.stderr.write(
            f"searching for the kick neurons of {len(unknown)} of {len(networks)} networks takes most of the time; "
            f"--kick {KNOWN} leaves it out\n"
        )
    for done, name in enumerate(unknown):
        part = progress_part(on_progress, done / len(unknown), (done + 1) / len(unknown))
        found = search_kick_neurons(networks[name], part)
        known |= {} if found is None else {name: found}
    return known
