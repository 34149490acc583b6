"""Numbers: the intact network, the network as it is now, and the difference.

The page writes the table (assets/fast/numbers.mjs), of the values that stand here or that it has computed by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hmmrnn.analysis.trajectory_summary import TrajectorySummary
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.view import FAST, Json, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored


@dataclass(frozen=True, eq=False)
class Numbers:
    """What the numbers are counted in: the comparison, and the network as it is now."""

    reference: TrajectorySummary
    now: TrajectorySummary


def compute(explored: Explored) -> Numbers:
    """Both networks under the same noise."""
    return Numbers(queries.summary_of(explored.reference), queries.summary_of(explored))


def properties(explored: Explored, shown: Numbers) -> Json:
    """The values of the table, and the scenario that it is of."""
    has_target = explored.hmm is not None
    sides = {"before": describe(shown.reference, has_target), "now": describe(shown.now, has_target)}
    some = {} if explored.wanted_runs is None else {"runs": explored.runs_in_words}
    return {
        "values": {
            "of": explored.asked.drawn.to_query(),
            "kept": explored.scenario.against is not None,
            **some,
            **sides,
        }
    }


def describe(summary: TrajectorySummary, has_target: bool) -> Json:
    """Switches, leave rates, time in each output and transition error, each with its standard error.

    None stands for what is not known: the leave rate of an output that was not visited, the error of a single run.
    """
    found = summary.switching
    values = {
        "switches": _value(found.switches_per_1000, found.switches_per_1000_se),
        "leave": _values(found.leave_rate, found.leave_rate_se),
        "time": _values(100 * found.time_share, 100 * found.time_share_se),
    }
    error = {"transition-error": _value(summary.transition_error, np.nan)} if has_target else {}
    return {"steps": found.steps, "tied": _share_of_ties(summary.probabilities), **values, **error}


def _share_of_ties(probabilities: NDArray[np.floating]) -> float:
    """Percentage of the drawn steps at which several outputs are the likeliest; the output is the first of these."""
    drawn = probabilities[np.isfinite(probabilities[..., 0])]
    likeliest = (drawn == drawn.max(axis=-1, keepdims=True, initial=0.0)).sum(axis=-1)
    return 100 * float((likeliest > 1).mean()) if len(drawn) else 0.0


def _values(values: NDArray[np.floating], errors: NDArray[np.floating]) -> list[list[float | None] | None]:
    return [_value(value, error) for value, error in zip(values, errors, strict=True)]


def _value(value: float, error: float) -> list[float | None] | None:
    """A value and its error; None where there is none."""
    if not np.isfinite(value):
        return None
    return [float(value), float(error) if np.isfinite(error) else None]


VIEW = View(id=ids.NUMBERS, title="Numbers", kind=FAST, compute=compute, properties=properties, graphs=())
