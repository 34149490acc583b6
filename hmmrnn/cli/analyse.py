"""How is a network looked at from a shell? Its numbers as JSON, or the whole argument as a report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hmmrnn.checkpoint import fingerprint, load
from hmmrnn.cli.command import (
    DONE,
    RefusedError,
    add_command,
    checked_input,
    folder_to_write,
    share_bar,
    whole_number,
    write_json,
)
from hmmrnn.findings import findings
from hmmrnn.series import snapshot_files
from hmmrnn.summary import STAGES, summary


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the command line."""
    parser = add_command(
        commands,
        "analyse",
        _analyse,
        "Summarise a network as JSON: sizes, provenance, fidelity to its HMM, matched sequences, decoded states, fixed "
        "point without noise, shares of the regions, and the groups of kick neurons. With --out, go through the whole "
        "argument instead, and write a report that opens in any browser.",
    )
    parser.add_argument("network", metavar="NETWORK", help=".safetensors or .pth file")
    parser.add_argument(
        "--out", metavar="DIR", help="write report.html and numbers.json into this folder, which is made if need be"
    )
    parser.add_argument("--seed", type=whole_number(0), default=0, metavar="INT", help="of every run (%(default)s)")
    parser.add_argument(
        "--progress", choices=("bar", "none"), default="bar", help="on stderr: a bar, or nothing (%(default)s)"
    )


def _analyse(args: argparse.Namespace) -> int:
    with checked_input():
        network = load(args.network)
        digest = fingerprint(args.network)
        out = None if args.out is None else folder_to_write(args.out)
    source = {"file": args.network, "sha256": digest}
    if out is None:
        with _stage_bar(args.progress) as stage:
            found = summary(network, args.seed, stage)
        write_json({**source, **found})
        return DONE
    # Plotly and its templates take a moment to import, which only this command needs.
    from hmmrnn.report import numbers, report

    with checked_input():
        snapshots = snapshot_files(Path(args.network).resolve().parent, network.metadata)
        series = [load(path) for path in snapshots]
    try:
        with share_bar(args.progress) as share:
            everything = findings(network, args.seed, series, share)
    except (ValueError, FloatingPointError) as error:
        # A network with a single neuron has no plane, for one; its files are as they should be.
        raise RefusedError(f"no report can be made of {args.network}: {error}") from error
    (out / "report.html").write_text(report(everything, Path(args.network).stem), encoding="utf-8")
    write_json({**source, **numbers(everything)}, out / "numbers.json")
    sys.stdout.write(f"{out / 'report.html'}\n")
    return DONE


@contextmanager
def _stage_bar(kind: str) -> Iterator[Callable[[str], None]]:
    """Show each stage of an analysis when it begins."""
    from tqdm import tqdm

    with tqdm(total=len(STAGES), unit="stage", file=sys.stderr, disable=kind == "none", leave=False) as bar:

        def tell(stage: str) -> None:
            bar.set_description(stage, refresh=False)
            bar.update(STAGES.index(stage) - bar.n)
            bar.refresh()

        yield tell
