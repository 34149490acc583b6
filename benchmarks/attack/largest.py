"""The dearest questions about the network of the most neurons that is permitted: answered within bounds, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.attack.offered import GATED, LARGEST, offer_gated
from benchmarks.attack.questions import views
from benchmarks.attack.trial import WITHIN_MB, Answer, Outcome, Taken, Trial, Victim, bounded, measured

NEURONS = 2048


def _asked(
    names: list[str], settled: bool, steps: int = 400, trajectories: int = 10, **more: Any
) -> Callable[[Victim, int], Outcome]:
    def run(victim: Victim, scale: int) -> Outcome:
        # The plane is fitted to as many states as always.
        runs = trajectories if scale > 1 else max(1, trajectories // 10)
        scenario = {"model": LARGEST, "steps": steps, "trajectories": runs, **more}
        neurons = NEURONS
        if scenario["model"] == GATED:
            neurons = NEURONS if scale > 1 else NEURONS // 2
            offer_gated(victim.models, neurons)
        answer, taken = measured(victim, lambda: victim.ask("/views", views(scenario, names, settled)))
        window = f"{runs} runs of {steps} steps"
        return _judged(f"{', '.join(names)} of {neurons:,} neurons, {window}", answer, taken, scale)

    return run


def _fetched(path: str) -> Callable[[Victim, int], Outcome]:
    def run(victim: Victim, scale: int) -> Outcome:
        answer, taken = measured(victim, lambda: victim.get(f"{path}?model={LARGEST}"))
        return _judged(f"{path} of {NEURONS:,} neurons", answer, taken, scale)

    return run


def _judged(sent: str, answer: Answer, taken: Taken, scale: int) -> Outcome:
    outcome = bounded(sent, answer, taken)
    words = f"{'refused' if answer.refused else 'answered'}: {outcome.seen}"
    # How fast it is depends on the machine, so the tests look at the memory alone.
    held = outcome.held if scale > 1 else 200 <= answer.status < 500 and taken.megabytes < WITHIN_MB
    return replace(outcome, seen=words, held=held)


TRIALS = (
    Trial("Largest network", "18.5 s and 1,061 MB", _asked(["state-space", "orbit"], False)),
    Trial(
        "Largest network and window",
        "38.9 s and 2,149 MB",
        _asked(["state-space", "orbit"], False, steps=500, trajectories=64),
    ),
    Trial(
        "Largest network with a neuron silenced",
        "not measured",
        _asked(["state-space", "orbit"], False, interventions=[{"neurons": [3], "mu": 0.0, "target": "unit"}]),
    ),
    Trial(
        "Runs without noise of the largest network",
        "4.7 s and 392 MB",
        _asked(["state-space"], False, without_noise=True),
    ),
    Trial("Largest gated network", "11 s and 354 MB", _asked(["state-space", "orbit"], False, model=GATED)),
    Trial("Largest network of a lower rank", "6.2 s and 435 MB", _fetched("/made/rank/weighted/3")),
    Trial("Run of the largest network as a file", "not measured", _fetched("/run.npz")),
    Trial("Region map of the largest network", "no answer within 60 s, and 445 MB", _asked(["region-map"], True)),
    Trial("Connectivity of the largest network", "not measured", _asked(["connectivity"], False)),
)
