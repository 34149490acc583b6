"""The configuration of the page for its scripts: views, ids, fields, defaults and addresses.

It is made from the list of views and from the ids, and stands in the page as JSON (assets/core/configuration.mjs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dash import Dash

from hmmrnn.dashboard import chapters, ids
from hmmrnn.dashboard.chapters import Chapter
from hmmrnn.dashboard.pages.compare import ids as compare_ids
from hmmrnn.dashboard.pages.data import ids as data_ids
from hmmrnn.dashboard.pages.train import ids as train_ids
from hmmrnn.dashboard.view import Json, View
from hmmrnn.explorer.scenario import (
    MAX_INTERVENTIONS,
    MAX_LINK,
    MAX_MU,
    MAX_SEED,
    MAX_SIGMA,
    MAX_STATES,
    STEPS,
    TRAJECTORIES,
    Scenario,
)
from hmmrnn.figures.theme import THEMES
from hmmrnn.report.live_page import list_colours


@dataclass(frozen=True)
class Field:
    """A field of the scenario with a control of Dash: the id of the control, and the property that holds the value."""

    control: str
    prop: str = "value"


FIELDS = {
    "model": Field(ids.MODEL),
    "seed": Field(ids.SEED),
    "steps": Field(ids.STEPS),
    "trajectories": Field(ids.TRAJECTORIES),
    "colour": Field(ids.COLOUR),
    "neuron": Field(ids.NEURON),
    "pair": Field(ids.PAIR),
    "dimensions": Field(ids.DIMENSIONS),
    "map": Field(ids.REGION_COLOUR),
    "without_noise": Field(ids.NO_INPUT, "checked"),
    "paths": Field(ids.PATHS, "checked"),
}

_LIMITS = {
    **{"mu": MAX_MU, "seed": MAX_SEED, "sigma": MAX_SIGMA, "interventions": MAX_INTERVENTIONS},
    "link": MAX_LINK,
    **{"steps": list(STEPS), "trajectories": list(TRAJECTORIES), "states": MAX_STATES},
}


def configuration(app: Dash) -> Json:
    """What the page's scripts need to know, as plain values."""
    return {
        "ids": {**_constants(ids), **_constants(train_ids), **_constants(data_ids), **_constants(compare_ids)},
        "views": [_view(view) for view in chapters.views_by_id().values()],
        "chapters": [_chapter(chapter) for chapter in chapters.CHAPTERS],
        "fields": {name: {"control": field.control, "prop": field.prop} for name, field in FIELDS.items()},
        "defaults": {key: value for key, value in Scenario("none").to_dict().items() if key != "model"},
        "limits": _LIMITS,
        "colours": {name: list_colours(theme) for name, theme in THEMES.items()},
        "addresses": _addresses(app),
    }


def _view(view: View) -> Json:
    return {
        "id": view.id,
        "title": view.title,
        "kind": view.kind,
        "of": view.of,
        "refined": None if view.refine is None else {name: list(of) for name, of in view.refined_where},
        "needsKickNeurons": view.needs_kick_neurons,
        "fields": list(view.fields),
    }


def _chapter(chapter: Chapter) -> Json:
    return {
        "id": chapter.id,
        "title": chapter.title,
        "path": chapter.path,
        "claim": chapter.claim,
        "claims": list(chapter.sections),
        "views": [view.id for view, _ in chapter.views],
        "widths": [width for _, width in chapter.views],
    }


def _constants(module: Any) -> dict[str, str]:
    return {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def _addresses(app: Dash) -> dict[str, str]:
    """The addresses that this package serves, by the name of the endpoint; Dash names its own by their path."""
    own = [rule for rule in app.server.url_map.iter_rules() if not rule.endpoint.startswith(("/", "_", "static"))]
    return {rule.endpoint: rule.rule for rule in own}
