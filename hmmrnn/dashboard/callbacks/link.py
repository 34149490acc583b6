"""A link is read once, when the page opens; from then on the page's script keeps the address bar."""

from __future__ import annotations

from typing import Any

from dash import Dash, Input, Output

from hmmrnn.dashboard import catalog, ids, queries
from hmmrnn.dashboard.callbacks.network import kick_store
from hmmrnn.dashboard.scenario import Scenario
from hmmrnn.network import Intervention, intervene

DEFAULT_MODEL = "linear-2"


def register(app: Dash) -> None:
    """Register the reading of links."""
    app.callback(Output(ids.OPENED, "data"), Input(ids.LINK_IN, "data"), prevent_initial_call=True)(opened)


def opened(query: str) -> dict[str, Any]:
    """The scenario that a link asks for, and the one that a reset returns to.

    If the link cannot be read, a new scenario is opened and `message` says why. Kick neurons that were searched for
    before come along, so that the page need not draw the network without them first.
    """
    names = [entry.name for entry in catalog.entries()]
    if not names:
        where = catalog.models_folder().name
        return _answer(None, None, f"No network could be read from the folder {where}: train one, or put a file there.")
    default = Scenario(DEFAULT_MODEL if DEFAULT_MODEL in names else names[0])
    try:
        scenario = Scenario.from_query(query, default.model)
        # The neuron that colours must be there like those that are intervened upon.
        shown = (Intervention((scenario.neuron,)),) if scenario.colour == "neuron" else ()
        intervene(catalog.network(scenario.model), scenario.interventions, shown)
        queries.plane_of_scenario(scenario)
    except ValueError as error:
        return _answer(default, default, f"This link could not be opened: {error}.")
    return _answer(scenario, default, "")


def _answer(scenario: Scenario | None, default: Scenario | None, message: str) -> dict[str, Any]:
    return {
        "scenario": scenario and scenario.to_dict(),
        "defaults": default and default.to_dict(),
        "message": message,
        "kick": kick_store(scenario.model) if scenario and queries.kick_known_of(scenario.model) else None,
    }
