"""The controls of the scenario: what is silenced, noise and window, colours and plane."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.components.controls import button, whole_number
from hmmrnn.dashboard.components.picker import ALL_STATES
from hmmrnn.explorer.scenario import COLOURS, MAX_SEED, STEPS, TRAJECTORIES, Scenario


def rail() -> Any:
    """All controls, beside the views."""
    return html.Aside(
        [_silence(), _noise_controls(), _inputs(), _view_controls()],
        className="rail",
        **{"aria-label": "Scenario"},
    )


def _noise_controls() -> Any:
    """Sigma, of which the page's script makes a slider, seed and window."""
    return html.Section(
        [
            html.H2("Noise and window"),
            html.Div(id=ids.SIGMA, className="sigma"),
            html.Div(
                [
                    _number(ids.SEED, "Seed", Scenario.seed, 0, MAX_SEED),
                    button(ids.NEW_NOISE, "New noise", "Draw other noise: the next seed"),
                ],
                className="pair",
            ),
            html.Div(
                [
                    _number(ids.STEPS, "Window (steps)", Scenario.steps, *STEPS, step=50),
                    _number(ids.TRAJECTORIES, "Trajectories", Scenario.trajectories, *TRAJECTORIES),
                ],
                className="pair",
            ),
        ]
    )


def _number(id: str, label: str, value: float, low: float, high: float, step: float = 1) -> Any:
    return whole_number(id, label, value, low, high, step=step, debounce=300)


def _view_controls() -> Any:
    """What acts on views: each group is shown where a view that it acts on is."""
    colour = [
        html.H2("Colour the state space by"),
        dmc.Select(
            id=ids.COLOUR,
            data=[{"value": key, "label": label} for key, label in COLOURS.items()],
            value=Scenario.colour,
            allowDeselect=False,
            size="sm",
            **{"aria-label": "Colour by"},
        ),
        html.Div(_number(ids.NEURON, "Neuron", 0, 0, 2047), id=ids.NEURON_ROW, hidden=True),
    ]
    without_noise = dmc.Switch(id=ids.NO_INPUT, label="Show runs without noise", checked=False, size="sm", mt=4)
    paths = dmc.Switch(id=ids.PATHS, label="Show ways between outputs", checked=False, size="sm", mt=4)
    return html.Section(
        [
            _acting_on("colour", *colour),
            _acting_on("without_noise", without_noise),
            _acting_on("paths", paths),
            _acting_on("pair", html.Div([html.H2("PCA fitted on"), _plane()], className="inline")),
        ]
    )


def _acting_on(field: str, *controls: Any) -> Any:
    return html.Div(controls, className="control-group", **{"data-fields": field})


def _plane() -> Any:
    """The states that the plane is fitted to. The pairs of outputs come with the network."""
    return dmc.Select(
        id=ids.PAIR,
        data=[ALL_STATES],
        value=ALL_STATES["value"],
        allowDeselect=False,
        size="sm",
        **{"aria-label": "PCA fitted on"},
    )


def _inputs() -> Any:
    """What enters beside the noise, and where runs begin; the page's script fills it."""
    return html.Section([html.H2("Input and start"), html.Div(id=ids.INPUTS, className="inputs")])


def _silence() -> Any:
    """The buttons that silence groups of neurons; the page's script fills it."""
    return html.Section([html.H2("Silence"), html.Div(id=ids.GROUP_BUTTONS, className="group-buttons")])
