"""Readout: the angles between the rows of the readout, and with the plane."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from hmmrnn.analysis.readout import ReadoutAngles
from hmmrnn.dashboard.pages.dynamics.state_space import name_plane
from hmmrnn.dashboard.view import FAST, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.readout import draw_readout
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count


def figures(_explored: Explored, angles: ReadoutAngles, theme: Theme) -> Sequence[go.Figure]:
    """Directions in the plane, angles with it, angles between the rows."""
    return (draw_readout(angles, theme),)


def caption(explored: Explored, angles: ReadoutAngles, _theme: Theme) -> str:
    """How many rows, in which plane, and what a random row would have."""
    plane = name_plane(explored.scenario)
    return f"{say_count(len(angles.angle), 'row')} of W_out, {plane}; a random row: {angles.random_angle:.1f} degrees"


VIEW = View(
    id="readout",
    title="Readout",
    help="The angle of each row of the readout with the plane: 0 degrees would lie in it, a random row of so many "
    "neurons is nearly perpendicular. Beside it the directions in the plane, and the angles between the rows.",
    kind=FAST,
    of="plane",
    fields=("pair",),
    compute=queries.readout_angles_of,
    figures=figures,
    caption=caption,
    tall=True,
    wide=True,
)
