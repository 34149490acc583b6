"""The `circuits` command: the neurons that are sufficient and those that are necessary for an exit, as JSON."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from hmmrnn.analysis.circuits import HOLDS, MEAN, Circuit, find_circuits
from hmmrnn.cli.common import (
    DONE,
    NETWORK_HELP,
    RefusedError,
    add_number,
    add_progress,
    add_seed,
    checked_input,
    open_network,
    show_progress,
    write_json,
)

DESCRIPTION = (
    "Find minimal sets of neurons that are sufficient, and necessary, for an exit (a switch out of an output). "
    "Sufficient: with all others held, the leave rate stays within 20 %. Necessary: with these neurons held, the "
    "exit closes. Held neurons are kept at their mean during stays in the output, or at states drawn from other times. "
    "Prints one line of JSON, with ratios to the intact rate in noise that the search did not see, beside random sets."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("network", metavar="NETWORK", help=NETWORK_HELP)
    add_number(parser, "--output", "output that is left, counted from 0", 0, required=True)
    add_number(parser, "--to", "output that it is left for (any)", 0)
    parser.add_argument("--hold", choices=HOLDS, default=MEAN, help="value at which neurons are held (%(default)s)")
    add_seed(parser)
    add_progress(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input():
        network = open_network(args.network)
    try:
        with show_progress(args.progress, 100, "%") as display:
            found = find_circuits(network, args.output, args.to, args.hold, args.seed, on_progress=display.show_share)
            display.show_share(1.0)
    except ValueError as error:
        raise RefusedError(f"no circuits of {args.network}: {error}") from error
    shares = [name for share in ("rate", "silenced", "decay", "brief") for name in (share, f"{share}_se")]
    about = ("output", "to", "hold", "n_neurons", *shares, "seed")
    circuits = {name: describe_circuit(getattr(found, name)) for name in ("sufficient", "necessary")}
    write_json({"network": args.network, **{name: getattr(found, name) for name in about}, **circuits})
    return DONE


def describe_circuit(circuit: Circuit) -> dict[str, Any]:
    """A circuit in plain values: of the random sets, the 5th, 50th and 95th percentile."""
    measured = ("holds", "ratio", "ratio_se", "same", "same_se", "same_by_chance")
    null = {name: np.percentile(getattr(circuit, name), [5, 50, 95]).tolist() for name in ("null_ratio", "null_same")}
    return {"neurons": list(circuit.neurons), **{name: getattr(circuit, name) for name in measured}, **null}
