"""A live view of a network in a notebook, with its interventions, both ways and without a server.

widget = explore(network)
widget.scenario = {"sigma": 1.0, "seed": 0, "interventions": [{"neurons": [3, 5], "mu": 0.0, "target": "unit"}]}
widget.network        the network with these interventions
widget.selection      the neurons that are chosen in the view
"""

from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from hmmrnn.analysis.kick_neurons import KickNeurons
from hmmrnn.model.network import Intervention, Network, intervene
from hmmrnn.shipped import ASSETS

INSTALL = "explore needs anywidget: pip install 'hmmrnn[notebook]'"
STRICT = ConfigDict(extra="forbid")


class _Scenario(TypedDict):
    __pydantic_config__ = STRICT  # type: ignore[misc]
    sigma: float
    seed: int
    interventions: list[Intervention]


def explore(network: Network, kick: KickNeurons | None = None, seed: int = 0) -> Any:
    """Show a network in a notebook: it runs there, and its interventions are those of the widget.

    Args:
        network: the intact network.
        kick: its kick groups, which the view then names, silences and traces (`detect_kick_neurons`).
        seed: of the states that the plane is fitted to, and of the noise at first.

    Returns:
        an anywidget with `scenario` (sigma, seed, interventions), `selection` (neurons) and `network` (with the
        interventions of the scenario).

    Raises:
        ValueError: the network has a single neuron, so no plane.
        ImportError: anywidget is not installed.
    """
    widget = _widget_class()
    from hmmrnn.analysis.occupancy_grid import visit_states
    from hmmrnn.report.live_page import build_live_payload, join_modules

    seen = visit_states(network, seed)
    name = network.metadata.get("family", "network")
    payload = build_live_payload(network, seen.plane, name, seen.visited, seen.grid, kick, {"seed": seed})
    return widget(network, payload, join_modules(ASSETS / "live" / "worker.mjs"))


@cache
def _widget_class() -> type[Any]:
    """The class of the widget: made when it is first needed, as only notebooks have what it is made with."""
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise ImportError(INSTALL) from error
    from hmmrnn.report.live_page import join_modules

    class LiveWidget(anywidget.AnyWidget):
        """The live view of a network; see `explore`."""

        _esm = join_modules(ASSETS / "live" / "widget.mjs") + "\nexport default { render: renderWidget };\n"
        _css = (ASSETS / "live.css").read_text(encoding="utf-8")
        shared = traitlets.Dict().tag(sync=True)
        worker = traitlets.Unicode().tag(sync=True)
        scenario = traitlets.Dict().tag(sync=True)
        selection = traitlets.List(traitlets.Int()).tag(sync=True)

        def __init__(self, network: Network, payload: dict[str, Any], worker: str) -> None:
            self._intact = network
            super().__init__(shared=payload, worker=worker, scenario=payload["scenario"])

        @property
        def network(self) -> Network:
            """The network with the interventions of the scenario."""
            return intervene(self._intact, *_read(self.scenario)["interventions"])

        @traitlets.validate("scenario")
        def _check_scenario(self, proposal: Any) -> dict[str, Any]:
            """Refuse what is no scenario of this network; what is missing stays as it was."""
            given = {**self.scenario, **proposal["value"]}
            found = _read(given)
            intervene(self._intact, *found["interventions"])
            listed = [
                {"neurons": list(item.neurons), "mu": item.mu, "target": item.target} for item in found["interventions"]
            ]
            return {"sigma": found["sigma"], "seed": found["seed"], "interventions": listed}

        @traitlets.validate("selection")
        def _check_selection(self, proposal: Any) -> list[int]:
            chosen = list(proposal["value"])
            if chosen:
                intervene(self._intact, Intervention(tuple(chosen)))
            return chosen

    return LiveWidget


def _read(scenario: dict[str, Any]) -> dict[str, Any]:
    """A scenario with its interventions as objects.

    Raises:
        ValueError: it is none.
    """
    try:
        found = TypeAdapter(_Scenario).validate_python(scenario)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"a scenario has sigma, seed and interventions (neurons, mu, target); got {where}: {first['msg'].lower()}"
        ) from error
    return dict(found)
