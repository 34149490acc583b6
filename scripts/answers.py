"""Compute the slow answers about the shipped networks and write them to models/answers (`make answers`).

What is there already is skipped, so that a run that was stopped goes on where it was.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from hmmrnn.analysis.numerics import no_progress
from hmmrnn.explorer import queries
from hmmrnn.explorer.experiments import CLAIMS, EMERGENCE, EXPERIMENTS, FORMATION, identify, shipped_question
from hmmrnn.explorer.explored import Explored, Explorer, Query
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.shipped import ANSWERS, MODELS, SHELF, list_further_trainings, list_seeds
from hmmrnn.storage.cache import AnswerCache
from hmmrnn.storage.model_registry import ModelRegistry
from hmmrnn.storage.shipped_answers import Question, ShippedAnswers

MIB = 2**20
Work = tuple[Question, Callable[[], Any]]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.answers", description=__doc__)
    known = (*SHELF, *list_seeds(), *list_further_trainings())
    parser.add_argument("networks", nargs="*", default=list(known), help="names of shipped networks (all)")
    parser.add_argument("--anew", action="store_true", help="compute what is there already as well")
    args = parser.parse_args(argv)
    shipped = ShippedAnswers(ANSWERS)
    with tempfile.TemporaryDirectory() as folder:
        explorer = explorer_in(Path(folder), None if args.anew else shipped)
        for name in args.networks:
            write_answers(explorer, name, shipped, args.anew)
        wanted = [question for name in known for question, _ in answers_of(explorer, name)]
    for name in shipped.remove_others(wanted):
        sys.stderr.write(f"removed {name}\n")
    size = sum(path.stat().st_size for path in ANSWERS.iterdir())
    sys.stderr.write(f"{len(list(ANSWERS.iterdir()))} answers to {len(wanted)} questions, {size / MIB:.1f} MiB\n")
    return 0


def explorer_in(folder: Path, shipped: ShippedAnswers | None) -> Explorer:
    """The shipped networks, with a cache in a folder."""
    cache = AnswerCache(folder, 1024 * MIB, shipped=shipped)
    return Explorer(ModelRegistry(MODELS, folder / "opened", folder / "converted"), cache)


def answers_of(explorer: Explorer, name: str) -> Iterator[Work]:
    """The questions about a network to which answers are shipped, each with the function that computes its answer.

    They are about a new scenario, which is what a page shows first. Of the further networks only claims are shipped, or
    what is known of their own training.
    """
    explored = explorer.resolve(Scenario(name))
    if name not in SHELF:
        for experiment in (CLAIMS,) if name in list_seeds() else (EMERGENCE, FORMATION):
            yield from _experiment(experiment, explored)
        return
    for query in vars(queries).values():
        if isinstance(query, Query) and (question := query.question(explored)) is not None:
            yield question, partial(query, explored)
    for experiment in EXPERIMENTS:
        yield from _experiment(experiment, explored)


def _experiment(experiment: str, explored: Explored) -> Iterator[Work]:
    try:
        subject, files = identify(experiment, explored)
    except ValueError:
        # No snapshots of a training of this family.
        return
    question = shipped_question(experiment, subject, files)
    if question is not None:
        yield question, partial(EXPERIMENTS[experiment].compute, explored.at(subject), no_progress)


def write_answers(explorer: Explorer, name: str, shipped: ShippedAnswers, anew: bool) -> None:
    """Write the answers about a network."""
    for question, compute in answers_of(explorer, name):
        if not anew and shipped.find(question) is not None:
            continue
        began = time.perf_counter()
        size = shipped.put(question, compute())
        took = time.perf_counter() - began
        sys.stderr.write(f"{name}: {question.name} in {took:.1f} s, {size / 1024:.0f} KiB\n")


if __name__ == "__main__":
    sys.exit(main())
