"""How is it used from a shell? One command each to serve the dashboard, work for it, train, analyse, run live, convert.

    python -m hmmrnn serve | worker | train | analyse | live | convert        (each with --help)

Results go to stdout, one JSON document where a program may read them; progress and complaints go to stderr.
Exit status: 0 done; 1 the network is not its HMM, or training diverged; 2 bad input, with one sentence why.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import math
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from hmmrnn import __version__
from hmmrnn.checkpoint import fingerprint, load, save
from hmmrnn.dashboard import folders
from hmmrnn.dashboard.queue import QUEUES, TRAININGS
from hmmrnn.findings import findings
from hmmrnn.hmm import HMM, PRESETS
from hmmrnn.kick import KickNeurons, detect_kick_neurons
from hmmrnn.network import Network
from hmmrnn.recipe import RECIPES, TrainingConfig
from hmmrnn.series import snapshot_files
from hmmrnn.summary import STAGES, fidelity_summary, summary
from hmmrnn.supervisor import Program, supervise
from hmmrnn.training import Progress, TrainingResult, train

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[1]
DONE, NOT_FAITHFUL, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

_TRAINING_NUMBERS = {
    "--seed": ("seed", 0, f"seed of weights, noise and targets ({TrainingConfig.seed})"),
    "--neurons": ("n_neurons", 1, f"N, recurrent units ({TrainingConfig.n_neurons})"),
    "--inputs": ("n_inputs", 1, f"M, noise inputs ({TrainingConfig.n_inputs})"),
    "--steps": ("steps", 1, "optimizer steps (the recipe's)"),
    "--batch": ("batch", 2, "sequences per step (the recipe's)"),
    "--length": ("length", 1, "symbols per sequence (the recipe's for that HMM)"),
}
_OTHER_SETTINGS = tuple(
    field.name
    for field in fields(TrainingConfig)
    if field.name not in ("hmm", "recipe", *(name for name, _, _ in _TRAINING_NUMBERS.values()))
)
THREADS_PER_WORKER = 4
MAX_STEP = 10**9
# What a page takes as a seed, as in a link to the dashboard.
MAX_SEED = 2**31 - 1
STEPS = re.compile(r"[1-9][0-9]{0,8}:([1-9][0-9]{0,8})?:[1-9][0-9]{0,8}")
OTHERS_AT_ONCE = 2
# Requests under way get this long to finish when the server is told to stop.
GRACE_SECONDS = 3
HEALTHY_WITHIN_SECONDS = 60


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        argv: arguments after the program's name; those of the process if None.
    """
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        return int(args.command(args))
    except _RefusedError as error:
        sys.stderr.write(f"{args.prog}: {error}\n")
        return BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write(f"{args.prog}: interrupted; nothing was written\n")
        return INTERRUPTED


class _RefusedError(Exception):
    """Bad input, in one sentence."""


@contextmanager
def _input() -> Iterator[None]:
    """Mark the part of a command that only looks at what it was given: what it raises is the caller's to mend."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise _RefusedError(str(error)) from error


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m hmmrnn",
        description="See how a ReLU network that emulates a Hidden Markov Model computes.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (_add_serve, _add_worker, _add_train, _add_analyse, _add_live, _add_convert):
        add(commands)
    return parser


def _add(
    commands: argparse._SubParsersAction[Any], name: str, command: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.set_defaults(command=command, prog=parser.prog)
    return parser


def _whole_number(least: int, most: float = math.inf) -> Callable[[str], int]:
    """A reader of whole numbers for argparse, which puts the option's name before the sentence."""

    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or not least <= int(text) <= most:
            limits = f">= {least}" if most == math.inf else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be a whole number {limits}; got {text!r}")
        return int(text)

    return read


