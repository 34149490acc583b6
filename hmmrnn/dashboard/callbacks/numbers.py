"""Intact, now, and the difference: the numbers beside the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from dash import html

from hmmrnn.motion import Motion
from hmmrnn.switching import Switching


def numbers_table(intact: Motion, now: Motion, has_target: bool, kept: bool = False) -> Any:
    """A table of leave rates, time in each output, switches and transition error, with standard errors.

    Args:
        intact: what `now` is compared with.
        now: the network as it is now.
        has_target: whether the network's HMM is known.
        kept: whether that is what was kept as A, rather than the intact network.
    """
    before, after = intact.switching, now.switching
    rows = [
        _row("switches", "Switches per 1,000 steps", *_switches(before), *_switches(after), digits=1),
        *(
            _row(f"leave-{o}", f"Leave rate out of {o}, per step", *_leave(before, o), *_leave(after, o), digits=4)
            for o in _seen(before, after)
        ),
        *(
            _row(f"time-{o}", f"Time in {o}, %", *_share(before, o), *_share(after, o), digits=1)
            for o in _seen(before, after)
        ),
    ]
    if has_target:
        errors = intact.transition_error, np.nan, now.transition_error, np.nan
        rows.append(_row("transition-error", "Transition error", *errors, digits=3))
    head = html.Tr(
        [html.Th(text) for text in ("Measure", *(("A", "B, now") if kept else ("Intact", "Now")), "Difference")]
    )
    note = f"Counted over the {after.steps:,} steps shown; ± is one standard error between runs."
    return [html.Table([html.Thead(head), html.Tbody(rows)]), html.P(note, className="note")]


def _seen(before: Switching, after: Switching) -> list[int]:
    return [int(o) for o in np.flatnonzero((before.time_share > 0) | (after.time_share > 0))]


def _switches(s: Switching) -> tuple[float, float]:
    return s.switches_per_1000, s.switches_per_1000_se


def _leave(s: Switching, output: int) -> tuple[float, float]:
    return float(s.leave_rate[output]), float(s.leave_rate_se[output])


def _share(s: Switching, output: int) -> tuple[float, float]:
    return 100 * float(s.time_share[output]), 100 * float(s.time_share_se[output])


def _row(key: str, name: str, intact: float, intact_se: float, now: float, now_se: float, digits: int) -> Any:
    difference = now - intact
    changed = "changed" if np.isfinite(difference) and difference != 0 else ""
    return html.Tr(
        [
            html.Th(name, scope="row"),
            html.Td(_value(intact, intact_se, digits)),
            html.Td(_value(now, now_se, digits)),
            html.Td(f"{difference:+.{digits}f}" if np.isfinite(difference) else "n/a", className=changed),
        ],
        # By these the page's own script finds the row (assets/live/overlay.mjs).
        **{"data-measure": key, "data-digits": str(digits)},
    )


def _value(value: float, error: float, digits: int) -> Any:
    if not np.isfinite(value):
        return "not visited"
    if not np.isfinite(error):
        return f"{value:.{digits}f}"
    return [f"{value:.{digits}f}", html.Small(f" ± {error:.{digits}f}")]
