"""The `convert` command: from any supported file of a network into safetensors."""

import argparse
import logging

from hmmrnn.cli.common import DONE, RefusedError, checked_input, file_to_write
from hmmrnn.model.checkpoint import load, save

logger = logging.getLogger(__name__)


DESCRIPTION = "Read a network from any supported file and write it as safetensors."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("source", metavar="SRC", help="file of torch, Keras, NumPy, MATLAB or JSON, or .safetensors")
    parser.add_argument("destination", metavar="DST", help=".safetensors file, replaced if it exists")
    parser.add_argument(
        "--map",
        metavar="ROLE=TERM",
        action="append",
        default=[],
        help="what cannot be read from the tensors, as often as needed: cell=tanh, alpha=0.1, leak=rate, W_hh=wrec, "
        "W_ih=wi.T, W_out=..., b_h=..., b_out=...; of what could be read in several ways, a mapping is proposed",
    )


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input():
        destination = file_to_write(args.destination, ".safetensors")
        network = load(args.source, mapping=_mapping(args.map) or None)
        save(network, destination)
    if "read_as" in network.metadata:
        logger.info("%s", network.metadata["read_as"])
    logger.info("wrote %s", destination)
    return DONE


def _mapping(given: list[str]) -> dict[str, str]:
    """The mapping of ROLE=TERM."""
    pairs = [text.partition("=") for text in given]
    wrong = [text for text, (role, _, term) in zip(given, pairs, strict=True) if not role or not term]
    if wrong:
        raise RefusedError(f"--map must be ROLE=TERM, such as cell=tanh; got {wrong[0]!r}")
    return {role.strip(): term.strip() for role, _, term in pairs}
