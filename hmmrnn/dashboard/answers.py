"""Requests of the page about the open scenario, in JSON, and their answers.

GET  /link?<link>    the scenario that a link names, and what the page begins with
POST /network        what the header says of a network
POST /views          the results of views, as updates of components
POST /tasks          how far the task of a view is, and its result once it is there
POST /kick-groups    how far the search for kick neurons is, and what it has found
POST /claims         the paper's claims, judged on the network, as far as its report has been written
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NotRequired
from urllib.parse import parse_qsl

from flask import Flask, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from hmmrnn.dashboard import chapters, work
from hmmrnn.dashboard.components.kick_groups import describe_kick_groups, search
from hmmrnn.dashboard.components.picker import describe_network, model_choices
from hmmrnn.dashboard.components.task_line import CANCELLED, task_updates
from hmmrnn.dashboard.view import FAST, SLOW, TASK, Json, Updates, View
from hmmrnn.explorer import queries
from hmmrnn.explorer.experiments import CLAIMS, EMERGENCE, has_own_training, identify
from hmmrnn.explorer.explored import Explored
from hmmrnn.explorer.scenario import OLD_TAB, Scenario
from hmmrnn.figures.theme import THEMES
from hmmrnn.model.cells import NotApplicableError
from hmmrnn.model.network import Intervention, intervene
from hmmrnn.server.questions import STRICT, InputValues, Name, answer_at
from hmmrnn.server.sentence import sentence
from hmmrnn.server.services import explored_of, resolve, services
from hmmrnn.server.turns import ComputingError, SlowAnswers

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "linear-2"
# A question that does not get its turn within this time is answered so, and asked again unless the user has moved on
# by then. Each that waits holds a thread: of fifty viewers that wait ten times as long, all wait for two seconds.
WAIT_SECONDS = 0.02
# So long a request waits for a slow answer, before the page asks again.
ANSWER_SECONDS = 0.15
_slow: SlowAnswers[Updates] = SlowAnswers()

Theme = Literal["light", "dark"]
ViewNames = Annotated[list[Name], Field(max_length=64)]
Keys = Annotated[list[Name], Field(max_length=64)]


class ViewsQuestion(TypedDict):
    """Which views of which scenario; of those in `fresh` the page has no body yet; whether a few runs come first."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    scenario: dict[str, Any]
    views: ViewNames
    fresh: ViewNames
    theme: Theme
    settled: bool
    few: NotRequired[bool]


class TaskQuestion(TypedDict):
    """The task of a view; keys of tasks that the page leaves; whether it is wanted, and to be repeated if it failed."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    view: Name
    scenario: dict[str, Any]
    theme: Theme
    leave: Keys
    wanted: bool
    again: bool
    fresh: bool


class NetworkQuestion(TypedDict):
    """A network by its name."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    model: Name


