"""What comes with the package about shipped networks; test_shipped_answers.py compares it with what is computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hmmrnn.explorer.experiments import identify, shipped_question
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.shipped import ANSWERS
from hmmrnn.storage.shipped_answers import ShippedAnswers
from scripts.answers import explorer_in


def resolve_shipped(folder: Path, name: str) -> Explored:
    """A shipped network, of which queries take what is shipped; the rest they would keep in a folder."""
    return explorer_in(folder, ShippedAnswers(ANSWERS)).resolve(Scenario(name))


def shipped_answer(folder: Path, name: str, experiment: str) -> Any:
    """The shipped answer of an experiment on a shipped network."""
    explored = resolve_shipped(folder, name)
    [found] = explored.cache.look_up_shipped(shipped_question(experiment, *identify(experiment, explored)))
    return found
