"""The server holds in a short form of every attack; `make attack` runs them ten times as large."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.attack import TRIALS
from benchmarks.attack.__main__ import section
from benchmarks.attack.trial import Outcome, Trial, Victim, attacked

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    with attacked() as found:
        yield found


@pytest.mark.parametrize("trial", TRIALS, ids=[trial.name for trial in TRIALS])
def test_it_holds(trial: Trial, victim: Victim) -> None:
    outcome = trial.run(victim, 1)
    assert outcome.held, f"{outcome.sent}: {outcome.seen}"


def test_the_table_says_what_did_not_hold() -> None:
    trials = [Trial("One", "a", lambda victim, scale: Outcome("", "", True))] * 2
    text = section(trials, [Outcome("sent", "seen", True), Outcome("more", "less", False)])
    assert text.splitlines()[-2:] == ["| One | sent | a | seen |", "| One | more | a | less: **did not hold** |"]
