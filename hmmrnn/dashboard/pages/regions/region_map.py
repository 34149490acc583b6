"""Region map: a sample of the visited states, by residency time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
import plotly.graph_objects as go
from dash import html

from hmmrnn.analysis.regions import CLUSTER_MIN_PROBABILITY, KICK_ZONE_UP_TO, TRANSITION_BELOW, region_shares
from hmmrnn.analysis.state_survey import StateSurvey
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.view import SLOW, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.figures.region_map import REGION_COLOURS, draw_region_map
from hmmrnn.figures.state_space import plane_range
from hmmrnn.figures.switch_paths import draw_half, draw_ways
from hmmrnn.figures.theme import REGION_LABELS, REGION_SIGNS, Theme
from hmmrnn.figures.words import say_count
from hmmrnn.lenses.switch_paths import SwitchPaths


@dataclass(frozen=True, eq=False)
class RegionMap:
    """The surveyed states, and the ways between outputs if they are shown and there are some."""

    survey: StateSurvey
    paths: SwitchPaths | None


def compute(explored: Explored) -> RegionMap:
    """The surveyed states, and the ways if they are shown."""
    survey = queries.survey_of(explored)
    return RegionMap(survey, queries.switch_paths_of(explored) if explored.scenario.paths else None)


def figures(explored: Explored, shown: RegionMap, theme: Theme) -> Sequence[go.Figure]:
    """The sampled states, over the stretch of the plane that the state space shows."""
    scenario = explored.scenario
    runs = [queries.summary_of(explored), queries.summary_of(explored.reference) if scenario.compared else None]
    ranges = [plane_range(runs, axis) for axis in (0, 1)]
    figure = draw_region_map(shown.survey, scenario.map, theme, *ranges)
    if shown.paths is not None:
        figure.add_traces([*draw_half(shown.paths, theme), *draw_ways(shown.paths, theme)])
    figure.layout.showlegend = False
    return (figure,)


def caption(_explored: Explored, shown: RegionMap, theme: Theme) -> list[Any]:
    """The share of each region beside its colour and symbol, which is the map's legend, and of how many states."""
    survey = shown.survey
    shares = region_shares(survey.residency.region)
    named = [part for name, share in shares.items() if share > 0 for part in _share(name, share, theme)]
    ways = [] if shown.paths is None else [f"; {_say_half(shown.paths)}"]
    return [*named, f"({len(survey.points):,} of {say_count(survey.available, 'state')})", *ways]


def _say_half(paths: SwitchPaths) -> str:
    if not paths.paths:
        return "no exit is taken often enough for a way"
    off, null = paths.committor_error
    return f"line: from there half of the runs switch (committor 0.5; off by {off:.2f} in the mean, null {null:.2f})"


def _share(region: str, share: float, theme: Theme) -> list[Any]:
    sign = html.Span(REGION_SIGNS[region], style={"color": theme.regions[region]})
    return [html.Span([sign, f" {REGION_LABELS[region]} {100 * share:.0f} %"], className="region-share"), " "]


def _controls() -> Sequence[Any]:
    return (
        dmc.Select(
            id=ids.REGION_COLOUR,
            data=[{"value": key, "label": label} for key, label in REGION_COLOURS.items()],
            value=Scenario.map,
            allowDeselect=False,
            size="xs",
            w=150,
            **{"aria-label": "Colour the region map by"},
        ),
    )


VIEW = View(
    id=ids.REGION_MAP,
    title="Region map",
    help=f"The same plane by residency time: each sampled state is left to 20 noise realisations of up to 60 steps, "
    f"and the mean number of steps until the output changes decides. Transition: below {TRANSITION_BELOW} steps. Kick "
    f"zone: {TRANSITION_BELOW} to {KICK_ZONE_UP_TO}. Cluster: above {KICK_ZONE_UP_TO} with a largest emission "
    f"probability above {CLUSTER_MIN_PROBABILITY}; slow states below that are unassigned. Arrows are the mean step "
    "in each cell of the plane.",
    kind=SLOW,
    compute=compute,
    figures=figures,
    caption=caption,
    controls=_controls,
    selectable=True,
    fields=("paths", "pair"),
)
