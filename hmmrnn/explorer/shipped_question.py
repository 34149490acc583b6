"""Keys of shipped answers, and the kick neurons of the shipped networks, without a cache or a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.model.checkpoint import fingerprint
from hmmrnn.shipped import ANSWERS
from hmmrnn.storage.shipped_answers import Question, ShippedAnswers

# Stands for the network's name where an answer does not depend on it.
ANY = "any"
# The name of the query for kick neurons, and the version of its answers; see `kept`.
KICK_NEURONS, KICK_NEURONS_VERSION = "kick_neurons_of", 1


def ask_shipped(name: str, version: int, content: str, subject: Scenario, *args: Any) -> Question:
    """The question that a shipped answer is filed under, whatever the network is called.

    A link says all that an answer may depend on, and stays the same when scenarios get further fields.
    """
    about = " ".join([replace(subject, model=ANY).to_query(), *map(repr, args)])
    return Question(name, version, content, about)


def shipped_kick_neurons(path: Path) -> KickNeurons | None:
    """The kick neurons of the network in a file, if they come with the package."""
    question = ask_shipped(KICK_NEURONS, KICK_NEURONS_VERSION, fingerprint(path), Scenario(ANY))
    found = ShippedAnswers(ANSWERS).find(question)
    kick: KickNeurons | None = None if found is None else found[0]
    return kick
