"""Emission along the orbit: the probability of each output against the phase, and the time spent there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from hmmrnn.analysis.orbit import OrbitProfile, orbit_phase
from hmmrnn.analysis.state_survey import regions_along_orbit
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.view import FAST, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.orbit import draw_orbit
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count


@dataclass(frozen=True, eq=False)
class Orbit:
    """Emission along the orbit of the network as it is now.

    Attributes:
        now: the network as it is now.
        reference: the comparison; None while it does not differ.
        regions: the commonest region in each bin of the phase; None while the states are being surveyed.
        ways: phases in degrees that the most likely way of each exit passes through; None unless they are shown.
    """

    now: OrbitProfile
    reference: OrbitProfile | None
    regions: NDArray[np.str_] | None = None
    ways: dict[tuple[int, int], NDArray[np.floating]] | None = None


def compute(explored: Explored) -> Orbit:
    """The profiles of both networks."""
    compared = explored.scenario.compared
    reference = queries.summary_of(explored.reference).profile if compared else None
    return Orbit(queries.summary_of(explored).profile, reference)


def refine(explored: Explored) -> Orbit:
    """The same, with the regions along the orbit, and the ways between outputs if they are shown."""
    known, plane = compute(explored), queries.plane_of(explored)
    regions = regions_along_orbit(queries.survey_of(explored), plane, len(known.now.counts))
    found = queries.switch_paths_of(explored) if explored.scenario.paths else None
    ways = {path.exit: np.degrees(orbit_phase(path.way, plane)) for path in found.paths} if found else None
    return Orbit(known.now, known.reference, regions, ways)


def figures(explored: Explored, shown: Orbit, theme: Theme) -> Sequence[go.Figure]:
    """Probabilities above, occupancy below."""
    figure = draw_orbit(shown.now, shown.reference, explored.hmm, theme, shown.regions, shown.ways)
    # The colours of the outputs are named once, in the row of time, and not again in each view.
    figure.layout.showlegend = False
    return (figure,)


def caption(explored: Explored, shown: Orbit, _theme: Theme) -> str:
    """How many states the quartiles are of."""
    counts, some = shown.now.counts, "" if explored.wanted_runs is None else f", of {explored.runs_in_words}"
    exits = ", ".join(f"{a} → {b}" for a, b in shown.ways or ())
    ways = f"; arrows: phases of the most likely ways, from the top {exits}" if exits else ""
    return f"median and quartiles of {say_count(int(counts.sum()), 'state')} in {len(counts)} bins{some}{ways}"


VIEW = View(
    id=ids.ORBIT,
    title="Emission along the orbit",
    help="The angle around the middle of the plane is the phase of the orbit. Above: the probability of each output "
    "at that phase, median and quartiles, with the emission probabilities of the HMM's states as dotted lines. "
    "Below: the share of time spent there, and the commonest region. An intervention leaves the intact "
    "network behind as dashed lines.",
    kind=FAST,
    compute=compute,
    refine=refine,
    fields=("pair", "paths"),
    figures=figures,
    caption=caption,
)