class KickQuestion(TypedDict):
    """The network whose kick neurons are sought, its input, and keys of searches that the page no longer waits for."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    model: Name
    input: NotRequired[InputValues]
    sequence: NotRequired[Name | None]
    leave: Keys


class ClaimsQuestion(TypedDict):
    """A network, and sections of the report."""

    __pydantic_config__ = STRICT  # type: ignore[misc]
    model: Name
    sections: Keys


def register(server: Flask) -> None:
    """Register the addresses."""
    server.add_url_rule("/link", "link", _link)
    answer_at(server, "/network", "network", NetworkQuestion, lambda asked: describe_network(asked["model"]))
    answer_at(server, "/views", "views", ViewsQuestion, answer_views)
    answer_at(server, "/tasks", "tasks", TaskQuestion, answer_task)
    answer_at(server, "/kick-groups", "kick-groups", KickQuestion, search)
    answer_at(server, "/claims", "claims", ClaimsQuestion, answer_claims)


# ---- links ----


def _link() -> ResponseReturnValue:
    return jsonify(open_link(request.query_string.decode("utf-8", "replace")))


def open_link(query: str) -> Json:
    """The scenario that a link names, and the one that a reset returns to.

    If the link cannot be read, a new scenario is opened and `message` says why. Kick neurons that were searched for
    before come along, so that the page need not draw the network without them first.
    """
    names = [entry.name for entry in services().models.entries()]
    if not names:
        where = services().models.models.name
        message = f"No network could be read from the folder {where}: train one, or put a file there."
        return {"scenario": None, "defaults": None, "message": message, "kick": None, "view": None, "choices": []}
    default = Scenario(DEFAULT_MODEL if DEFAULT_MODEL in names else names[0])
    message = ""
    try:
        explored = resolve(Scenario.from_query(query, default.model))
        check_shown(explored)
    except ValueError as error:
        explored, message = resolve(default), f"This link could not be opened: {error}."
    known = queries.kick_neurons_of.known(explored) is not None
    return {
        "scenario": explored.scenario.to_dict(),
        "defaults": default.to_dict(),
        "message": message,
        "kick": describe_kick_groups(explored) if known else None,
        "view": _old_tab(query),
        # Where the link is of a network that is gone, so may others be that the page still offers.
        "choices": model_choices() if message else None,
    }


def check_shown(explored: Explored) -> None:
    """Raise ValueError unless everything that the scenario names is there."""
    scenario = explored.scenario
    # The neuron that colours must be there like those of interventions.
    shown = (Intervention((scenario.neuron,)),) if scenario.colour == "neuron" else ()
    intervene(explored.network, scenario.interventions, shown)
    queries.plane_of(explored)
    if scenario.large is not None and scenario.large not in chapters.views_by_id():
        raise ValueError(f"large must be one of {', '.join(chapters.views_by_id())}; got {scenario.large!r}")


def _old_tab(query: str) -> str | None:
    """The view that a link of version 0.1 named as its tab."""
    named = dict(parse_qsl(query.lstrip("?"))).get(OLD_TAB, "")
    return named if named in chapters.views_by_id() else None


# ---- views ----


def answer_views(asked: Json) -> Json:
    """The results of views of one kind, as updates of components.

    Args:
        asked: a `ViewsQuestion`. While the scenario changes only fast views are asked for; once it is `settled`, slow
            ones, and what slow results add to fast ones.

    Returns:
        updates: of components; instead of them `computing` while a slow one is, or `busy` while those of others are.
        more: views that show the first runs of a large network alone, of which all are to be asked for next.

    Raises:
        ValueError: the scenario cannot be shown.
    """
    wanted = [_view(name) for name in asked["views"]]
    is_fast = not asked["settled"]
    explored = explored_of(asked["scenario"])
    explored = queries.pictured(explored, is_fast and asked.get("few", False))
    if is_fast:
        updates = _updates(wanted, explored, asked)
        more = [view.id for view in wanted if view.of == "scenario"] if explored.is_first else []
        return {"updates": updates, "more": more} if more else {"updates": updates}
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def compute() -> Updates:
        with app.app_context():
            return _updates(wanted, explored, asked)

    key = json.dumps([explored.fingerprint, asked], sort_keys=True)
    try:
        return {"updates": _slow.fetch(key, compute, WAIT_SECONDS, ANSWER_SECONDS)}
    except ComputingError as error:
        return {"computing": True} if error.begun else {"busy": True}


def _view(name: str, *kinds: str) -> View:
    found = chapters.views_by_id().get(name)
    if found is None or found.kind not in (kinds or (FAST, SLOW)):
        raise ValueError(f"there is no such view: {name}")
    return found


def _updates(wanted: Iterable[View], explored: Explored, asked: Json) -> Updates:
    updates: Updates = []
    for view in wanted:
        if view.kind == SLOW and not asked["settled"]:
            raise ValueError(f"{view.title} is computed once the scenario has settled")
        refines = asked["settled"] and view.refine is not None
        # A fast view to which slow results add nothing stays as it is.
        if refines and not view.is_refined(explored.scenario):
            continue
        fresh = view.id in asked["fresh"]
        try:
            result = view.refine(explored) if refines and view.refine else view.compute(explored)
        except NotApplicableError as error:
            # What is shown of another scenario goes; a fast view stays as it is.
            found = [] if refines else view.without_result(sentence(error))
            updates += view.mounted(found) if fresh and found else found
            continue
        found = view.updates(explored, result, THEMES[asked["theme"]])
        updates += view.mounted(found) if fresh else found
    return updates


def answer_task(asked: Json) -> Json:
    """How far the task of a view is, and its result once it is there. No question waits for a worker.

    Args:
        asked: a `TaskQuestion`.

    Returns:
        key of the task; whether to ask again; and what to show.
    """
    view = _view(asked["view"], TASK)
    work.leave(asked["leave"])
    explored = explored_of(asked["scenario"])
    task = work.ask_or_say_why(view.id, explored, asked["again"]) if asked["wanted"] else work.refused(CANCELLED)
    updates: Updates = []
    if work.done(task):
        updates = view.updates(explored, task.result, THEMES[asked["theme"]])
    elif view.content is not None or not work.unfinished(task):
        # While a result is on its way the last figure stays, pale; links do not, and where there will be no result,
        # nothing does.
        updates = view.cleared()
    updates = view.mounted(updates) if asked["fresh"] else updates
    about = work.about(view.id, explored)
    return {
        "key": task.id,
        "unfinished": work.unfinished(task),
        "updates": [*task_updates(view, task, about), *updates],
    }


# ---- claims ----


def answer_claims(asked: Json) -> Json:
    """The claims of some sections with their verdicts on the intact network; none where they have not been judged.

    A `note` says of a claim on a training that this is another one than the network's own.
    """
    explored = resolve(Scenario(asked["model"]))
    found = services().experiments.known_result(CLAIMS, *identify(CLAIMS, explored))
    judged = () if found is None else found.claims
    wanted = [claim for claim in judged if claim.section in asked["sections"]]
    other = any(claim.section == EMERGENCE for claim in wanted) and not has_own_training(explored)
    return {
        "claims": [
            {
                "key": claim.key,
                "title": claim.text,
                "verdict": claim.verdict,
                "test": claim.test,
                "sentence": f"{claim.sentence} {claim.evidence}",
                "note": "judged on another training" if other and claim.section == EMERGENCE else "",
            }
            for claim in wanted
        ]
    }
