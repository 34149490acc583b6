"""What do all commands have in common? Bad input in one sentence, whole numbers, places to write to, JSON, a bar."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

DONE, NOT_FAITHFUL, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class RefusedError(Exception):
    """Bad input, in one sentence."""


@contextmanager
def checked_input() -> Iterator[None]:
    """Mark the part of a command that only looks at what it was given: what it raises is the caller's to mend."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise RefusedError(str(error)) from error


class Parser(argparse.ArgumentParser):
    """Refuses arguments in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """End the process with the sentence."""
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see --help)\n")


def add_command(
    commands: argparse._SubParsersAction[Any], name: str, command: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    """A new command, whose function gets the arguments and returns the exit status; `text` says what it does."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.set_defaults(command=command, prog=parser.prog)
    return parser


def whole_number(least: int, most: float = math.inf) -> Callable[[str], int]:
    """A reader of whole numbers for argparse, which puts the option's name before the sentence."""

    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or not least <= int(text) <= most:
            limits = f">= {least}" if most == math.inf else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be a whole number {limits}; got {text!r}")
        return int(text)

    return read


def file_to_write(name: str, suffix: str = "") -> Path:
    """The path to write to, once it is known that a file can be made there.

    Raises:
        ValueError: the name ends otherwise, is that of a folder, or lies in none that can be written to.
    """
    path = Path(name)
    if not name.endswith(suffix):
        raise ValueError(f"the file to write must end in {suffix}; got {name}")
    if path.is_dir():
        raise ValueError(f"{name} is a folder; expected the name of a file to write")
    if not path.parent.is_dir():
        raise ValueError(f"the folder {path.parent} does not exist; make it first")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            return path
    except OSError as error:
        raise ValueError(f"cannot write to the folder {path.parent}: {error.strerror}") from error


def folder_to_write(name: str) -> Path:
    """The folder to write into, made if it is not there.

    Raises:
        ValueError: it cannot be made or written to.
    """
    path = Path(name)
    if path.exists() and not path.is_dir():
        raise ValueError(f"{name} is a file; expected the name of a folder to write into")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise ValueError(f"cannot write to the folder {name}: {error.strerror}") from error


@contextmanager
def share_bar(kind: str) -> Iterator[Callable[[float], None]]:
    """Show the share of an analysis that is done."""
    from tqdm import tqdm

    with tqdm(total=100, unit="%", file=sys.stderr, disable=kind == "none", leave=False) as bar:

        def tell(share: float) -> None:
            bar.update(max(0, round(100 * share) - bar.n))

        yield tell
        tell(1.0)
        bar.refresh()


def write_json(content: dict[str, Any], out: Path | None = None) -> None:
    """Write a document to a file, or as one line to stdout."""
    indent = None if out is None else 2
    text = json.dumps(jsonable(content), indent=indent, allow_nan=False) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")


def jsonable(value: Any) -> Any:
    """The value in JSON's own types; numbers that are not finite become null, which JSON has no other word for."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [jsonable(item) for item in value]
    if isinstance(value, np.generic):
        return jsonable(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
