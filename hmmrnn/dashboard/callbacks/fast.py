"""The fast answers: path, orbit, numbers and marks, drawn while the hand is still on the mouse."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import Dash, Input, Output, Patch, State, html, no_update

from hmmrnn.dashboard import catalog, ids, queries
from hmmrnn.dashboard.callbacks.interventions import intervention_list
from hmmrnn.dashboard.callbacks.network import roles_known
from hmmrnn.dashboard.callbacks.numbers import numbers_table
from hmmrnn.dashboard.callbacks.refusal import sentence
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.figures.activity import PopulationTrace, activity
from hmmrnn.figures.connectivity import marks
from hmmrnn.figures.orbit import orbit
from hmmrnn.figures.readout import readout
from hmmrnn.figures.state_space import Colouring, drawn_states, state_space, states_beside
from hmmrnn.figures.theme import THEMES, Theme
from hmmrnn.motion import Motion
from hmmrnn.populations import INTEGRATING, KICK

logger = logging.getLogger(__name__)

Json = dict[str, Any]

MEAN_LABELS = {KICK: "kick neurons of {}, mean", INTEGRATING: "integrators for {}, mean"}


def register(app: Dash) -> None:
    """Register what is drawn while the hand is still on the mouse."""
    app.callback(
        Output(ids.STATE_SPACE, "figure"),
        Output(ids.caption(ids.STATE_SPACE), "children"),
        Output(ids.ORBIT, "figure"),
        Output(ids.caption(ids.ORBIT), "children"),
        Output(ids.NUMBERS, "children"),
        Output(ids.answered(ids.STATE_SPACE), "data"),
        Input(ids.SCENARIO, "data"),
        Input(ids.THEME, "data"),
        prevent_initial_call=True,
        running=[(Output(ids.FAST_BUSY, "data"), True, False)],
    )(fast_answer)
    app.callback(
        Output(ids.CONNECTIVITY, "figure", allow_duplicate=True),
        Input(ids.INTERVENTION_LIST, "data"),
        Input(ids.answered(ids.CONNECTIVITY), "data"),
        State(ids.KICK, "data"),
        State(ids.THEME, "data"),
        prevent_initial_call=True,
    )(connectivity_marks)
    app.callback(
        Output(ids.INTERVENTIONS, "children"),
        Input(ids.INTERVENTION_LIST, "data"),
        Input(ids.KICK, "data"),
        prevent_initial_call=True,
    )(intervention_list)
    app.callback(
        Output(ids.ACTIVITY, "figure"),
        Output(ids.caption(ids.ACTIVITY), "children"),
        Input(ids.asked(ids.ACTIVITY), "data"),
        Input(ids.KICK, "data"),
        Input(ids.THEME, "data"),
        prevent_initial_call=True,
    )(activity_view)

    app.callback(
        Output(ids.READOUT, "figure"),
        Output(ids.READOUT, "style"),
        Output(ids.caption(ids.READOUT), "children"),
        Input(ids.asked(ids.READOUT), "data"),
        Input(ids.THEME, "data"),
        prevent_initial_call=True,
    )(readout_view)


def fast_answer(data: Json | None, theme_name: str) -> tuple[Any, ...]:
    """The fast views, and last the scenario they show; or the sentence why it cannot be shown, and nothing else.

    The page's script goes back to the last scenario that could.
    """
    try:
        return *fast_views(data, theme_name), {"shown": data}
    except ValueError as error:
        logger.info("refused: %s", error)
        return *(no_update,) * 5, {"refused": sentence(error)}


def fast_views(data: Json | None, theme_name: str) -> tuple[Any, ...]:
    """State space, orbit and numbers of a scenario, with their captions; nothing until the link has been read."""
    if data is None:
        return (no_update,) * 5
    scenario, theme = Scenario.from_dict(data), THEMES[theme_name]
    queries.plane_of_scenario(scenario)
    now, before = queries.motion_of(scenario), queries.motion_of(scenario.reference)
    colouring = _colouring(scenario)
    hmm = catalog.target(catalog.network(scenario.model))
    space = space_figure(scenario, colouring, theme)
    around = orbit(now.profile, before.profile if scenario.compared else None, hmm, theme)
    # The colours of the outputs are named once, in the row of time, and not again in each view.
    around.layout.showlegend = False
    # The page's script lays its own preview over these until it sees which scenario they show.
    space.layout.meta = around.layout.meta = scenario.drawn.to_query()
    table = numbers_table(before, now, hmm is not None, scenario.against is not None)
    numbers = html.Div(table, **{"data-of": scenario.drawn.to_query()})
    return space, space_caption(scenario, now, colouring), around, _orbit_caption(now), numbers


def space_figure(scenario: Scenario, colouring: Colouring, theme: Theme) -> go.Figure:
    """The state space of a scenario, with what it is compared with."""
    rest = queries.rest_of(scenario.model, scenario.pair)
    paths = queries.without_noise_of(scenario) if scenario.without_noise else None
    ghost = queries.motion_of(scenario.reference) if scenario.compared else None
    name = "intact" if scenario.against is None else "A"
    now = queries.motion_of(scenario)
    if scenario.beside and ghost is not None and scenario.dimensions == 2:
        figure = states_beside(now, ghost, colouring, theme, rest)
    else:
        figure = state_space(now, ghost, colouring, theme, rest, paths, scenario.dimensions, name)
    # Its colours are named in the row of time, those of regions above the region map.
    figure.layout.showlegend = False
    return figure


def connectivity_marks(data: Json | None, drawn: str | None, kick: Json | None, theme_name: str) -> Any:
    """Rows and columns of the touched neurons, laid over the weights once these are drawn."""
    if data is None or drawn != data["model"]:
        return no_update
    scenario = Scenario.from_dict(data)
    ready = roles_known(kick, scenario.model)
    roles = queries.populations_of(scenario.model) if ready else None
    n = catalog.network(scenario.model).n_neurons
    order = np.arange(n) if roles is None else roles.order
    touched = {i for item in scenario.interventions for i in item.neurons}
    patch = Patch()
    patch["layout"]["shapes"] = marks(order, touched, roles, THEMES[theme_name])
    return patch


def activity_view(data: Json | None, kick: Json | None, theme_name: str) -> tuple[Any, Any]:
    """Pre-activation of the kick neurons in the first run; nothing until they have been found."""
    if not data or kick is None or kick["model"] != data["model"]:
        return no_update, no_update
    scenario = Scenario.from_dict(data)
    # A neuron may be in the groups of several exits out of an output.
    members = list(dict.fromkeys((int(i), group["output"]) for group in kick["groups"] for i in group["neurons"]))
    if not members:
        return no_update, "this network has no kick neurons to show"
    neurons, outputs = zip(*members, strict=True)
    values = queries.pre_activation_of(scenario, neurons)
    output = queries.motion_of(scenario).output
    means = [
        PopulationTrace(MEAN_LABELS[role].format(output), output, mean)
        for (role, output), mean in queries.population_means_of(scenario).items()
    ]
    caption = (
        f"{len(neurons)} kick neurons and means of {len(means)} populations, run 1 of {scenario.trajectories}, "
        "background: output"
    )
    return activity(values[0], output[0], neurons, outputs, THEMES[theme_name], means), caption


def readout_view(data: Json | None, theme_name: str) -> tuple[Any, Any, Any]:
    """The rows of the readout beside the plane. The second value is the height of the graph."""
    if not data:
        return (no_update,) * 3
    scenario = Scenario.from_dict(data)
    angles = queries.readout_of(scenario)
    figure = readout(angles, THEMES[theme_name])
    caption = (
        f"{len(angles.angle)} rows of W_out, {_plane_words(scenario)}; a random row: {angles.random_angle:.1f} degrees"
    )
    return figure, {"height": f"{figure.layout.height}px", "flex": "none"}, caption


def _colouring(scenario: Scenario) -> Colouring:
    if scenario.colour == "speed":
        return Colouring("speed (plane units per step)", queries.motion_of(scenario).speed)
    if scenario.colour == "neuron":
        values = queries.pre_activation_of(scenario, (scenario.neuron,))
        return Colouring(f"pre-activation of neuron {scenario.neuron}", values[..., 0])
    return Colouring("output")


def space_caption(scenario: Scenario, motion: Motion, colouring: Colouring) -> str:
    """How many states the state space shows, of how many, in which plane."""
    drawn = np.count_nonzero(drawn_states(motion, colouring, scenario.dimensions))
    valid = int(np.where(motion.diverged_at < 0, scenario.steps, motion.diverged_at).sum())
    count = f"{drawn:,} states" if drawn == valid else f"{drawn:,} of {valid:,} states"
    runs = f"{scenario.trajectories} runs of {scenario.steps} steps"
    text = f"{count}: {runs}, sigma {scenario.sigma:g}"
    if scenario.pair is not None:
        text += f", {_plane_words(scenario)}, steps with other outputs left out"
    diverged = motion.diverged_at >= 0
    if diverged.any():
        first = int(motion.diverged_at[diverged].min()) + 1
        text += f"; {diverged.sum()} runs diverge, the first at step {first} (neuron {motion.largest_neuron})"
    return text


def _plane_words(scenario: Scenario) -> str:
    if scenario.pair is None:
        return "plane of the intact network"
    one, other = scenario.pair
    return f"plane of the intact network's stretches with outputs {one} and {other} only"


def _orbit_caption(motion: Motion) -> str:
    return f"median and quartiles of {int(motion.profile.counts.sum()):,} states in {len(motion.profile.counts)} bins"
