"""The list of interventions: each with its target, its mu and a way to remove it."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.scenario import MAX_MU, Scenario
from hmmrnn.network import TARGETS, Intervention

Json = dict[str, Any]
NAMES_SHOWN = 4


def intervention_list(data: Json | None, kick: Json | None) -> Any:
    """One entry for each intervention of the scenario; a sentence while there is none."""
    if not data or not data.get("interventions"):
        return html.P("None: the network is intact. Click a neuron in the connectivity, or tick it in the table.")
    scenario = Scenario.from_dict(data)
    groups = _known_groups(kick if kick and kick["model"] == scenario.model else None)
    return [_entry(index, item, groups) for index, item in enumerate(scenario.interventions)]


def _known_groups(kick: Json | None) -> dict[frozenset[int], str]:
    if kick is None:
        return {}
    integrating = {
        frozenset(item["neurons"]): f"Integrating population of output {item['output']}" for item in kick["integrating"]
    }
    return {**integrating, **{frozenset(g["neurons"]): g["name"].capitalize() for g in kick["groups"]}}


def _name(item: Intervention, groups: dict[frozenset[int], str]) -> str:
    listed = ", ".join(str(i) for i in item.neurons[:NAMES_SHOWN])
    if len(item.neurons) == 1:
        return f"Neuron {listed}"
    more = f" and {len(item.neurons) - NAMES_SHOWN} more" if len(item.neurons) > NAMES_SHOWN else ""
    known = groups.get(frozenset(item.neurons), "Neurons")
    return f"{known}: {listed}{more}"


def _entry(index: int, item: Intervention, groups: dict[frozenset[int], str]) -> Any:
    name = _name(item, groups)
    return html.Div(
        [
            html.Div(
                [
                    html.Span(name, className="intervention-name"),
                    html.Button(
                        "×",
                        id=ids.part(ids.REMOVE, index),
                        className="remove",
                        n_clicks=0,
                        **{"aria-label": f"Remove the intervention on {name}"},
                    ),
                ],
                className="intervention-title",
            ),
            dmc.SegmentedControl(
                id=ids.part(ids.TARGET, index),
                data=list(TARGETS),
                value=item.target,
                size="xs",
                fullWidth=True,
            ),
            html.Div(
                [
                    html.Span("mu", className="mu-label"),
                    dmc.Slider(
                        id=ids.part(ids.MU, index),
                        min=0,
                        max=MAX_MU,
                        step=0.05,
                        value=item.mu,
                        updatemode="drag",
                        size="md",
                        thumbLabel=f"mu of {name}",
                        className="mu-slider",
                        marks=[{"value": 0, "label": "0"}, {"value": 1, "label": "1"}, {"value": 2, "label": "2"}],
                    ),
                ],
                className="mu-row",
            ),
        ],
        className="intervention",
    )
