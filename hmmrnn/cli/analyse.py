"""The `analyse` command: the numbers of a network as JSON, or a report in the order of the argument."""

import argparse
import sys
from pathlib import Path

from hmmrnn.analysis.numerics import progress_part
from hmmrnn.cli.common import (
    DONE,
    NETWORK_HELP,
    RefusedError,
    add_progress,
    add_seed,
    checked_input,
    folder_to_write,
    network_file,
    show_progress,
    write_json,
)
from hmmrnn.model.checkpoint import fingerprint, load
from hmmrnn.model.metadata import snapshot_files
from hmmrnn.model.network import Network
from hmmrnn.report.findings import gather_findings
from hmmrnn.report.summary import STAGES, summarise

DESCRIPTION = (
    "Summarise a network as JSON: sizes, how it was trained, fidelity to its HMM, matched sequences, decoded states, "
    "fixed point without noise, shares of the regions, and kick groups. With --out, run every analysis and write a "
    "report that opens in any browser."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("network", metavar="NETWORK", help=NETWORK_HELP)
    parser.add_argument("--out", metavar="DIR", help="folder for report.html and numbers.json, made if it is not there")
    add_seed(parser)
    add_progress(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input():
        path = network_file(args.network)
        network = load(path)
        source = {"file": args.network, "sha256": fingerprint(path)}
        out = None if args.out is None else folder_to_write(args.out)
    if out is not None:
        return _write_report(network, path, source, out, args)
    with show_progress(args.progress, len(STAGES), "stage") as display:
        found = summarise(network, args.seed, lambda stage: display.show(STAGES.index(stage), stage, at_once=True))
    write_json({**source, **found})
    return DONE


def _write_report(network: Network, path: Path, source: dict[str, str], out: Path, args: argparse.Namespace) -> int:
    # Only a report needs Plotly and Jinja.
    from hmmrnn.report.html import collect_numbers, write_report
    from hmmrnn.report.lens_numbers import look_through_lenses

    with checked_input():
        snapshots = [load(file) for file in snapshot_files(path.resolve().parent, network.metadata)]
    try:
        with show_progress(args.progress, 100, "%") as display:
            found = gather_findings(network, args.seed, snapshots, progress_part(display.show_share, 0.0, 0.7))
            lenses = look_through_lenses(found, on_progress=progress_part(display.show_share, 0.7, 1.0))
            display.show_share(1.0)
    except (ValueError, FloatingPointError) as error:
        # A network with a single neuron has no plane, for example, though its file is as it should be.
        raise RefusedError(f"no report can be made of {args.network}: {error}") from error
    (out / "report.html").write_text(write_report(found, path.stem, lenses), encoding="utf-8")
    write_json({**source, **collect_numbers(found)}, out / "numbers.json")
    sys.stdout.write(f"{out / 'report.html'}\n")
    return DONE
