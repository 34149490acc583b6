"""The lenses in a report: the headline numbers of each, with standard errors and nulls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hmmrnn.analysis.numerics import ProgressCallback, no_progress, progress_part
from hmmrnn.lenses.catalog import LENSES, Lens, headline, headline_rows, say_value
from hmmrnn.report.findings import Findings

# It trains students, for minutes; a report has it only if it is known.
TRAINS = "sparse"
# Of a number that is measured of several things, as many as a lens has in a report.
MOST = 6


@dataclass(frozen=True)
class LensRow:
    """One number of a lens, in words."""

    lens: str
    paper: str
    label: str
    value: str  # with its standard error if there is one
    null: str  # empty if there is none


def look_through_lenses(
    found: Findings,
    known: Callable[[Lens], Any] = lambda _lens: None,
    on_progress: ProgressCallback = no_progress,
) -> tuple[LensRow, ...]:
    """Look at the network of a report through every lens; what one cannot measure, it says.

    Args:
        known: the result of a lens that has been looked through before; None otherwise.
    """
    there = found.dynamics
    if there is None:
        return ()
    named = there.mechanism.populations.named() if there.mechanism.kick.all_members else None
    rows: list[LensRow] = []
    for done, lens in enumerate(LENSES):
        part = progress_part(on_progress, done / len(LENSES), (done + 1) / len(LENSES))
        result = known(lens)
        if result is None and lens.id != TRAINS:
            try:
                result = lens.look(found.network, found.seed, there.plane, named, part)
            # What it needs of other packages may be missing.
            except (ValueError, ImportError) as error:
                rows.append(LensRow(lens.title, lens.paper, "nothing to see", str(error), ""))
        if result is not None:
            rows += _rows(lens, result)
    return tuple(rows)


def _rows(lens: Lens, result: Any) -> Sequence[LensRow]:
    return [
        LensRow(lens.title, lens.paper, label, say_value(value, error), "" if null is None else say_value(null))
        for label, value, error, null in headline_rows(lens, headline(lens, result), MOST)
    ]