def _add_train(commands: argparse._SubParsersAction[Any]) -> None:
    parser = _add(
        commands,
        "train",
        _train,
        "Train a network to emulate an HMM, judge it on long runs, and save it with its provenance. Prints one line "
        "of JSON. Ctrl-C stops after the present step and saves what has been reached; with --state, the same command "
        "goes on from there later.",
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--preset", choices=tuple(PRESETS), help="HMM family to emulate")
    target.add_argument("--hmm", metavar="FILE", help='another HMM, as JSON: {"A": [[...], ...], "B": [[...], ...]}')
    parser.add_argument("--recipe", default="fast", choices=RECIPES, help="the published recipe or ours (%(default)s)")
    parser.add_argument("--out", required=True, metavar="FILE", help=".safetensors file, replaced if it exists")
    for option, (field, least, text) in _TRAINING_NUMBERS.items():
        # Left out of the arguments unless it is given, because the default is the recipe's.
        reads = _whole_number(least)
        parser.add_argument(option, dest=field, type=reads, default=argparse.SUPPRESS, metavar="INT", help=text)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"another setting of the recipe, as in --set carry=true; known are {', '.join(_OTHER_SETTINGS)}",
    )
    parser.add_argument(
        "--state", metavar="FILE", help="keep the run in this file while it lasts, and go on from it if it exists"
    )
    parser.add_argument("--snapshots", metavar="FOLDER", help="also save the network as it learns, into this folder")
    parser.add_argument(
        "--at",
        type=_steps,
        default="10::10",
        metavar="STEPS",
        help="steps of the snapshots, as FIRST:LAST:EVERY, several with commas between; the last step is always one "
        "(%(default)s)",
    )
    parser.add_argument(
        "--progress",
        choices=("bar", "json", "none"),
        default="bar",
        help="on stderr: a bar, one JSON object per step, or nothing (%(default)s)",
    )


def _train(args: argparse.Namespace) -> int:
    changes = {field: getattr(args, field) for field, _, _ in _TRAINING_NUMBERS.values() if field in args}
    with _input():
        changes |= dict(_setting(text) for text in args.set)
        hmm = HMM.preset(args.preset) if args.preset else _hmm_file(Path(args.hmm))
        config = TrainingConfig.from_dict({**TrainingConfig.for_hmm(hmm, args.recipe).to_dict(), **changes})
        out = _destination(args.out, ".safetensors")
        state = None if args.state is None else _destination(args.state)
        snapshots = _Snapshots(Path(args.snapshots), args.at) if args.snapshots else None
    began = time.monotonic()
    interrupt = _Interrupt()
    try:
        with interrupt, _PROGRESS[args.progress](config) as show:
            result = train(config, _both(show, snapshots), interrupt, state)
            with _input():
                save(result.network, out)
    except FloatingPointError as error:
        logger.error("%s; nothing was saved", error)
        return NOT_FAITHFUL
    except ValueError as error:
        raise _RefusedError(str(error)) from error
    _write_json(_training_summary(config, result, out, time.monotonic() - began))
    if result.stopped:
        logger.warning("stopped after %d of %d steps; saved what was reached", len(result.losses), config.steps)
    if not result.fidelity.passes:
        logger.warning("saved %s, but it fails the fidelity gate: %s", out, "; ".join(result.fidelity.failures))
    return DONE if result.fidelity.passes else NOT_FAITHFUL


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or name not in _OTHER_SETTINGS:
        raise ValueError(f"--set must be NAME=VALUE with one of {', '.join(_OTHER_SETTINGS)}; got {text!r}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        raise ValueError(f"the value of --set {name} must be a number, true or false; got {value!r}") from None


def _hmm_file(path: Path) -> HMM:
    try:
        return HMM.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text; expected JSON with the matrices A and B") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON ({error}); expected the matrices A and B") from error


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
    """Turns the first Ctrl-C into a wish that can be asked for; the second is the usual one."""

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
        # A signal can arrive in the middle of a write to sys.stderr, which does not bear a second one.
        os.write(2, b"\nstopping after this step, then judging and saving; Ctrl-C again gives up\n")


@contextmanager
def _progress_bar(config: TrainingConfig) -> Iterator[Callable[[Progress], None]]:
    from tqdm import tqdm

    with tqdm(total=config.steps, desc=config.hmm.name, unit="step", file=sys.stderr, mininterval=0.5) as bar:

        def show(progress: Progress) -> None:
            losses = {name: f"{getattr(progress, name):.2f}" for name in ("loss", "floor", "plateau")}
            bar.set_postfix(losses, refresh=False)
            bar.update(progress.step - bar.n)

        yield show


