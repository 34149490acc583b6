"""Data with which the page computes answers by itself: network, plane, target, and figures that it fills with numbers.

POST /parts    for a network and its plane; network is null where the server has to answer

Layouts and styles are those of the figures that the server draws: here they are drawn of a run with one step in each
output, and the page puts its own data in their place (assets/fast/figures.mjs).
"""

from __future__ import annotations

import json
from typing import Annotated, Any, NotRequired

import numpy as np
from flask import Flask
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import TypedDict

from hmmrnn.analysis.fidelity import MIN_ROW_MASS
from hmmrnn.analysis.orbit import OrbitProfile
from hmmrnn.analysis.trajectory_summary import TrajectorySummary
from hmmrnn.dashboard.pages.dynamics import orbit, state_space
from hmmrnn.dashboard.pages.dynamics.orbit import Orbit
from hmmrnn.dashboard.pages.dynamics.state_space import StateSpace
from hmmrnn.dashboard.view import Json
from hmmrnn.explorer import queries
from hmmrnn.explorer.cost import MAX_DOUBLE
from hmmrnn.explorer.explored import Explored
from hmmrnn.figures.state_space import Colouring
from hmmrnn.figures.theme import THEMES, Theme
from hmmrnn.model.hmm import HMM
from hmmrnn.model.opening.checks import MAX_OUTPUTS
from hmmrnn.report.live_page import describe_network, pack_array, runs_in_page
from hmmrnn.server.questions import STRICT, InputValues, Name, answer_at
from hmmrnn.server.services import explored_of


class PartsQuestion(TypedDict):
    """A network by its name, its input, and the pair of outputs of its plane."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    model: Name
    pair: Annotated[list[Annotated[int, Field(ge=0, lt=MAX_OUTPUTS)]], Field(min_length=2, max_length=2)] | None
    input: NotRequired[InputValues]
    sequence: NotRequired[Name | None]


def register(server: Flask) -> None:
    """Register the address."""
    answer_at(server, "/parts", "parts", PartsQuestion, parts_of)


def parts_of(asked: Json) -> Json:
    """The parts of the answers that do not change with interventions and noise; no network where it is a large
    one, one that the engine of the page cannot step, or under a sequence of inputs.

    Raises:
        ValueError: the network has no plane that could be drawn.
    """
    plain = explored_of(asked)
    if plain.network.n_neurons > MAX_DOUBLE or not runs_in_page(plain.network) or plain.sequence is not None:
        return {"network": None}
    plane = queries.plane_of(plain)
    network = describe_network(plain.network, plane, plain.name, np.empty((0, len(plane.components))))
    network["plane"]["components"] = pack_array(plane.components, "f8")
    figures = {name: _figures(plain, theme) for name, theme in THEMES.items()}
    rest = state_space.name_rest(queries.seen_points_of(plain))
    return {"network": network, "target": _target(plain.hmm), "figures": figures, "rest": rest}


def _target(hmm: HMM | None) -> Json | None:
    """What the transition error is judged by."""
    if hmm is None:
        return None
    return {"transitions": hmm.emission_transitions.tolist(), "heavy": (hmm.marginal > MIN_ROW_MASS).tolist()}


def _figures(plain: Explored, theme: Theme) -> Json:
    """The figures of every kind, compared with another network; each as it is drawn, its arrays as lists."""
    stand_in = _one_step_in_each(plain.network.n_outputs)
    rest = queries.seen_points_of(plain)
    signed = np.linspace(-1, 1, plain.network.n_outputs, dtype=np.float32)[None]
    kinds = {"output": Colouring("output"), "speed": Colouring("", signed**2), "neuron": Colouring("", signed)}
    spaces = {
        kind: state_space.figures(plain, StateSpace(stand_in, stand_in, colouring, rest, None), theme)
        for kind, colouring in kinds.items()
    }
    around = orbit.figures(plain, Orbit(stand_in.profile, stand_in.profile), theme)
    plainly: Json = {name: json.loads(found[0].to_json()) for name, found in {**spaces, "orbit": around}.items()}
    return plainly


def _one_step_in_each(outputs: int) -> TrajectorySummary:
    """A run with one step in each output, at the origin of the plane."""

    def zeros(*shape: int) -> NDArray[Any]:
        return np.zeros((1, outputs, *shape), dtype=np.float32)

    quartile = np.zeros((1, outputs))
    profile = OrbitProfile(np.zeros(1), quartile, quartile, quartile, np.ones(1), np.array([outputs]))
    output = np.arange(outputs, dtype=np.int8)[None]
    # Of what is counted and judged no figure shows anything.
    unseen: Any = None
    return TrajectorySummary(
        zeros(3), zeros(), output, zeros(outputs), profile, unseen, np.nan, np.full(1, -1), largest_neuron=-1
    )
