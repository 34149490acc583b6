"""How does a network get from one kind of file into another? By a command: from any supported file into safetensors."""

from __future__ import annotations

import argparse
import logging
from typing import Any

from hmmrnn.checkpoint import load, save
from hmmrnn.cli.command import DONE, add_command, checked_input, file_to_write

logger = logging.getLogger(__name__)


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the command line."""
    text = "Read a network from any supported file and write it as safetensors."
    parser = add_command(commands, "convert", _convert, text)
    parser.add_argument("source", metavar="SRC", help=".pth state dict of torch.save, or .safetensors")
    parser.add_argument("destination", metavar="DST", help=".safetensors file, replaced if it exists")


def _convert(args: argparse.Namespace) -> int:
    with checked_input():
        destination = file_to_write(args.destination, ".safetensors")
        save(load(args.source), destination)
    logger.info("wrote %s", destination)
    return DONE
