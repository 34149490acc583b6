"""Attacks on a server of this machine: each trial in a size for the tests, and ten times as large for `make attack`.

A module holds the trials of one kind, and is listed below.
"""

from benchmarks.attack import clients, crowd, largest, networks, questions, signing_in
from benchmarks.attack.trial import Trial

TRIALS: tuple[Trial, ...] = (
    *clients.TRIALS,
    *questions.TRIALS,
    *largest.TRIALS,
    *networks.TRIALS,
    *crowd.TRIALS,
    *signing_in.TRIALS,
)
