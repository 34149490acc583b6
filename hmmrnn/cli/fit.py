"""The `fit` command: symbol sequences -> HMM -> network, with the data's own statistics beside those of both."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hmmrnn.analysis.symbol_statistics import Comparison, SymbolStatistics, compare_symbols
from hmmrnn.cli.common import (
    DONE,
    NOT_FAITHFUL,
    RefusedError,
    add_number,
    add_progress,
    add_seed,
    checked_input,
    file_to_write,
    show_progress,
    write_json,
)
from hmmrnn.model.hmm import MAX_STATES
from hmmrnn.model.sequences import Sequences, read_sequences
from hmmrnn.training.baum_welch import HMMFit, StatesFit, fit_hmm
from hmmrnn.training.config import TrainingConfig

if TYPE_CHECKING:
    from hmmrnn.model.network import Network
    from hmmrnn.training.trainer import Progress

logger = logging.getLogger(__name__)

DESCRIPTION = (
    "Fit HMMs with different numbers of states to sequences of symbols (Baum-Welch, several starts), choose the number "
    "of states by held-out likelihood, and train a network to emulate the HMM. The data are a table: one column of "
    "symbols and one of sequence ids, or one row per sequence. Prints one JSON document: the curve over numbers of "
    "states, the HMM with standard errors, and the statistics of data, HMM and network side by side."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("data", metavar="DATA.csv", help="a table with commas, semicolons, tabs or blanks")
    parser.add_argument("--symbols", default="", metavar="COLUMN", help="name or number of the column of symbols")
    parser.add_argument(
        "--sequences", default="", metavar="COLUMN", help="name or number of the column of sequence ids"
    )
    add_number(parser, "--most-states", "largest number of states tried (%(default)s)", 1, MAX_STATES, default=6)
    add_number(parser, "--states", "number of states, instead of choosing it", 1, MAX_STATES, default=None)
    add_number(parser, "--starts", "random starts of each fit (%(default)s)", default=4)
    add_seed(parser, 2**31 - 1)
    parser.add_argument("--no-train", action="store_true", help="fit the HMM only")
    parser.add_argument("--out", metavar="FILE", help=".safetensors file (DATA.safetensors beside DATA.csv)")
    parser.add_argument("--json", metavar="FILE", help="write the document to this file instead of stdout")
    add_number(
        parser, "--neurons", f"N, recurrent units ({TrainingConfig.n_neurons})", default=TrainingConfig.n_neurons
    )
    add_number(parser, "--steps", "optimizer steps (the recipe's)", default=None)
    add_progress(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit status."""
    with checked_input():
        path = Path(args.data)
        sequences = _read(path, args.symbols, args.sequences)
        out = file_to_write(args.out or str(path.with_suffix(".safetensors")), ".safetensors")
        document = None if args.json is None else file_to_write(args.json)
    logger.info("%s: %d symbols, %s", sequences.how, sequences.lengths.sum(), ", ".join(sequences.alphabet))
    most = max(args.most_states, args.states or 1)
    with checked_input(), show_progress(args.progress, 100, "%", "HMMs", leave=True) as display:
        fit = fit_hmm(sequences, most, args.starts, seed=args.seed, on_progress=display.show_share)
    chosen = fit.best if args.states is None else fit.of(args.states)
    logger.info("%d states chosen: %s", chosen.hmm.n_states, _why(fit, args.states))
    network = None
    if not args.no_train:
        network = _trained(chosen, args)
        with checked_input():
            from hmmrnn.model.checkpoint import save

            save(network, out)
    compared = compare_symbols(sequences, chosen.hmm, network, seed=args.seed)
    write_json(_document(sequences, fit, chosen, compared, str(out) if network else None), document)
    if network is None or network.metadata["fidelity_passes"] == "true":
        return DONE
    logger.warning("saved %s, but it fails the fidelity gate", out)
    return NOT_FAITHFUL


def _read(path: Path, symbols: str, sequence: str) -> Sequences:
    try:
        return read_sequences(path.read_text(encoding="utf-8"), symbols, sequence)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text; expected a table of symbols, as CSV") from error


def _why(fit: HMMFit, asked: int | None) -> str:
    if asked is not None:
        return "as asked"
    best = int(fit.states[fit.held_out.argmax()])
    at_bic = int(fit.states[fit.bic.argmin()])
    return f"the fewest within one standard error of the best held-out likelihood ({best}); BIC is least at {at_bic}"


def _trained(chosen: StatesFit, args: argparse.Namespace) -> Network:
    from hmmrnn.training.trainer import train

    changes = {} if args.steps is None else {"steps": args.steps}
    with checked_input():
        config = TrainingConfig.for_hmm(chosen.hmm, seed=args.seed, n_neurons=args.neurons, **changes)
    try:
        with show_progress(args.progress, config.steps, "step", "network", leave=True) as display:
            network = train(config, partial(_on_step, display)).network
    except FloatingPointError as error:
        raise RefusedError(f"{error}; the HMM can be had with --no-train") from error
    return replace(network, metadata={**network.metadata, "data": Path(args.data).name})


def _on_step(display: Any, progress: Progress) -> None:
    display.show(progress.step, f"loss={progress.loss:.2f}, floor={progress.floor:.2f}")


def _document(
    sequences: Sequences, fit: HMMFit, chosen: StatesFit, compared: Comparison, network: str | None
) -> dict[str, Any]:
    curve = ("states", "held_out", "held_out_se", "below_best", "below_best_se", "bic")
    return {
        "read": sequences.how,
        "alphabet": list(sequences.alphabet),
        "sequences": len(sequences.symbols),
        "symbols": int(sequences.lengths.sum()),
        "pieces": fit.pieces,
        "curve": {name: getattr(fit, name).tolist() for name in curve},
        "chosen": fit.chosen,
        "hmm": chosen.hmm.to_dict(),
        "A_se": chosen.A_se.tolist(),
        "B_se": chosen.B_se.tolist(),
        "starts": len(chosen.log_likelihoods),
        "same_optimum": chosen.same_optimum,
        "statistics": {name: _numbers(getattr(compared, name)) for name in ("data", "hmm", "network", "null")},
        "diverged": compared.diverged,
        "network": network,
        "seed": fit.seed,
    }


def _numbers(of: SymbolStatistics | None) -> dict[str, Any] | None:
    if of is None:
        return None
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in vars(of).items()}
