"""The `train` command: progress on stderr, Ctrl-C that keeps what was reached, one line of JSON."""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any
from zipfile import BadZipFile

import numpy as np

from hmmrnn.cli.common import (
    DONE,
    NOT_FAITHFUL,
    ProgressDisplay,
    RefusedError,
    add_number,
    add_progress,
    checked_input,
    file_to_write,
    show_progress,
    write_json,
)
from hmmrnn.model.cells import CELLS
from hmmrnn.model.checkpoint import load, save
from hmmrnn.model.hmm import HMM, PRESETS
from hmmrnn.model.hmm_text import read_hmm
from hmmrnn.model.metadata import MAX_NOTE, NOTE
from hmmrnn.model.network import Network
from hmmrnn.report.summary import summarise_fidelity
from hmmrnn.training.config import RECIPES, TrainingConfig
from hmmrnn.training.trainer import Progress, TrainingResult, train

logger = logging.getLogger(__name__)

TRAINING_NUMBERS = {
    "--seed": ("seed", 0, f"seed of weights, noise and targets ({TrainingConfig.seed})"),
    "--neurons": ("n_neurons", 1, f"N, recurrent units ({TrainingConfig.n_neurons})"),
    "--inputs": ("n_inputs", 1, f"M, noise inputs ({TrainingConfig.n_inputs})"),
    "--steps": ("steps", 1, "optimizer steps (the recipe's)"),
    "--batch": ("batch", 2, "sequences per step (the recipe's)"),
    "--length": ("length", 1, "symbols per sequence (the recipe's for that HMM)"),
}
OTHER_SETTINGS = tuple(
    field.name
    for field in fields(TrainingConfig)
    if field.name not in ("hmm", "recipe", *(name for name, _, _ in TRAINING_NUMBERS.values()))
)
# Settings that are words, and stand without quotes.
WORDS = ("cell",)
MAX_STEP = 10**9
HMM_HELP = (
    'another HMM: JSON, {"A": [[...], ...], "B": [[...], ...]}; text with A = ... and B = ... as NumPy, MATLAB, '
    "pandas or torch print them; or .npz. The names of hmmlearn, transmat_, emissionprob_ and startprob_, are read too"
)
STEPS = re.compile(r"[1-9][0-9]{0,8}:([1-9][0-9]{0,8})?:[1-9][0-9]{0,8}")

