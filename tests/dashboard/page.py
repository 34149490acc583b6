"""A page without a browser: what its components get to show a scenario, and how to read them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash.development.base_component import Component

from hmmrnn.dashboard import ids
from hmmrnn.dashboard.answers import answer_task, answer_views
from hmmrnn.dashboard.view import SLOW, View
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import Scenario
from hmmrnn.server.services import resolve, services
from hmmrnn.tasks import queue
from tests.wire import FAST_VIEWS, question

B, T = 5, 160
MODEL = "linear-2"


def plain(**change: Any) -> Explored:
    """A new scenario of the planted network."""
    return resolve(Scenario(**{"model": MODEL, **change}))


def sent(scenario: Scenario) -> dict[str, Any]:
    """A scenario as it comes back from the page: through JSON."""
    found: dict[str, Any] = json.loads(json.dumps(scenario.to_dict()))
    return found


def fast(scenario: Scenario, theme: str = "light") -> tuple[Any, ...]:
    """State space, its caption, orbit, its caption, numbers."""
    asked = question(scenario, *FAST_VIEWS, theme=theme)
    shown = values_of(answer_views(asked)["updates"])
    places = (ids.STATE_SPACE, ids.caption(ids.STATE_SPACE), ids.ORBIT, ids.caption(ids.ORBIT), ids.NUMBERS)
    return tuple(shown[place] for place in places)


def settled(scenario: Scenario, theme: str = "light") -> dict[str, Any]:
    """What the slow results add: each component's figure or children, by its id."""
    asked = question(scenario, ids.REGION_MAP, ids.STATE_SPACE, ids.ORBIT, theme=theme, settled=True)
    return values_of(answer_views(asked)["updates"])


def show(view: View, scenario: Scenario, theme: str = "light") -> dict[str, Any]:
    """A view: each component's figure or children, by its id, and its other properties by id and name."""
    asked = question(scenario, view.id, theme=theme, settled=view.kind == SLOW)
    return values_of(answer_views(asked)["updates"])


def values_of(updates: Any) -> dict[str, Any]:
    """What components get, by their ids; any other property under the id and its name, as a style."""
    found = {}
    for component, props in updates:
        for prop, value in props.items():
            found[component if prop in ("figure", "children", "values") else f"{component} {prop}"] = value
    return found


def task(view: View, scenario: Scenario, theme: str = "light", **change: Any) -> dict[str, Any]:
    """The response to the request for a task."""
    asked = {"view": view.id, "scenario": sent(scenario), "theme": theme, "fresh": False}
    found: dict[str, Any] = answer_task({**asked, "leave": [], "wanted": True, "again": False, **change})
    return found


def updates(response: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What each component gets in a response."""
    return dict(response["updates"])


def work_off() -> None:
    """What a worker does with the next experiment, in this process."""
    lane = next(lane for lane in services().queues.lanes(queue.EXPERIMENTS) if lane.pending_count())
    lane.execute(lane.dequeue())


def parts(component: Any) -> list[Component]:
    """A component and all components inside it."""
    if isinstance(component, list | tuple):
        return [part for item in component for part in parts(item)]
    if not isinstance(component, Component):
        return []
    return [component, *parts(getattr(component, "children", None))]


def text(component: Any) -> str:
    """All words of a component, in order."""
    if isinstance(component, list | tuple):
        return "".join(text(item) for item in component)
    if isinstance(component, Component):
        return text(getattr(component, "children", None))
    return "" if component is None else str(component)


def named(figure: go.Figure, name: str) -> Any:
    """The one trace of that name."""
    found = [trace for trace in figure.data if trace.name == name]
    assert len(found) == 1, f"{name!r} among {names(figure)}"
    return found[0]


def names(figure: go.Figure) -> list[str]:
    """Names of all traces."""
    return [trace.name for trace in figure.data]


def drawn_by_output(figure: go.Figure) -> np.ndarray:
    """(B, T, 2) the points of a state space that is coloured by output, back at their run and step."""
    points = np.full((B, T, 2), np.nan, dtype=np.float32)
    for trace in figure.data:
        if trace.name.startswith("output"):
            run, step = np.asarray(trace.customdata).T
            points[run, step - 1] = np.stack([trace.x, trace.y], axis=-1)
    return points
