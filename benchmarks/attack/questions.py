"""Questions that are as dear as they may be: numbers, lists and keys without end."""

from __future__ import annotations

from typing import Any

from benchmarks.attack.offered import SMALL
from benchmarks.attack.trial import Outcome, Trial, Victim, bounded, measured

PRIME = 2**61 - 1  # whole numbers that are equal modulo this have equal hashes


def views(scenario: dict[str, Any], names: list[str], settled: bool = False) -> dict[str, Any]:
    """A question for views."""
    return {"scenario": scenario, "views": names, "fresh": names, "theme": "light", "settled": settled}


def _equal_hashes(victim: Victim, scale: int) -> Outcome:
    numbers = [PRIME * k for k in range(1, 4000 * scale)]
    scenario = {"model": SMALL, "interventions": [{"neurons": numbers, "mu": 0.0, "target": "unit"}]}
    answer, taken = measured(victim, lambda: victim.ask("/views", views(scenario, ["orbit"])))
    return bounded(f"{len(numbers):,} whole numbers with equal hashes as neurons", answer, taken)


def _repeated_neuron(victim: Victim, scale: int) -> Outcome:
    count = 20_000 * scale
    scenario = {"model": SMALL, "interventions": [{"neurons": [*range(count), count - 1], "mu": 0.0, "target": "unit"}]}
    answer, taken = measured(victim, lambda: victim.ask("/views", views(scenario, ["orbit"])))
    return bounded(f"an intervention on {count:,} neurons, the last of them twice", answer, taken)


def _many_keys(victim: Victim, scale: int) -> Outcome:
    # A body of more than 2 MB is broken off before it is a question.
    count = min(15_000 * scale, 70_000)
    question = {"model": SMALL, "leave": [f"{k:024x}" for k in range(count)]}
    answer, taken = measured(victim, lambda: victim.ask("/kick-groups", question))
    return bounded(f"{count:,} keys of searches to leave", answer, taken)


def _long_number(victim: Victim, scale: int) -> Outcome:
    text = f'{{"scenario": {{"model": "{SMALL}", "seed": {"9" * 90_000 * scale}}}}}'
    answer, taken = measured(victim, lambda: victim.ask("/views", text))
    return bounded(f"a whole number of {90_000 * scale:,} digits", answer, taken)


def _nested(victim: Victim, scale: int) -> Outcome:
    depth = 40_000 * scale
    answer, taken = measured(victim, lambda: victim.ask("/views", "[" * depth + "]" * depth))
    return bounded(f"{depth:,} lists in each other", answer, taken)


def _fields(victim: Victim, scale: int) -> Outcome:
    count = min(20_000 * scale, 120_000)
    question = {
        "sweep": "",
        "theme": "light",
        "measure": "lag_error",
        "across": "N",
        "seen": dict.fromkeys(map(str, range(count))),
    }
    answer, taken = measured(victim, lambda: victim.ask("/watch/sweep", question))
    return bounded(f"{count:,} names of parts that the page has seen", answer, taken)


def _session(victim: Victim, scale: int) -> Outcome:
    count = 20_000 * scale
    gain = f"?model={SMALL}&gain={','.join(map(str, [*range(count), count - 1]))}:0.5:unit"
    text = f'{{"format": "hmmrnn-session", "version": 1, "past": [], "present": "{gain}", "future": []}}'
    answer, taken = measured(
        victim, lambda: victim.send("/session", text.encode(), X_Requested_With="hmmrnn", Content_Type="text/plain")
    )
    return bounded(f"a session with an intervention on {count:,} neurons, one of them twice", answer, taken)


TRIALS = (
    Trial(
        "Equal hashes",
        "70,000 of them held a web process until it was killed with all that it was answering",
        _equal_hashes,
    ),
    Trial("Repeated neuron", "the time grew with the square of the list: 22 s for 40,000", _repeated_neuron),
    Trial("Keys without end", "600,000 of them were looked up one by one", _many_keys),
    Trial("Long number", "not measured", _long_number),
    Trial("Nested lists", "not measured", _nested),
    Trial("Fields without end", "not measured", _fields),
    Trial("Session", "the time grew with the square of the list", _session),
)