@contextmanager
def _progress_lines(_config: TrainingConfig) -> Iterator[Callable[[Progress], None]]:
    def show(progress: Progress) -> None:
        told = {name: getattr(progress, name) for name in ("step", "steps", "loss", "floor", "plateau", "seconds")}
        sys.stderr.write(json.dumps(told) + "\n")
        sys.stderr.flush()

    yield show


@contextmanager
def _no_progress(_config: TrainingConfig) -> Iterator[Callable[[Progress], None]]:
    yield lambda _progress: None


_PROGRESS: dict[str, Callable[[TrainingConfig], AbstractContextManager[Callable[[Progress], None]]]] = {
    "bar": _progress_bar,
    "json": _progress_lines,
    "none": _no_progress,
}


def _both(show: Callable[[Progress], None], snapshots: Callable[[Progress], None] | None) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        show(progress)
        if snapshots:
            snapshots(progress)

    return tell


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
        **fidelity_summary(result.fidelity),
    }


def _add_analyse(commands: argparse._SubParsersAction[Any]) -> None:
    parser = _add(
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
    parser.add_argument("--seed", type=_whole_number(0), default=0, metavar="INT", help="of every run (%(default)s)")
    parser.add_argument(
        "--progress", choices=("bar", "none"), default="bar", help="on stderr: a bar, or nothing (%(default)s)"
    )


def _analyse(args: argparse.Namespace) -> int:
    with _input():
        network = load(args.network)
        digest = fingerprint(args.network)
        out = None if args.out is None else _folder(args.out)
    source = {"file": args.network, "sha256": digest}
    if out is None:
        with _stage_bar(args.progress) as stage:
            found = summary(network, args.seed, stage)
        _write_json({**source, **found})
        return DONE
    # Plotly and its templates take a moment to import, which only this command needs.
    from hmmrnn.report import numbers, report

    with _input():
        snapshots = snapshot_files(Path(args.network).resolve().parent, network.metadata)
        series = [load(path) for path in snapshots]
    try:
        with _share_bar(args.progress) as share:
            everything = findings(network, args.seed, series, share)
    except (ValueError, FloatingPointError) as error:
        # A network with a single neuron has no plane, for one; its files are as they should be.
        raise _RefusedError(f"no report can be made of {args.network}: {error}") from error
    (out / "report.html").write_text(report(everything, Path(args.network).stem), encoding="utf-8")
    _write_json({**source, **numbers(everything)}, out / "numbers.json")
    sys.stdout.write(f"{out / 'report.html'}\n")
    return DONE


def _folder(name: str) -> Path:
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
def _share_bar(kind: str) -> Iterator[Callable[[float], None]]:
    """Show the share of an analysis that is done."""
    from tqdm import tqdm

    with tqdm(total=100, unit="%", file=sys.stderr, disable=kind == "none", leave=False) as bar:

        def tell(share: float) -> None:
            bar.update(max(0, round(100 * share) - bar.n))

        yield tell
        tell(1.0)
        bar.refresh()


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


def _add_live(commands: argparse._SubParsersAction[Any]) -> None:
    parser = _add(
        commands,
        "live",
        _live,
        "Write a page that runs a network by itself, in any browser, without a server or a network connection. Finds "
        "its kick groups first, which the page can then silence and pulse.",
    )
    parser.add_argument("network", metavar="NETWORK", help=".safetensors or .pth file")
    parser.add_argument(
        "--out", metavar="FILE", help=".html file, replaced if it exists (hmmrnn-live-NAME.html, in this folder)"
    )
    parser.add_argument(
        "--seed",
        type=_whole_number(0, MAX_SEED),
        default=0,
        metavar="INT",
        help="of every run, in the page too (%(default)s)",
    )
    parser.add_argument(
        "--groups", action=argparse.BooleanOptionalAction, default=True, help="find the kick groups (yes)"
    )
    parser.add_argument(
        "--progress", choices=("bar", "none"), default="bar", help="on stderr: a bar, or nothing (%(default)s)"
    )


def _live(args: argparse.Namespace) -> int:
    # The page's templates and colours take a moment to import, as for a report.
    from hmmrnn.backdrop import explore
    from hmmrnn.live import live_page, live_payload

    name = Path(args.network).stem
    with _input():
        network = load(args.network)
        out = _destination(args.out or f"hmmrnn-live-{name}.html", ".html")
    try:
        seen = explore(network, args.seed)
        with _share_bar(args.progress if args.groups else "none") as share:
            kick = _kick_groups(network, args.seed, share) if args.groups else None
        payload = live_payload(network, seen.plane, name, seen.visited, seen.backdrop, kick, {"seed": args.seed})
    except ValueError as error:
        # A network with a single neuron has no plane, for one; its file is as it should be.
        raise _RefusedError(f"no page can be made of {args.network}: {error}") from error
    out.write_text(live_page(payload), encoding="utf-8")
    sys.stdout.write(f"{out}\n")
    return DONE


def _kick_groups(network: Network, seed: int, share: Callable[[float], None]) -> KickNeurons | None:
    try:
        return detect_kick_neurons(network, seed, tell=share)
    except (ValueError, FloatingPointError) as error:
        logger.warning("the page does without kick groups: %s", error)
        return None


def _add_convert(commands: argparse._SubParsersAction[Any]) -> None:
    text = "Read a network from any supported file and write it as safetensors."
    parser = _add(commands, "convert", _convert, text)
    parser.add_argument("source", metavar="SRC", help=".pth state dict of torch.save, or .safetensors")
    parser.add_argument("destination", metavar="DST", help=".safetensors file, replaced if it exists")


def _convert(args: argparse.Namespace) -> int:
    with _input():
        destination = _destination(args.destination, ".safetensors")
        save(load(args.source), destination)
    logger.info("wrote %s", destination)
    return DONE


def _destination(name: str, suffix: str = "") -> Path:
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


def _write_json(content: dict[str, Any], out: Path | None = None) -> None:
    indent = None if out is None else 2
    text = json.dumps(_jsonable(content), indent=indent, allow_nan=False) + "\n"
    if out is None:
        sys.stdout.write(text)
    else:
        out.write_text(text, encoding="utf-8")


def _jsonable(value: Any) -> Any:
    """The value in JSON's own types; numbers that are not finite become null, which JSON has no other word for."""
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    if isinstance(value, np.generic):
        return _jsonable(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _add_serve(commands: argparse._SubParsersAction[Any]) -> None:
    parser = _add(
        commands,
        "serve",
        _serve,
        "Serve the dashboard until Ctrl-C. Defaults may be set by HMMRNN_HOST, HMMRNN_PORT and HMMRNN_MODELS.",
    )
    host, port = os.environ.get("HMMRNN_HOST", "127.0.0.1"), os.environ.get("HMMRNN_PORT", "8050")
    models = os.environ.get("HMMRNN_MODELS", str(ROOT / "models"))
    parser.add_argument("--host", default=host, help="address to listen on; 0.0.0.0 lets others in (%(default)s)")
    parser.add_argument(
        "--port", type=_whole_number(1, 65535), default=port, metavar="INT", help="port to listen on (%(default)s)"
    )
    parser.add_argument("--models", default=models, metavar="FOLDER", help="networks to offer (%(default)s)")
    parser.add_argument(
        "--workers", type=_whole_number(1), default=2, metavar="INT", help="web processes (%(default)s)"
    )
    _add_trainings(parser)
    parser.add_argument(
        "--worker",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="start workers for trainings, errands and inquiries",
    )
    parser.add_argument(
        "--open", action=argparse.BooleanOptionalAction, default=False, help="open the browser once the server answers"
    )


def _serve(args: argparse.Namespace) -> int:
    with _input():
        if not (ROOT / "app.py").is_file():
            raise ValueError(f"{ROOT} has no app.py; run this from a copy of the repository")
        if not Path(args.models).is_dir():
            raise ValueError(f"the folder of networks {args.models} does not exist; name another with --models")
        _check_port(args.host, args.port)
        folders.data()
    url = _url(args.host, args.port)
    environment = _server_environment(os.environ, args.models)
    if args.open:
        _open_later(url)
    sys.stdout.write(f"serving {url} on {args.host}:{args.port}; Ctrl-C stops it\n")
    sys.stdout.flush()
    web = Program("the web server", _server_command(args.host, args.port, args.workers), environment)
    return supervise([web, *(_worker_programs(args.trainings, environment) if args.worker else ())], leading=True)


def _open_later(url: str) -> None:
    # A process of its own, because this one is about to become the server, under the number that it has now.
    code = "import sys; from hmmrnn.cli import open_when_healthy; open_when_healthy(sys.argv[1], int(sys.argv[2]))"
    command = [sys.executable, "-c", code, url, str(os.getpid())]
    subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def _add_worker(commands: argparse._SubParsersAction[Any]) -> None:
    parser = _add(
        commands,
        "worker",
        _worker,
        "Train, experiment and run errands for a dashboard until Ctrl-C. `serve` starts such workers by itself; "
        "further ones, on this machine or another, share its data folder (HMMRNN_DATA) and its queue "
        "(HMMRNN_REDIS_URL).",
    )
    _add_trainings(parser)
    parser.add_argument("--only", choices=QUEUES, help="take jobs of this kind alone")


def _add_trainings(parser: argparse.ArgumentParser) -> None:
    at_once = os.environ.get("HMMRNN_TRAININGS", "1")
    parser.add_argument(
        "--trainings", type=_whole_number(1), default=at_once, metavar="INT", help="trainings at once (%(default)s)"
    )


def _worker(args: argparse.Namespace) -> int:
    with _input():
        folders.data()
    if args.only is None:
        return supervise(_worker_programs(args.trainings, _frugal(os.environ)), leading=False)
    from hmmrnn.dashboard.worker import serve_queue

    logging.getLogger("huey").setLevel(logging.WARNING)
    serve_queue(args.only, args.trainings if args.only == TRAININGS else OTHERS_AT_ONCE)
    return DONE


def _worker_programs(trainings: int, environment: Mapping[str, str]) -> list[Program]:
    command = [sys.executable, "-m", "hmmrnn", "worker", "--trainings", str(trainings), "--only"]
    return [Program(f"the worker for {name}", [*command, name], environment) for name in QUEUES]


def _server_command(host: str, port: int, workers: int) -> list[str]:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    options = {
        "--bind": address,
        "--chdir": ROOT,
        "--worker-class": "gthread",
        "--workers": workers,
        "--threads": THREADS_PER_WORKER,
        "--graceful-timeout": GRACE_SECONDS,
        "--log-level": "warning",
    }
    flags = [str(part) for option in options.items() for part in option]
    return [sys.executable, "-m", "gunicorn", *flags, "--no-control-socket", "app:server"]


def _server_environment(environment: Mapping[str, str], models: str) -> dict[str, str]:
    return {**_frugal(environment), "HMMRNN_MODELS": str(Path(models).resolve())}


def _frugal(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with settings that keep a process from taking more cores and memory than it needs."""
    # BLAS threads gain nothing on matrices this small, and take the cores from the other workers.
    single_threaded = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # An analysis holds large arrays for seconds. With a fixed threshold glibc hands them back to the system, instead of
    # raising the threshold to their size and keeping them for good.
    frugal = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "1048576", "MALLOC_ARENA_MAX": "2"}
    return {**single_threaded, **frugal, **environment}


def _check_port(host: str, port: int) -> None:
    """Raise ValueError, with the reason, if a server cannot listen there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the server does: a port in the last moments of an earlier server's connections counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(f"port {port} on {host} is in use; stop what runs there, or name another") from error
        raise ValueError(f"cannot listen on {host}:{port} ({error.strerror}); give another --host or --port") from error


def _url(host: str, port: int) -> str:
    """The address for a browser on this machine."""
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{here}:{port}/"


def open_when_healthy(url: str, parent: int, patience: float = HEALTHY_WITHIN_SECONDS) -> bool:
    """Open the browser once the server answers; return whether it did.

    Args:
        url: of the dashboard, with the slash at its end.
        parent: number of the parent process, without which there is nothing to wait for.
        patience: seconds to wait.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and os.getppid() == parent:
        if _healthy(url):
            return webbrowser.open(url)
        time.sleep(0.1)
    return False


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:  # refused, reset, timed out, or any status of failure: it is not up yet
        return False
