"""Leave-rate theory: the leave rate of each exit, predicted from the noise of its kick group."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.leave_rate_theory import LeaveRateTheory
from hmmrnn.dashboard.view import TASK, View
from hmmrnn.explorer.experiments import EXPERIMENTS, LEAVE_RATE_THEORY
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.leave_rate_theory import describe_prediction, draw_leave_rate_theory
from hmmrnn.figures.theme import Theme


def figures(_explored: Explored, found: LeaveRateTheory, theme: Theme) -> Sequence[go.Figure]:
    """Leave rates, crossings, chances, memories, and the numbers in words."""
    return (draw_leave_rate_theory(found, theme),)


def caption(_explored: Explored, found: LeaveRateTheory, _theme: Theme) -> str:
    """How far the prediction goes, in how many runs, and whether it depends on sigma."""
    return describe_prediction(found)


VIEW = View(
    id=LEAVE_RATE_THEORY,
    title="Where the leave rate comes from",
    help="While an output is shown, the mean pre-activation of the kick group of an exit is a noise with a mean "
    "distance to zero, a standard deviation, and a memory, the correlation between neighbouring steps. If it is "
    "Gaussian, these three give the rate at which it crosses zero upwards, exactly. Times the chance that a crossing "
    "becomes a switch, which is counted, this is the predicted leave rate; on the dotted line it is the measured one, "
    "which is taken from other runs. Open marks: the same from the process that goes on while the kick group is "
    "silenced, which exits do not cut short. Crosses: without memory. Grey: random groups of the same size. p is the "
    "share of these whose crossings become switches as often and miss as few exits. Without biases nothing here "
    "depends on sigma: distance and standard deviation grow with it alike.",
    kind=TASK,
    compute=EXPERIMENTS[LEAVE_RATE_THEORY].compute,
    figures=figures,
    caption=caption,
    tall=True,
    wide=True,
)
