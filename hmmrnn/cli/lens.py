"""The `lens` command: a network seen through the central analysis of a neighbouring paper."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hmmrnn.analysis.kick_neurons import detect_kick_neurons
from hmmrnn.analysis.numerics import ProgressCallback, progress_part
from hmmrnn.analysis.populations import find_populations
from hmmrnn.cli.common import (
    DONE,
    NETWORK_HELP,
    RefusedError,
    add_number,
    add_progress,
    add_seed,
    checked_input,
    file_to_write,
    open_network,
    show_progress,
    write_json,
)
from hmmrnn.lenses.catalog import LENSES, Groups, Lens, headline
from hmmrnn.lenses.made_networks import (
    TRUNCATIONS,
    make_mixture,
    make_truncation,
    take_student,
    target_recovered,
)
from hmmrnn.lenses.sparse_recordings import OUTPUTS, SHARES
from hmmrnn.model.checkpoint import save
from hmmrnn.model.network import Network

DESCRIPTION = (
    "Look at a network through one lens: the central analysis of a neighbouring paper on recurrent dynamics. Prints "
    "each number with its standard error (±) and its null, the value where there is nothing to find. The lenses: "
    + "; ".join(f"{lens.id} ({lens.title})" for lens in LENSES)
    + "."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "lens", metavar="NAME", choices=[lens.id for lens in LENSES], help=", ".join(lens.id for lens in LENSES)
    )
    parser.add_argument("network", metavar="NETWORK", help=NETWORK_HELP)
    parser.add_argument(
        "--groups",
        choices=["communities", "kick"],
        default="communities",
        help="groups of neurons, where the lens takes any: communities of the weights, or kick neurons with the "
        "populations that feed them, whose search takes up to a minute (%(default)s)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write the network that the lens makes into this .safetensors file (halves, rank, a student of sparse, or "
        "the network with the HMM of recovered as its target); prints no numbers",
    )
    add_factor(parser, "--alpha", "halves --out: factor of the symmetric half of the recurrent weights")
    add_factor(parser, "--beta", "halves --out: factor of the skew half")
    add_number(parser, "--rank", "rank --out: rank of the recurrent weights (%(default)s)", default=3)
    parser.add_argument(
        "--truncation",
        choices=TRUNCATIONS,
        default="weighted",
        help="rank --out: how it is lowered (%(default)s)",
    )
    parser.add_argument(
        "--student",
        choices=[*map(str, SHARES), OUTPUTS],
        default=str(SHARES[-1]),
        help="sparse --out: share of the neurons that the student is given, or its outputs alone (%(default)s)",
    )
    add_seed(parser)
    add_number(parser, "--seeds", "how many seeds, from --seed on; prints means, and standard deviations as ± (1)", 1)
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of a table")
    add_progress(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    (lens,) = (lens for lens in LENSES if lens.id == args.lens)
    with checked_input():
        network = open_network(args.network)
        if args.out is not None:
            return write_made(lens, network, args)
    seeds = range(args.seed, args.seed + (args.seeds or 1))
    try:
        found = [headline(lens, _look(lens, network, args, seed)) for seed in seeds]
    except (ValueError, FloatingPointError) as error:
        raise RefusedError(f"the lens {lens.id} shows nothing of {args.network}: {error}") from error
    numbers = found[0] if len(found) == 1 else over_seeds(lens, found)
    if args.json:
        about = {"seed": args.seed} if len(found) == 1 else {"seeds": list(seeds)}
        write_json({"lens": lens.id, "network": args.network, **about, **numbers})
    else:
        sys.stdout.write("".join(f"{line}\n" for line in table(lens, numbers)))
    return DONE


def over_seeds(lens: Lens, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean of each number over seeds of the noise, and its spread as `_se`: the standard deviation over seeds.

    What is no number (a list, or a number that one of the seeds does not give) is left out.
    """
    joined: dict[str, Any] = {}
    for name in lens.numbers:
        values = [dict(_values(name, one[name])) for one in found]
        kept = {
            key.removeprefix(f"{name} "): [float(one[key]) for one in values]
            for key in values[0]
            if all(isinstance(one.get(key), (int, float)) for one in values)
        }
        mapped = isinstance(found[0][name], Mapping)
        means, spreads = ({key: float(of(items)) for key, items in kept.items()} for of in (np.mean, _spread))
        if kept:
            joined |= {name: means if mapped else means[name], f"{name}_se": spreads if mapped else spreads[name]}
    return joined


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1))


def write_made(lens: Lens, network: Network, args: argparse.Namespace) -> int:
    """Write the network that a lens makes.

    Raises:
        ValueError: the lens makes none, or the file cannot be written.
        OSError: the file cannot be written.
    """
    out, name = file_to_write(args.out, ".safetensors"), Path(args.network).stem
    if lens.id == "halves":
        made = make_mixture(network, args.alpha, args.beta, name)
    elif lens.id == "rank":
        made = make_truncation(network, args.truncation, args.rank, name, args.seed)
    elif lens.id == "sparse":
        made = take_student(_look(lens, network, args, args.seed), args.student, name)
    elif lens.id == "recovered":
        made = target_recovered(network, _look(lens, network, args, args.seed), name)
    else:
        raise ValueError(f"the lens {lens.id} makes no network; --out is for halves, rank, sparse and recovered")
    save(made, out)
    sys.stdout.write(f"{out}\n")
    return DONE


def add_factor(parser: argparse.ArgumentParser, option: str, text: str) -> None:
    """Add an option that takes a number."""
    parser.add_argument(option, type=float, default=1.0, metavar="NUMBER", help=f"{text}, 0 to 2 (%(default)s)")


def _look(lens: Lens, network: Network, args: argparse.Namespace, seed: int) -> Any:
    with show_progress(args.progress, 100, "%") as display:
        groups = None
        if args.groups == "kick" and "groups" in lens.takes:
            groups = kick_groups(network, progress_part(display.show_share, 0.0, 0.6))
        rest = display.show_share if groups is None else progress_part(display.show_share, 0.6, 1.0)
        found = lens.look(network, seed, groups=groups, on_progress=rest)
        display.show_share(1.0)
        return found


def kick_groups(network: Network, on_progress: ProgressCallback) -> Groups:
    """The kick neurons, integrating populations and control population of a network.

    Raises:
        ValueError: the network has no kick neurons.
    """
    kick = detect_kick_neurons(network, on_progress=on_progress)
    if not kick.all_members:
        raise ValueError("no kick neurons were found; use --groups communities")
    return find_populations(network, kick).named()


def table(lens: Lens, numbers: Mapping[str, Any]) -> Iterator[str]:
    """One line for each number: its name, its value, its standard error, its null."""
    for name in lens.numbers:
        for key, value in _values(name, numbers[name]) if name in numbers else ():
            error, null = (_at(numbers.get(f"{name}{kind}"), key, name) for kind in ("_se", "_null"))
            said = "" if error is None else f" ± {_text(error)}"
            yield f"{key:<28} {_text(value)}{said}{'' if null is None else f'   null {_text(null)}'}"


def _values(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A number under its name, or each of several under the name and its key."""
    if isinstance(value, Mapping):
        yield from ((f"{name} {key}", item) for key, item in value.items())
    else:
        yield name, value


def _at(values: Any, key: str, name: str) -> Any:
    return values.get(key.removeprefix(f"{name} ")) if isinstance(values, Mapping) else values


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
