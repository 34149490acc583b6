"""Shared parts of the commands: refusals in one sentence, options, places to write to, progress and JSON."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from hmmrnn.model.network import Network
    from hmmrnn.server.settings import Settings

DONE, NOT_FAITHFUL, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
NETWORK_HELP = ".safetensors or .pth file, or the name of a shipped network"


class RefusedError(Exception):
    """Bad input, in one sentence."""


@contextmanager
def checked_input() -> Iterator[None]:
    """Refuse in one sentence what the part of a command that only reads its input raises."""
    try:
        yield
    except OSError as error:
        named = error.strerror is not None and error.filename is not None
        raise RefusedError(f"{error.filename}: {error.strerror}" if named else str(error)) from error
    except ValueError as error:
        raise RefusedError(str(error)) from error


class Parser(argparse.ArgumentParser):
    """A parser that refuses arguments in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """End the process with the sentence."""
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see --help)\n")


def add_seed(parser: argparse.ArgumentParser, most: float = math.inf) -> None:
    """Add the option for the seed of every run."""
    add_number(parser, "--seed", "seed of every run (%(default)s)", 0, most, default=0)


def add_progress(parser: argparse.ArgumentParser, lines: str = "") -> None:
    """Add the option for the progress on stderr; `lines` says when a JSON object is written, if a command does so."""
    kinds, json_text = (("bar", "json", "none"), f"one JSON object {lines}, ") if lines else (("bar", "none"), "")
    text = f"on stderr: a bar, {json_text}or nothing (%(default)s)"
    parser.add_argument("--progress", choices=kinds, default="bar", help=text)


def add_number(
    parser: argparse.ArgumentParser, option: str, text: str, least: int = 1, most: float = math.inf, **more: Any
) -> None:
    """Add an option that takes whole numbers."""
    parser.add_argument(option, type=whole_number(least, most), metavar="INT", help=text, **more)


def add_trainings(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how many trainings run at once."""
    add_number(parser, "--trainings", "trainings at once (HMMRNN_TRAININGS, or 1)")


def frugal(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with settings that keep a process from taking more cores and memory than it needs."""
    # BLAS threads gain nothing on matrices this small, and take the cores from the other workers.
    single_threaded = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # An analysis holds large arrays for seconds. With a fixed threshold glibc hands them back to the system, instead of
    # raising the threshold to their size and keeping them for good.
    thrifty = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "1048576", "MALLOC_ARENA_MAX": "2"}
    return {**single_threaded, **thrifty, **environment}


def restart_frugal() -> None:
    """Begin this program again in a frugal environment, which only a process that begins can use."""
    environment = frugal(os.environ)
    if environment != dict(os.environ):
        os.execve(sys.executable, sys.orig_argv, environment)


def settings_of(args: argparse.Namespace, *options: str) -> Settings:
    """The settings of the environment, replaced by the options that were given.

    Raises:
        ValueError: a variable or an option has a value that cannot be used.
    """
    # Imported here: the commands that only analyse do without the packages of a server.
    from hmmrnn.server.settings import Settings

    given = {name: getattr(args, name) for name in options if getattr(args, name) is not None}
    return Settings(**{**dict(Settings.from_environment()), **given})


def whole_number(least: int, most: float = math.inf) -> Callable[[str], int]:
    """Make a reader of whole numbers for argparse, which puts the option's name before the sentence."""

    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or not least <= int(text) <= most:
            limits = f">= {least}" if most == math.inf else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be a whole number {limits}; got {text!r}")
        return int(text)

    return read


def open_network(name: str) -> Network:
    """The network in a file, or the shipped one of this name.

    Raises:
        ValueError: there is neither.
    """
    # Only the commands that read networks load NumPy.
    from hmmrnn.model.checkpoint import load

    return load(network_file(name))


def network_file(name: str) -> Path:
    """The file of that name, or of the shipped network of this name.

    Raises:
        ValueError: there is neither.
    """
    from hmmrnn.shipped import FURTHER, MODELS

    if Path(name).suffix or Path(name).exists():
        return Path(name)
    offered, further = ({path.stem: path for path in folder.glob("*.safetensors")} for folder in (MODELS, FURTHER))
    if name not in offered | further:
        some = ", ".join(sorted(offered))
        more = f", and {len(further)} others such as {min(further)}" if further else ""
        raise ValueError(f"{name} is no file and no shipped network; those are {some}{more}")
    return (offered | further)[name]


def file_to_write(name: str, suffix: str = "") -> Path:
    """Check that a file can be written, and return its path.

    Raises:
        ValueError: the name has another suffix or is a folder, or its folder cannot be written to.
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
    """Make the folder to write into, if it is not there, and return its path.

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


class ProgressDisplay:
    """Shows on stderr how much of a command is done: as a bar, as lines of JSON, or not at all."""

    def __init__(self, bar: Any, kind: str) -> None:
        self.bar, self.kind = bar, kind
        self.last: dict[str, Any] = {}

    def show(self, done: float, text: str = "", record: dict[str, Any] | None = None, at_once: bool = False) -> None:
        """Show so many units as done, with a text beside the bar; or the record, unless it was the last one.

        The bar is drawn a few times a second, or `at_once`.
        """
        if self.kind == "json" and record and record != self.last:
            self.last = record
            sys.stderr.write(json.dumps(record) + "\n")
            sys.stderr.flush()
        self.bar.set_postfix_str(text, refresh=False)
        self.bar.update(max(0, done - self.bar.n))
        if at_once:
            self.bar.refresh()

    def show_share(self, share: float) -> None:
        """Show a share of the whole as done, 0 to 1."""
        self.show(round(share * self.bar.total))


@contextmanager
def show_progress(kind: str, total: int, unit: str, name: str = "", leave: bool = False) -> Iterator[ProgressDisplay]:
    """Show the progress of what is done in the context."""
    # Only commands that show a bar need it.
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, desc=name, file=sys.stderr, disable=kind != "bar", leave=leave) as bar:
        yield ProgressDisplay(bar, kind)
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
    """Convert a value to the types of JSON; numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [jsonable(item) for item in value]
    if hasattr(value, "item"):  # a number of NumPy
        return jsonable(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value
