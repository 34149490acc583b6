"""The `convert` command: from any supported file of a network into safetensors."""

import argparse
import logging

from hmmrnn.cli.common import DONE, checked_input, file_to_write
from hmmrnn.model.checkpoint import load, save

logger = logging.getLogger(__name__)


DESCRIPTION = "Read a network from any supported file and write it as safetensors."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("source", metavar="SRC", help=".pth state dict of torch.save, or .safetensors")
    parser.add_argument("destination", metavar="DST", help=".safetensors file, replaced if it exists")


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input():
        destination = file_to_write(args.destination, ".safetensors")
        save(load(args.source), destination)
    logger.info("wrote %s", destination)
    return DONE