DESCRIPTION = (
    "Train a network to emulate an HMM, judge it on long runs, and save it with its metadata. Prints one line "
    "of JSON. Ctrl-C stops after the current step and saves the network as it is; with --state, the same command "
    "continues from there later."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--preset", choices=tuple(PRESETS), help="HMM family to emulate")
    target.add_argument("--hmm", metavar="FILE", help=HMM_HELP)
    parser.add_argument("--recipe", default="fast", choices=RECIPES, help="the published recipe or ours (%(default)s)")
    parser.add_argument("--out", required=True, metavar="FILE", help=".safetensors file, replaced if it exists")
    for option, (field, least, text) in TRAINING_NUMBERS.items():
        # Left out of the arguments unless it is given, because the default is the recipe's.
        add_number(parser, option, text, least, dest=field, default=argparse.SUPPRESS)
    parser.add_argument(
        "--cell", choices=tuple(CELLS), default=argparse.SUPPRESS, help=f"recurrent cell ({TrainingConfig.cell})"
    )
    add_setting(parser, [], "carry=true")
    parser.add_argument(
        "--state", metavar="FILE", help="keep the state of the training in this file, and continue from it if it exists"
    )
    parser.add_argument("--snapshots", metavar="FOLDER", help="also save the network as it learns, into this folder")
    parser.add_argument(
        "--at",
        type=_steps,
        default="10::10",
        metavar="STEPS",
        help="steps of the snapshots, as FIRST:LAST:EVERY, several with commas between; the last step is always added "
        "(%(default)s)",
    )
    parser.add_argument(
        "--start", metavar="FILE", help="go on from the weights of this network instead of from initial ones"
    )
    note = f"what the file says of the network beside its settings, at most {MAX_NOTE} characters; the page shows it"
    parser.add_argument("--note", default="", metavar="TEXT", help=note)
    add_progress(parser, "per step")


def add_setting(parser: argparse.ArgumentParser, default: Any, example: str) -> None:
    """Add the option for any other setting of the recipe."""
    known = ", ".join(OTHER_SETTINGS)
    text = f"another setting of the recipe, as in --set {example}; known are {known}"
    parser.add_argument("--set", action="append", default=default, metavar="NAME=VALUE", help=text)


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    changes = {field: getattr(args, field) for field, _, _ in TRAINING_NUMBERS.values() if field in args}
    with checked_input():
        changes |= {"cell": args.cell} if "cell" in args else {}
        changes |= dict(read_setting(text) for text in args.set)
        if len(args.note) > MAX_NOTE:
            raise ValueError(f"--note has at most {MAX_NOTE} characters; got {len(args.note)}")
        hmm = HMM.preset(args.preset) if args.preset else hmm_from_file(Path(args.hmm))
        config = TrainingConfig.from_dict({**TrainingConfig.for_hmm(hmm, args.recipe).to_dict(), **changes})
        warn_of_target(hmm)
        out = file_to_write(args.out, ".safetensors")
        state = None if args.state is None else file_to_write(args.state)
        snapshots = _Snapshots(Path(args.snapshots), args.at) if args.snapshots else None
        start = None if args.start is None else load(args.start)
    began = time.monotonic()
    interrupt = _Interrupt()
    try:
        progress = show_progress(args.progress, config.steps, "step", config.hmm.name, leave=True)
        with interrupt, progress as display:
            result = train(config, partial(_on_step, display, snapshots), interrupt, state, start)
            with checked_input():
                save(_noted(result.network, args.note), out)
    except FloatingPointError as error:
        logger.error("%s; nothing was saved", error)
        return NOT_FAITHFUL
    except ValueError as error:
        raise RefusedError(str(error)) from error
    write_json(_training_summary(config, result, out, time.monotonic() - began))
    if result.stopped:
        logger.warning("stopped after %d of %d steps; saved the network as it is", len(result.losses), config.steps)
    if not result.fidelity.passes:
        logger.warning("saved %s, but it fails the fidelity gate: %s", out, "; ".join(result.fidelity.failures))
    return DONE if result.fidelity.passes else NOT_FAITHFUL


def _noted(network: Network, note: str) -> Network:
    return replace(network, metadata={**network.metadata, NOTE: note}) if note else network


def warn_of_target(hmm: HMM) -> None:
    """Say what was done to the numbers of an HMM, and that some of its states are left for good."""
    for note in hmm.notes:
        logger.warning("%s", note)
    if hmm.long_run:
        logger.warning("%s; a network is judged by that alone", hmm.long_run)


def read_setting(text: str) -> tuple[str, Any]:
    """Read the name and the value of a setting, as --set gives it.

    Raises:
        ValueError: there is no such setting, or the value is not JSON.
    """
    name, equals, value = text.partition("=")
    if not equals or name not in OTHER_SETTINGS:
        raise ValueError(f"--set must be NAME=VALUE with one of {', '.join(OTHER_SETTINGS)}; got {text!r}")
    if name in WORDS:
        return name, value
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        raise ValueError(f"the value of --set {name} must be a number, true or false; got {value!r}") from None


def hmm_from_file(path: Path) -> HMM:
    """Read an HMM from a file: JSON, text with named matrices as programs print them, or .npz.

    Raises:
        ValueError: it holds no HMM.
        OSError: it cannot be read.
    """
    if path.suffix == ".npz":
        return HMM.from_dict(_arrays(path))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text; expected JSON with the matrices A and B, or .npz") from error
    try:
        named = read_hmm(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if not named:
        raise ValueError(f"{path} is no HMM: expected the matrices A and B, as JSON or as A = ... and B = ...")
    return HMM.from_dict(named)


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path} is no .npz of plain arrays: {error}") from error


class _Snapshots:
    """Saves the network as it is after certain steps, and after the last."""

    def __init__(self, folder: Path, at: Sequence[range]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.at = folder, at

    def __call__(self, progress: Progress) -> None:
        if progress.step == progress.steps or any(progress.step in steps for steps in self.at):
            save(progress.network(), self.folder / f"step-{progress.step:05d}.safetensors")


def _steps(text: str) -> list[range]:
    if not all(STEPS.fullmatch(part) for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"must be FIRST:LAST:EVERY, as in 10:200:10; got {text!r}")
    parts = [part.split(":") for part in text.split(",")]
    return [range(int(first), int(last or MAX_STEP) + 1, int(every)) for first, last, every in parts]


class _Interrupt:
    """Turns the first Ctrl-C into a request to stop; the second one ends the process as usual."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self) -> bool:
        return self.requested

    def __enter__(self) -> _Interrupt:
        self.previous = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.previous)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, self.previous)
        # A signal can arrive in the middle of a write to sys.stderr, which cannot be entered twice.
        os.write(2, b"\nstopping after this step, then judging and saving; Ctrl-C again ends at once\n")


def _on_step(display: ProgressDisplay, snapshots: _Snapshots | None, progress: Progress) -> None:
    losses = ", ".join(f"{name}={getattr(progress, name):.2f}" for name in ("loss", "floor", "plateau"))
    names = ("step", "steps", "loss", "floor", "plateau", "seconds")
    display.show(progress.step, losses, {name: getattr(progress, name) for name in names})
    if snapshots:
        snapshots(progress)


def _training_summary(config: TrainingConfig, result: TrainingResult, out: Path, seconds: float) -> dict[str, Any]:
    return {
        "out": str(out),
        "family": config.hmm.name,
        "recipe": config.recipe,
        "seed": config.seed,
        "steps": len(result.losses),
        "stopped": result.stopped,
        "seconds": round(seconds, 1),
        "loss": result.losses[-1] if len(result.losses) else None,
        "floor": result.floor,
        "plateau": result.plateau,
        **summarise_fidelity(result.fidelity),
    }
