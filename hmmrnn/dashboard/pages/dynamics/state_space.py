"""State space: the activity of the network at each step, in the plane of the intact network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import dash_mantine_components as dmc
import numpy as np
import plotly.graph_objects as go

from hmmrnn.analysis.state_survey import StateSurvey
from hmmrnn.analysis.trajectory_summary import TrajectorySummary
from hmmrnn.analysis.unstable_directions import SeenPoints
from hmmrnn.dashboard import ids
from hmmrnn.dashboard.view import FAST, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.link import DIMENSIONS
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.figures.state_space import Colouring, draw_state_space, draw_states_beside, find_drawn_states
from hmmrnn.figures.switch_paths import SPACE, STATES, draw_half, draw_ways
from hmmrnn.figures.theme import Theme
from hmmrnn.figures.words import say_count
from hmmrnn.lenses.switch_paths import SwitchPaths
from hmmrnn.model.network import Floats

# Colours that are known only when the states have been surveyed.
SLOW_COLOURS = ("region", "residency")
# Opacity of the states in space around the ways between outputs.
PALE = 0.15


@dataclass(frozen=True, eq=False)
class StateSpace:
    """The states of a scenario, and what is drawn with them.

    Attributes:
        now: the network as it is now.
        reference: the comparison; None while it does not differ.
        colouring: of the states.
        rest: fixed points of the intact network.
        without_noise: (S, T, C) runs without noise; None unless they are shown.
        paths: the ways between outputs; None unless they are shown and there are some.
    """

    now: TrajectorySummary
    reference: TrajectorySummary | None
    colouring: Colouring
    rest: SeenPoints
    without_noise: Floats | None
    paths: SwitchPaths | None = None


def compute(explored: Explored) -> StateSpace:
    """The states, coloured by what is known at once."""
    return _state_space(explored, _fast_colouring(explored))


def refine(explored: Explored) -> StateSpace:
    """The states coloured by region or residency time, or the ways between outputs, or both."""
    scenario = explored.scenario
    if scenario.colour in SLOW_COLOURS:
        colouring = _surveyed_colouring(scenario, queries.survey_of(explored))
    else:
        colouring = _fast_colouring(explored)
    found = _state_space(explored, colouring)
    return replace(found, paths=queries.switch_paths_of(explored)) if scenario.paths else found


def _state_space(explored: Explored, colouring: Colouring) -> StateSpace:
    scenario = explored.scenario
    queries.plane_of(explored)
    return StateSpace(
        now=queries.summary_of(explored),
        reference=queries.summary_of(explored.reference) if scenario.compared else None,
        colouring=colouring,
        rest=queries.seen_points_of(explored),
        without_noise=queries.without_noise_of(explored) if scenario.without_noise else None,
    )


def _fast_colouring(explored: Explored) -> Colouring:
    scenario = explored.scenario
    if scenario.colour == "speed":
        return Colouring("speed (plane units per step)", queries.summary_of(explored).speed)
    if scenario.colour == "neuron":
        values = queries.pre_activation_of(explored, (scenario.neuron,))
        return Colouring(f"pre-activation of neuron {scenario.neuron}", values[..., 0])
    return Colouring("output")


def _surveyed_colouring(scenario: Scenario, survey: StateSurvey) -> Colouring:
    shape, at = (scenario.trajectories, scenario.steps), tuple(survey.at.T)
    if scenario.colour == "region":
        region = np.full(shape, "", dtype=survey.residency.region.dtype)
        region[at] = survey.residency.region
        return Colouring("region", region=region)
    time = np.full(shape, np.nan)
    time[at] = survey.residency.time
    return Colouring("residency time (steps)", time)


def figures(explored: Explored, shown: StateSpace, theme: Theme) -> Sequence[go.Figure]:
    """The states in the plane, or in three dimensions; the comparison behind them or beside them."""
    scenario = explored.scenario
    if scenario.beside and shown.reference is not None and scenario.dimensions == 2:
        figure = draw_states_beside(shown.now, shown.reference, shown.colouring, theme, shown.rest)
    else:
        figure = draw_state_space(
            shown.now,
            shown.reference,
            shown.colouring,
            theme,
            shown.rest,
            shown.without_noise,
            scenario.dimensions,
            "intact" if scenario.against is None else "A",
        )
    if shown.paths is not None:
        on = SPACE if scenario.dimensions == 3 else STATES
        if on == SPACE:
            # The ways lie within the cloud of the states.
            figure.update_traces(marker_opacity=PALE, selector={"mode": "markers", "type": "scatter3d"})
        figure.add_traces([*draw_half(shown.paths, theme, on), *draw_ways(shown.paths, theme, on)])
    # Its colours are named in the row of time, those of regions above the region map.
    figure.layout.showlegend = False
    return (figure,)


def caption(explored: Explored, shown: StateSpace, _theme: Theme) -> str:
    """How many states are shown, of how many, in which plane."""
    scenario, now = explored.scenario, shown.now
    drawn = np.count_nonzero(find_drawn_states(now, shown.colouring, scenario.dimensions))
    valid = int(np.where(now.diverged_at < 0, scenario.steps, now.diverged_at).sum())
    count = say_count(valid, "state") if drawn == valid else f"{drawn:,} of {say_count(valid, 'state')}"
    text = f"{count}: {explored.runs_in_words} of {scenario.steps} steps, sigma {scenario.sigma:g}"
    if scenario.pair is not None:
        text += f", {name_plane(scenario)}, steps with other outputs left out"
    if shown.paths is not None:
        text += f"; {say_ways(shown.paths)}"
    diverged = now.diverged_at >= 0
    if diverged.any():
        first = int(now.diverged_at[diverged].min()) + 1
        runs = say_count(int(diverged.sum()), "run")
        verb = "diverges," if diverged.sum() == 1 else "diverge, the first"
        text += f"; {runs} {verb} at step {first} (neuron {now.largest_neuron})"
    return text + name_rest(shown.rest)


def name_rest(rest: SeenPoints) -> str:
    """How many fixed points of which kind are drawn, as the end of a caption."""
    if not rest.words:
        return ""
    return f"; {say_count(len(rest.points), 'fixed point')} without noise: {rest.words}"


def say_ways(paths: SwitchPaths) -> str:
    """What the lines between outputs are, in words."""
    if not paths.paths:
        return "no exit is taken often enough for a way"
    counts = [path.switches for path in paths.paths]
    between = f"{min(counts):,} to {max(counts):,}" if len(set(counts)) > 1 else f"{counts[0]:,}"
    return f"lines: most likely way of each exit; dotted: mean of {between} switches; across: half of the runs switch"


def name_plane(scenario: Scenario) -> str:
    """The plane that a scenario is seen in, in words."""
    if scenario.pair is None:
        return "plane of the intact network"
    one, other = scenario.pair
    return f"plane of the intact network's stretches with outputs {one} and {other} only"


def _controls() -> Sequence[Any]:
    return (
        dmc.SegmentedControl(
            id=ids.DIMENSIONS,
            data=[{"value": str(d), "label": f"{d}-D"} for d in DIMENSIONS],
            value=str(Scenario.dimensions),
            size="xs",
            **{"aria-label": "Dimensions of the state space"},
        ),
    )


VIEW = View(
    id=ids.STATE_SPACE,
    title="State space",
    help="Each point is the activity of the whole network at one step, seen along the two directions in which the "
    "intact network varies most. The network lingers in slow clusters and is thrown between them. With an "
    "intervention the intact run stays behind as a grey ghost: same noise, same start, same plane, so that "
    "every difference is the intervention's. A star is a fixed point where activity ends without noise, under the "
    "constant input if there is one; a cross is a saddle, with arrows along which activity leaves it, as long as they "
    "lie in the plane; a ring is a fixed point that repels in all directions.",
    kind=FAST,
    compute=compute,
    refine=refine,
    refined_where=(("colour", SLOW_COLOURS), ("paths", (True,))),
    figures=figures,
    caption=caption,
    controls=_controls,
    selectable=True,
    fields=("colour", "without_noise", "paths", "pair"),
)
