"""The dearest questions about the network of the most neurons that is permitted: answered within bounds, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.attack.offered import LARGEST
from benchmarks.attack.questions import views
from benchmarks.attack.trial import WITHIN_MB, Outcome, Trial, Victim, bounded, measured

NEURONS = 2048


def _asked(
    names: list[str], settled: bool, steps: int = 400, trajectories: int = 10, whole: bool = False
) -> Callable[[Victim, int], Outcome]:
    def run(victim: Victim, scale: int) -> Outcome:
        # The plane is fitted to as many states as always. What is to be refused is asked for whole.
        runs = trajectories if scale > 1 or whole else max(1, trajectories // 10)
        scenario = {"model": LARGEST, "steps": steps, "trajectories": runs}
        answer, taken = measured(victim, lambda: victim.ask("/views", views(scenario, names, settled)))
        window = f"{runs} runs of {steps} steps"
        outcome = bounded(f"{', '.join(names)} of {NEURONS:,} neurons, {window}", answer, taken)
        words = f"{'refused' if answer.refused else 'answered'}: {outcome.seen}"
        # How fast it is depends on the machine, so the tests look at the memory alone.
        held = outcome.held if scale > 1 else 200 <= answer.status < 500 and taken.megabytes < WITHIN_MB
        return replace(outcome, seen=words, held=held)

    return run


TRIALS = (
    Trial("Largest network", "18.5 s and 1,061 MB", _asked(["state-space", "orbit"], False)),
    Trial(
        "Largest network and window",
        "38.9 s and 2,149 MB",
        _asked(["state-space", "orbit"], False, steps=500, trajectories=64, whole=True),
    ),
    Trial("Region map of the largest network", "no answer within 60 s, and 445 MB", _asked(["region-map"], True)),
    Trial("Connectivity of the largest network", "not measured", _asked(["connectivity"], False)),
)
