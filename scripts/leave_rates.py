"""Write the tables of docs/pages/leave-rates.md (`make leave-rates`): predictions, a family of chains, circuits.

The five chains of two states with q = 0.01 to 0.2 are trained by the command below where their folder lacks them; the
settings are those of the recipe `fast` for linear-2, whatever q is.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.circuits import HOLDS, MEAN, ExitCircuits, find_circuits
from hmmrnn.analysis.fidelity import measure_fidelity
from hmmrnn.analysis.kick_neurons import detect_kick_neurons
from hmmrnn.analysis.leave_rate_theory import (
    Factors,
    LeaveRateTheory,
    attribute_change,
    leave_rate,
    predict_leave_rates,
)
from hmmrnn.analysis.numerics import no_progress
from hmmrnn.explorer import experiments, queries
from hmmrnn.explorer.explored import Explorer
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import load
from hmmrnn.model.hmm import HMM, PRESETS
from hmmrnn.model.simulation import simulate
from hmmrnn.shipped import ANSWERS, MODELS, SHELF
from hmmrnn.storage.shipped_answers import ShippedAnswers
from scripts.answers import explorer_in

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "pages" / "leave-rates.md"
FAMILY = (0.01, 0.02, 0.05, 0.1, 0.2)
REFERENCE = 0.05
# An exit that a small group closes, to compare with: network, and the place of its kick group.
COMPARED = {("linear-2", 0), ("cyclic", 2)}
# Those of the recipe `fast` for an HMM that is no family of the paper, the same for every q. By those for linear-2 the
# chains with small q diverge: nothing bounds activity beyond a window, which holds one or two switches.
SETTINGS = ("pair_weight=30", "pair_from=0", "carry=true", "activity_weight=0.01", "threads=1")
LENGTH, STEPS = 100, 900
EMISSIONS = [[0.99, 0.01, 0.0], [0.0, 0.01, 0.99]]
# Exits of the chains are rare where q is small.
FAMILY_RUNS, FAMILY_STEPS = 64, 2000


class Member(NamedTuple):
    """A chain of the family, and what sets its leave rates: means over its two exits."""

    q: float
    passes: bool
    found: LeaveRateTheory
    factors: Factors  # distance and noise in units of the input noise
    errors: Factors


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.leave_rates", description=__doc__)
    parser.add_argument("--circuits", action="store_true", help="seek the circuits of exits that no small group closes")
    parser.add_argument("--family", metavar="FOLDER", type=Path, help="train and look at the family of chains there")
    args = parser.parse_args(argv)
    today = date.today().isoformat()
    with tempfile.TemporaryDirectory() as folder:
        explorer = explorer_in(Path(folder), ShippedAnswers(ANSWERS))
        write("predictions", prediction_table(explorer), today)
        if args.circuits:
            write("circuits", circuit_table(seek_circuits(explorer)), today)
    if args.family is not None:
        looked_at = {q: look_at(q, train_chain(q, args.family)) for q in FAMILY}
        members = [member for member in looked_at.values() if member is not None]
        diverged = [f"Diverges under noise: q = {q:g}." for q, member in looked_at.items() if member is None]
        write("family", [*family_table(members), "", *change_table(members), "", *diverged], today)
    return 0


def write(part: str, lines: Iterable[str], today: str) -> None:
    """Put lines between the two marks of a part of the page."""
    text = PAGE.read_text(encoding="utf-8")
    body = "\n".join([f"<!-- {part}, made on {today} -->", "", *lines, "", f"<!-- end of {part} -->"])
    pattern = re.compile(rf"<!-- {part}\b.*?<!-- end of {part} -->", re.DOTALL)
    PAGE.write_text(pattern.sub(lambda _: body, text, count=1), encoding="utf-8")
    sys.stderr.write(f"wrote {part} into {PAGE.relative_to(ROOT)}\n")


def tabulate(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)]


def within(value: Any, error: Any, digits: int) -> str:
    """A number with its standard error."""
    return f"{value:.{digits}f} ± {error:.{digits}f}"


# ---- the shipped networks ----


def prediction_table(explorer: Explorer) -> list[str]:
    """A row for each exit of each network."""
    columns = ["network", "exit", "distance d / s", "memory", "crossings: formula / counted", "chance"]
    columns += ["random groups", "exits with a crossing", "predicted", "group silenced", "without memory", "measured"]
    rows = []
    for name in SHELF:
        found = _shipped(explorer, name)
        for e, exit in enumerate(found.exit_names):
            of = found.intact
            rows.append(
                [
                    name,
                    exit.replace("output ", ""),
                    f"{of.distance[e] / of.noise[e]:.2f}",
                    within(of.memory[e], of.memory_se[e], 3),
                    f"{of.crossing_rate[e]:.3f} / {of.counted[e]:.3f}",
                    within(found.chance[e], found.chance_se[e], 2),
                    f"{np.nanmedian(found.null_chance[e]):.2f}, p = {found.null_share[e]:.3f}",
                    f"{100 * (1 - found.missed[e]):.0f} %",
                    f"{within(found.predicted[e], found.predicted_se[e], 4)} ({found.ratio[e]:.2f})",
                    within(found.from_silenced[e], found.from_silenced_se[e], 4),
                    f"{found.without_memory[e]:.4f}",
                    within(found.measured[e], found.measured_se[e], 4),
                ]
            )
    return tabulate(columns, rows)


def _shipped(explorer: Explorer, name: str) -> LeaveRateTheory:
    """The shipped answer, or what it would be."""
    explored, experiment = explorer.resolve(Scenario(name)), experiments.LEAVE_RATE_THEORY
    question = experiments.shipped_question(experiment, *experiments.identify(experiment, explored))
    there = explorer.answers.look_up_shipped(question)
    found: LeaveRateTheory = there[0] if there else experiments.EXPERIMENTS[experiment].compute(explored, no_progress)
    return found


# ---- circuits ----


def seek_circuits(explorer: Explorer) -> list[tuple[str, str, ExitCircuits]]:
    """The circuits of each exit of a family of the paper whose kick group is not necessary, and of one that is."""
    found = []
    for name in PRESETS:
        groups = queries.kick_neurons_of(explorer.resolve(Scenario(name))).groups
        wanted = [group for place, group in enumerate(groups) if not group.proven or (name, place) in COMPARED]
        for group, hold in product(wanted, HOLDS):
            verdict = f"{len(group.neurons)}: {group.leave_rate_ratio:.2f}"
            network = load(MODELS / f"{name}.safetensors")
            found.append((name, verdict, find_circuits(network, group.output, group.to, hold)))
            sys.stderr.write(f"{name}: {group.exit_name}, {hold}\n")
    return found


def circuit_table(found: Iterable[tuple[str, str, ExitCircuits]]) -> list[str]:
    """Two rows for each exit, one for each hold."""
    columns = ["network", "exit", "kick group: size, ratio", "others held at", "sufficient: size", "ratio"]
    columns += [
        "same exits",
        "random",
        "necessary: size",
        "ratio",
        "random",
        "these silenced",
        "without noise",
        "taken back",
    ]
    rows = []
    for name, verdict, of in found:
        enough, needed = of.sufficient, of.necessary
        rows.append(
            [
                name,
                of.exit_name.replace("output ", ""),
                verdict,
                "mean" if of.hold == MEAN else "other times",
                str(enough.size) + ("" if enough.holds else " (fails)"),
                within(enough.ratio, enough.ratio_se, 2),
                f"{100 * enough.same:.0f} % ({100 * enough.same_by_chance:.0f} %)",
                _range(enough.null_ratio),
                str(needed.size) + ("" if needed.holds else " (fails)"),
                within(needed.ratio, needed.ratio_se, 2),
                _range(needed.null_ratio),
                within(of.silenced, of.silenced_se, 2),
                within(of.decay, of.decay_se, 2),
                f"{100 * of.brief:.0f} ± {100 * of.brief_se:.0f} %",
            ]
        )
    return tabulate(columns, rows)


def _range(null: NDArray[np.float64]) -> str:
    low, middle, high = np.percentile(null, [5, 50, 95])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


# ---- the family of chains ----


def chain(q: float) -> dict[str, Any]:
    """The HMM of two states that are left with probability q."""
    return {"A": [[1 - q, q], [q, 1 - q]], "B": EMISSIONS}


def train_chain(q: float, folder: Path) -> Path:
    """The chain of two states that are left with probability q, trained if its file is missing."""
    out = folder / f"q{q:g}.safetensors"
    if not out.exists():
        folder.mkdir(parents=True, exist_ok=True)
        hmm = folder / f"q{q:g}.json"
        hmm.write_text(json.dumps(chain(q)), encoding="utf-8")
        command = [sys.executable, "-m", "hmmrnn", "train", "--hmm", str(hmm)]
        command += ["--length", str(LENGTH), "--steps", str(STEPS)]
        settings = [part for setting in SETTINGS for part in ("--set", setting)]
        # A chain that fails the gate is one more that is looked at; its status says so.
        subprocess.run([*command, *settings, "--out", str(out)], check=False)
    return out


def look_at(q: float, path: Path) -> Member | None:
    """Find its kick groups, and predict its leave rates from them; None if it diverges under noise."""
    network = load(path)
    hmm = HMM.from_dict(chain(q))
    if simulate(network, FAMILY_STEPS, FAMILY_RUNS).diverged:
        return None
    kick = detect_kick_neurons(network)
    found = predict_leave_rates(network, kick, runs=FAMILY_RUNS, steps=FAMILY_STEPS)
    of, unit = found.intact, found.input_noise
    factors = (of.distance / unit, of.noise / unit, of.memory, found.chance)
    errors = (of.distance_se / unit, of.noise_se / unit, of.memory_se, found.chance_se)
    sys.stderr.write(f"q = {q:g}: {len(found.exits)} exits\n")
    passes = measure_fidelity(network, hmm).passes
    return Member(q, passes, found, Factors(*map(_mean, factors)), Factors(*map(_error, errors)))


def _mean(values: Any) -> Any:
    return np.asarray(values).mean()


def _error(errors: Any) -> Any:
    return np.sqrt(np.sum(np.square(errors))) / len(errors)


def family_table(members: Sequence[Member]) -> list[str]:
    """A row for each chain: the factors, means over its two exits."""
    columns = ["q", "gate", "neurons"]
    columns += ["distance d", "noise s", "d / s", "memory", "chance", "exits with a crossing", "predicted", "measured"]
    rows = []
    for q, passes, found, factors, errors in members:
        rows.append(
            [
                f"{q:g}",
                "passes" if passes else "fails",
                " / ".join(str(len(group)) for group in found.groups),
                within(factors.distance, errors.distance, 2),
                within(factors.noise, errors.noise, 2),
                f"{factors.distance / factors.noise:.2f}",
                within(factors.memory, errors.memory, 3),
                within(factors.chance, errors.chance, 2),
                f"{100 * (1 - _mean(found.missed)):.0f} %",
                within(_mean(found.predicted), _error(found.predicted_se), 4),
                within(_mean(found.measured), _error(found.measured_se), 4),
            ]
        )
    return tabulate(columns, rows)


def change_table(members: Sequence[Member]) -> list[str]:
    """A row for each chain but the reference: the part of each factor in the change of the logarithm of the rate."""
    [reference] = [one for one in members if one.q == REFERENCE]
    columns = ["from q = 0.05 to", "distance", "noise", "memory", "chance", "all (prediction)", "ln measured", "ln q"]
    rows = []
    for one in members:
        if one is reference:
            continue
        parts = attribute_change(reference.factors, one.factors)
        errors = _part_errors(reference, one)
        total = float(np.log(leave_rate(one.factors) / leave_rate(reference.factors)))
        measured = np.log(_mean(one.found.measured) / _mean(reference.found.measured))
        rows.append(
            [
                f"{one.q:g}",
                *(f"{part:+.2f} ± {error:.2f}" for part, error in zip(parts, errors, strict=True)),
                f"{total:+.2f}",
                f"{measured:+.2f}",
                f"{np.log(one.q / REFERENCE):+.2f}",
            ]
        )
    return tabulate(columns, rows)


def _part_errors(before: Member, after: Member) -> Factors:
    """Standard errors of the parts: each factor of each network is moved by its own error, and the changes add up."""
    base = attribute_change(before.factors, after.factors)
    squares = np.zeros(len(Factors._fields))
    for place, name in enumerate(Factors._fields):
        for of in (before, after):
            moved = of.factors._replace(**{name: of.factors[place] + of.errors[place]})
            ends = (moved, after.factors) if of is before else (before.factors, moved)
            squares += np.square(np.subtract(attribute_change(*ends), base))
    return Factors(*np.sqrt(squares))


if __name__ == "__main__":
    sys.exit(main())
