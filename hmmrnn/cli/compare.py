"""The `compare` command: networks side by side, in one table, and how alike their activity is."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from hmmrnn.cli.common import (
    DONE,
    RefusedError,
    add_progress,
    add_seed,
    checked_input,
    file_to_write,
    open_network,
    show_progress,
    write_json,
)
from hmmrnn.lenses.side_by_side import SideBySide, compare_networks

DESCRIPTION = (
    "Compare 2 to 60 networks: fidelity, switches, regions, exponents and participation ratio of each, with standard "
    "errors where there are any, as a table in CSV; with --json also how alike the activity of each two is under the "
    "same noise."
)
# The errors of the table's columns that have one.
ERRORS = ("log_likelihood_gap", "switch_rate", "lyapunov", "participation_ratio")
PAIRS = ("r2", "r2_se", "r2_null", "correlation", "correlation_null", "orbit_distance", "place")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("networks", metavar="NETWORK", nargs="+", help="files, or names of shipped networks")
    add_seed(parser)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of CSV, with all pairs")
    parser.add_argument("--out", type=file_to_write, metavar="FILE.csv", help="write the table into a file")
    add_progress(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input():
        networks = {name: open_network(name) for name in args.networks}
    try:
        with show_progress(args.progress, 100, "%") as display:
            found = compare_networks(networks, args.seed, on_progress=display.show_share)
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


def content(found: SideBySide) -> dict[str, Any]:
    """The comparison as plain values: networks, columns of the table, and what each two have in common."""
    columns = {name: column.tolist() for name, column in _columns(found)}
    pairs = {name: getattr(found, name).tolist() for name in PAIRS}
    return {"networks": list(found.names), "seed": found.seed, **columns, **pairs, "notes": list(found.notes)}


def write_table(found: SideBySide, file: TextIO) -> None:
    """Write one row for each network; an empty cell stands where something could not be measured."""
    columns = dict(_columns(found))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["network", *columns])
    for row, name in enumerate(found.names):
        values = (float(column[row]) for column in columns.values())
        writer.writerow([Path(name).name, *("" if value != value else f"{value:.6g}" for value in values)])


def _columns(found: SideBySide) -> Iterator[tuple[str, Any]]:
    for name, column in found.columns.items():
        yield name, column
        if name in ERRORS:
            yield f"{name}_se", getattr(found, f"{name}_se")
        elif name.startswith("leave_rate_"):
            yield f"{name}_se", found.leave_rate_se[:, int(name.rpartition("_")[2])]
