"""Switch-triggered average: kick groups and integrating populations around the switches of the output."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.switch_average import MIN_SWITCHES, SwitchAverage
from hmmrnn.dashboard.view import SLOW, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.switch_average import draw_switch_average
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count

NO_GROUPS = "this network has no kick neurons to average"


def compute(explored: Explored) -> SwitchAverage | None:
    """The averages, if the search has found kick neurons."""
    return None if queries.kick_neurons_of.known(explored) is None else queries.switch_average_of(explored)


def figures(_explored: Explored, found: SwitchAverage | None, theme: Theme) -> Sequence[go.Figure | None]:
    """One panel for each exit."""
    return (None if found is None else draw_switch_average(found, theme),)


def caption(_explored: Explored, found: SwitchAverage | None, _theme: Theme) -> str:
    """How many switches are averaged, and which are left out."""
    if found is None:
        return NO_GROUPS
    runs = f"{queries.SWITCH_RUNS} runs of {queries.SWITCH_STEPS:,} steps"
    rare = f"{say_count(len(found.rare), 'exit')} with fewer than {MIN_SWITCHES} switches"
    if not found.exits:
        return f"in {runs} no exit is taken often enough to average: {rare}"
    text = (
        f"{found.counts.sum():,} switches, each counted once, in {runs}; left out: {found.left_out:,} too near to the "
        f"start (step {queries.SWITCH_TRANSIENT}) or end of a run"
    )
    return text + (f", and {rare}" if found.rare else "")


VIEW = View(
    id="switch-average",
    title="Switch-triggered average",
    help="Mean pre-activation of each kick group and of the populations that integrate noise for them, from 30 steps "
    "before to 15 after a switch, for each exit. Step 0 is the first step with the new output. A ring marks the first "
    "step at which a mean rises above 0; for the kick group of the exit, which is drawn thick, its number stands "
    "beside it. Bands are one standard error over switches. Grey: the same populations around as many random moments "
    "of stays in the output that is left. A window may hold other switches too.",
    kind=SLOW,
    compute=compute,
    figures=figures,
    caption=caption,
    needs_kick_neurons=True,
    tall=True,
)
